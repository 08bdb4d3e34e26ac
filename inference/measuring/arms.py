"""Published arms among persons in a hierarchical population.

A published mean or median is one of ``n`` subjects, so that its random effects are those of a mean
of ``n``: their standard deviation is ``omega / sqrt(n)``. That is exact where the logarithm of the
model is linear in the effects, and first-order elsewhere. The arithmetic mean of a curve over
subjects lies above the curve of the typical subject; under an error of the logarithm the published
SD, which contains the variation between subjects, says by how much (`error.LogScale`). Under an
error on the natural scale nothing does, and a mean is refused. The published standard error holds
the variation between subjects once more, so that an arm counts for somewhat less than it could.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .error import LogScale

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["arm_sizes", "arm_sentences", "check_arms", "effect_shares"]

Array = npt.NDArray[Any]


def arm_sizes(problem: Problem) -> Array:
    """Count the persons behind each subject: 1, or the largest ``n`` of a published arm.

    Returns
    -------
    float64[subject]
    """
    place = {s: k for k, s in enumerate(problem.arrangement.subjects)}
    sizes = np.ones(len(place))
    table = problem.data.observations
    for subject, n in zip(table["subject"].to_numpy(), table["n"].to_numpy(), strict=True):
        if np.isfinite(n):
            sizes[place[subject]] = max(sizes[place[subject]], n)
    return sizes


def effect_shares(problem: Problem) -> Array:
    """Factor of the random effects of each subject: 1, or ``1 / sqrt(n)``; float64[subject]."""
    return np.asarray(1 / np.sqrt(arm_sizes(problem)))


def check_arms(problem: Problem, plain: bool) -> None:
    """Refuse arms that a hierarchical population cannot take.

    Parameters
    ----------
    problem : Problem
    plain : bool
        All random effects are normal, and none varies between occasions.

    Raises
    ------
    InputError
    """
    sizes = arm_sizes(problem)
    arms = np.flatnonzero(sizes > 1)
    if not arms.size:
        return
    names = problem.arrangement.subjects
    if not plain:
        raise InputError(
            f"{shown(names[arms[0]])} is a published arm: in a hierarchical population that needs "
            "normal random effects without occasions. Leave the arm out, or fit without them."
        )
    for observed in problem.arrangement.observed:
        inside = np.isin(observed.subject, arms)
        single = inside & (observed.rows.se == 0)
        if single.any():
            who = names[observed.subject[np.argmax(single)]]
            raise InputError(
                f"{observed.name}: {shown(who)} has published values of several subjects and "
                "single measurements. An arm and a person need different names."
            )
        means = inside & np.isfinite(np.broadcast_to(observed.rows.sd, inside.shape))
        if means.any() and not isinstance(problem.errors[observed.name], LogScale):
            raise InputError(
                f"{observed.name}: the mean of a curve over subjects is not the curve of the "
                "typical subject, and an error on the natural scale cannot say how far they are "
                "apart. Use error='lognormal', give the median with q1 and q3, or fit "
                "population='pooled'."
            )


def arm_sentences(problem: Problem) -> list[str]:
    """Say how the arms of a hierarchical population are treated."""
    sizes = arm_sizes(problem)
    return [
        f"{name} is an arm of {n:g}: its random effects are those of a mean, omega / sqrt({n:g})"
        for name, n in zip(problem.arrangement.subjects, sizes, strict=True)
        if n > 1
    ]
