"""``trial.html``: what a virtual trial found, on one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ..report.frame import Drawing, in_frame
from ..report.tables import Table, interval, number

if TYPE_CHECKING:
    from .choice import Choice
    from .trial import Trial

__all__ = ["render"]


def render(
    trial: Trial | None, choice: Choice | None, design: str, title: str, settings: Mapping[str, str]
) -> str:
    """Write the page.

    Parameters
    ----------
    trial : Trial, optional
    choice : Choice, optional
        Of a design that asks for the best regimen.
    design : str
        Text of the design file.
    title : str
    settings : mapping of label to text

    Returns
    -------
    str
        HTML; every text that comes from files or names is escaped.
    """
    found = [r for r in (trial, choice) if r is not None]
    evidence = {k: text for r in found for k, text in r.evidence.items()}
    return in_frame(
        "trial.html",
        kicker="virtual trial",
        title=title,
        label=found[0].label,
        fitted=found[0].label.startswith("posterior"),
        sentences=[r.sentence for r in found],
        notes=list(dict.fromkeys(n for r in found for n in r.notes)),
        evidence=evidence,
        tables=_tables(trial, choice),
        pictures=_pictures(trial, choice),
        design=design,
        settings=settings,
    )


def _pictures(trial: Trial | None, choice: Choice | None) -> list[tuple[Drawing, str]]:
    """Draw what was found; each with its caption."""
    made = []
    if trial is not None:
        caption = (
            "Probability of each endpoint by arm. Thick: 90 % over draws of the parameters. Thin: "
            "90 % of what one trial of this size would see, chance included."
        )
        made.append((Drawing.of(trial.plot(), "trial", caption), caption))
    if choice is not None:
        caption = (
            "Left: expected benefit and harm of every candidate and the front that no other "
            "passes. Right: in which share of the draws a candidate is best."
        )
        made.append((Drawing.of(choice.plot(), "tradeoff", caption), caption))
    return made


def _tables(trial: Trial | None, choice: Choice | None) -> list[Table]:
    made = []
    if trial is not None:
        made.append(_characteristics(trial.characteristics()))
        if len(trial.arms) > 1:
            made.append(_differences(trial.differences()))
    if choice is not None:
        made.append(_candidates(choice))
    return made


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _span(row: pd.Series, low: str, high: str) -> str:
    return f"{_percent(row[low])} to {_percent(row[high])}".replace("-", "\N{MINUS SIGN}")


def _characteristics(table: pd.DataFrame) -> Table:
    rows: list[Sequence[object]] = [
        (r["arm"], r["endpoint"], _percent(r["probability"]), _span(r, "lower", "upper"),
         _span(r, "trial_lower", "trial_upper"), _percent(r["sd_parameters"]),
         _percent(r["sd_chance"]), r["failed_solves"])
        for _, r in table.iterrows()
    ]  # fmt: skip
    heads = ("arm", "endpoint", "#patients [%]", "#90 %, parameters", "#90 %, one trial",
             "#sd, parameters", "#sd, chance", "#failed solves")  # fmt: skip
    return Table.of("Operating characteristics", heads, rows,
                    "Intervals and standard deviations in percentage points.")  # fmt: skip


def _differences(table: pd.DataFrame) -> Table:
    rows: list[Sequence[object]] = [
        (r["arm"], r["versus"], r["endpoint"],
         f"{100 * r['difference']:+.1f}".replace("-", "\N{MINUS SIGN}"),
         _span(r, "lower", "upper"), f"{r['p_better']:.3f}", f"{r['p_detected']:.3f}")
        for _, r in table.iterrows()
    ]  # fmt: skip
    heads = ("arm", "versus", "endpoint", "#difference [points]", "#90 %", "#P(better)",
             "#P(detected)")  # fmt: skip
    return Table.of(
        "Differences between arms, in the same virtual patients", heads, rows,
        "P(detected): a trial of this size, with patients of its own in each arm, finds the arm "
        "better at a two-sided level of 5 %.",
    )  # fmt: skip


def _candidates(choice: Choice) -> Table:
    best = choice.table.sort_values("utility", ascending=False).head(12)
    rows: list[Sequence[object]] = [
        (*(number(r[n]) for n in choice.names), _percent(r["benefit"]), _percent(r["harm"]),
         number(r["utility"]), interval(r["utility_lower"], r["utility_upper"]),
         f"{r['p_best']:.3f}", "yes" if r["on_front"] else "")
        for _, r in best.iterrows()
    ]  # fmt: skip
    heads = (*(f"#{n}" for n in choice.names), f"#{choice.benefit} [%]", f"#{choice.harm} [%]",
             "#utility", "#90 %", "#P(best)", "on the front")  # fmt: skip
    return Table.of("The best candidates", heads, rows,
                    f"Of {len(choice.table)} that were tried.")  # fmt: skip
