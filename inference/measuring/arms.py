"""Published arms among persons in a hierarchical population.

A published mean is one of ``n`` subjects, so that its random effects are those of a mean of ``n``:
their standard deviation is ``omega / sqrt(n)``. The effects of a published median are those of a
median of ``n``: it varies as a mean of ``(2 n + pi - 2) / pi`` does, so that their standard
deviation tends to ``1.25 omega / sqrt(n)``. (One effect that moves the curve one way: the median
of the curves is the curve of the median effect. Several effects: about so.) For means that is
exact where the logarithm of the model is linear in the effects, and first-order elsewhere. The
arithmetic mean of a curve over subjects lies above the curve of the typical subject; under an
error of the logarithm the published SD, which contains the variation between subjects, says by how
much (`error.LogScale`). Under an error on the natural scale nothing does, and a mean is refused.
The published standard error holds the variation between subjects once more, so that an arm counts
for somewhat less than it could.
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

__all__ = ["arm_sentences", "arm_sizes", "check_arms", "effect_shares", "effective_sizes"]

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


def of_medians(problem: Problem) -> npt.NDArray[np.bool_]:
    """Whether a subject is an arm of which a median is published; bool[subject].

    An arm with means and medians counts as one of medians, which vary more.
    """
    found = np.zeros(len(problem.arrangement.subjects), dtype=bool)
    for observed in problem.arrangement.observed:
        inside = np.isfinite(np.broadcast_to(observed.rows.q1, observed.subject.shape))
        found[observed.subject[inside]] = True
    return found


def effective_sizes(problem: Problem) -> Array:
    """Count the persons whose mean varies as much as what is published of a subject.

    Returns
    -------
    float64[subject]
        1, the ``n`` of an arm of means, or ``(2 n + pi - 2) / pi`` of an arm of medians.

    Notes
    -----
    ``pi / (2 n + pi - 2)`` is the variance of the median of ``n`` standard normal values: exact for
    ``n = 1`` and for large ``n``, at most 2 % too low for odd ``n``; for even ``n`` too high, by
    15 % at 4, 7 % at 10 and 4 % at 20.
    """
    sizes = arm_sizes(problem)
    return np.where(of_medians(problem), (2 * sizes + np.pi - 2) / np.pi, sizes)


def effect_shares(problem: Problem) -> Array:
    """Factor of the random effects of each subject; float64[subject].

    1 for a person, ``1 / sqrt(n)`` for an arm of means, ``sqrt(pi / (2 n + pi - 2))`` for an arm of
    medians.
    """
    return np.asarray(1 / np.sqrt(effective_sizes(problem)))


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
    sizes, medians = arm_sizes(problem), of_medians(problem)
    shares = effect_shares(problem)
    return [
        f"{name} is an arm of {n:g}: its random effects are those of a "
        + (f"median, {share:.2g} omega" if median else f"mean, omega / sqrt({n:g})")
        for name, n, median, share in zip(
            problem.arrangement.subjects, sizes, medians, shares, strict=True
        )
        if n > 1
    ]
