"""A trial as plain data: arms, treatments that wait for a sign, endpoints, number of patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...datasets.errors import InputError
from ...datasets.virtual import GradeModel
from ...models.dosing import Dose, Regimen

__all__ = ["KINDS", "Arm", "Design", "Endpoint", "Trigger"]

KINDS = ("grade", "above", "response", "control")
HARMS = ("grade", "above")


@dataclass(frozen=True)
class Trigger:
    """Something that is done when an observable is first seen above a level.

    Parameters
    ----------
    observable : str
        State or output of the model.
    above : float
        Level, in the unit of the observable.
    dose : Dose, optional
        What is given then; its ``time`` is the delay after the sign was seen.
    withhold : str
        Instead, or as well: the state whose later doses of the arm are not given any more.
    every : float
        The patient is looked at in these intervals from time zero; 0: at every time of the grid.
    since : float
        Not before this time.

    Notes
    -----
    The sign is seen at the first look at which the observable exceeds the level. Nothing after
    that look has a part in it.
    """

    observable: str
    above: float
    dose: Dose | None = None
    withhold: str = ""
    every: float = 0.0
    since: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a trigger that does nothing or looks back."""
        if self.dose is None and not self.withhold:
            raise InputError(
                f"trigger on {self.observable}: give a dose (state and amount), or name in "
                "`withhold` the state whose later doses are left out."
            )
        if self.dose is not None and isinstance(self.dose.time, str):
            raise InputError(f"trigger on {self.observable}: the delay `time` must be a number.")
        if self.dose is not None and not isinstance(self.dose.time, str) and self.dose.time < 0:
            raise InputError(
                f"trigger on {self.observable}: the delay `time` = {self.dose.time:g} is "
                "negative; nobody can be treated before the sign is seen."
            )
        if self.every < 0 or self.since < 0:
            raise InputError(f"trigger on {self.observable}: every and since must not be negative.")


@dataclass(frozen=True)
class Arm:
    """What the patients of one arm are and get.

    Parameters
    ----------
    name : str
    regimen : Regimen, optional
        Default: the typical schedule of the model.
    parameters : mapping of parameter to float
        Values that hold for every patient, in the unit of the parameter.
    factors : mapping of parameter to float
        Each patient's own value times this: ``{"B0rel": 0.5}`` halves everybody's burden.
    covariates : mapping of covariate to value
        Covariates of the fit, the same for every patient of the arm.
    triggers : sequence of Trigger
    evidence : sequence of str
        What is known about the intervention, printed with the result.
    """

    name: str
    regimen: Regimen | None = None
    parameters: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    covariates: Mapping[str, float | str] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    evidence: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the sequences; refuse what cannot be meant."""
        object.__setattr__(self, "triggers", tuple(self.triggers))
        object.__setattr__(self, "evidence", tuple(self.evidence))
        if both := sorted(set(self.parameters) & set(self.factors)):
            raise InputError(f"arm {self.name}: {both[0]} has a value and a factor; give one.")
        for name, factor in self.factors.items():
            if not factor >= 0:
                raise InputError(f"arm {self.name}: the factor of {name} is {factor:g}.")


@dataclass(frozen=True)
class Endpoint:
    """A question with the answer yes or no for each patient.

    Parameters
    ----------
    name : str
    kind : {"grade", "above", "response", "control"}
        The grade is at least ``at_least``; the observable ever exceeds ``level``; it ever falls
        below ``fraction`` of its value at time zero (or below ``level``) until ``time``; it is
        below at ``time``.
    observable : str
        Not for ``"grade"``.
    at_least : int
    level, fraction : float, optional
    time : float, optional
        In the time unit of the model; default: the end of the trial.
    harm : bool, optional
        Whether yes is bad; default: for ``"grade"`` and ``"above"``.
    """

    name: str
    kind: str
    observable: str = ""
    at_least: int = 0
    level: float | None = None
    fraction: float | None = None
    time: float | None = None
    harm: bool | None = None

    def __post_init__(self) -> None:
        """Refuse questions that have no answer."""
        if self.kind not in KINDS:
            raise InputError(f"endpoint {self.name}: kind {self.kind!r} is none of {KINDS}.")
        if self.kind == "grade" and self.at_least < 1:
            raise InputError(f"endpoint {self.name}: at_least must be 1 or more.")
        if self.kind != "grade" and not self.observable:
            raise InputError(f"endpoint {self.name}: name the observable.")
        if self.kind == "above" and self.level is None:
            raise InputError(f"endpoint {self.name}: give the level that is exceeded.")
        if self.kind in ("response", "control") and (self.level is None) == (self.fraction is None):
            raise InputError(f"endpoint {self.name}: give level or fraction, one of them.")
        if self.harm is None:
            object.__setattr__(self, "harm", self.kind in HARMS)


@dataclass(frozen=True)
class Design:
    """A virtual trial.

    Parameters
    ----------
    arms : sequence of Arm
        Every arm is compared with the first.
    endpoints : sequence of Endpoint
        Default: those of the model, see `defaults.default_endpoints`.
    n : int
        Patients of each arm.
    until : float, optional
        Length of the trial, in the time unit of the model; default: the model's horizon.
    every : float, optional
        Step of the grid on which peaks are looked for; default: 1/112 of the length.
    grading : GradeModel, optional
        Assumed grade model; default: that of the fit, else that of the model.
    spread : mapping of parameter to float
        Standard deviations between patients, on the scale of the parameter (logarithm of a
        positive one), where the fit has none, or in place of those of the model.
    name : str
    """

    arms: tuple[Arm, ...]
    endpoints: tuple[Endpoint, ...] = ()
    n: int = 100
    until: float | None = None
    every: float | None = None
    grading: GradeModel | None = None
    spread: Mapping[str, float] = field(default_factory=dict)
    name: str = "virtual trial"

    def __post_init__(self) -> None:
        """Freeze the sequences; refuse a trial without arms or with twins."""
        object.__setattr__(self, "arms", tuple(self.arms))
        object.__setattr__(self, "endpoints", tuple(self.endpoints))
        if not self.arms:
            raise InputError("a trial needs at least one arm.")
        for what, names in (
            ("arms", [a.name for a in self.arms]),
            ("endpoints", [e.name for e in self.endpoints]),
        ):
            if twice := sorted({n for n in names if names.count(n) > 1}):
                raise InputError(f"two {what} are called {twice[0]!r}.")
        if self.n < 1:
            raise InputError(f"n = {self.n}: an arm needs at least one patient.")
        for key in ("until", "every"):
            value = getattr(self, key)
            if value is not None and not value > 0:
                raise InputError(f"{key} = {value:g} must be positive.")
        for name, sd in self.spread.items():
            if not sd >= 0:
                raise InputError(f"spread of {name} = {sd:g} must not be negative.")
