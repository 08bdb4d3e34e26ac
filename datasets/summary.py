"""The text of ``print(study)``: one screen; and the same for notebooks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .wording import WIDTH, counted, wrapped

if TYPE_CHECKING:
    from .study import Study

__all__ = ["as_html", "summarize"]

OBSERVABLES, DOSES, STEPS = 8, 3, 6  # how many are listed before "... and more"
HEAD = ("observable", "rows", "subjects", "unit", "range", "censored")


def summarize(study: Study, steps: int = STEPS) -> str:
    """Describe a study on one screen.

    Parameters
    ----------
    study : Study
    steps : int
        How many cleaning steps are listed.

    Returns
    -------
    str
        Name, sources, subjects, time range, one line per observable (rows, unit, range, censored
        counts), doses, covariates, outcomes and cleaning steps.
    """
    table, hidden = _observables(study.to_frame())
    widths = [max(map(len, column)) for column in zip(HEAD, *table, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in [HEAD, *table]]
    if hidden:
        lines.append(f"... and {hidden} more")
    above, below = _facts(study, steps)
    text = [_title(study), *_listed(above), "", *lines, "", *_listed(below)]
    return "\n".join(line.rstrip() for line in text)


def as_html(study: Study) -> str:
    """Describe a study as HTML, every text of it escaped.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        The same facts as `summarize`.
    """
    from markupsafe import escape

    def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        top = "".join(f"<th>{escape(h)}</th>" for h in head)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows
        )
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    rows, hidden = _observables(study.to_frame())
    above, below = _facts(study)
    facts = "".join(
        f"<dt><b>{escape(label)}</b></dt><dd>{'<br>'.join(map(escape, items))}</dd>"
        for label, items in (above | below).items()
    )
    more = f"<p>... and {hidden} more</p>" if hidden else ""
    return f"<div><b>{escape(_title(study))}</b>{table(HEAD, rows)}{more}<dl>{facts}</dl></div>"


def _title(study: Study) -> str:
    means = study.is_aggregated
    count = counted(study.observations.sizes["row"], "published mean" if means else "measurement")
    return f"Study {study.name!r}: {count}{' with sd and n' * means}"


def _facts(study: Study, steps: int = STEPS) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Collect what stands above the table of observables, and below it."""
    time = study.observations["time"].to_numpy()
    sources = [
        ", ".join(filter(None, (r.source, r.doi and f"doi {r.doi}", r.licence, r.file)))
        for r in study.provenance
    ]
    names = ", ".join(islice(study.subjects, 50))
    above = {
        "source": [s for s in sources if s],
        "subjects": [textwrap.shorten(f"{len(study.subjects)}: {names}", WIDTH - 12)],
        "time": [f"{time.min():g} to {time.max():g} {study.time_unit or '(no unit)'}"],
    }
    done = [step for record in study.provenance for step in record.steps]
    hidden = len(done) - steps
    more = [f"... and {hidden} more steps (study.provenance)"] if hidden > 0 else []
    below = {
        "doses": _doses(study),
        "covariates": _covariates(study.to_frame("covariates")),
        "outcomes": _outcomes(study.to_frame("outcomes")),
        "cleaning": [*done[:steps], *more],
    }
    return above, {label: items for label, items in below.items() if items}


def _observables(rows: pd.DataFrame) -> tuple[list[tuple[str, ...]], int]:
    """Cells of one line per observable, and how many more there are."""
    table: list[tuple[str, ...]] = []
    for name, part in islice(rows.groupby("observable", sort=False), OBSERVABLES):
        censored = part.loc[part["censoring"] != "none", "censoring"].value_counts()
        table.append(
            (
                str(name)[:30],
                str(len(part)),
                str(part["subject"].nunique()),
                str(part["unit"].iloc[0]) or "-",
                f"{part['value'].min():.4g} to {part['value'].max():.4g}",
                ", ".join(f"{count} {side}" for side, count in censored.items()) or "-",
            )
        )
    return table, max(0, rows["observable"].nunique() - OBSERVABLES)


def _doses(study: Study) -> list[str]:
    """One line per kind of dose, with the number of subjects that get it."""
    doses = study.to_frame("doses")
    if doses.empty:
        return ["none"]
    same = [c for c in doses if c != "subject"]
    if doses.groupby(same).ngroups > DOSES:  # one line for all amounts
        same.remove("amount")
    kinds = []
    for _, part in doses.groupby(same, sort=False):
        low, high = part["amount"].min(), part["amount"].max()
        amount = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        subjects = counted(part["subject"].nunique(), "subject")
        kinds.append(f"{_dose(part.iloc[0], amount, study.time_unit)} ({subjects})")
    hidden = len(kinds) - DOSES
    return [*kinds[:DOSES], f"... and {hidden} more kinds of dose"] if hidden > 0 else kinds


def _dose(kind: pd.Series[Any], amount: str, unit: str) -> str:
    """Amount, target, time and repetition of a dose in words."""

    def span(column: str) -> str:
        return f"{kind[column]:g} {unit}".rstrip()

    if kind["kind"] == "reset":
        return f"reset at {span('time')}"
    line = f"{amount} {kind['unit']}".rstrip() + f" into {kind['target']} at {span('time')}"
    line += f" over {span('duration')}" if kind["duration"] else ""
    if kind["rate"]:
        modeled = {-1.0: "rate estimated", -2.0: "duration estimated"}
        line += ", " + modeled.get(float(kind["rate"]), f"at a rate of {kind['rate']:g}")
    if kind["count"] > 1:
        line += f", {kind['count']} times every {span('interval')}"
    if kind["steady_state"]:
        line += f", in steady state (every {span('interval')})"
    return line + (" after a reset" if kind["kind"] == "reset_dose" else "")


def _covariates(rows: pd.DataFrame) -> list[str]:
    """List names of covariates, those that change apart; nothing if there are none."""
    items = []
    for word, part in (
        ("fixed", rows[rows["time"].isna()]),
        ("varying", rows[rows["time"].notna()]),
    ):
        names = part["name"].drop_duplicates().tolist()
        if names:
            items.append(textwrap.shorten(f"{word}: {', '.join(names)}", WIDTH - 12))
    return items


def _outcomes(rows: pd.DataFrame) -> list[str]:
    """Count each outcome per scale; nothing if there are none."""
    items = []
    for (name, scale), part in islice(rows.groupby(["outcome", "scale"], sort=False), 4):
        text = part["text"].where(part["text"] != "", part["value"].map("{:g}".format))
        counts = ", ".join(f"{k}: {n}" for k, n in sorted(text.value_counts().items()))
        head = f"{name} ({scale})" if scale else str(name)
        items.append(textwrap.shorten(f"{head} of {len(part)}: {counts}", WIDTH - 12))
    return items


def _listed(facts: dict[str, list[str]]) -> list[str]:
    """Lines with the label in front of the first one of each fact."""
    lines = []
    for label, items in facts.items():
        body = [line for item in items for line in wrapped(item, indent=12)]
        labels = np.where(np.arange(len(body)) == 0, label, "")
        lines += [f"{head:<12}{line}" for head, line in zip(labels, body, strict=True)]
    return lines
