"""The equations of a model as LaTeX, in the order of their author.

``equations(model)`` gives one `Equation` per state. Names become symbols as in print: ``kIL6`` and
``k_IL6`` are k with the subscript IL6, ``alpha`` is a Greek letter, ``k10m`` is k with the
subscript 10m, ``Cmax`` is C with the subscript max; any other word of several letters is upright.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.alphabets import greeks
from sympy.printing.latex import LatexPrinter

from .ode import OdeModel
from .symbolic import Trace, as_written
from .written import flatten

__all__ = ["Equation", "equations", "initial_values", "output_equations", "symbol"]

WIDTH = 72  # printed characters per line of an equation, about one text column
SUFFIXES = {
    "max", "min", "half", "lag", "in", "out", "on", "off", "el", "ss", "tot", "ref", "base",
    "eff", "reg", "deg", "syn", "prod", "inf", "free", "bound",
}  # fmt: skip

CONSTANTS = {
    f"{math.log(2):.15g}": r"\ln{\left(2 \right)}",
    f"{math.log(10):.15g}": r"\ln{\left(10 \right)}",
    f"{math.pi:.15g}": r"\pi",
    f"{math.sqrt(2 * math.pi):.15g}": r"\sqrt{2 \pi}",
    f"{math.sqrt(10):.15g}": r"\sqrt{10}",
}
CAPITALS = ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega")
GREEK = (*sorted(set(greeks) - {"omicron"}, key=len, reverse=True), *CAPITALS)


@dataclass(frozen=True)
class Equation:
    r"""One differential equation, ready to print.

    Parameters
    ----------
    state : str
        Name of the state (or output).
    unit : str
        Its unit.
    symbol : str
        LaTeX of its name.
    left, right : str
        LaTeX of both sides; the right one on a single line.
    lines : tuple of str
        The right side in lines of readable length; further lines start with the operator.
    initial : str
        LaTeX of the value at time zero.
    expression : Expr
        The right side as written, for other kinds of output.
    """

    state: str
    unit: str
    symbol: str
    left: str
    right: str
    lines: tuple[str, ...]
    initial: str
    expression: sympy.Expr

    @property
    def aligned(self) -> str:
        r"""The equation for an ``aligned`` environment: ``left &= line \\ &\quad line``."""
        return f"{self.left} &= " + " \\\\\n&\\quad ".join(self.lines)


def equations(model: OdeModel) -> tuple[Equation, ...]:
    r"""Write the differential equations of a model, one per state in order.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> print(equations(get("feedback"))[1].right)
    k_{c}\, A - k_{\mathrm{cl}}\, \left(C - C_{0}\right)
    """
    written = as_written(model)
    names = _names(written)
    return tuple(
        _equation(state.name, state.unit, right, first, names, derivative=True)
        for state, right, first in zip(model.states, written.rhs, written.initial, strict=True)
    )


def output_equations(model: OdeModel) -> tuple[Equation, ...]:
    """Write the observables that are not states; they have no initial value."""
    written = as_written(model)
    names = _names(written)
    return tuple(
        _equation(k, model.unit(k), e, None, names, derivative=False)
        for k, e in written.outputs.items()
    )


def initial_values(model: OdeModel) -> str:
    r"""Write the state at time zero as one list: ``A(0) = A_{0}, \; C(0) = 0``."""
    return r", \; ".join(f"{e.symbol}(0) = {e.initial}" for e in equations(model))


def _equation(
    name: str,
    unit: str,
    right: sympy.Expr,
    first: sympy.Expr | None,
    names: dict[sympy.Symbol, str],
    *,
    derivative: bool,
) -> Equation:
    right = flatten(right)
    short = symbol(name)
    return Equation(
        state=name,
        unit=unit,
        symbol=short,
        left=rf"\frac{{\mathrm{{d}} {short}}}{{\mathrm{{d}} t}}" if derivative else short,
        right=_latex(right, names),
        lines=_lines(right, names),
        initial="" if first is None else _latex(flatten(first), names),
        expression=right,
    )


def _names(written: Trace) -> dict[sympy.Symbol, str]:
    return {written.t: "t"} | {s: symbol(s.name) for s in (*written.y, *written.p)}


class _Printer(LatexPrinter):  # type: ignore[misc]
    """SymPy's printer, with numbers as short as they were written, and constants by their name."""

    def _print_Float(self, expr: Any) -> str:
        mantissa, _, exponent = f"{float(expr):.15g}".partition("e")
        mantissa = CONSTANTS.get(mantissa, mantissa)
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def _latex(expression: sympy.Expr, names: dict[sympy.Symbol, str]) -> str:
    style = {"order": "none", "mul_symbol": r"\, ", "ln_notation": True, "symbol_names": names}
    return str(_Printer(style).doprint(expression))


def _lines(expression: sympy.Expr, names: dict[sympy.Symbol, str]) -> tuple[str, ...]:
    """Break at the top-level signs, and a term still too long between its factors."""
    terms = expression.args if expression.is_Add else (expression,)
    pieces: list[tuple[str, int]] = []
    for k, term in enumerate(terms):
        for j, (piece, width) in enumerate(_pieces(term, names)):
            negative = piece.startswith("-")
            joined = (r"\cdot " if j else "" if not k else "+ ") + piece
            pieces.append((piece if negative and not j else joined, width))
    lines: list[str] = []
    room = 0
    for piece, width in pieces:
        if lines and width <= room:
            lines[-1] += " " + piece.removeprefix(r"\cdot ")
            room -= width + 3
        else:
            lines.append(piece)
            room = WIDTH - width - 3
    return tuple(lines)


def _pieces(term: sympy.Expr, names: dict[sympy.Symbol, str]) -> list[tuple[str, int]]:
    """Split a product that is wider than a line into groups of factors."""
    if _width(term) <= WIDTH or not term.is_Mul:
        return [(_latex(term, names), _width(term))]
    groups: list[list[sympy.Expr]] = [[]]
    for factor in term.args:
        taken = sum(_width(f) for f in groups[-1])
        if taken > 2 and taken + _width(factor) > WIDTH:
            groups.append([])
        groups[-1].append(factor)
    products = [g[0] if len(g) == 1 else sympy.Mul(*g, evaluate=False) for g in groups]
    return [
        (rf"\left({_latex(p, names)}\right)" if p.is_Add else _latex(p, names), _width(p))
        for p in products
    ]


def _width(expression: Any) -> int:
    """Estimate the printed width in characters; a fraction is as wide as its wider half."""
    if not expression.args:
        return len(str(expression))
    if expression.is_Mul:
        over = [a for a in expression.args if a.is_Pow and a.exp.could_extract_minus_sign()]
        under = sum(_width(a.base) for a in over)
        above = sum(_width(a) + 2 * bool(a.is_Add) for a in expression.args if a not in over)
        return max(above, under)
    if expression.is_Pow:
        return _width(expression.base) + (_width(expression.exp) + 1) // 2
    if expression.is_Add:
        return sum(_width(a) + 3 for a in expression.args) - 3
    return len(expression.func.__name__) + 2 + sum(map(_width, expression.args))


@lru_cache(maxsize=1024)
def symbol(name: str) -> str:
    r"""Turn a name into LaTeX.

    Examples
    --------
    >>> symbol("kIL6"), symbol("k10"), symbol("alpha_T"), symbol("dose")
    ('k_{\\mathrm{IL6}}', 'k_{10}', '\\alpha_{T}', '\\mathrm{dose}')
    """
    head, *rest = [part for part in name.split("_") if part] or [name]
    base, first = _split(head)
    below = [s for s in (first, *rest) if s]
    if not below:
        return base
    return f"{base}_{{{', '.join(map(_subscript, below))}}}"


def _split(word: str) -> tuple[str, str]:
    """Separate a word into its symbol, as LaTeX, and its subscript."""
    if stem := re.fullmatch(rf"({'|'.join(GREEK)})([A-Z0-9].*)?", word):
        return "\\" + stem[1], stem[2] or ""
    if stem := re.fullmatch(r"(EC|IC|ED)(\d+)", word):
        return rf"\mathrm{{{stem[1]}}}", stem[2]
    first, rest = word[0], word[1:]
    if not rest:
        return first, ""
    if _is_subscript(first, rest):
        return first, rest
    return rf"\mathrm{{{word}}}", ""


def _is_subscript(first: str, rest: str) -> bool:
    if rest[0].isdigit():
        return True
    if first.islower() and rest[0].isupper():
        return True  # kIL6, xTNF
    if first.isupper() and not rest.islower():
        return False  # TNF, IL6, MA
    if len(rest) == 1 or rest in SUFFIXES or first in "kx":
        return True  # kd, Vm, Cmax, tlag, kel, xmpe
    return not re.search("[aeiouy]", rest)  # hmtnf, vfb, but dose


def _subscript(part: str) -> str:
    return part if part.isdigit() or len(part) == 1 else rf"\mathrm{{{part}}}"
