"""Directions among the estimated parameters that the data of a problem cannot see.

A model records its invariances (`models.ode.Invariance`). One of them matters to a fit when every
parameter that it moves is estimated, no fitted observable changes along it, and no dose fixes its
scale: then only the priors decide where on it the posterior lies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models.dosing import Dose

if TYPE_CHECKING:
    from ..models.ode import Invariance
    from .problem import Problem

__all__ = ["blind_directions"]


def blind_directions(problem: Problem) -> tuple[str, ...]:
    """Find the invariances of the model that are left open.

    Parameters
    ----------
    problem : Problem

    Returns
    -------
    tuple of str
        One sentence each, with the remedy.
    """
    return tuple(_sentence(i) for i in problem.model.invariances if _is_open(problem, i))


def _is_open(problem: Problem, invariance: Invariance) -> bool:
    values = problem.constants
    free = all(n in problem.estimated or values[n] == 0.0 for n in invariance.parameters)
    moved = any(n in problem.estimated for n in invariance.parameters)
    seen = set(invariance.observables) & set(problem.targets.values())
    given = {e.state for r in problem.arrangement.regimens for e in r.events if isinstance(e, Dose)}
    scaled = {*invariance.observables, *invariance.doses}  # a known amount into one is a yardstick
    return moved and free and not seen and not scaled & given


def _sentence(invariance: Invariance) -> str:
    names = ", ".join(f"{n} (power {k:g})" for n, k in invariance.parameters.items())
    remedy = f"Fix one of them ({', '.join(invariance.parameters)})"
    if invariance.observables:
        remedy += f", or observe {' or '.join(invariance.observables)}"
    return (
        f"Scaling {names} together leaves every fitted observable unchanged: their priors alone "
        f"decide. {remedy}."
    )
