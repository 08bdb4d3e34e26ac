"""Where chains start: on the way from the prior to the posterior, not in a spurious mode.

The posterior of an oscillating or saturating model has local modes without mass, far below the
main one, in which a chain can stay for ever. Prior draws are therefore improved by a bounded
number of optimizer steps; what leads to a much lower optimum than the best is left out, and a
chain starts where its optimizer's path first came near the optimum, well outside of where most
of the mass is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...models.solver import FAILURES
from .descent import descend

if TYPE_CHECKING:
    from ..joint import Joint

__all__ = ["FitError", "Starts", "find_starts"]

Array = npt.NDArray[np.float64]
Evaluate = Callable[[Array], tuple[Any, Array]]
TRIES = 400  # prior draws without a finite one before giving up
PATHS = (16, 64)  # optimizer paths: at least, at most
STEPS = 200  # evaluations of one path
MARGIN = 10.0  # plus the number of dimensions: how far below the best an optimum may lie
HALVINGS = 5  # to find where a path crosses that margin
HUGE = 1e10  # stands for minus an infinite log density


class FitError(InputError):
    """A fit that could not begin; ``str()`` says which part of the density is at fault."""


@dataclass(frozen=True, eq=False)
class Starts:
    """Start points, one per chain, and how they were found.

    Parameters
    ----------
    points : list of float64[n]
        In the unconstrained space.
    optima : list of float
        Log density at the end of every path, best first.
    kept : int
        Paths that lead near the best optimum.
    """

    points: list[Array]
    optima: list[float]
    kept: int


@dataclass(frozen=True, eq=False)
class Path:
    """Finite points that an optimizer visited, with their log densities."""

    densities: list[float]
    points: list[Array]

    @property
    def top(self) -> float:
        """Highest log density."""
        return max(self.densities)

    def start(self, margin: float, evaluate: Evaluate) -> Array:
        """Where the path first comes within ``margin`` of its highest log density."""
        level = self.top - margin
        near = next(k for k, d in enumerate(self.densities) if d >= level)
        inside = self.points[near]
        outside = self.points[max(near - 1, 0)]
        for _ in range(HALVINGS):
            middle = (inside + outside) / 2
            if checked(middle, evaluate)[0] >= level:
                inside = middle
            else:
                outside = middle
        return inside


def find_starts(
    draw: Callable[[int], Array],
    evaluate: Evaluate,
    chains: int,
    sequence: np.random.SeedSequence,
    explain: Callable[[Sequence[int]], str],
    tell: Callable[[str], None] = lambda text: None,
) -> Starts:
    """Choose start points.

    Parameters
    ----------
    draw : callable seed -> float64[n]
        Prior draw in the unconstrained space.
    evaluate : callable float64[n] -> (float, float64[n])
        Log density and gradient.
    chains : int
    sequence : SeedSequence
        Source of the seeds.
    explain : callable seeds -> str
        Says what is wrong at these draws.
    tell : callable str -> None
        Takes a line on how far the search is.

    Returns
    -------
    Starts

    Raises
    ------
    FitError
        If `TRIES` prior draws in a row have no finite density and gradient.

    Notes
    -----
    Two modes of which one has less than ``exp(-MARGIN)`` of the density of the other are told
    apart here; modes of comparable density all keep their chains, so that R-hat can see them.
    """
    source = candidates(draw, evaluate, sequence, explain)
    paths: list[Path] = []
    while True:
        paths.append(climb(next(source), evaluate))
        margin = MARGIN + paths[0].points[0].size
        top = max(path.top for path in paths)
        kept = [path for path in paths if path.top >= top - margin]
        tell(searched(len(paths), PATHS[0], top))
        enough = len(paths) >= PATHS[0] and len(kept) >= chains
        if enough or len(paths) == PATHS[1]:
            break
    points = [kept[chain % len(kept)].start(margin, evaluate) for chain in range(chains)]
    return Starts(points, sorted((path.top for path in paths), reverse=True), len(kept))


def searched(done: int, least: int, top: float) -> str:
    """Say how far the search is."""
    return f"finding starting points: path {done} of at least {least}, best log density {top:.1f}"


def candidates(
    draw: Callable[[int], Array],
    evaluate: Evaluate,
    sequence: np.random.SeedSequence,
    explain: Callable[[Sequence[int]], str],
) -> Iterator[Array]:
    """Prior draws with finite density and gradient, without end."""
    failed: list[int] = []
    while True:
        seed = int(sequence.spawn(1)[0].generate_state(1, np.uint32)[0])
        point = draw(seed)
        if checked(point, evaluate)[0] > -HUGE:
            failed.clear()
            yield np.array(point)
            continue
        failed.append(seed)
        if len(failed) == TRIES:
            raise FitError(explain(failed[:50]))


def checked(point: Array, evaluate: Evaluate) -> tuple[float, Array]:
    """Log density and gradient; ``-HUGE`` and zeros where one of them is not finite."""
    density, gradient = evaluate(point)
    if np.isfinite(density) and np.isfinite(gradient).all():
        return float(density), np.asarray(gradient)
    return -HUGE, np.zeros(point.size)


def climb(point: Array, evaluate: Evaluate) -> Path:
    """Follow an optimizer from a point, for a bounded number of steps."""
    path = Path([], [])

    def downhill(x: Array) -> tuple[float, Array]:
        density, gradient = checked(x, evaluate)
        if density > -HUGE:
            path.densities.append(density)
            path.points.append(np.array(x))
        return -density, -gradient

    descend(downhill, point, options={"maxfun": STEPS})
    return path


def explanation(joint: Joint, points: Sequence[dict[str, Any]]) -> str:
    """Say which part of the density is not finite at these points.

    Parameters
    ----------
    joint : Joint
    points : sequence of dict
        Value variables by name, in the unconstrained space.

    Returns
    -------
    str
        Sentences with counts, most frequent cause first, and what can be done.
    """
    model = joint.model
    terms = [*model.observed_RVs, *model.free_RVs]
    outputs = [*model.replace_rvs_by_values([joint.status]), *model.logp(vars=terms, sum=False)]
    function = model.compile_fn(outputs, inputs=model.value_vars, on_unused_input="ignore")
    causes = Counter(fault(function(p), [t.name for t in terms], model) for p in points)
    lines = [f"  {count} times: {cause}" for cause, count in causes.most_common()]
    return "\n".join(
        [
            f"No chain can start: the posterior density is not finite at any of {TRIES} draws from "
            f"the prior. At {len(points)} of them:",
            *lines,
            "Narrow the priors to values at which the model makes sense, check the units and the "
            "doses, or give the solver more room (SolverOptions).",
        ]
    )


def fault(values: Sequence[Any], names: Sequence[str], model: Any) -> str:
    """First cause at one point, in words."""
    status, *terms = values
    failed = np.flatnonzero(status)
    if failed.size:
        subject = list(model.coords["subject"])[failed[0]]
        return f"the solver failed, first for subject {subject}: {FAILURES[int(status[failed[0]])]}"
    for name, term in zip(names, terms, strict=True):
        bad = np.flatnonzero(~np.isfinite(np.atleast_1d(term)))
        if bad.size and name in {v.name for v in model.observed_RVs}:
            return (
                f"the log likelihood of {name} is not finite in {bad.size} of {np.size(term)} rows "
                f"(first: row {bad[0]})"
            )
        if bad.size:
            return f"the prior density of {name} is not finite"
    return "the gradient of the log density is not finite"
