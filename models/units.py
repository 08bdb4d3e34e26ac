"""A check of the units of a model, term by term.

Units are never converted and never carried into a computation: `check_units` walks the equations
as their author wrote them and refuses a sum whose terms differ, a derivative that is not "unit of
the state per unit of time", and a function or exponent that is not a pure number. Scales count:
``pg/mL`` and ``ng/mL`` differ, ``pg/mL`` and ``ng/L`` agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import sympy

from .errors import UnitError
from .formal_unit import PURE, Unit, parse_unit
from .ode import OdeModel
from .symbolic import as_written
from .written import flatten, text

__all__ = ["check_units"]


def check_units(model: OdeModel) -> None:
    """Refuse a model whose equations do not agree with its units.

    Literal numbers are pure numbers, so that one added to a concentration is a fault. A parameter
    used as an exponent must be a pure number; ``x**n`` then has the formal unit "unit of x to the
    power n", so that Hill terms with a symbolic exponent can be checked. Logarithms of quantities
    with a unit may appear as differences, ``log(x) - log(K)``.

    Raises
    ------
    UnitError
        With one line per faulty equation, each naming the term at fault; or if pint does not know
        a unit.
    """
    faults = list(_faults(model))
    if faults:
        raise UnitError("\n".join(f"{model.name}: {fault}" for fault in faults))


def _faults(model: OdeModel) -> Iterator[str]:
    """First fault of every equation, as a sentence."""
    try:
        known = _symbols(model)
        per_time = parse_unit(model.time_unit, "the time unit").power(-1)
        wanted = {s.name: parse_unit(s.unit, f"state {s.name}") for s in model.states}
        for k in model.outputs:
            wanted[k] = parse_unit(model.unit(k), f"output {k}")
    except UnitError as error:
        yield str(error)
        return
    written = as_written(model)
    equations: list[tuple[str, sympy.Expr, Unit]] = []
    for s, right in zip(model.state_names, written.rhs, strict=True):
        equations.append((f"d({s})/dt", right, wanted[s].times(per_time)))
    for s, first in zip(model.state_names, written.initial, strict=True):
        if first.free_symbols:  # a plain number is in the unit of the state
            equations.append((f"the initial value of {s}", first, wanted[s]))
    equations += [(f"the output {k}", e, wanted[k]) for k, e in written.outputs.items()]
    for where, expression, unit in equations:
        try:
            _check_equation(where, flatten(expression), unit, known)
        except UnitError as error:
            yield str(error)


def _symbols(model: OdeModel) -> dict[sympy.Symbol, Unit]:
    """List the unit of every symbol of the trace."""
    written = as_written(model)
    units = {written.t: parse_unit(model.time_unit, "the time unit")}
    for y, state in zip(written.y, model.states, strict=True):
        units[y] = parse_unit(state.unit, f"state {state.name}")
    for p, parameter in zip(written.p, model.parameters, strict=True):
        units[p] = parse_unit(parameter.unit, f"parameter {parameter.name}")
    return units


def _check_equation(
    where: str, expression: sympy.Expr, wanted: Unit, known: Mapping[sympy.Symbol, Unit]
) -> None:
    terms = expression.args if expression.is_Add else (expression,)
    for term in terms:
        if term.is_zero:
            continue
        try:
            unit = _unit(term, known)
        except UnitError as error:
            raise UnitError(f"{where}: {error}") from error
        if not unit.agrees(wanted):
            raise UnitError(
                f"{where} should have the unit {wanted}, but the term {text(term)} has {unit}"
            )


def _unit(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    """Work out the unit of an expression from the inside out."""
    if expression.is_number:
        return PURE
    if expression.is_Symbol:
        return known[expression]
    rule = RULES.get(expression.func, _unit_of_function)
    return rule(expression, known)


def _unit_of_sum(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    terms = [a for a in expression.args if not a.is_zero]
    units = [_unit(a, known) for a in terms]
    if any(u.logarithm for u in units):
        return _unit_of_log_sum(expression, units)
    support = [sum(u.agrees(v) for v in units) for u in units]
    best = units[support.index(max(support))]
    for term, unit in zip(terms, units, strict=True):
        if not unit.agrees(best):
            other = next(a for a, u in zip(terms, units, strict=True) if u.agrees(best))
            kind = "number" if term.is_number else "term"
            raise UnitError(
                f"in the sum {text(expression)} the {kind} {text(term)} has {unit}, "
                f"but {text(other)} has {best}"
            )
    return best


def _unit_of_log_sum(expression: sympy.Expr, units: Sequence[Unit]) -> Unit:
    """Add logarithms: their arguments multiply, so the units of the arguments must cancel."""
    if any(u.exponents for u in units):
        raise UnitError(f"the sum {text(expression)} adds a logarithm to a quantity with a unit")
    total = PURE
    for u in units:
        total = total.times(Unit({}, u.logarithm))
    return total


def _unit_of_product(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    factors = [(a, _unit(a, known)) for a in expression.args]
    logs = [(a, u) for a, u in factors if u.logarithm]
    result = PURE
    if not logs:
        for _, unit in factors:
            result = result.times(unit)
        return result
    others = [a for a, u in factors if not u.logarithm]
    if len(logs) > 1 or any(not _unit(a, known).agrees(PURE) for a in others):
        raise UnitError(f"{text(logs[0][0])} is the logarithm of a quantity with a unit")
    multiple = sympy.Mul(*(_evaluated(a) for a in others))
    return Unit({}, {k: multiple * v for k, v in logs[0][1].logarithm.items()})


def _unit_of_power(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    base, exponent = expression.args
    if base == sympy.E:
        return _unit_of_exponential(exponent, expression, known)
    unit, by = _unit(base, known), _unit(exponent, known)
    if not by.agrees(PURE):
        raise UnitError(f"the exponent {text(exponent)} in {text(expression)} has {by}")
    if unit.logarithm:
        raise UnitError(f"{text(base)} is the logarithm of a quantity with a unit")
    return unit if unit.agrees(PURE) else unit.power(_evaluated(exponent))


def _unit_of_exp(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    return _unit_of_exponential(expression.args[0], expression, known)


def _unit_of_exponential(
    argument: sympy.Expr, expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]
) -> Unit:
    unit = _unit(argument, known)
    if unit.exponents:
        raise UnitError(f"the argument of {text(expression)} has {unit} and must be a pure number")
    return Unit(unit.logarithm)


def _unit_of_log(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    unit = _unit(expression.args[0], known)
    if unit.logarithm:
        raise UnitError(f"{text(expression)} is the logarithm of a logarithm with a unit")
    return PURE if unit.agrees(PURE) else Unit({}, unit.exponents)


def _unit_of_function(expression: sympy.Expr, known: Mapping[sympy.Symbol, Unit]) -> Unit:
    for argument in expression.args:
        unit = _unit(argument, known)
        if not unit.agrees(PURE):
            raise UnitError(
                f"the argument of {text(expression)} has {unit} and must be a pure number"
            )
    return PURE


def _evaluated(expression: sympy.Expr) -> sympy.Expr:
    """Let SymPy simplify what was written, so that equal exponents cancel."""
    return sympy.expand(expression.doit()) if expression.args else expression


Rule = Callable[[sympy.Expr, Mapping[sympy.Symbol, Unit]], Unit]
RULES: dict[type, Rule] = {
    sympy.Add: _unit_of_sum,
    sympy.Mul: _unit_of_product,
    sympy.Pow: _unit_of_power,
    sympy.exp: _unit_of_exp,
    sympy.log: _unit_of_log,
    sympy.Min: _unit_of_sum,
    sympy.Max: _unit_of_sum,
}
