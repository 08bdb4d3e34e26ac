"""`Problem`: a model, data, error models, a population and priors, as one plain record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..datasets.errors import InputError
from ..datasets.study import Study
from ..datasets.wording import closest, shown
from ..models.distributions import Distribution
from ..models.dosing import Dose, Regimen
from ..models.library.interventions import with_treatments
from ..models.ode import OdeModel
from ..models.solver import CompiledModel, SolverOptions, Timeline, compile_model
from .arrangement import Arrangement, Measuring, arrange, match_observables
from .invisible import blind_directions
from .measuring.censoring import censoring_methods
from .measuring.error import ErrorModel, error_model
from .measuring.offsets import check_offsets
from .measuring.sigmas import check_sigmas, sigma_names, sigma_settings
from .populations.covariates import covariate_numbers
from .populations.occasions import with_occasions
from .populations.order import check_order, read_order
from .populations.population import Pooled, Population, population_model
from .specification import describe, identify, sentence

if TYPE_CHECKING:
    from .joint import Joint

__all__ = ["Problem"]


@dataclass(frozen=True, eq=False)
class Problem:
    """The whole specification of a fit; two problems are equal when their `id` is.

    Parameters
    ----------
    model : OdeModel
        A drug in the schedule that the model has no state for, but whose effect it reads (such as
        tocilizumab: the parameter ``RO``), is coupled to it.
    data : Study
    error : str, ErrorModel, or mapping of observable (name in the data) to either
        Default: log-normal for all. A mapping may leave observables out; they are log-normal.
    population : str or Population
        ``"pooled"``, ``"independent"`` or ``"hierarchical"``.
    priors : mapping of name to Distribution
        In place of the model's prior hints, in the unit of the parameter. Names may also be those
        of measurement: residual standard deviations (``<observable>_sigma``) and the like.
    fixed : mapping of name to float
        Parameters held at a value, whatever their prior; also residual standard deviations.
    observables : mapping of name in the data to name in the model, or None to leave it out
        Where the names differ.
    regimen : Regimen, or mapping of subject to Regimen, optional
        In place of the doses of the data.
    solver : SolverOptions, optional
        Default: a relative tolerance of 1e-6, and of 1e-4 in a hierarchical population.
    inputs : mapping of parameter to covariate
        Parameters whose value in each subject is a fixed covariate of the data, in the unit of the
        parameter: ``{"B0rel": "burden"}``.
    censoring : str or mapping of observable to str
        What becomes of values below a limit of quantification, "M1" to "M7", see `censoring`.
        Default: "M3", the probability of lying below. A mapping may leave observables out.
    offsets : mapping of observable to "assay" or "source", or None to pool
        Needed when the rows of an observable come from several; see `offsets`.
    sigmas : mapping of observable to "assay" or "source"
        Residual errors of their own for the assays or sources of an observable; see `sigmas`.
    order : mapping of parameter to expression, or sequence of str
        Parameters that are greater than an expression of others: ``{"ka": "CL/V"}`` or
        ``["ka > CL/V"]``; in a hierarchical population their typical values. See `order`.

    Raises
    ------
    InputError
        If a name is unknown, nothing is to be estimated, a fixed value lies outside the bounds of
        its parameter, or units cannot be converted.

    Notes
    -----
    A parameter is estimated when it has a prior, given here or as a hint of the model, and is not
    fixed, neither here nor (without a prior given here) by the model. Bounds of parameters hold in
    every case: a prior is cut there.
    """

    model: OdeModel
    data: Study
    error: str | ErrorModel | Mapping[str, str | ErrorModel] = "lognormal"
    population: str | Population = field(default_factory=Pooled)
    priors: Mapping[str, Distribution] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    observables: Mapping[str, str | None] = field(default_factory=dict)
    regimen: Regimen | Mapping[str, Regimen] | None = None
    solver: SolverOptions = None  # type: ignore[assignment]  # settled by the population
    inputs: Mapping[str, str] = field(default_factory=dict)
    censoring: str | Mapping[str, str] = "M3"
    offsets: Mapping[str, str | None] = field(default_factory=dict)
    sigmas: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, str] | Sequence[str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Complete what was left out and refuse what cannot be meant."""
        self._set("model", self._treated())
        matched = match_observables(self.model, self.data, self.observables)
        self._set("error", self._errors(tuple(matched)))
        family = population_model(self.population)
        self._set("population", family.resolved(self.data, self.model))
        if self.solver is None:
            self._set("solver", SolverOptions(rtol=self.family.effort.rtol))
        self._set("priors", dict(self.priors))
        self._set("fixed", {name: float(value) for name, value in self.fixed.items()})
        self._set("observables", matched)
        self._set("inputs", dict(self.inputs))
        self._set("censoring", censoring_methods(self.censoring, tuple(matched)))
        self._set("offsets", dict(self.offsets))
        check_offsets(self.offsets, tuple(matched))
        self._set("sigmas", dict(self.sigmas))
        check_sigmas(self.sigmas, tuple(matched))
        rows = {o.name: o.rows for o in self.arrangement.observed}
        self._set("error", {n: e.completed(rows[n]) for n, e in self.errors.items()})
        self._set("order", read_order(self.order))
        self._check_names()
        self._check_fixed()
        check_order(self)
        self.family.check(self)
        for observed in self.arrangement.observed:
            self.errors[observed.name].check(observed.name, observed.rows)
        if not self.estimated and all(n in self.fixed for n in self.error_parameters):
            raise InputError("nothing is to be estimated: give at least one prior.")

    def _treated(self) -> OdeModel:
        """Couple the drugs that subjects were given to a model that reads their effect."""
        given = self.regimen
        if given is None:
            return with_treatments(self.model, map(str, self.data.doses["target"].values))
        schedules = given.values() if isinstance(given, Mapping) else (given,)
        events = (e for schedule in schedules for e in schedule.events)
        return with_treatments(self.model, {e.state for e in events if isinstance(e, Dose)})

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def _errors(self, names: tuple[str, ...]) -> dict[str, ErrorModel]:
        given = self.error
        if isinstance(given, str | ErrorModel):
            return dict.fromkeys(names, error_model(given))
        for name in given:
            if name not in self.data.observables:
                raise InputError(unknown(f"error model of {shown(name)}", name, names))
        return {n: error_model(given.get(n, "lognormal")) for n in names}

    def _check_names(self) -> None:
        extra = tuple(self.family.priors(self))
        known = (*self.model.parameter_names, *extra, *self.error_parameters)
        for name in self.fixed:
            if name in extra:
                raise InputError(f"{name} belongs to the population and cannot be fixed.")
        for what, names in (("prior of", self.priors), ("fixed value of", self.fixed)):
            for name in names:
                if name not in known:
                    raise InputError(unknown(f"{what} {shown(name)}", name, known))
        clash = set(self.targets) & {*self.model.parameter_names, *self.error_parameters}
        if clash:
            raise InputError(
                f"{shown(min(clash))} is an observable of the data and a parameter; rename one."
            )

    def _check_fixed(self) -> None:
        for name, value in self.fixed.items():
            low, high = self.bounds(name)
            if not low <= value <= high:
                raise InputError(
                    f"{name} is fixed at {value:g}, outside its bounds [{low:g}, {high:g}]."
                )

    @property
    def errors(self) -> dict[str, ErrorModel]:
        """Error model of each observable of the data."""
        assert isinstance(self.error, dict)
        return self.error

    @property
    def methods(self) -> dict[str, str]:
        """Method of censoring of each observable of the data."""
        assert isinstance(self.censoring, dict)
        return self.censoring

    @property
    def above(self) -> dict[str, str]:
        """Expressions that parameters are greater than."""
        assert isinstance(self.order, dict)
        return self.order

    @property
    def family(self) -> Population:
        """How the parameters of subjects are related."""
        assert isinstance(self.population, Population)
        return self.population

    @property
    def targets(self) -> dict[str, str]:
        """Name in the model of each observable of the data that is fitted."""
        assert isinstance(self.observables, dict)
        return self.observables

    @cached_property
    def estimated(self) -> tuple[str, ...]:
        """Parameters of the model that are estimated, in the order of the model."""
        return tuple(
            p.name
            for p in self.model.parameters
            if p.name not in self.fixed
            and p.name not in self.inputs
            and (p.name in self.priors or (p.prior is not None and not p.fixed))
        )

    @property
    def constants(self) -> dict[str, float]:
        """Values of the parameters of the model that are not estimated."""
        return {
            p.name: self.fixed.get(p.name, p.value)
            for p in self.model.parameters
            if p.name not in self.estimated
        }

    @cached_property
    def inputs_by_subject(self) -> dict[str, Any]:
        """Values of the parameters that are covariates; float64[subject] each."""
        return {p: covariate_numbers(self.data, c) for p, c in self.inputs.items()}

    @property
    def by_subject(self) -> bool:
        """Whether subjects differ in any parameter."""
        return self.family.by_subject or bool(self.inputs)

    @property
    def error_parameters(self) -> tuple[str, ...]:
        """Parameters of measurement, estimated or fixed, in the order of the observables."""
        return tuple(
            n
            for o in self.arrangement.observed
            for n in (*sigma_names(self.errors[o.name], o), *o.groups.names(o.name))
        )

    @cached_property
    def all_priors(self) -> dict[str, Distribution]:
        """Prior of everything that is estimated: model parameters, then standard deviations."""
        hints = {n: self.model.parameter(n).prior for n in self.estimated}
        chosen = {n: self.priors.get(n, hints[n]) for n in self.estimated}
        extra = self.family.priors(self)
        chosen |= {n: self.priors.get(n, d) for n, d in extra.items()}
        for observed in self.arrangement.observed:
            error, names = self.errors[observed.name], observed.groups.names(observed.name)
            usual = error.priors(observed.name, observed.rows)
            like = sigma_settings(error, observed.name, observed.sigmas)
            defaults = {n: usual[one] for n, one in like.items()}
            defaults |= dict.fromkeys(names, error.offset_prior(observed.rows))
            chosen |= {n: self.priors.get(n, d) for n, d in defaults.items() if n not in self.fixed}
        return {n: d for n, d in chosen.items() if d is not None}

    def bounds(self, name: str) -> tuple[float, float]:
        """Bounds of a parameter of the model, the population or a measurement, in its unit."""
        if name in self.model.parameter_names:
            parameter = self.model.parameter(name)
            return parameter.lower, parameter.upper
        for observed in self.arrangement.observed:
            error = self.errors[observed.name]
            like = sigma_settings(error, observed.name, observed.sigmas)
            if name in like:
                return error.bounds(observed.name)[like[name]]
        return self.family.bounds(self, name)

    def unit(self, name: str) -> str:
        """Look up the unit of a parameter of the model, the population or a measurement."""
        if name in self.model.parameter_names:
            return self.model.parameter(name).unit
        for observed in self.arrangement.observed:
            error, unit = self.errors[observed.name], self.model.unit(observed.target)
            usual = error.units(observed.name, unit)
            like = sigma_settings(error, observed.name, observed.sigmas)
            known = {n: usual[one] for n, one in like.items()}
            known |= dict.fromkeys(observed.groups.names(observed.name), error.offset_unit(unit))
            if name in known:
                return known[name]
        if name in self.family.priors(self):
            return self.family.unit(self, name)
        raise KeyError(name)

    @cached_property
    def arrangement(self) -> Arrangement:
        """The data arranged for the engine."""
        how = {
            n: Measuring(target, self.errors[n], self.methods[n])
            for n, target in self.targets.items()
        }
        plain = arrange(self.model, self.data, how, self.regimen, self.offsets, self.sigmas)
        varying = self.family.between_occasions(self)
        return with_occasions(self.model, self.data, plain, varying) if varying else plain

    @cached_property
    def engine_model(self) -> OdeModel:
        """The model as it is solved: with copies of what varies between occasions."""
        occasions = self.arrangement.occasions
        return self.model if occasions is None else occasions.model(self.model)

    @cached_property
    def blind_directions(self) -> tuple[str, ...]:
        """Sentences on combinations of estimated parameters that no fitted observable can see."""
        return blind_directions(self)

    @cached_property
    def compiled(self) -> CompiledModel:
        """The model compiled for the gradients and doses that this problem needs."""
        return self.compiled_for(self.arrangement.timeline)

    def compiled_for(self, timeline: Timeline) -> CompiledModel:
        """Compile the model for another schedule."""
        occasions = self.arrangement.occasions
        wrt = (*self.estimated, *(occasions.copies if occasions else ()))
        return compile_model(self.engine_model, self.solver.method, timeline=timeline, wrt=wrt)

    @cached_property
    def id(self) -> str:
        """First 16 hexadecimal digits of the SHA-256 of the specification, data included."""
        return identify(self)

    def joint(self) -> Joint:
        """Build the joint density with handles to its parts, for the samplers."""
        from .joint import build_joint

        return build_joint(self)

    def build(self) -> Any:
        """Build the PyMC model.

        Returns
        -------
        pm.Model
            Coordinates ``subject``, ``state``, ``parameter`` and ``<observable>_observation``
            (rows of the study). One observed variable per observable, whose log density is minus
            infinity when the equations could not be solved.
        """
        return self.joint().model

    def describe(self) -> dict[str, Any]:
        """Specification as plain data (JSON); see `specification.describe`."""
        return describe(self)

    def __eq__(self, other: object) -> bool:
        """Equal specification, equal data."""
        return self.id == other.id if isinstance(other, Problem) else NotImplemented

    def __hash__(self) -> int:
        """Hash of the id."""
        return hash(self.id)

    def __str__(self) -> str:
        """One-screen summary."""
        return sentence(self)

    def __repr__(self) -> str:
        """Name of the model and of the data, id."""
        return f"<Problem {self.model.name!r} on {self.data.name!r}, id {self.id}>"


def unknown(what: str, name: str, known: tuple[str, ...]) -> str:
    """Message for a name that is not among the known ones."""
    guess = closest(name, known)
    hint = f" Did you mean {guess!r}?" if guess else ""
    return f"{what}: there is no such name.{hint} There are {', '.join(known)}."
