"""Where chains start: draws from the prior at which the density and its gradient are finite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..models.solver import FAILURES

if TYPE_CHECKING:
    from .joint import Joint

__all__ = ["FitError", "find_start"]

Array = npt.NDArray[np.float64]
CANDIDATES = 50  # finite ones to choose the best of
TRIES = 400  # prior draws before giving up


class FitError(RuntimeError):
    """A fit that could not begin; ``str()`` says which part of the density is at fault."""


def find_start(
    draw: Callable[[int], Array],
    evaluate: Callable[[Array], tuple[float, Array]],
    sequence: np.random.SeedSequence,
    explain: Callable[[Sequence[int]], str],
) -> tuple[int, Array]:
    """Best of many prior draws.

    Parameters
    ----------
    draw : callable seed -> float64[n]
        Prior draw in the unconstrained space.
    evaluate : callable float64[n] -> (float, float64[n])
        Log density and gradient.
    sequence : SeedSequence
        Source of the seeds; one per chain.
    explain : callable seeds -> str
        Says what is wrong at these draws.

    Returns
    -------
    seed : int
    point : float64[n]

    Raises
    ------
    FitError
        If none of `TRIES` prior draws has a finite density and gradient.

    Notes
    -----
    Chains choose from different draws. The best of fifty is rarely far out in the tail of the
    prior, where a first trajectory takes long and may end in a spurious mode, and is still far
    from what the chains converge to, so that R-hat keeps its power.
    """
    seeds = [int(s) for s in sequence.generate_state(TRIES, np.uint32)]
    best: tuple[float, int, Array] | None = None
    finite = 0
    for seed in seeds:
        point = draw(seed)
        density, gradient = evaluate(point)
        if not (np.isfinite(density) and np.isfinite(gradient).all()):
            continue
        finite += 1
        if best is None or density > best[0]:
            best = float(density), seed, np.array(point)
        if finite == CANDIDATES:
            break
    if best is None:
        raise FitError(explain(seeds[:CANDIDATES]))
    return best[1], best[2]


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
