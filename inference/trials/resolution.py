"""Is the grid fine enough for the peaks that are asked for? Measured, not assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .design import Endpoint
from .grading import AssumedGrades, FittedGrades, Grades, peak

if TYPE_CHECKING:
    from .virtual import Bench

__all__ = ["peak_error", "resolution_note"]

FINER = 5
SOME = 100  # patients
LARGEST = 0.02  # relative error of a peak that is not worth a word


def peaked(endpoints: Sequence[Endpoint], grades: Grades | None) -> list[str]:
    """Observables whose peaks decide an endpoint."""
    names = [e.observable for e in endpoints if e.kind == "above"]
    if any(e.kind == "grade" for e in endpoints):
        if isinstance(grades, FittedGrades):
            names.append(grades.observable)
        elif isinstance(grades, AssumedGrades):
            names.append(grades.model.observable)
    return list(dict.fromkeys(names))


def peak_error(bench: Bench) -> float:
    """Compare peaks on the grid with those on a grid five times as fine.

    Parameters
    ----------
    bench : Bench

    Returns
    -------
    float
        Share by which peaks are too low: the 95th percentile over some patients of the first
        draw, of the worst arm; arms with triggers are left out, because they see more on a finer
        grid. 0 where no endpoint asks for a peak.
    """
    worst = 0.0
    for plan in bench.plans:
        if plan.arm.triggers:
            continue
        times = plan.times
        steps = np.linspace(0.0, 1.0, FINER, endpoint=False)
        finer = np.append((times[:-1, None] + np.diff(times)[:, None] * steps).ravel(), times[-1])
        theta = bench.theta(0, plan.arm)[:SOME]
        coarse, fine = plan.run(theta), replace(plan, times=finer).prepare().run(theta)
        for name in peaked(bench.endpoints, bench.grades):
            with np.errstate(divide="ignore", invalid="ignore"):
                missed = 1 - peak(coarse, name) / peak(fine, name)
            if np.isfinite(missed).any():
                worst = max(worst, float(np.nanquantile(missed, 0.95)))
    return worst


def resolution_note(bench: Bench) -> tuple[str, ...]:
    """Say so when the grid misses peaks."""
    error = peak_error(bench)
    if error <= LARGEST:
        return ()
    step = float(np.median(np.diff(bench.plans[0].times)))
    return (
        f"The grid is coarse: at a step of {step:.3g} {bench.plans[0].model.time_unit} the peak of "
        f"one patient in twenty is at least {100 * error:.0f} % too low. Set `every` of the design "
        "to a smaller step.",
    )
