"""How a risk looks: tables, pictures, and a page of HTML that needs no other file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...datasets.writing import whole_file
from ..report.frame import Drawing, in_frame
from ..report.tables import Table
from .assessment import CAVEAT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .assessment import Risk
    from .forecast import Forecast
    from .landmarks import Landmarks
    from .markers import MarkerSets
    from .validation import Validation

__all__ = ["plot_days", "plot_patients", "render_risk", "write_page"]


def plot_patients(risk: Risk) -> Figure:
    """Risk of each patient with its interval, in order; filled where the grade was reached."""
    from ..drawing import CURVE, Panels, style

    frame = risk.table.sort_values(f"risk_{risk.at_least}").reset_index(drop=True)
    value = frame[f"risk_{risk.at_least}"].to_numpy()
    with style():
        panels = Panels(1, columns=1, size=(6.4, 3.2))
        axes = panels.axes[0]
        at = np.arange(len(frame))
        axes.vlines(at, frame["low"], frame["high"], color=CURVE, linewidth=1)
        hit = frame["observed"].to_numpy() >= risk.at_least
        axes.plot(at[hit], value[hit], "o", color=CURVE, markersize=5, label="observed")
        axes.plot(at[~hit], value[~hit], "o", color=CURVE, markerfacecolor="white", markersize=5)
        axes.set_xticks(at, list(frame["subject"]), rotation=90, fontsize=6)
        axes.set_ylim(-0.02, 1.02)
        axes.set_ylabel(f"P(grade at least {risk.at_least})")
        return panels.figure


def plot_days(forecast: Forecast, risk: Risk) -> Figure:
    """Risk of each patient from landmark to landmark, in color where the grade was reached."""
    from ..drawing import CURVE, PRIOR, Panels, style

    seen = dict(zip(risk.grades.subjects, risk.grades.value.tolist(), strict=True))
    chance = forecast.risk.sel(grade=risk.at_least)
    hit = np.array([seen.get(s, 0) >= risk.at_least for s in chance["subject"].to_numpy()])
    days = chance["landmark"].to_numpy()
    with style():
        panels = Panels(1, columns=1, size=(6.4, 3.2))
        axes = panels.axes[0]
        for reached, color, label in ((~hit, PRIOR, "not reached"), (hit, CURVE, "reached")):
            lines = chance.to_numpy()[reached]
            axes.plot(days, lines.T, color=color, linewidth=0.7, alpha=0.5)
            if len(lines):
                axes.plot(days, lines.mean(axis=0), color=color, linewidth=2.5, label=label)
        axes.set_ylim(-0.02, 1.02)
        unit = "" if forecast.time_unit in ("", "d", "day") else f" [{forecast.time_unit}]"
        axes.set_xlabel(f"{'time' if unit else 'day'}{unit} until which rows and doses are known")
        axes.set_ylabel(f"P(grade at least {risk.at_least})")
        axes.legend(title="in the end", frameon=False)
        return panels.figure


def render_risk(
    risk: Risk,
    validation: Validation,
    forecast: Forecast | None = None,
    landmarks: Landmarks | MarkerSets | None = None,
) -> str:
    """Write the page: what wins first, then risks, calibration, scores.

    Parameters
    ----------
    risk : Risk
    validation : Validation
    forecast : Forecast, optional
        Of the same patients.
    landmarks : Landmarks or MarkerSets, optional

    Returns
    -------
    str
        HTML; every text that comes from data is escaped.
    """
    check, k = validation.calibration(), risk.at_least
    outcome = risk.grades.outcome.upper()
    return in_frame(
        "risk.html",
        kicker="risk",
        title=f"{outcome} of grade {k} or more",
        name=f"{outcome} ({risk.grades.scale or 'scale not stated'})",
        verdict=validation.verdict,
        sentence=risk.sentence,
        by_grade=Table.of_frame("Risk of a new patient by grade", risk.by_grade),
        patients=Drawing.of(plot_patients(risk), "risk-patients", f"Risk of grade {k} or more"),
        k=k,
        days=None
        if forecast is None
        else Drawing.of(plot_days(forecast, risk), "risk-days", "Risk as days go by"),
        foreseen=forecast.sentence if forecast else "",
        landmarks=None
        if landmarks is None
        else Drawing.of(landmarks.plot(), "risk-landmarks", "Scores as days go by"),
        landmarks_shown=landmarks.caption if landmarks else "",
        landmarks_say=landmarks.sentence if landmarks else "",
        calibrated=check.sentence,
        calibration=Drawing.of(check.plot(), "risk-calibration", check.title),
        caption=check.caption,
        scores=Table.of_frame("Scores in held-out grades", validation.scores),
        notes=(*validation.notes, *(landmarks.notes if landmarks else ())),
        caveat=CAVEAT,
    )


def write_page(
    risk: Risk,
    validation: Validation,
    folder: Path,
    forecast: Forecast | None = None,
    landmarks: Landmarks | MarkerSets | None = None,
) -> Path:
    """Write ``risk.html`` and its tables as csv into a folder.

    Parameters
    ----------
    risk : Risk
    validation : Validation
    folder : Path
        Made if it is not there.
    forecast : Forecast, optional
        Of the same patients.
    landmarks : Landmarks or MarkerSets, optional

    Returns
    -------
    Path
        Of the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "patients": risk.table,
        "population": risk.by_grade,
        "held_out": validation.table,
        "scores": validation.scores,
        "calibration": validation.calibration().table,
    }
    if forecast is not None:
        tables["forecasts"] = forecast.table(risk.at_least)
    if landmarks is not None:
        tables |= landmarks.tables
    for name, frame in tables.items():
        with whole_file(folder / f"{name}.csv") as part:
            frame.to_csv(part, index=False, lineterminator="\n")
    with whole_file(folder / "risk.html") as part:
        part.write_text(render_risk(risk, validation, forecast, landmarks), encoding="utf-8")
    return folder / "risk.html"
