"""Order constraints: a parameter that is greater than an expression of other parameters.

``order={"ka": "CL/V"}`` keeps absorption faster than elimination (no flip-flop),
``order={"alpha": "beta"}`` gives two phases their names. The joint prior is the product of the
priors as they are stated, restricted to the region; it is not renormalized for each value of the
other parameters (the convention of a declared bound in Stan: ``real<lower=CL/V> ka``). The sampler
moves ``log(ka - CL/V)``, which has no wall. Draws from the prior are whole vectors that lie in the
region, see `draw_ordered`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions.transforms import Interval

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.distributions import Distribution
from ...models.prior_draws import probability, quantiles
from ..priors import unnamed

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = [
    "Bound",
    "bounded_variable",
    "check_order",
    "draw_ordered",
    "drawing_order",
    "read_order",
]

Value = Any  # float, NumPy array or TensorVariable
Order = Mapping[str, str] | Sequence[str]
FUNCTIONS = ("exp", "log", "sqrt")
OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
DEEPEST = 50  # brackets within brackets
BATCH = 10_000  # vectors that are tried at a time, at most
FEWEST = 100_000  # vectors that are tried at least
RAREST = 1e-4  # share of them in the region, below which nothing is drawn


@dataclass(frozen=True)
class Bound:
    """An expression of parameters, such as ``CL/V``; parsed, never executed.

    Parameters
    ----------
    text : str
        Names, numbers, ``+ - * / **``, brackets, ``exp``, ``log`` and ``sqrt``.

    Raises
    ------
    InputError
        If the text holds anything else.

    Examples
    --------
    >>> Bound("CL / V").names
    ('CL', 'V')
    >>> Bound("(CL/V)**2").value({"CL": 6.0, "V": 3.0}, np)
    4.0
    """

    text: str

    def __post_init__(self) -> None:
        """Parse once, for the message."""
        walk(self.tree, dict.fromkeys(self.names, 1.0), None, self.text)

    @property
    def tree(self) -> ast.expr:
        """The expression, parsed."""
        try:
            return ast.parse(self.text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise InputError(f"order: {shown(self.text)} is not an expression.") from None

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that it reads."""
        found = (n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name))
        return tuple(dict.fromkeys(n for n in found if n not in FUNCTIONS))

    def value(self, values: Mapping[str, Value], library: Any) -> Value:
        """Evaluate it with the functions of NumPy or ``pytensor.tensor``."""
        return walk(self.tree, values, library, self.text)


def walk(node: ast.expr, values: Mapping[str, Value], library: Any, text: str) -> Value:
    """Value of a part of an expression; without a library, only its grammar is checked."""

    def visit(e: ast.expr, depth: int) -> Value:
        if depth > DEEPEST:
            raise InputError(f"order: {shown(text)} has too many brackets.")
        match e:
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return float(number)
            case ast.Name(id=name) if name in values:
                return values[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -visit(inner, depth + 1)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
                a, b = visit(left, depth + 1), visit(right, depth + 1)
                return 1.0 if library is None else OPERATIONS[type(op)](a, b)
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
                a = visit(inner, depth + 1)
                return 1.0 if library is None else getattr(library, name)(a)
        raise InputError(
            f"order: {shown(text)} may hold names of parameters, numbers, + - * / ** ( ), "
            f"{', '.join(FUNCTIONS)}, and nothing else."
        )

    return visit(node, 0)


def read_order(given: Order) -> dict[str, str]:
    """Bring order constraints into one form.

    Parameters
    ----------
    given : mapping of parameter to expression, or sequence of str
        ``{"ka": "CL/V"}``, ``["ka > CL/V"]`` or ``["CL/V < ka"]``.

    Returns
    -------
    dict of parameter to expression
        The parameter is greater.

    Raises
    ------
    InputError
        If a text has no ``>`` or ``<``, or a parameter has two lower bounds.
    """
    if isinstance(given, Mapping):
        return {str(k): str(v) for k, v in given.items()}
    found: dict[str, str] = {}
    for text in given:
        for sign, order in ((">", (0, 1)), ("<", (1, 0))):
            parts = [part.strip() for part in text.split(sign)]
            if len(parts) == 2 and all(parts) and parts[order[0]].isidentifier():
                break
        else:
            raise InputError(f"order {shown(text)}: write NAME > EXPRESSION, such as ka > CL/V")
        if parts[order[0]] in found:
            raise InputError(f"order: {parts[order[0]]} has two lower bounds; one is possible.")
        found[parts[order[0]]] = parts[order[1]]
    return found


def check_order(problem: Problem) -> None:
    """Refuse constraints that the problem cannot have."""
    model, inputs = problem.model, problem.inputs
    for name, text in problem.above.items():
        bound = Bound(text)
        for n in (name, *bound.names):
            if n not in model.parameter_names:
                raise InputError(
                    f"order {name} > {text}: the model has no parameter {n!r}; it has "
                    f"{', '.join(model.parameter_names)}."
                )
            if n in inputs:
                raise InputError(f"order {name} > {text}: {n} is a covariate of each subject.")
        if name in bound.names:
            raise InputError(f"order {name} > {text}: {name} stands on both sides.")
        if name not in problem.estimated:
            raise InputError(
                f"order {name} > {text}: {name} is not estimated. Give it a prior, or bound "
                "another parameter."
            )
    drawing_order(problem)


def drawing_order(problem: Problem) -> tuple[str, ...]:
    """Estimated parameters, each after those that its lower bound reads.

    Raises
    ------
    InputError
        If constraints form a circle.
    """
    waiting, done = list(problem.estimated), list[str]()
    while waiting:
        ready = [n for n in waiting if not _needs(problem, n) & set(waiting)]
        if not ready:
            raise InputError(f"order: the constraints of {', '.join(waiting)} form a circle.")
        done.append(ready[0])
        waiting.remove(ready[0])
    return tuple(done)


def _needs(problem: Problem, name: str) -> set[str]:
    return set(Bound(problem.above[name]).names) if name in problem.above else set()


def bounded_variable(
    problem: Problem, name: str, drawn: Mapping[str, Value], dims: str | None = None
) -> Any:
    """Add a parameter with a lower bound that depends on others to the PyMC model of the context.

    Parameters
    ----------
    problem : Problem
    name : str
    drawn : mapping of name to TensorVariable
        Parameters that the bound reads and that are estimated.
    dims : str, optional

    Returns
    -------
    TensorVariable
    """
    prior, (lower, upper) = problem.all_priors[name], problem.bounds(name)
    bound = Bound(problem.above[name])
    known = {n: drawn[n] if n in drawn else problem.constants[n] for n in bound.names}
    floor = pt.as_tensor(bound.value(known, pt), dtype="float64")
    floor = pt.maximum(floor, np.float64(lower)) if np.isfinite(lower) else floor
    high = None if np.isinf(upper) else np.float64(upper)

    def logp(value: Any, floor: Any) -> Any:
        density = pm.logp(unnamed(name, prior, lower=lower, upper=upper), value)
        return pt.switch(pt.gt(value, floor), density, -np.inf)

    def draw(floor: Any, rng: np.random.Generator, size: Any = None) -> npt.NDArray[np.float64]:
        return draw_above(prior, np.broadcast_to(floor, size or np.shape(floor)), upper, rng)

    def middle(_rv: Any, _size: Any, floor: Any) -> Any:
        if high is not None:
            return (floor + high) / 2
        return floor + pt.maximum(pt.abs(floor), abs(problem.model.parameter(name).value) + 1e-3)

    transform = Interval(bounds_fn=lambda _rng, _size, floor: (floor, high))
    return pm.CustomDist(
        name, floor, logp=logp, random=draw, support_point=middle, transform=transform, dims=dims,
        class_name="Ordered",
    )  # fmt: skip


def draw_above(
    prior: Distribution, floor: npt.NDArray[Any], upper: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw a start point from a prior above a floor.

    One parameter after another, which is not the joint prior: that is `draw_ordered`.
    """
    below = np.vectorize(lambda x: probability(prior, float(x)), otypes=[float])(floor)
    above = probability(prior, upper)
    value = quantiles(prior, below + (above - below) * rng.uniform(size=floor.shape))
    safe = floor + 1e-3 * np.maximum(np.abs(floor), 1e-3)  # where the prior has no mass above
    good = np.isfinite(value) & (value > floor)
    return np.asarray(np.where(good, value, safe), dtype=np.float64)


def draw_ordered(
    problem: Problem, draws: int, rng: np.random.Generator
) -> dict[str, npt.NDArray[np.float64]]:
    """Draw the parameters of all order constraints from their joint prior.

    Parameters
    ----------
    problem : Problem
    draws : int
    rng : Generator

    Returns
    -------
    dict of parameter to float64[draw] or, with independent subjects, float64[draw, subject]
        The estimated parameters on either side of a constraint; none without constraints. Vectors
        from the product of the priors, of which those outside of the region are rejected.

    Raises
    ------
    InputError
        If fewer than one vector in 10,000 lies in the region.
    """
    bounds = {n: Bound(text) for n, text in problem.above.items()}
    touched = {*bounds, *(n for bound in bounds.values() for n in bound.names)}
    names = [n for n in problem.estimated if n in touched]
    if not names:
        return {}
    apart = problem.family.name == "independent"
    shape = (draws, len(problem.arrangement.subjects)) if apart else (draws,)
    wanted, tried, found = int(np.prod(shape)), 0, list[npt.NDArray[np.float64]]()
    while (got := sum(part.shape[1] for part in found)) < wanted:
        if tried >= FEWEST and got < RAREST * tried:
            raise InputError(
                f"order {', '.join(f'{n} > {text}' for n, text in problem.above.items())}: of "
                f"{tried} draws from the priors only {got} have this order, so that none can be "
                "drawn from their joint prior. Give priors that agree with the order."
            )
        size = min(BATCH, max(100, 4 * wanted, tried))
        vectors = np.stack([_from_prior(problem, n, size, rng) for n in names])
        values = {**problem.constants, **dict(zip(names, vectors, strict=True))}
        with np.errstate(all="ignore"):
            inside = [values[n] > bound.value(values, np) for n, bound in bounds.items()]
        found.append(vectors[:, np.all(inside, axis=0)])
        tried += size
    kept = np.concatenate(found, axis=1)[:, :wanted]
    return {n: row.reshape(shape) for n, row in zip(names, kept, strict=True)}


def _from_prior(
    problem: Problem, name: str, size: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw from the prior of one parameter, cut at its bounds."""
    prior = problem.all_priors[name]
    below, above = (probability(prior, x) for x in problem.bounds(name))
    q = below + (above - below) * rng.uniform(size=size)
    return np.asarray(quantiles(prior, q), dtype=np.float64)
