"""A prediction as people read it: quantiles, what they are quantiles of, a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...datasets.errors import InputError
from ...datasets.wording import counted
from ...datasets.writing import whole_file

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from ...models.dosing import Regimen
    from ..problem import Problem

__all__ = [
    "Prediction",
    "by_observable",
    "notes_of",
    "quantiles_of",
    "rows_of",
    "sentence_of",
    "table_of",
    "write_prediction",
]

QUANTILES = {"q5": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
COLUMNS = ["kind", "subject", "observable", "unit", "time", "median", "q5", "q25", "q75", "q95"]
MOST_PANELS = 24
SIZE, ONE = (3.4, 2.4), (6.0, 3.4)  # of a panel


@dataclass(frozen=True)
class Prediction:
    """Quantiles over the draws of a posterior.

    Parameters
    ----------
    table : DataFrame
        kind (as of `predict`), subject, observable, unit, time, median, q5, q25, q75, q95.
    sentence : str
        What the intervals are intervals of.
    notes : tuple of str
        What was assumed, and what failed.
    time_unit : str
    rows : DataFrame
        Measurements of the predicted subjects, in the units of the model.
    """

    table: pd.DataFrame
    sentence: str
    notes: tuple[str, ...]
    time_unit: str
    rows: pd.DataFrame = field(repr=False)

    @property
    def facts(self) -> dict[str, Any]:
        """The same for programs."""
        rows = json.loads(self.table.to_json(orient="records"))
        told = {"what": self.sentence, "notes": self.notes, "time_unit": self.time_unit}
        return {**told, "rows": rows}

    def plot(self) -> Figure:
        """Draw median and intervals, one panel per subject and observable, with the data."""
        from ..drawing import style

        with style():
            return draw(self)


def write_prediction(found: Prediction, table: Path) -> Path:
    """Write the table, csv, and the figure beside it, whose path is returned."""
    figure = table.with_suffix(".png")
    with whole_file(table) as part:
        found.table.to_csv(part, index=False, lineterminator="\n")
    with whole_file(figure) as part:
        found.plot().savefig(part, dpi=150)
    return figure


def table_of(problem: Problem, made: xr.Dataset, measured: bool) -> pd.DataFrame:
    """Quantiles over the draws, one row per subject, observable and time."""
    return quantiles_of(by_observable(problem, made, measured), made.attrs["kind"])


def by_observable(problem: Problem, made: xr.Dataset, measured: bool) -> dict[str, xr.DataArray]:
    """Name what was predicted as the data name it."""
    return {n: made[n if measured else target] for n, target in problem.targets.items()}


def quantiles_of(values: Mapping[str, xr.DataArray], kind: str) -> pd.DataFrame:
    """Quantiles over the draws, one row per subject, observable and time."""
    parts = []
    for name, drawn in values.items():
        if bool(drawn.isnull().all()):
            raise InputError(f"the equations could not be solved at any draw: no {name} to predict")
        found = drawn.quantile(list(QUANTILES.values()), dim=("chain", "draw"), skipna=True)
        for subject in drawn["subject"].to_numpy().tolist():
            part = found.sel(subject=subject).transpose("time", "quantile").to_numpy()
            frame = pd.DataFrame(part, columns=list(QUANTILES))
            facts = {
                "kind": kind,
                "subject": subject,
                "observable": name,
                "unit": drawn.attrs.get("units", ""),
            }
            parts.append(frame.assign(**facts, time=drawn["time"].to_numpy())[COLUMNS])
    return pd.concat(parts, ignore_index=True)


def sentence_of(problem: Problem, made: xr.Dataset, kind: str, schedule: object) -> str:
    """Say what lies in the intervals."""
    whose = {
        "individual": f"the model's value of {counted(made.sizes['subject'], 'subject')} of the "
        "data, without residual error",
        "observed": f"a new measurement of {counted(made.sizes['subject'], 'subject')} of the "
        "data, with residual error",
        "population": "the model's value of a subject who is not in the data, "
        + ("with the variation between subjects" if problem.family.by_subject else
           "who has the parameters that all share")
        + ", without residual error",
    }[kind]  # fmt: skip
    other = ", under the doses given here" if schedule is not None else ""
    count = made.sizes["chain"] * made.sizes["draw"]
    return (
        f"Median, 50 % interval (q25 to q75) and 90 % interval (q5 to q95) of {whose}{other}, over "
        f"{counted(count, 'draw')} of the posterior."
    )


def notes_of(
    problem: Problem,
    made: xr.Dataset,
    population: bool,
    schedule: Regimen | dict[str, Regimen] | None,
) -> tuple[str, ...]:
    """Say what was assumed, and what failed."""
    from ..populations.hierarchy import Hierarchical

    notes = []
    family = problem.family
    if population and isinstance(family, Hierarchical) and family.effects:
        notes.append("The new subject has the reference values of the covariates.")
    if population and problem.inputs:
        held = (f"{n} = {problem.model.parameter(n).value:g}" for n in problem.inputs)
        notes.append(f"Parameters that are covariates have the model's values: {', '.join(held)}.")
    if made.attrs.get("kind") == "observed" and problem.data.is_aggregated:
        notes.append(
            "At times at which the data hold a published mean, a measurement is such a mean."
        )
    given = schedule.values() if isinstance(schedule, dict) else (schedule,)
    if schedule is not None and not set(given) <= set(problem.arrangement.regimens):
        notes.append("It is a prediction of the model: nobody in the data was given these doses.")
    if (panels := made.sizes["subject"] * len(problem.targets)) > MOST_PANELS:
        notes.append(f"The figure shows {MOST_PANELS} of {panels} panels; the table holds all.")
    failed = int(made.attrs.get("failed_solves", 0))
    if failed:
        notes.append(f"The equations could not be solved in {counted(failed, 'case')}, left out.")
    return tuple(notes)


def rows_of(problem: Problem, subjects: Sequence[str]) -> pd.DataFrame:
    """Uncensored measurements of these subjects: subject, observable, time, value."""
    names = [str(s) for s in problem.arrangement.subjects]
    parts = [pd.DataFrame({"subject": [], "observable": [], "time": [], "value": []})]
    for o in problem.arrangement.observed:
        frame = pd.DataFrame(
            {
                "subject": [names[k] for k in o.subject],
                "observable": o.name,
                "time": o.time,
                "value": o.rows.value,
            }
        )
        kept = frame["subject"].isin(list(subjects)) & (np.asarray(o.rows.kind) == 0)
        parts.append(frame[kept])
    return pd.concat([p for p in parts if len(p)] or parts, ignore_index=True)


def draw(found: Prediction) -> Figure:
    """One panel per subject and observable, the first ones of many."""
    from ..drawing import CURVE, INK, Panels, log_wanted, set_log

    keys = list(dict.fromkeys(zip(found.table["subject"], found.table["observable"], strict=True)))
    shown_keys = keys[:MOST_PANELS]
    size = SIZE if len(shown_keys) > 1 else ONE
    panels = Panels(len(shown_keys), columns=min(3, len(shown_keys)), size=size)
    for (subject, name), axes in zip(shown_keys, panels.axes, strict=True):
        part = found.table.query("subject == @subject and observable == @name")
        rows = found.rows.query("subject == @subject and observable == @name")
        t = part["time"]
        axes.fill_between(t, part["q5"], part["q95"], color=CURVE, alpha=0.2, lw=0)
        axes.fill_between(t, part["q25"], part["q75"], color=CURVE, alpha=0.4, lw=0)
        axes.plot(t, part["median"], color=CURVE, lw=1.5)
        axes.plot(rows["time"], rows["value"], "o", ms=3.5, color=INK)
        whose = "a new subject" if part["kind"].iloc[0] == "population" else subject
        axes.set_title(f"{name}, {whose}")
        axes.set_ylabel(part["unit"].iloc[0])
        if log_wanted(np.concatenate([part["median"], rows["value"]])):
            set_log(axes)
    panels.legend(handles(found))
    panels.label_time(f"time [{found.time_unit}]")
    return panels.figure


def handles(found: Prediction) -> list[Any]:
    """Entries of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from ..drawing import CURVE, INK

    error = "with" if (found.table["kind"] == "observed").all() else "without"
    made: list[Any] = [
        Line2D([], [], color=CURVE, label="median"),
        Patch(color=CURVE, alpha=0.5, lw=0, label="50 %"),
        Patch(color=CURVE, alpha=0.2, lw=0, label=f"90 %, {error} residual error"),
    ]
    if len(found.rows):
        made.append(Line2D([], [], ls="", marker="o", ms=3.5, color=INK, label="measured"))
    return made
