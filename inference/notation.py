"""Priors as text, ``LogNormal(median=0.35, sd=0.5)``, written and read back.

The text comes from a command line or a file, so it is parsed and never evaluated: one call of a
known distribution with plain numbers inside, nothing else.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields
from math import inf

from ..datasets.errors import InputError
from ..datasets.wording import closest, shown
from ..models import distributions
from ..models.distributions import Distribution

__all__ = ["read_assignment", "read_distribution", "read_number", "write_distribution"]

KNOWN: dict[str, type[Distribution]] = {
    name: getattr(distributions, name) for name in distributions.__all__ if name != "Distribution"
}


def write_distribution(prior: Distribution) -> str:
    """Write a prior as the call that makes it, with numbers in full precision.

    Examples
    --------
    >>> write_distribution(distributions.LogNormal(0.35, 0.5))
    'LogNormal(median=0.35, sd=0.5)'
    """
    inside = ", ".join(f"{f.name}={_plain(getattr(prior, f.name))!r}" for f in fields(prior))
    return f"{type(prior).__name__}({inside})"


def _plain(value: float) -> float:
    """Python's own number for a NumPy one."""
    return int(value) if isinstance(value, int) else float(value)


def read_distribution(text: str, what: str = "prior") -> Distribution:
    """Read a prior such as ``"LogNormal(0.1, 0.5)"`` or ``"Normal(mean=0, sd=1)"``.

    Parameters
    ----------
    text : str
    what : str
        How a message calls it.

    Raises
    ------
    InputError
        If the text is anything but one known distribution with numbers in it.

    Examples
    --------
    >>> read_distribution("Normal(-1, sd=2)")
    Normal(mean=-1, sd=2)
    """
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    match call:
        case ast.Call(func=ast.Name(id=name)) if name in KNOWN:
            return _build(KNOWN[name], call, f"{what} {shown(text)}")
        case ast.Call(func=ast.Name(id=name)):
            guess = closest(name, KNOWN)
            hint = f"did you mean {guess}?" if guess else f"there are {', '.join(KNOWN)}"
            raise InputError(f"{what} {shown(text)}: no distribution is called {name!r}; {hint}")
    raise InputError(
        f"{what} {shown(text)} is not a distribution with plain numbers, "
        "such as LogNormal(0.1, 0.5)"
    )


def _build(kind: type[Distribution], call: ast.Call, where: str) -> Distribution:
    usage = f"write {kind.__name__}({', '.join(inspect.signature(kind).parameters)})"
    try:
        arguments = [_number(a) for a in call.args]
        named = {str(k.arg): _number(k.value) for k in call.keywords}
        return kind(*arguments, **named)
    except (TypeError, ValueError):
        raise InputError(f"{where} does not have the right numbers; {usage}") from None


def _number(node: ast.expr) -> float:
    """Value of a plain number, ``inf``, or minus one of them."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id="inf"):
            return inf
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() | ast.Name() as operand):
            return -_number(operand)
    raise ValueError("not a plain number")


def read_assignment(text: str, example: str) -> tuple[str, str]:
    """Split ``"ka=0.1"`` into name and value.

    Raises
    ------
    InputError
        If there is no ``=`` or nothing beside it.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name or not value:
        option = example.split()[0]
        raise InputError(f"{option} {shown(text)}: write NAME=VALUE, such as {example}")
    return name, value


def read_number(text: str, where: str) -> float:
    """Read a finite number.

    Raises
    ------
    InputError
        If the text is none.
    """
    try:
        number = float(text)
    except ValueError:
        number = inf
    if not abs(number) < inf:
        raise InputError(f"{where}: {shown(text)} is not a number")
    return number
