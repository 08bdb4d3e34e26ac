"""The text of ``print(study)``: one screen."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .wording import WIDTH, counted, wrapped

if TYPE_CHECKING:
    from .study import Study

__all__ = ["summarize"]

OBSERVABLES, DOSES, STEPS = 8, 3, 6  # how many are listed before "... and more"


def summarize(study: Study) -> str:
    """Describe a study on one screen.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        Name, sources, subjects, time range, one line per observable (rows, unit, range, censored
        counts), doses and cleaning steps.
    """
    rows = study.to_frame()
    what = "published means with sd and n" if study.is_aggregated else "measurements"
    time = f"{rows['time'].min():g} to {rows['time'].max():g} {study.time_unit or '(no unit)'}"
    lines = [f"Study {study.name!r}: {len(rows)} {what}"]
    for record in study.provenance:
        origin = (record.source, record.doi and f"doi {record.doi}", record.licence, record.file)
        lines += _field("source", [", ".join(filter(None, origin))])
    names = ", ".join(study.subjects)
    lines += _field("subjects", [textwrap.shorten(f"{len(study.subjects)}: {names}", WIDTH - 12)])
    lines += _field("time", [time])
    lines += ["", *_observables(rows), ""]
    lines += _field("doses", _doses(study))
    steps = [step for record in study.provenance for step in record.steps]
    hidden = len(steps) - STEPS
    more = [f"... and {hidden} more steps (study.provenance)"] if hidden > 0 else []
    lines += _field("cleaning", [*steps[:STEPS], *more])
    return "\n".join(line.rstrip() for line in lines)


def _observables(rows: pd.DataFrame) -> list[str]:
    """One aligned line per observable."""
    table = [("observable", "rows", "subjects", "unit", "range", "censored")]
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
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in table]
    hidden = rows["observable"].nunique() - OBSERVABLES
    return [*lines, f"... and {hidden} more"] if hidden > 0 else lines


def _doses(study: Study) -> list[str]:
    """One line per kind of dose, with the number of subjects that get it."""
    doses = study.doses.to_dataframe()
    if doses.empty:
        return ["none"]
    kinds = doses.groupby([c for c in doses if c != "subject"], sort=False)["subject"].nunique()
    lines = []
    for kind in kinds.reset_index().head(DOSES).to_dict("records"):
        amount = f"{kind['amount']:g} {kind['unit']}".rstrip()
        line = f"{amount} into {kind['target']} at {kind['time']:g} {study.time_unit}".rstrip()
        if kind["duration"]:
            line += f" over {kind['duration']:g} {study.time_unit}".rstrip()
        if kind["count"] > 1:
            line += f", {kind['count']} times every {kind['interval']:g} {study.time_unit}".rstrip()
        lines.append(f"{line} ({counted(kind['subject'], 'subject')})")
    hidden = len(kinds) - DOSES
    return [*lines, f"... and {hidden} more kinds of dose"] if hidden > 0 else lines


def _field(label: str, items: Iterable[str]) -> list[str]:
    """Lines with the label in front of the first one."""
    lines = [line for item in items for line in wrapped(item, indent=12)]
    labels = np.where(np.arange(len(lines)) == 0, label, "")
    return [f"{head:<12}{line}" for head, line in zip(labels, lines, strict=True)]
