"""Give a drug of any model under the skin or by mouth: a depot from which it is absorbed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .composition import by_name, chosen
from .dosing import Dose, Regimen
from .errors import ModelError, closest
from .ode import Namespace, OdeModel, Parameter, Rhs, State

__all__ = ["with_depot"]


def with_depot(
    model: OdeModel,
    state: str,
    absorption: Parameter,
    bioavailability: Parameter | None = None,
    *,
    depot: str = "depot",
    name: str = "",
    title: str = "",
) -> OdeModel:
    """Add a depot from which a state is filled at first order.

    Parameters
    ----------
    model : OdeModel
    state : str
        State that receives the drug; the depot has its unit.
    absorption : Parameter
        Rate constant, in 1 / time unit of the model.
    bioavailability : Parameter, optional
        Part of the depot that arrives; all of it without one.
    depot : str
        Name of the new state, which receives the doses.
    name, title : str
        Of the new model.

    Returns
    -------
    OdeModel
        With one state and one or two parameters more. Doses into ``state`` are still possible.
        Its typical schedule is that of ``model``, given into the depot.

    Raises
    ------
    ModelError
        If the model has no such state, integrates its logarithm, or already uses a name.

    Examples
    --------
    >>> from cytobayes.models.library import get
    >>> kabs = Parameter("kabs", 0.01, "1/h", source="assumed", description="absorption")
    >>> with_depot(get("engager"), "drug", kabs).state_names[-1]
    'depot'
    """
    if state not in model.state_names:
        guess = closest(state, model.state_names)
        hint = f"did you mean {guess!r}?" if guess else f"states: {', '.join(model.state_names)}"
        raise ModelError(f"model {model.name} has no state {state!r}; {hint}")
    target = model.states[model.state_names.index(state)]
    if target.log:
        raise ModelError(f"model {model.name} integrates the logarithm of {state}, which has to be "
                         "positive before the dose: it cannot be filled from a depot")  # fmt: skip
    added = [p for p in (absorption, bioavailability) if p is not None]
    known = {*model.state_names, *model.parameter_names, *model.outputs}
    if taken := sorted(known & {depot, *(p.name for p in added)}):
        raise ModelError(f"model {model.name} already has {', '.join(taken)}; choose other names")
    fraction = None if bioavailability is None else bioavailability.name
    return replace(
        model,
        name=name or f"{model.name}+{depot}",
        title=title or f"{model.title}, from a depot",
        states=(*model.states, State(depot, target.unit, "drug in the depot", scale=target.scale)),
        parameters=(*model.parameters, *added),
        rhs=_Absorbed(model.rhs, model.state_names, state, depot, absorption.name, fraction),
        schedule=_into(model, state, depot),
        invariances=tuple(i for i in model.invariances if state not in i.observables),
    )


def _into(model: OdeModel, state: str, depot: str) -> Regimen:
    """Schedule of the model, given into the depot."""
    return Regimen(
        [
            replace(e, state=depot) if isinstance(e, Dose) and e.state == state else e
            for e in model.schedule.events
        ]
    )


@dataclass(frozen=True)
class _Absorbed:
    """Right-hand side of a model whose ``state`` is also filled from ``depot``."""

    rhs: Rhs
    names: tuple[str, ...]
    state: str
    depot: str
    absorption: str
    bioavailability: str | None

    def __call__(self, t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
        """Time derivatives of the model, and of the depot."""
        change = by_name(self.names, self.rhs(t, chosen(self.names, y), p))
        released = p[self.absorption] * y[self.depot]
        arriving = released if self.bioavailability is None else p[self.bioavailability] * released
        return {**change, self.state: change[self.state] + arriving, self.depot: -released}
