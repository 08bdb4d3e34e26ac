"""One trace of a model by SymPy: what the code generator, the unit check and the reports read.

``rhs``, ``initial`` and ``outputs`` of an `OdeModel` are called once with symbols in place of
numbers. The result is a `Trace` of plain expressions; whatever cannot be traced (a branch on a
value, a NumPy function, a misspelled name) is refused here with the remedy, not later inside a
compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sympy

from .errors import ModelError, closest
from .ode import Namespace, OdeModel

__all__ = ["Trace", "as_written", "trace"]

ADVICE = (
    "write it with + - * / ** and the functions of models.math; instead of max() or an if use "
    "models.math.softplus, for a jump at a known time a Switch in the regimen"
)
OPERATIONS = (sympy.Add, sympy.Mul, sympy.Pow)
FUNCTIONS = (sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tanh, sympy.Min, sympy.Max)
IN_OUTPUTS = (sympy.erf,)  # what the compiled integrator does not have
Functions = tuple[tuple[str, Callable[..., Any]], ...]


@dataclass(frozen=True)
class Trace:
    """A model as SymPy expressions.

    Parameters
    ----------
    t : Symbol
        Time.
    y, p : tuple of Symbol
        States and parameters, in the order of the model; real, named as in the model.
    rhs : tuple of Expr
        Time derivative of each state, in t, y and p.
    initial : tuple of Expr
        State at ``t = 0``, in p.
    outputs : mapping of name to Expr
        Observables that are not states, in t, y and p.
    """

    t: sympy.Symbol
    y: tuple[sympy.Symbol, ...]
    p: tuple[sympy.Symbol, ...]
    rhs: tuple[sympy.Expr, ...]
    initial: tuple[sympy.Expr, ...]
    outputs: Mapping[str, sympy.Expr]

    @cached_property
    def jacobian(self) -> tuple[tuple[sympy.Expr, ...], ...]:
        """Derivative of each right-hand side (row) by each state (column).

        SymPy writes the derivative of ``x**n`` as ``n*x**n/x``, which is 0/0 at the origin; here
        such powers are joined to ``n*x**(n - 1)``.
        """
        known: dict[sympy.Basic, sympy.Basic] = {}
        return tuple(tuple(_joined(f.diff(y), known) for y in self.y) for f in self.rhs)


def _joined(expression: sympy.Basic, known: dict[sympy.Basic, sympy.Basic]) -> Any:
    """Join powers of one base in every product, each different part once.

    `sympy.powsimp` does the same, but visits a shared part once for each place where it stands.
    """
    if expression not in known:
        parts = [_joined(a, known) for a in expression.args]
        changed = any(a is not b for a, b in zip(parts, expression.args, strict=True))
        made: Any = expression.func(*parts) if changed else expression
        if made.is_Mul:
            exponents: dict[sympy.Basic, list[sympy.Basic]] = {}
            for base, exponent in (factor.as_base_exp() for factor in made.args):
                exponents.setdefault(base, []).append(exponent)
            if len(exponents) < len(made.args):
                made = sympy.Mul(*(b ** sympy.Add(*e) for b, e in exponents.items()))
        known[expression] = made
    return known[expression]


def trace(model: OdeModel) -> Trace:
    """Trace a model; the result is cached and shared by copies with other typical values.

    Raises
    ------
    ModelError
        If the functions of the model do not give one SymPy expression per state and output.
    """
    return _trace(*_key(model), True)


def as_written(model: OdeModel) -> Trace:
    """Trace a model without reordering: terms and factors stand as the author wrote them.

    For reading only (equations of a report, the term named by the unit check): the expressions
    are not simplified in any way.

    Raises
    ------
    ModelError
        As `trace`.
    """
    trace(model)
    return _trace(*_key(model), False)


Key = tuple[str, tuple[str, ...], tuple[str, ...], Callable[..., Any], Any, Functions]


def _key(model: OdeModel) -> Key:
    """Everything of a model that a trace depends on, hashable."""
    if "t" in (*model.state_names, *model.parameter_names):
        raise ModelError(f"{model.name}: 't' is the name of time; choose another")
    initial = model.initial
    start = initial if callable(initial) else tuple(initial.items())
    outputs = tuple(model.outputs.items())
    return model.name, model.state_names, model.parameter_names, model.rhs, start, outputs


@lru_cache(maxsize=256)
def _trace(
    name: str,
    states: tuple[str, ...],
    parameters: tuple[str, ...],
    rhs: Callable[..., Any],
    start: Any,
    outputs: Functions,
    evaluate: bool,
) -> Trace:
    t = sympy.Symbol("t", real=True)
    y = tuple(sympy.Symbol(s, real=True) for s in states)
    p = tuple(sympy.Symbol(s, real=True) for s in parameters)
    names = t, Namespace(states, y), Namespace(parameters, p)
    with sympy.evaluate(evaluate):
        right = _call(rhs, f"{name}: rhs", *names)
        first = _call(start, f"{name}: initial", names[2]) if callable(start) else dict(start)
        observed = {k: _call(f, f"{name}: output {k}", *names) for k, f in outputs}
    if isinstance(first, Mapping):
        first = {**dict.fromkeys(states, 0), **first}
    right = _by_state(right, states, f"{name}: rhs")
    first = _by_state(first, states, f"{name}: initial")
    every, fixed = {t, *y, *p}, set(p)
    _refuse_kinks(dict(zip(states, right, strict=True)), set(y), name)

    def checked(
        values: Iterable[Any], known: set[sympy.Symbol], where: str
    ) -> tuple[sympy.Expr, ...]:
        labels = (f"{name}: {where.format(s)}" for s in states)
        return tuple(_expression(v, known, w) for v, w in zip(values, labels, strict=True))

    return Trace(
        t=t,
        y=y,
        p=p,
        rhs=checked(right, every, "d({})/dt"),
        initial=checked(first, fixed, "initial value of {}"),
        outputs={
            k: _expression(v, every, f"{name}: output {k}", IN_OUTPUTS) for k, v in observed.items()
        },
    )


def _call(function: Callable[..., Any], where: str, *args: Any) -> Any:
    """Call a function of the model with symbols and explain what it cannot do with them."""
    try:
        return function(*args)
    except (AttributeError, IndexError) as error:
        raise ModelError(f"{where}: {error}") from error
    except Exception as error:
        raise ModelError(f"{where} cannot be traced ({error}); {ADVICE}") from error


def _by_state(result: Any, states: Sequence[str], where: str) -> tuple[Any, ...]:
    """Bring a mapping or a sequence into the order of the states."""
    if isinstance(result, Mapping):
        for key in result:
            if key not in states:
                guess = closest(str(key), states)
                hint = f"did you mean {guess!r}?" if guess else f"states: {', '.join(states)}"
                raise ModelError(f"{where} names {key!r}, which is not a state; {hint}")
        missing = [s for s in states if s not in result]
        if missing:
            raise ModelError(f"{where} gives no value for {', '.join(missing)}")
        return tuple(result[s] for s in states)
    if isinstance(result, str | bytes) or not isinstance(result, Sequence):
        raise ModelError(
            f"{where} must return a mapping of state to expression or a list in the order of the "
            f"states, not a value of type {type(result).__name__}"
        )
    if len(result) != len(states):
        raise ModelError(
            f"{where} returns {len(result)} values for {len(states)} states ({', '.join(states)})"
        )
    return tuple(result)


def _refuse_kinks(right: Mapping[str, Any], states: set[sympy.Symbol], name: str) -> None:
    """Allow the smaller or larger of two times, whose kink lies at a known time, and no other."""
    for state, value in right.items():
        if isinstance(value, sympy.Basic):
            for node in value.atoms(sympy.Min, sympy.Max):
                if node.free_symbols & states:
                    raise ModelError(f"{name}: d({state})/dt has a kink at {node}; {ADVICE}")


def _expression(
    value: Any, known: set[sympy.Symbol], where: str, more: tuple[Any, ...] = ()
) -> sympy.Expr:
    """Turn one value into a checked SymPy expression."""
    try:
        expression = sympy.sympify(value, strict=True)
    except sympy.SympifyError:
        expression = None
    if not isinstance(expression, sympy.Expr):
        kind = type(value).__name__
        raise ModelError(f"{where} is of type {kind} and not an expression; {ADVICE}")
    foreign = sorted(str(s) for s in expression.free_symbols - known)
    if foreign:
        raise ModelError(f"{where} contains {', '.join(foreign)}, which it must not depend on")
    strange = {
        str(node.func)
        for node in sympy.preorder_traversal(expression)
        if node.args and node.func not in (*OPERATIONS, *FUNCTIONS, *more)
    }
    if strange:
        names = ", ".join(sorted(strange))
        raise ModelError(f"{where} uses {names}, which the engine does not have; {ADVICE}")
    if expression.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I):
        raise ModelError(f"{where} is not a finite real number: {expression}")
    return expression
