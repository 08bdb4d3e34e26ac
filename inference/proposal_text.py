"""A proposal in writing: an ``analysis.toml`` whose comments say what was taken for what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from ..datasets.wording import closest, counted, wrapped
from .analysis_file import FORMAT, NOTES, NOTES_BELOW, write_events
from .data_section import write_source
from .notation import write_distribution
from .proposal import MEANT, Match, Proposal
from .statements import Assessment
from .toml import toml_key, toml_value, write_section

if TYPE_CHECKING:
    from ..models.ode import OdeModel
    from .analysis import DataSource

__all__ = ["decided", "open_points", "write_proposal"]

MARK = "?"  # of what could not be decided
MOST_LABELS = 4
BURDEN = "B0rel"  # target of a patient beside the typical patient's
HEADER = """\
# Proposed by cytobayes init. Read it, change it, then
#     cytobayes fit {name} --out NEW_FOLDER
# A line that begins with "# {mark}" is a question that the file of data leaves open.
# Nothing in this file is executed.

format = {format}
"""


def write_proposal(proposal: Proposal, data: DataSource, kind: str, name: str) -> str:
    """Write a proposal as an analysis file.

    Parameters
    ----------
    proposal : Proposal
    data : DataSource
        As the file names it.
    kind : str
        Of the population.
    name : str
        Of the file that is written.

    Returns
    -------
    str
        TOML that `read_text` reads; every choice has a comment, and what else could be chosen
        stands commented out.
    """
    blocks = [
        HEADER.format(name=name, mark=MARK, format=FORMAT),
        _data(proposal, data),
        _model(proposal),
        _observables(proposal),
        _error(proposal),
        _censoring(proposal),
        _offsets(proposal),
        _regimen(proposal),
        _population(proposal, kind),
        _covariates(proposal),
        _parameters(proposal),
        _sampling(),
        _credibility(),
        _report(proposal),
    ]
    return "\n".join(block for block in blocks if block)


def decided(proposal: Proposal, kind: str) -> list[str]:
    """Say what was taken for what, a sentence each."""
    model, study = proposal.model, proposal.study
    whose = "as asked" if proposal.chosen else "the nearest of the library"
    told = [f"model: {model.name} ({model.title}), {whose}"]
    for m in proposal.fitted:
        same = f" ({m.why})" if m.why else ""
        told.append(f"observable: {m.name} is {m.target} of the model{same}")
    told += [f"error: {e} for {names}" for e, names in _errors_by_kind(proposal).items()]
    told.append(f"population: {kind}, of {counted(len(study.subjects), 'subject')}")
    told += [f"input: {p} of the model is the covariate {c}" for p, c in proposal.inputs.items()]
    if count := study.doses.sizes["dose"]:
        told.append(f"doses: {count} in the data, taken as they are")
    graded = study.to_frame("outcomes").groupby(["outcome", "scale"], sort=False)
    for (name, scale), part in graded:
        label = f"{name} ({scale})" if scale else name
        told.append(f"outcome: {label} of {counted(len(part), 'subject')}; the report and "
                    "cytobayes risk use it")  # fmt: skip
    return told


def open_points(proposal: Proposal) -> list[str]:
    """Say what the data leave open, with the remedy."""
    p, found = proposal, []
    if p.others and not p.chosen:
        found.append(
            f"other models measure it or a part of it: {', '.join(o.name for o in p.others)}"
        )
    for m in p.matches:
        if m.target is None:
            found.append(
                f"{m.name} is no observable of {p.model.name} and is left out; name its "
                "counterpart in [observables], or another model"
            )
    found += [f"{_unitless(p, m)}; add a column unit to the data" for m in _without_unit(p)]
    if not p.study.time_unit:
        found.append(f"times have no unit: taken as {p.model.time_unit}, that of the model")
    for m in p.fitted:
        for column, labels in p.groups(m.name).items():
            found.append(
                f"{m.name} comes from {counted(len(labels), column)}: each but the first gets an "
                "offset; in [offsets], false pools them"
            )
    if _wants_doses(p):
        found.append("the data hold no doses; those that are typical of the model stand commented "
                     "out in [[regimen]]")  # fmt: skip
    if others := [c for c in (*p.numeric, *p.words) if c not in p.inputs]:
        found.append(f"covariates act on nothing yet: {', '.join(others)}; see [[effect]]")
    return found


def _asked(text: str) -> str:
    """Write a question as comments."""
    first, *more = wrapped(text, 4)
    return "\n".join([f"# {MARK} {first}", *(f"#   {line}" for line in more)]) + "\n"


def _remark(text: str) -> str:
    return "".join(f"# {line}\n" for line in wrapped(text, 2))


def _off(text: str) -> str:
    """Comment lines out."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.rstrip("\n").split("\n"))


def _data(p: Proposal, data: DataSource) -> str:
    table = write_source(replace(data, sha256=""))
    rows = p.study.to_frame()
    span = f"{rows['time'].min():g} to {rows['time'].max():g} {p.study.time_unit}".rstrip()
    told = f"{counted(len(rows), 'row')} of {counted(len(p.study.subjects), 'subject')}, {span}"
    text = write_section("data", told, table)
    if not p.study.time_unit:
        text += _asked(
            f"The data state no unit of time; they are taken as {p.model.time_unit}, that of the "
            f"model. To be sure, call the column: time ({p.model.time_unit})"
        )
    return text


def _model(p: Proposal) -> str:
    text = write_section("model", "", {"name": p.model.name}, {"name": p.model.title})
    if p.others:
        ask = "Other models that measure what the data hold, or a part of it:"
        text += _remark(ask) if p.chosen else _asked(ask)
        lines = (f"# name = {toml_value(o.name):<26}  # {_part(p, o)}{o.title}" for o in p.others)
        text += "".join(f"{line}\n" for line in lines)
    return text


def _part(p: Proposal, other: OdeModel) -> str:
    """Say how much of the data another model measures, if not all."""
    part, whole = p.measured_by(other), len(p.matches)
    return "" if len(part) == whole else f"{len(part)} of {whole} observables: "


def _observables(p: Proposal) -> str:
    lines = ["[observables]  # data = model; false: not fitted"]
    for m in p.matches:
        key = toml_key(m.name)
        if m.target is None:
            lines.append(f"{key} = false")
            lines.append(_asked(_counterpart(p, m)).rstrip("\n"))
        else:
            note = f"  # {m.why}; see that it is meant" if m.why and m.why != MEANT else ""
            lines.append(f"{key} = {toml_value(m.target)}{note}")
    lines += [_asked(f"{_unitless(p, m)}.").rstrip("\n") for m in _without_unit(p)]
    return "\n".join(lines) + "\n"


def _counterpart(p: Proposal, m: Match) -> str:
    if p.error(m.name) == "bernoulli" and p.fitted:
        return _yes_or_no(p, m)
    guess = closest(m.name, p.free)
    free = ", ".join(p.free[:12]) or "none"
    example = f'{toml_key(m.name)} = "{guess or (p.free or ("NAME",))[0]}"'
    return (
        f"{m.name} is no observable of the model, so its rows are left out. If it is one of "
        f"{free} under another name, write: {example}"
    )


def _yes_or_no(p: Proposal, m: Match) -> str:
    """How an outcome is fitted together with what it may follow from."""
    measured = p.fitted[0].target
    name = f"{p.model.name}+AUC({measured})"
    rename = "" if "AUC" in p.model.observables else f'name = "{name}" in [model], '
    return (
        f"{m.name} is 0 or 1 and left out. To let its odds follow the area under {measured} until "
        f'its row, write: {rename}{toml_key(m.name)} = "AUC" here, and in [error] (with a line for '
        f'each observable in place of all) {toml_key(m.name)} = "bernoulli"'
    )


def _without_unit(p: Proposal) -> list[Match]:
    units = p.study.units
    return [m for m in p.fitted if m.target and not units[m.name] and p.model.unit(m.target)]


def _unitless(p: Proposal, m: Match) -> str:
    return f"{m.name} has no unit in the data: taken as {p.model.unit(str(m.target))}, the model's"


def _errors_by_kind(p: Proposal) -> dict[str, str]:
    kinds: dict[str, list[str]] = {}
    for m in p.fitted:
        kinds.setdefault(p.error(m.name), []).append(m.name)
    return {kind: ", ".join(names) for kind, names in kinds.items()}


def _error(p: Proposal) -> str:
    kinds = _errors_by_kind(p)
    if set(kinds) == {"lognormal"}:
        return write_section("error", "of measurement", {"all": "lognormal"}, NOTES)
    reasons = {"additive": "has values of zero or less, or no single one",
               "bernoulli": "is 0 or 1"}  # fmt: skip
    table = {m.name: p.error(m.name) for m in p.fitted}
    notes = {name: reasons.get(kind, "") for name, kind in table.items()}
    return write_section("error", NOTES["all"], table, notes)


def _censoring(p: Proposal) -> str:
    told = []
    for m in p.fitted:
        counts = p.rows(m.name)["censoring"].value_counts()
        parts = [f"{counts[k]} {k}" for k in ("left", "right", "interval") if k in counts]
        told += [f"{m.name} {', '.join(parts)}"] if parts else []
    if not told:
        return ""
    head = _remark(f"Rows beyond a limit: {'; '.join(told)}.")
    return head + write_section("censoring", "", {"all": "M3"}, NOTES_BELOW)


def _offsets(p: Proposal) -> str:
    table: dict[str, str] = {}
    asked: list[str] = []
    for m in p.fitted:
        for column, labels in p.groups(m.name).items():
            table.setdefault(m.name, column)
            few = ", ".join(labels[:MOST_LABELS]) + (" ..." if len(labels) > MOST_LABELS else "")
            asked.append(f"{m.name} has several values of {column} ({few}): an offset for each "
                         "but the first is estimated; false pools them.")  # fmt: skip
    text = write_section("offsets", "by assay or source", table)
    return text + "".join(map(_asked, asked))


def _wants_doses(p: Proposal) -> bool:
    return not p.study.doses.sizes["dose"] and bool(p.model.schedule.events)


def _regimen(p: Proposal) -> str:
    if count := p.study.doses.sizes["dose"]:
        return _remark(f"Doses: the {count} of the data. [[regimen]] would replace them all.")
    if not _wants_doses(p):
        return ""
    ask = (
        "The data hold no doses. If these were given to everybody, correct them and take away the "
        "signs (typical of the model):"
    )
    return _asked(ask) + _off("\n".join(write_events(p.model.schedule)))


def _population(p: Proposal, kind: str) -> str:
    text = write_section("population", "", {"kind": kind}, NOTES)
    if "occasion" in p.study.to_frame():
        text += _asked("The data name occasions; parameters that vary between them:")
        text += f"# occasions = [{toml_value(p.model.estimated[0])}]\n"
    return text


def _covariates(p: Proposal) -> str:
    text = write_section("inputs", "parameter = covariate of each subject", p.inputs)
    left = [c for c in (*p.numeric, *p.words) if c not in p.inputs]
    if not left:
        return text
    free = ", ".join(p.model.estimated[:8]) + (" ..." if len(p.model.estimated) > 8 else "")
    text += _asked(
        f"Covariates of the data that act on nothing yet: {', '.join(left)}. One that changes a "
        f"parameter ({free}) of a hierarchical population:"
    )
    example: Mapping[str, Any] = {"parameter": p.model.estimated[0], "covariate": left[0]}
    shape = {"form": "category"} if left[0] in p.words else {"form": "power"}
    text += _off("[[effect]]\n" + _lines({**example, **shape}))
    if p.numeric:
        text += _remark("One that is a parameter of the model, in its unit:")
        text += _off("[inputs]\n{} = {}".format(*_input(p, left)))
    return text


def _input(p: Proposal, left: Sequence[str]) -> tuple[str, str]:
    """Give an example of a parameter that is a covariate: relative burden, where both are there."""
    burden = next((c for c in left if "burden" in c.casefold()), "")
    if burden and BURDEN in p.model.parameter_names:
        return BURDEN, toml_value(burden)
    return "PARAMETER", toml_value(left[0])


def _lines(table: Mapping[str, Any]) -> str:
    return "\n".join(f"{toml_key(k)} = {toml_value(v)}" for k, v in table.items())


def _parameters(p: Proposal) -> str:
    """Priors and fixed values of the model, to be changed by taking a sign away."""
    given = set(p.inputs)
    model = p.model
    priors = [
        (n, toml_value(write_distribution(prior)), model.parameter(n).unit)
        for n in model.estimated
        if n not in given and (prior := model.parameter(n).prior) is not None
    ]
    held = [
        (n, toml_value(model.parameter(n).value), model.parameter(n).unit)
        for n in model.parameter_names
        if n not in model.estimated and n not in given
    ]
    text = _remark("Priors of the model; a line without its first sign replaces one.")
    text += "# [priors]\n" + _table(priors)
    if held:
        text += "\n" + _remark("Parameters that the model holds fixed.") + "# [fixed]\n"
        text += _table(held)
    return text


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = ((f"{toml_key(n)} = {value}", unit) for n, value, unit in rows)
    return "".join((f"# {line:<40}  # {u}" if u else f"# {line}") + "\n" for line, u in lines)


def _sampling() -> str:
    text = write_section("sampling", "", {"chains": 4, "seed": 1}, NOTES)
    return (
        text + "# draws = 2000                      # kept, per chain; by default, as the "
        "population asks\n"
    )


def _credibility() -> str:
    """Write what only the authors can state, to be filled in."""
    text = _remark(
        "What only you can state in a credibility assessment (ICH M15), for the report. It may "
        "also be written into the analysis.toml of a run, before cytobayes report."
    )
    return text + "# [credibility]\n" + _table([(f.name, '""', "") for f in fields(Assessment)])


def _report(p: Proposal) -> str:
    """Strata that the report could show."""
    known = [*p.numeric, *p.words]
    if not known:
        return ""
    told = f"For panels of the visual predictive check, by {', '.join([*known, 'dose'])}:"
    return _remark(told) + f"# [report]\n# stratify = {toml_value(known[0])}\n"
