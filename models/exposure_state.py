"""Exposure as a state: the area under an observable, integrated by the engine with its gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .composition import by_name, chosen
from .errors import ModelError, closest
from .ode import Invariance, Namespace, OdeModel, Output, Rhs, State

__all__ = ["with_auc"]


def with_auc(
    model: OdeModel, observable: str, name: str = "AUC", *, scale: float | None = None
) -> OdeModel:
    """Add the area under a state or an output, so that a likelihood may depend on it.

    Parameters
    ----------
    model : OdeModel
    observable : str
        State or output.
    name : str
        Of the new state, which starts at 0. A `Reset` of the schedule also sets it to 0.
    scale : float, optional
        Typical size of the area; default: that of the state times the horizon of the model.

    Returns
    -------
    OdeModel
        ``MODEL+NAME(OBSERVABLE)``, by which the library knows it too. With one state more, in the
        unit of the observable times that of time. Its value at day 28
        is AUC0-28d, to the tolerance of the solver; an outcome that is recorded at day 28 can so
        depend on it.

    Raises
    ------
    ModelError
        If the model has no such observable, or already has the name.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> model = with_auc(get("crs-cascade"), "CAR", "AUC_CAR")
    >>> model.state_names[-1], model.unit("AUC_CAR")
    ('AUC_CAR', 'cell/uL*d')
    """
    if observable not in model.observables:
        guess = closest(observable, model.observables)
        hint = f"did you mean {guess!r}?" if guess else f"it has {', '.join(model.observables)}"
        raise ModelError(f"model {model.name} has no observable {observable!r}; {hint}")
    if name in {*model.observables, *model.parameter_names}:
        raise ModelError(f"model {model.name} already has {name}; choose another name")
    unit = model.unit(observable)
    area = State(
        name,
        f"{unit}*{model.time_unit}" if unit else model.time_unit,
        f"area under {observable}",
        scale=_typical(model, observable) if scale is None else scale,
    )
    outputs = None if observable in model.state_names else dict(model.outputs)[observable]
    return replace(
        model,
        name=f"{model.name}+{name}({observable})",
        title=f"{model.title}, with the area under {observable}".lstrip(", "),
        states=(*model.states, area),
        rhs=_Integrated(model.rhs, model.state_names, observable, outputs, name),
        invariances=tuple(_scaled(i, observable, name) for i in model.invariances),
    )


def _typical(model: OdeModel, observable: str) -> float:
    """Size of the state, or of the largest parameter of the same unit, times the horizon."""
    sizes = {s.name: s.scale for s in model.states}
    unit = model.unit(observable)
    alike = [abs(p.value) for p in model.parameters if p.unit == unit and p.value and unit]
    return sizes.get(observable, max(alike, default=1.0)) * max(model.horizon, 1.0)


def _scaled(invariance: Invariance, observable: str, name: str) -> Invariance:
    """Direction in which the area scales along with what it is the area of."""
    powers: Mapping[str, float] = invariance.observables
    if observable not in powers:
        return invariance
    return replace(invariance, observables={**powers, name: powers[observable]})


@dataclass(frozen=True)
class _Integrated:
    """Right-hand side with the observable as the rate of a further state."""

    rhs: Rhs
    names: tuple[str, ...]
    observable: str
    output: Output | None
    area: str

    def __call__(self, t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        """Time derivatives of the model, and of the area."""
        states = chosen(self.names, y)
        change = by_name(self.names, self.rhs(t, states, p))
        rate = states[self.observable] if self.output is None else self.output(t, states, p)
        return {**change, self.area: rate}
