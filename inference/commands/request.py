"""From the words of a command line to an `Analysis`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...datasets import registry
from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.dosing import Dose, Regimen
from ...models.library import get
from ..analysis import Analysis, DataSource
from ..analysis_file import read_analysis, read_regimen
from ..notation import read_assignment, read_distribution, read_number
from ..populations.effect_notation import read_effect

if TYPE_CHECKING:
    from ..populations.population import Population

__all__ = ["compose", "read_dose", "read_schedule"]

Words = Sequence[str] | None
EACH = {"--error": "IL6=lognormal", "--censoring": "IL6=M3"}


def compose(
    what: str,
    *,
    data: str | None = None,
    patients: str = "",
    reading: Mapping[str, Any] | None = None,
    error: Words = None,
    dose: Words = None,
    observable: Words = None,
    prior: Words = None,
    fix: Words = None,
    population: str | None = None,
    given: Words = None,
    censoring: Words = None,
    offset: Words = None,
    sigma: Words = None,
    effect: Words = None,
    occasion: Words = None,
    order: Words = None,
    sampling: Mapping[str, Any] | None = None,
    solver: Mapping[str, Any] | None = None,
) -> Analysis:
    """Make an analysis from a model or an analysis file, changed by the options given.

    Parameters
    ----------
    what : str
        Name of a model, or path of a file that ends in ``.toml``.
    data : str, optional
        Name of a published set, path of a csv file, or ``SET=COPY`` for your copy of a set that
        does not come with the package.
    patients : str
        Another file, with a row per patient.
    reading : mapping, optional
        How the files are read: `options_of_words`.
    error, dose, observable, prior, fix : sequence of str, optional
        ``lognormal`` or ``IL6=lognormal``; ``E=2@0``; ``IL-6=IL6`` (``IL-6=`` leaves it out);
        ``ka=LogNormal(0.1, 0.5)``;
        ``ka=0.1``.
    given : sequence of str, optional
        Parameters that are covariates.
    censoring, offset, sigma : sequence of str, optional
        ``M5`` or ``IL6=M5``; ``IL6=assay`` (``IL6=`` pools); ``IL6=assay``.
    effect, occasion, order : sequence of str, optional
        ``CL ~ (weight/70)^0.75``; a parameter that varies between occasions; ``ka > CL/V``.
    population : str, optional
    sampling, solver : mapping, optional
        Fields of `Sampling` and of `SolverOptions`; None: as it was.

    Raises
    ------
    InputError
        If an option cannot be read.
    """
    analysis = _start(what, data, patients, reading or {})
    changes: dict[str, Any] = {}
    if error:
        changes["error"] = _errors(error, analysis.error, "--error")
    if dose:
        changes["regimen"] = Regimen([read_dose(text) for text in dose])
    if observable:
        changes["observables"] = {**analysis.observables, **dict(map(_observable, observable))}
    if prior or fix:
        changes |= _parameters(analysis, prior or (), fix or ())
    if given:
        pairs = (read_assignment(text, "--input B0rel=burden") for text in given)
        changes["inputs"] = {**analysis.inputs, **dict(pairs)}
    if censoring:
        changes["censoring"] = _errors(censoring, analysis.censoring, "--censoring")
    if offset:
        words = ("--offset", "IL6=assay", "pool them", "NAME=COLUMN")
        grouped = dict(_observable(text, *words) for text in offset)
        changes["offsets"] = {**analysis.offsets, **grouped}
    if sigma:
        pairs = (read_assignment(text, "--sigma IL6=assay") for text in sigma)
        changes["sigmas"] = {**analysis.sigmas, **dict(pairs)}
    if population:
        changes["population"] = population
    if effect or occasion:
        before = changes.get("population", analysis.population)
        changes["population"] = _hierarchical(before, effect or (), occasion or ())
    if order:
        from ..populations.order import read_order  # late: it needs PyMC

        changes["order"] = {**analysis.order, **read_order(order)}
    asked = _given(sampling)
    if "draws" in asked:  # a run states its own bound, which is not meant for other draws
        asked.setdefault("max_draws", None)
    changes["sampling"] = replace(analysis.sampling, **asked)
    changes["solver"] = {**analysis.solver, **_given(solver)}
    return replace(analysis, **changes)


def _start(what: str, data: str | None, patients: str, reading: Mapping[str, Any]) -> Analysis:
    """Read the analysis file, or begin with a model."""
    if what.endswith(".toml"):
        analysis = read_analysis(what)
        if data is None:
            if patients or reading:
                raise InputError(
                    f"how the data are read stands in [data] of {what}; change it there, or name "
                    "the file once more with --data"
                )
            return analysis
        source = DataSource.of(data, patients, reading)
        before = analysis.moved(Path()).data
        if source.name == before.name and not reading:
            source = replace(source, options=before.options)
            source = replace(source, patients=patients or before.patients)
        return replace(analysis, data=source, folder=Path())
    if Path(what).is_dir():
        raise InputError(
            f"{what} is a folder; to repeat a run, name its file: {Path(what) / 'analysis.toml'}"
        )
    if data is None:
        raise InputError(
            "no data: add --data NAME (cytobayes datasets lists them) or --data FILE.csv"
        )
    source = DataSource.of(data, patients, reading)
    return Analysis(model=what, data=source, inputs=_stated(what, source))


def _stated(model: str, source: DataSource) -> dict[str, str]:
    """Parameters of the model that a known data set states for each subject."""
    if source.name not in registry.names():
        return {}
    known = {p.name for p in get(model).parameters}
    return {n: c for n, c in registry.entry(source.name).inputs.items() if n in known}


def _given(options: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in (options or {}).items() if value is not None}


def _errors(
    texts: Sequence[str], before: str | Mapping[str, str], option: str
) -> str | dict[str, str]:
    """One error model or method for all, or one for each observable named."""
    what = "error model" if option == "--error" else "method"
    bare = [text for text in texts if "=" not in text.partition("(")[0]]
    if len(texts) == 1 and bare:
        return texts[0].strip()
    if bare:
        raise InputError(
            f"{option} {shown(bare[0])}: give one {what} for all, or {EACH[option]} for each"
        )
    named = dict(read_assignment(text, f"{option} {EACH[option]}") for text in texts)
    return named if isinstance(before, str) else {**before, **named}


def _observable(
    text: str,
    option: str = "--observable",
    example: str = "IL-6=IL6",
    none: str = "leave its rows out",
    form: str = "DATA=MODEL",
) -> tuple[str, str | None]:
    """Read ``IL-6=IL6``, or ``IL-6=`` for none."""
    name, equals, target = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise InputError(
            f"{option} {shown(text)}: write {form}, such as {option} {example}, or "
            f"{example.partition('=')[0]}= to {none}"
        )
    return name, target or None


def _parameters(analysis: Analysis, prior: Sequence[str], fix: Sequence[str]) -> dict[str, Any]:
    """Priors and fixed values; what is fixed has no prior, and the other way round."""
    priors, fixed = dict(analysis.priors), dict(analysis.fixed)
    for text in prior:
        name, value = read_assignment(text, '--prior "ka=LogNormal(0.1, 0.5)"')
        priors[name] = read_distribution(value, what=f"--prior {name}:")
        fixed.pop(name, None)
    for text in fix:
        name, value = read_assignment(text, "--fix ka=0.1")
        fixed[name] = read_number(value, f"--fix {name}")
        if any(p.partition("=")[0].strip() == name for p in prior):
            raise InputError(f"{name} has both --prior and --fix; give one of them")
        priors.pop(name, None)
    return {"priors": priors, "fixed": fixed}


def _hierarchical(
    before: str | Population, effect: Sequence[str], occasion: Sequence[str]
) -> Population:
    """Add covariate effects and variation between occasions to a hierarchical population."""
    from ..populations.hierarchy import Hierarchical  # late: it needs PyMC

    if before in ("auto", Hierarchical.name):
        before = Hierarchical()
    if not isinstance(before, Hierarchical):
        raise InputError(
            f"--effect and --occasion need a hierarchical population, not {before}: leave out "
            "--population, or give --population hierarchical"
        )
    effects = (*before.effects, *map(read_effect, effect))
    return replace(before, effects=effects, occasions=(*before.occasions, *occasion))


def read_dose(text: str) -> Dose:
    """Read ``E=2@0``: an amount into a state at a time."""
    example = "--dose E=2@0"
    state, rest = read_assignment(text, example)
    amount, at, time = rest.partition("@")
    where = f"--dose {shown(text)} (STATE=AMOUNT@TIME)"
    try:
        return Dose(
            time=read_number(time, where) if at else 0.0,
            amount=read_number(amount, where),
            state=state,
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{where}: {error}") from None


def read_schedule(doses: Sequence[str], file: Path | None) -> Regimen | dict[str, Regimen] | None:
    """Read ``--dose`` or ``--regimen``; None without either.

    Parameters
    ----------
    doses : sequence of str
        ``"E=2@0"``: amount into a state at a time.
    file : Path, optional
        TOML file of ``[[regimen]]`` tables, as in an analysis file.

    Raises
    ------
    InputError
        If both are given, or one cannot be read.
    """
    if doses and file is not None:
        raise InputError("give --dose or --regimen, not both")
    if doses:
        return Regimen([read_dose(text) for text in doses])
    if file is None:
        return None
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{file} is not a TOML file: {error}") from None
    if "regimen" not in tables:
        raise InputError(f"{file}: there is no [[regimen]] table, one for each event")
    return read_regimen(tables["regimen"], f"{file}: [[regimen]]")
