"""From courses to answers: the probability of each endpoint for each patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import closest
from ...models.ode import OdeModel
from .design import Arm, Endpoint
from .grading import Grades, peak
from .plan import Course

__all__ = ["answers", "check_endpoints", "default_endpoints"]

Array = npt.NDArray[Any]
TARGETS = ("b", "B")  # what is to be killed, in the models of the library
CONTROLLED = 0.01


def answers(
    endpoints: Sequence[Endpoint], course: Course, grades: Grades | None, draw: int
) -> Array:
    """Compute the probability of yes for each patient and endpoint.

    Parameters
    ----------
    endpoints : sequence of Endpoint
    course : Course
    grades : Grades, optional
        For endpoints of kind ``"grade"``.
    draw : int
        Position of the draw, for a fitted grade model.

    Returns
    -------
    float64[patient, endpoint]
        0 or 1 where the course decides, between them where a grade model does; NaN where the
        equations could not be solved.
    """
    columns = [_answer(e, course, grades, draw) for e in endpoints]
    return np.where(course.failed[:, None], np.nan, np.stack(columns, axis=1))


def _answer(endpoint: Endpoint, course: Course, grades: Grades | None, draw: int) -> Array:
    if endpoint.kind == "grade":
        assert grades is not None
        return grades.at_least(endpoint.at_least, course, draw)
    values = course.values(endpoint.observable)
    with np.errstate(invalid="ignore"):
        if endpoint.kind == "above":
            return (peak(course, endpoint.observable) > endpoint.level).astype(float)
        limit = values[:, 0] * endpoint.fraction if endpoint.level is None else endpoint.level
        end = course.times[-1] if endpoint.time is None else endpoint.time
        if endpoint.kind == "control":
            return (values[:, np.searchsorted(course.times, end)] < limit).astype(float)
        return (values[:, course.times <= end].min(axis=1) < limit).astype(float)


def check_endpoints(
    endpoints: Sequence[Endpoint],
    model: OdeModel,
    grades: Grades | None,
    arms: tuple[Arm, ...],
    end: float,
) -> None:
    """Refuse endpoints that the model cannot answer.

    Raises
    ------
    InputError
    """
    if not endpoints:
        raise InputError(
            f"there is no default endpoint for model {model.name}: write [[endpoint]] tables."
        )
    for e in endpoints:
        if e.kind == "grade":
            if grades is None:
                raise InputError(
                    f"endpoint {e.name}: model {model.name} has no grade model. Write a [grading] "
                    "table (observable, reference, slope, cuts), or an endpoint of kind 'above'."
                )
            grades.check(model, arms)
        elif e.observable not in model.observables:
            guess = closest(e.observable, model.observables)
            hint = f"did you mean {guess!r}?" if guess else f"it has {', '.join(model.observables)}"
            raise InputError(
                f"endpoint {e.name}: model {model.name} has no {e.observable!r}; {hint}"
            )
        if e.time is not None and not 0 < e.time <= end:
            raise InputError(
                f"endpoint {e.name}: time = {e.time:g} lies outside the trial (0 to {end:g} "
                f"{model.time_unit})."
            )


def default_endpoints(model: OdeModel, grades: Grades | None) -> tuple[Endpoint, ...]:
    """Choose endpoints: grades where there is a grade model, and the fate of the target."""
    chosen = []
    if grades is not None:
        chosen += [Endpoint(f"CRS >= {k}", "grade", at_least=k) for k in (2, 3)]
    target = next((t for t in TARGETS if t in model.observables), None)
    if target:
        chosen.append(Endpoint("response", "response", target, fraction=CONTROLLED))
        chosen.append(Endpoint("tumor control", "control", target, fraction=CONTROLLED))
    return tuple(chosen)
