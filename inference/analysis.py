"""`Analysis`: one fit as plain values, written to and read from ``analysis.toml``."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.errors import InputError
from ..models.distributions import Distribution
from ..models.dosing import Regimen

if TYPE_CHECKING:
    from ..datasets.study import Study
    from ..models.ode import OdeModel
    from .populations.population import Population
    from .problem import Problem

__all__ = ["Analysis", "DataSource", "Sampling"]

KEPT = "posterior.nc"  # of a run: holds a copy of the data
COPIED = "individual (loader)"  # kind of the sets that do not come with the package
METHODS = ("auto", "explicit", "stiff")


@dataclass(frozen=True)
class Sampling:
    """How the posterior is drawn.

    Parameters
    ----------
    sampler : {"nutpie", "pymc"}
    draws, tune, chains : int
        Kept draws and warm-up draws of each chain, and the number of chains.
    seed : int
        Same seed, same draws.
    target_accept : float
        Mean acceptance the step size is tuned to; nearer to 1 means smaller steps.
    """

    sampler: str = "nutpie"
    draws: int = 2000
    tune: int = 1000
    chains: int = 4
    seed: int = 1
    target_accept: float = 0.95

    def __post_init__(self) -> None:
        """Refuse what no sampler can do."""
        if self.sampler not in ("nutpie", "pymc"):
            raise InputError(f"sampler {self.sampler!r}: choose nutpie or pymc")
        for name in ("draws", "tune", "chains"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must be at least 1")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed = {self.seed}: must lie between 0 and {2**32 - 1}")
        if not 0 < self.target_accept < 1:
            raise InputError(f"target_accept = {self.target_accept:g}: must lie between 0 and 1")


@dataclass(frozen=True)
class DataSource:
    """Where the data of an analysis are: a published set by name, a file, or a copy of a set.

    Parameters
    ----------
    name : str
        Name of a set that comes with the package, or of one of which the user has a copy; empty
        for a file.
    file : str
        Path of a table, of a ``posterior.nc`` that keeps the data of a run, or of the copy of the
        set; relative to the folder of the analysis file.
    sha256 : str
        Digest of a table; one that has changed since is refused.
    options : mapping
        Of the loader of a set that does not come with the package: ``observables`` and the like.
    """

    name: str = ""
    file: str = ""
    sha256: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, name_or_path: str) -> DataSource:
        """Describe what ``--data`` named, ``SET=COPY`` for a copy; a file is digested."""
        from ..datasets import names

        name, equals, copy = name_or_path.partition("=")
        if equals and name in names(COPIED):
            return cls(name=name, file=copy)
        path = Path(name_or_path)
        if name_or_path in names() or not path.is_file():
            return cls(name=name_or_path)
        return cls(file=name_or_path, sha256=digest(path))

    @property
    def is_copy(self) -> bool:
        """Whether it is the user's copy of a set that does not come with the package."""
        from ..datasets import names

        return self.name in names(COPIED)

    def open(self, folder: Path) -> Study:
        """Read the data.

        Parameters
        ----------
        folder : Path
            What a relative path is relative to.

        Raises
        ------
        InputError
            If there are none, they cannot be read, or the file has changed.
        """
        from ..datasets import load, open_study

        path = folder / self.file
        if self.name and not self.is_copy:
            return open_study(self.name)
        there = bool(self.file) and path.exists()
        if self.name and (there or not (folder / KEPT).exists()):
            return load(self.name, path if self.file else None, **self.options)
        if not there and (folder / KEPT).exists():
            path = folder / KEPT  # the table is gone, the run kept its content
        if path.suffix == ".nc":
            return kept_study(path)
        if self.sha256 and path.is_file() and digest(path) != self.sha256:
            raise InputError(
                f"{path} has changed since the analysis was written. Restore it, or delete the "
                "line sha256 from the analysis file to fit it as it is now."
            )
        return open_study(path)


def digest(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def kept_study(path: Path) -> Study:
    """Read the data that a run kept."""
    import xarray as xr

    from ..datasets import Study

    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            return Study.from_tree(tree.children["study"].load())
    except (OSError, KeyError) as error:
        raise InputError(f"{path} holds no data that can be read ({error})") from None


@dataclass(frozen=True)
class Analysis:
    """Everything that decides the draws of one fit, as plain values.

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
    solver : mapping
        Fields of `SolverOptions` that differ from the defaults.
    sampling : Sampling
    problem : str
        Id of the problem when it was fitted. Empty: not fitted yet.
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
        from .problem import Problem

        model = get(self.model)
        data = self.open_data() if study is None else study
        try:
            solver = SolverOptions(**self.solver)
            solver.atol_array(model)
            if solver.method not in METHODS:
                raise ValueError(f"method {solver.method!r} is none of {', '.join(METHODS)}")
        except (TypeError, ValueError) as error:
            raise InputError(f"solver: {error}") from None
        return Problem(
            model,
            data,
            error=self.error,
            population=self.population_for(data),
            inputs=self.inputs,
            order=self.order,
            priors=self.priors,
            fixed=self.fixed,
            observables=self.observables,
            regimen=self.regimen,
            solver=solver,
            censoring=self.censoring,
            offsets=self.offsets,
        )

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

        default = SolverOptions()
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
            order=dict(problem.above),
            regimen=problem.regimen,
            solver={k: v for k, v in chosen.items() if v != getattr(default, k)},
            sampling=sampling or Sampling(),
            problem=problem.id,
        )

    def moved(self, folder: Path) -> Analysis:
        """Write paths relative to another folder."""
        if not self.data.file or folder == self.folder:
            return replace(self, folder=folder)
        path = (self.folder / self.data.file).absolute()
        try:
            file = path.relative_to(folder.absolute(), walk_up=True).as_posix()
        except ValueError:  # another drive
            file = str(path)
        return replace(self, data=replace(self.data, file=file), folder=folder)


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
    extra = problem.family.priors(replace(problem, priors={}))
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
    from ..models.library import get, names
    from ..models.library.interventions import with_treatments

    return with_treatments(get(model.name), model.state_names) if model.name in names() else None


def _population(problem: Problem) -> str | Population:
    """Name of a population without settings of its own, else the population."""
    from .populations.population import population_model

    family = problem.family
    plain = family.describe() == population_model(family.name).describe()
    return family.name if plain else family
