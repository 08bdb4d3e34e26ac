"""`Analysis`: one fit as plain values, written to and read from ``analysis.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.errors import InputError
from ..models.distributions import Distribution
from ..models.dosing import Regimen
from .data_source import KEPT, DataSource, digest
from .statements import Assessment, Reporting

if TYPE_CHECKING:
    from ..datasets.study import Study
    from ..models.ode import OdeModel
    from .populations.population import Population
    from .problem import Problem

__all__ = ["Analysis", "DataSource", "Sampling"]

OPEN = ("draws", "tune", "target_accept")
SAMPLERS = ("nutpie", "pymc", "blackjax", "numpyro")
ADAPTATIONS = ("low_rank", "diag", "draw_diag")
METHODS = ("auto", "explicit", "stiff")


@dataclass(frozen=True)
class Sampling:
    """How the posterior is drawn.

    Parameters
    ----------
    sampler : {"nutpie", "pymc", "blackjax", "numpyro"}
    draws, tune : int, optional
        Kept draws and warm-up draws of each chain; default: those of the population.
    max_draws : int, optional
        Chains that have not converged after ``draws`` go on, up to so many kept draws. Default:
        twice the default number of draws, but exactly ``draws`` where they are given.
    chains : int
    seed : int
        Same seed, same draws.
    target_accept : float, optional
        Mean acceptance the step size is tuned to; nearer to 1 means smaller steps. Default: that
        of the population.
    adaptation : {"low_rank", "diag", "draw_diag"}
        Metric that nutpie tunes.
    """

    sampler: str = "nutpie"
    draws: int | None = None
    tune: int | None = None
    chains: int = 4
    seed: int = 1
    target_accept: float | None = None
    max_draws: int | None = None
    adaptation: str = "low_rank"

    def __post_init__(self) -> None:
        """Refuse what no sampler can do."""
        if self.sampler not in SAMPLERS:
            raise InputError(f"sampler {self.sampler!r}: choose one of {', '.join(SAMPLERS)}")
        if self.adaptation not in ADAPTATIONS:
            known = ", ".join(ADAPTATIONS)
            raise InputError(f"adaptation {self.adaptation!r}: choose one of {known}")
        for name in ("draws", "tune", "chains", "max_draws"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"{name} = {number}: must be at least 1")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed = {self.seed}: must lie between 0 and {2**32 - 1}")
        if self.target_accept is not None and not 0 < self.target_accept < 1:
            raise InputError(f"target_accept = {self.target_accept:g}: must lie between 0 and 1")

    def settled(self, problem: Problem) -> Sampling:
        """Fill in what was left open with what the population asks for by default."""
        chosen = {n: getattr(problem.family.effort, n) for n in OPEN if getattr(self, n) is None}
        _, most = problem.family.effort.draws_between(self.draws, self.max_draws)
        return replace(self, **chosen, max_draws=most)


@dataclass(frozen=True)
class Analysis:
    """Everything that decides the draws of one fit, and what is said of it, as plain values.

    Parameters
    ----------
    model : str
        Name in the library of models.
    data : DataSource
    error : str or mapping of observable to str
        Name of the error model, with its settings; one for all, or one for each observable.
    observables : mapping of name in the data to name in the model, or None to leave it out
        Only where the two differ.
    priors : mapping of parameter to Distribution
        In place of those of the model.
    fixed : mapping of parameter to float
        Parameters held at a value.
    population : str or Population
        ``"pooled"``, ``"independent"``, ``"hierarchical"``, settings of one, or ``"auto"``:
        hierarchical where the data hold single measurements of two or more subjects, else pooled.
    inputs : mapping of parameter to covariate
        Parameters that are a covariate of each subject.
    order : mapping of parameter to expression
        Parameters that are greater than an expression of others.
    regimen : Regimen, or mapping of subject to Regimen, optional
        In place of the doses of the data.
    censoring : str or mapping of observable to str
        What becomes of values below a limit, "M1" to "M7".
    offsets : mapping of observable to "assay" or "source", or None to pool
    sigmas : mapping of observable to "assay" or "source"
        Residual errors of their own.
    solver : mapping
        Fields of `SolverOptions` that differ from the defaults.
    sampling : Sampling
    problem : str
        Id of the problem when it was fitted. Empty: not fitted yet.
    credibility : Assessment
        What the authors state, for the report.
    report : Reporting
        What the report shows beside the rest.
    folder : Path
        What relative paths are relative to; not part of the analysis.
    """

    model: str
    data: DataSource
    error: str | Mapping[str, str] = "lognormal"
    observables: Mapping[str, str | None] = field(default_factory=dict)
    priors: Mapping[str, Distribution] = field(default_factory=dict)
    fixed: Mapping[str, float] = field(default_factory=dict)
    population: str | Population = "auto"
    inputs: Mapping[str, str] = field(default_factory=dict)
    order: Mapping[str, str] = field(default_factory=dict)
    regimen: Regimen | Mapping[str, Regimen] | None = None
    solver: Mapping[str, Any] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    problem: str = ""
    folder: Path = field(default=Path(), compare=False)
    censoring: str | Mapping[str, str] = "M3"
    offsets: Mapping[str, str | None] = field(default_factory=dict)
    sigmas: Mapping[str, str] = field(default_factory=dict)
    credibility: Assessment = field(default_factory=Assessment)
    report: Reporting = field(default_factory=Reporting)

    def open_data(self) -> Study:
        """Read the data; see `DataSource.open`."""
        return self.data.open(self.folder)

    def to_problem(self, study: Study | None = None) -> Problem:
        """Make the problem.

        Parameters
        ----------
        study : Study, optional
            The data, when they were read before.

        Returns
        -------
        Problem

        Raises
        ------
        InputError
            If the data or a name or value in the analysis cannot be used.
        UnknownModelError
            If the library has no such model.
        """
        from ..models.library import get
        from ..models.solver import SolverOptions
        from .populations.population import population_model
        from .problem import Problem

        model = get(self.model)
        data = self.open_data() if study is None else study
        try:
            family = population_model(self.population_for(data))
            solver = SolverOptions(**{"rtol": family.effort.rtol, **self.solver})
            solver.atol_array(model)
            if solver.method not in METHODS:
                raise ValueError(f"method {solver.method!r} is none of {', '.join(METHODS)}")
        except (TypeError, ValueError) as error:
            raise InputError(f"solver: {error}") from None
        return Problem(
            model,
            data,
            error=self.error,
            population=family,
            inputs=self.inputs,
            order=self.order,
            priors=self.priors,
            fixed=self.fixed,
            observables=self.observables,
            regimen=self.regimen,
            solver=solver,
            censoring=self.censoring,
            offsets=self.offsets,
            sigmas=self.sigmas,
        )

    def settled(self, problem: Problem) -> Analysis:
        """Fill in the numbers that the problem made of what was left open.

        Effort of the sampler, forms and default priors of covariate effects: an analysis that is
        kept holds what was used, whatever later data or releases would choose.
        """
        from .populations.hierarchy import Hierarchical

        family, population = problem.family, self.population
        if isinstance(population, Hierarchical) and isinstance(family, Hierarchical):
            population = replace(population, effects=family.effects)
        return replace(self, sampling=self.sampling.settled(problem), population=population)

    def population_for(self, study: Study) -> str | Population:
        """Choose the population of the fit by the data where the analysis leaves it open."""
        if self.population != "auto":
            return self.population
        single = len(study.subjects) < 2 or study.is_aggregated
        return "pooled" if single else "hierarchical"

    @classmethod
    def of(
        cls, problem: Problem, sampling: Sampling | None = None, data: DataSource | None = None
    ) -> Analysis:
        """Describe a problem made in Python.

        Parameters
        ----------
        problem : Problem
        sampling : Sampling, optional
        data : DataSource, optional
            Default: the published set or the file that the study says it comes from, if reading
            it again gives the same data; else the copy that the run keeps.

        Returns
        -------
        Analysis
            ``analysis.to_problem()`` has the same id when the library has the model; values that
            differ from the library's are written down.
        """
        from ..models.solver import SolverOptions

        default = SolverOptions(rtol=problem.family.effort.rtol)
        matched = problem.targets
        left_out = [name for name in problem.data.observables if name not in matched]
        chosen = {f.name: getattr(problem.solver, f.name) for f in fields(default)}
        return cls(
            model=problem.model.name,
            data=data or find_source(problem.data),
            error=_common({name: error.spec for name, error in problem.errors.items()}),
            observables={
                **{name: target for name, target in matched.items() if name != target},
                **dict.fromkeys(left_out),
            },
            **_values(problem),
            population=_population(problem),
            inputs=dict(problem.inputs),
            censoring=_common(problem.methods),
            offsets=dict(problem.offsets),
            sigmas=dict(problem.sigmas),
            order=dict(problem.above),
            regimen=problem.regimen,
            solver={k: v for k, v in chosen.items() if v != getattr(default, k)},
            sampling=sampling or Sampling(),
            problem=problem.id,
        )

    def moved(self, folder: Path) -> Analysis:
        """Write paths relative to another folder."""
        if folder == self.folder:
            return self
        named: dict[str, Any] = {n: _from(folder, self.folder / getattr(self.data, n))
                 for n in ("file", "patients") if getattr(self.data, n)}  # fmt: skip
        return replace(self, data=replace(self.data, **named), folder=folder)


def _from(folder: Path, path: Path) -> str:
    """Name a path as it is seen from a folder."""
    try:
        return path.absolute().relative_to(folder.absolute(), walk_up=True).as_posix()
    except ValueError:  # another drive
        return str(path.absolute())


def find_source(study: Study) -> DataSource:
    """Say where a study can be read again; else, that the run keeps it."""
    from ..datasets import load, names, read_table
    from .specification import fingerprint

    same = fingerprint(study)
    if study.name in names() and fingerprint(load(study.name)) == same:
        return DataSource(name=study.name)
    for record in study.provenance[:1]:
        path = Path(record.file)
        if not (record.file and path.is_file() and digest(path) == record.sha256):
            continue
        try:
            again = read_table(path)
        except InputError:
            continue
        if fingerprint(again) == same:
            return DataSource(file=str(path.absolute()), sha256=record.sha256)
    return DataSource(file=KEPT)


def _common(names: Mapping[str, str]) -> str | dict[str, str]:
    """One name when all are the same."""
    different = set(names.values())
    return different.pop() if len(different) == 1 else dict(names)


def _values(problem: Problem) -> dict[str, Any]:
    """Priors and fixed values that the library's model does not have by itself."""
    standard = _library_model(problem.model)
    extra = _without_omega(problem.family).priors(problem)
    priors_of_population = {
        n: problem.all_priors[n] for n, d in extra.items() if problem.all_priors[n] != d
    }
    priors, fixed = {**problem.priors, **priors_of_population}, dict(problem.fixed)
    standard_fixed = standard.fixed_by_default if standard else ()
    for parameter in problem.model.parameters:
        name = parameter.name
        if name in problem.inputs:
            continue
        known = standard.parameter(name) if standard and name in standard.theta else None
        if name in problem.estimated:
            if known is None or known.prior != problem.all_priors[name]:
                priors[name] = problem.all_priors[name]
        elif known is None or name not in standard_fixed or known.value != parameter.value:
            fixed[name] = problem.constants[name]
    return {"priors": {k: v for k, v in priors.items() if k not in fixed}, "fixed": fixed}


def _library_model(model: OdeModel) -> OdeModel | None:
    from ..models.errors import ModelError
    from ..models.library import get
    from ..models.library.interventions import with_treatments

    try:
        return with_treatments(get(model.name), model.state_names)
    except ModelError:
        return None


def _population(problem: Problem) -> str | Population:
    """Name of a population without settings of its own, else the population.

    The priors of its spreads are among the priors of the analysis, see `_values`.
    """
    family = _without_omega(problem.family)
    return family.name if family == type(family)() else family


def _without_omega(family: Population) -> Population:
    """Give all spreads between subjects their default priors."""
    from .populations.hierarchy import Hierarchical

    return replace(family, omega={}) if isinstance(family, Hierarchical) else family
