"""``analysis.toml``: an `Analysis` in writing, commented, read strictly and never executed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._version import __version__
from ..datasets.errors import InputError
from ..datasets.wording import closest
from ..models.dosing import Dose, Regimen, Reset, Switch
from .analysis import Analysis, Sampling
from .data_section import read_source, write_source
from .notation import read_distribution, write_distribution
from .populations.covariates import Effect
from .statements import Assessment, Reporting
from .toml import (
    read_numbers,
    read_one_text,
    read_section,
    read_texts,
    write_lines,
    write_section,
)

if TYPE_CHECKING:
    from ..models.distributions import Distribution
    from .populations.population import Population

__all__ = [
    "FORMAT",
    "is_analysis",
    "read_analysis",
    "read_regimen",
    "read_text",
    "write_events",
    "write_text",
]

FORMAT = 1
EVENTS: dict[str, type[Any]] = {"dose": Dose, "switch": Switch, "reset": Reset}
LISTS = ("varying", "correlated", "centered", "occasions")  # of parameters, in [population]
HEAD = ("format", "cytobayes", "problem")
SECTIONS = (
    "model", "data", "error", "censoring", "offsets", "sigmas", "observables", "priors",
    "fixed", "inputs", "order", "population", "effect", "regimen",
    "solver", "sampling", "credibility", "report",
)  # fmt: skip
HEADER = """\
# An analysis of cytobayes. Repeat it with
#     cytobayes fit analysis.toml --out NEW_FOLDER
# or change it here first. Nothing in this file is executed.
"""
NOTES = {
    "format": "layout of this file",
    "cytobayes": "release that wrote it",
    "problem": "id of what was fitted",
    "all": "lognormal, lognormal-t, additive, additive-t, proportional, combined, power, "
    "bernoulli or ordinal",
    "kind": "pooled: one parameter vector for all; hierarchical: individuals around typical "
    "values; independent: one vector each; auto: by the data",
    "draws": "kept, per chain",
    "max_draws": "chains that have not converged go on, up to so many",
    "tune": "warm-up, per chain",
    "seed": "same seed, same draws",
    "stratify": "panels of the visual predictive check, by covariate or dose",
    "adaptation": "low_rank, diag or draw_diag: metric that nutpie tunes",
}
NOTES_BELOW = {"all": "M3: the probability of lying below; or M1, M2, M4 to M7"}


def write_text(analysis: Analysis, units: Mapping[str, str] | None = None) -> str:
    """Write an analysis.

    Parameters
    ----------
    analysis : Analysis
    units : mapping of parameter to unit, optional
        Written as comments.

    Returns
    -------
    str
        TOML; `read_text` gives the same analysis back, with the priors of spreads that a
        population holds (``Hierarchical(omega=...)``) among its ``priors``.
    """
    head = {"format": FORMAT, "cytobayes": __version__, "problem": analysis.problem}
    data = write_source(analysis.data)
    error = {"all": analysis.error} if isinstance(analysis.error, str) else analysis.error
    named = {k: False if v is None else v for k, v in analysis.observables.items()}
    method = analysis.censoring
    below = {"all": method} if isinstance(method, str) else method
    below = {} if method == "M3" else below
    between = {k: False if v is None else v for k, v in analysis.offsets.items()}
    chosen = {**_spreads(analysis.population), **analysis.priors}
    priors = {name: write_distribution(prior) for name, prior in chosen.items()}
    none = " (nothing differs)" if not priors and not analysis.fixed else ""
    sampling = {k: v for k, v in asdict(analysis.sampling).items() if v is not None}
    said = {k: v for k, v in asdict(analysis.credibility).items() if v}
    blocks = [
        HEADER + "\n" + write_lines({k: v for k, v in head.items() if v}, NOTES),
        _no_events(analysis.regimen),
        write_section("model", "", {"name": analysis.model}),
        write_section("data", "", data),
        write_section("error", "of measurement, by observable", error, NOTES),
        write_section("censoring", "of values below a limit, by observable", below, NOTES_BELOW),
        write_section("offsets", "by assay or source; false: pooled knowingly", between),
        write_section(
            "sigmas", "residual errors of their own, by assay or source", analysis.sigmas
        ),
        write_section("observables", "data = model; false: not fitted", named),
        write_section("priors", "in place of those of the model", priors, units),
        write_section("fixed", "parameters held at a value", analysis.fixed, units),
        f"# [priors] and [fixed]: those of the model{none}\n" if none else "",
        write_section("inputs", "parameter = covariate of each subject", analysis.inputs),
        write_section("order", "parameter = what it is greater than", analysis.order),
        *_write_population(analysis.population),
        *write_events(analysis.regimen),
        write_section("solver", "where it differs from the defaults", analysis.solver),
        write_section("sampling", "", sampling, NOTES),
        write_section("credibility", "what its authors state, for the report", said),
        write_section("report", "", {k: v for k, v in asdict(analysis.report).items() if v}, NOTES),
    ]
    return "\n".join(block for block in blocks if block)


def _spreads(population: str | Population) -> dict[str, Distribution]:
    """Priors of spreads that a population holds, by the names that they have in a problem."""
    if isinstance(population, str):
        return {}
    from .populations.hierarchy import Hierarchical  # late: it needs PyMC

    held = population.omega if isinstance(population, Hierarchical) else {}
    return {f"{name}_omega": prior for name, prior in held.items()}


def _write_population(population: str | Population) -> list[str]:
    """Kind and settings of the population, and one ``[[effect]]`` per covariate effect."""
    if isinstance(population, str):
        return [write_section("population", "", {"kind": population}, NOTES)]
    from .populations.hierarchy import Hierarchical  # late: it needs PyMC

    settings: dict[str, Any] = {"kind": population.name}
    effects = []
    if isinstance(population, Hierarchical):
        plain = Hierarchical()
        for name in LISTS:
            if getattr(population, name) != getattr(plain, name):
                settings[name] = list(getattr(population, name))
        settings |= {f"shape_{n}": shape for n, shape in population.shapes.items()}
        for e in population.effects:
            row = {f.name: getattr(e, f.name) for f in fields(e)}
            row["prior"] = None if e.prior is None else write_distribution(e.prior)
            kept = {k: v for k, v in row.items() if v is not None}
            effects.append("[[effect]]\n" + write_lines(kept, {}))
    return [write_section("population", "", settings, NOTES), *effects]


def _read_population(tables: Mapping[str, Any], where: str) -> str | Population:
    table = dict(tables.get("population", {"kind": "auto"}))
    effects = tables.get("effect", [])
    kind = read_one_text({"kind": table.pop("kind", "auto")}, "kind", f"{where}: [population]")
    if not table and not effects:
        return kind
    from .populations.hierarchy import Hierarchical  # late: it needs PyMC

    if kind not in ("auto", Hierarchical.name):
        raise InputError(f"{where}: only a hierarchical population has settings or [[effect]]s")
    named = [k for k in table if k.startswith("shape_")]
    shapes = {k.removeprefix("shape_"): str(table.pop(k)) for k in named}
    listed = [k for k in table if k in LISTS]
    lists: dict[str, Any] = {k: _names(table.pop(k), f"{where}: [population] {k}") for k in listed}
    if table:
        raise InputError(f"{where}: [population] has no setting {min(table)!r}")
    return Hierarchical(effects=_effects(effects, where), shapes=shapes, **lists)


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise InputError(f"{where} must be a list of names")
    return tuple(value)


def _effects(rows: Any, where: str) -> tuple[Effect, ...]:
    if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows):
        raise InputError(f"{where}: [[effect]] must be written with two brackets, once per effect")
    known = [f.name for f in fields(Effect)]
    made = []
    for row in rows:
        for key in row:
            if key not in known:
                raise InputError(f"{where}: [[effect]] has no {key!r}; known: {', '.join(known)}")
        if missing := [k for k in ("parameter", "covariate") if k not in row]:
            raise InputError(f"{where}: an [[effect]] lacks {missing[0]}")
        values = dict(row)
        if "prior" in values:
            values["prior"] = read_distribution(str(values["prior"]), f"{where}: [[effect]] prior:")
        made.append(Effect(**values))
    return tuple(made)


def _no_events(regimen: Regimen | Mapping[str, Regimen] | None) -> str:
    """Say that nobody gets anything, which an absent section would not."""
    return "regimen = []\n" if regimen is not None and not write_events(regimen) else ""


def write_events(regimen: Regimen | Mapping[str, Regimen] | None) -> list[str]:
    """One ``[[regimen]]`` per event, in order."""
    if regimen is None:
        return []
    groups = regimen if isinstance(regimen, Mapping) else {"": regimen}
    kinds = {kind: word for word, kind in EVENTS.items()}
    blocks = []
    for subject, events in groups.items():
        for event in events.events:
            default = {f.name: f.default for f in fields(event)}
            values = {k: v for k, v in asdict(event).items() if v != default[k]}
            label = {"subject": subject} if subject else {}
            lines = {"event": kinds[type(event)], **label, **values}
            blocks.append("[[regimen]]\n" + write_lines(lines, {}))
    return blocks


def is_analysis(path: Path) -> bool:
    """Whether a file was written by `write_text`, whatever its layout."""
    try:
        head = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "format" in head and "cytobayes" in head


def read_analysis(path: str | Path) -> Analysis:
    """Read an analysis file.

    Raises
    ------
    InputError
        If it is missing, is not TOML, or states something that has no meaning.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None
    return read_text(text, folder=path.parent, where=str(path))


def read_text(text: str, *, folder: Path = Path(), where: str = "analysis") -> Analysis:
    """Read the text of an analysis file.

    Parameters
    ----------
    text : str
    folder : Path
        What relative paths in it are relative to.
    where : str
        Its name in messages.

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        As in `read_analysis`.
    """
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{where} is not valid TOML: {error}") from None
    _check_head(tables, where)
    errors = read_texts(tables.get("error", {"all": "lognormal"}), f"{where}: [error]")
    below = read_texts(tables.get("censoring", {"all": "M3"}), f"{where}: [censoring]")
    priors = read_texts(tables.get("priors", {}), f"{where}: [priors]")
    return Analysis(
        model=read_one_text(tables["model"], "name", f"{where}: [model]"),
        data=read_source(tables["data"], f"{where}: [data]"),
        error=errors["all"] if set(errors) == {"all"} else errors,
        observables=_optional(tables.get("observables", {}), f"{where}: [observables]"),
        priors={k: read_distribution(v, f"{where}: prior of {k}:") for k, v in priors.items()},
        fixed=read_numbers(tables.get("fixed", {}), f"{where}: [fixed]"),
        population=_read_population(tables, where),
        inputs=read_texts(tables.get("inputs", {}), f"{where}: [inputs]"),
        order=read_texts(tables.get("order", {}), f"{where}: [order]"),
        regimen=read_regimen(tables.get("regimen"), f"{where}: [[regimen]]"),
        solver=dict(tables.get("solver", {})),
        sampling=read_section(Sampling, tables.get("sampling", {}), f"{where}: [sampling]"),
        problem=str(tables.get("problem", "")),
        censoring=below["all"] if set(below) == {"all"} else below,
        offsets=_optional(tables.get("offsets", {}), f"{where}: [offsets]"),
        sigmas=read_texts(tables.get("sigmas", {}), f"{where}: [sigmas]"),
        credibility=read_section(
            Assessment, tables.get("credibility", {}), f"{where}: [credibility]"
        ),
        report=read_section(Reporting, tables.get("report", {}), f"{where}: [report]"),
        folder=folder,
    )


def _check_head(tables: Mapping[str, Any], where: str) -> None:
    """Refuse other layouts, and sections without meaning."""
    layout = tables.get("format", FORMAT)
    if layout != FORMAT:
        raise InputError(
            f"{where} has layout {layout!r}, and this release ({__version__}) reads {FORMAT}. "
            f"Use the release that wrote it: {tables.get('cytobayes', 'unknown')}."
        )
    for key, table in tables.items():
        if key not in (*HEAD, *SECTIONS):
            guess = closest(key, SECTIONS)
            hint = f"did you mean [{guess}]?" if guess else f"there are {', '.join(SECTIONS)}"
            raise InputError(f"{where}: there is no section {key!r}; {hint}")
        if key in SECTIONS and key not in ("regimen", "effect") and not isinstance(table, Mapping):
            raise InputError(f"{where}: {key} must be a section, [{key}]")
    for key in ("model", "data"):
        if key not in tables:
            raise InputError(f"{where} has no section [{key}]")


def _optional(table: Mapping[str, Any], where: str) -> dict[str, str | None]:
    """Read texts, with false for none."""
    kept = {key: value for key, value in table.items() if value is not False}
    named = read_texts(kept, where)
    return {key: named.get(key) for key in table}


def read_regimen(
    events: Sequence[Mapping[str, Any]] | None, where: str
) -> Regimen | dict[str, Regimen] | None:
    """Read one schedule for all, or one for each subject when events name one.

    Raises
    ------
    InputError
        Naming the file and the key at fault.
    """
    if events is None:
        return None
    if not isinstance(events, list) or not all(isinstance(e, Mapping) for e in events):
        raise InputError(f"{where} must be written with two brackets, once per event")
    named = [bool(e.get("subject")) for e in events]
    if any(named) and not all(named):
        raise InputError(f"{where}: name a subject in all events or in none")
    groups: dict[str, list[Dose | Switch | Reset]] = {}
    for event in events:
        fields_ = {k: v for k, v in event.items() if k not in ("event", "subject")}
        kind = event.get("event", "dose")
        if kind not in EVENTS:
            raise InputError(f"{where}: event = {kind!r} must be dose, switch or reset")
        made: Dose | Switch | Reset = read_section(EVENTS[kind], fields_, where)
        groups.setdefault(str(event.get("subject", "")), []).append(made)
    if not any(named):
        return Regimen(groups.get("", ()))
    return {subject: Regimen(made) for subject, made in groups.items()}
