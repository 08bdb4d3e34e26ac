"""Tables and plain facts of a report; what judges stands in `verdict`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ...datasets.wording import counted
from ...models.dosing import Dose, Quantity, Reset, Switch
from ..checks.convergence import ESS, R_HAT
from ..percent import percent
from .material import Material
from .numbers import base, summary
from .population import population_table
from .tables import Cell, Table, interval, number

__all__ = ["frames", "provenance", "sources", "subtitle", "tables", "texts", "title"]


def title(m: Material) -> str:
    """Model and data."""
    return f"{m.model.title or m.model.name}: fit to {m.study.name}"


def subtitle(m: Material) -> str:
    """Say what was fitted to what, in numbers."""
    rows, who = len(m.rows), _subjects(m, m.rows["subject"].nunique())
    what = "published mean" if m.study.is_aggregated else "measured value"
    count = len(m.draws)
    return (
        f"{counted(rows, what)} of {counted(m.rows['observable'].nunique(), 'observable')} from "
        f"{who}, {counted(count, 'parameter')} estimated with the model “{m.model.name}”"
    )


def _subjects(m: Material, count: int) -> str:
    return counted(count, "group" if m.study.is_aggregated else "subject")


def texts(m: Material) -> dict[str, str]:
    """Sentences that state facts."""
    return {
        "data": _data_text(m),
        "model": m.model.description or m.model.title,
        "population": f"Population: {m.population}.",
        "convergence": m.convergence,
        "failures": _failure_text(m),
    }


def _data_text(m: Material) -> str:
    rows = m.study.to_frame()
    unused = int((~rows["observable"].isin(m.targets)).sum())
    censored = int((rows["censoring"] != "none").sum())
    count, first, last = counted(len(rows), "row"), rows["time"].min(), rows["time"].max()
    parts = [f"{count}, {first:g} to {last:g} {m.study.time_unit}, {censored or 'none'} censored."]
    if m.study.is_aggregated:
        parts.append(
            "The values are published means: each counts with the standard error of its mean, "
            "SD\u00a0/\u00a0√n, on top of the model's own error."
        )
    parts += [f"{name}: {'; '.join(told)}." for name, told in m.treated.items() if told]
    if unused:
        left_out = counted(unused, "row")
        parts.append(f"Observables left out of the fit account for {left_out}.")
    return " ".join(parts)


def _failure_text(m: Material) -> str:
    if not m.failures["count"].sum():
        return "Every proposal could be solved."
    return (
        "A proposal whose equations cannot be solved is rejected and counted. In warm-up this is "
        "common and harmless; after it, it should be rare."
    )


def frames(m: Material) -> dict[str, pd.DataFrame]:
    """Tables in full, as they go into csv files."""
    return {
        "parameters": _parameters(m),
        "convergence": m.diagnostics,
        "sampler": m.sampler,
        "failures": m.failures,
        "predictions": m.rows,
        "coverage": pd.DataFrame(
            [{"observable": c.observable, "inside": c.inside, "rows": c.total} for c in m.coverage]
        ),
        "model": pd.DataFrame(
            {
                "parameter": [p.name for p in m.model.parameters],
                "value": [m.fixed.get(p.name, np.nan) for p in m.model.parameters],
                "unit": [p.unit for p in m.model.parameters],
                "covariate": [m.inputs.get(p.name, "") for p in m.model.parameters],
                "prior": [str(m.priors.get(p.name, "")) for p in m.model.parameters],
                "status": [p.status for p in m.model.parameters],
                "source": [p.source for p in m.model.parameters],
            }
        ),
    }


def tables(m: Material) -> dict[str, Table]:
    """Tables as the page shows them."""
    shown = {
        "data": _data_table(m),
        "model": _model_table(m),
        "convergence": _convergence_table(m),
        "sampler": _sampler_table(m),
        "parameters": _parameter_table(m),
        "coverage": _coverage_table(m),
    }
    if m.scales:
        shown["effects"] = shown.pop("parameters")
        shown["parameters"] = population_table(m)
    if m.failures["count"].sum():
        kept = m.failures[m.failures["count"] > 0]
        shown["failures"] = Table.of(
            "Failed solves", ("Cause", "Phase", "#Solves"), kept[["cause", "phase", "count"]].values
        )
    if any(regimen.events for regimen in m.regimens.values()):
        shown["doses"] = _dose_table(m)
    return shown


def _data_table(m: Material) -> Table:
    heads = (
        "Observable",
        "Unit",
        "#Subjects",
        "#Rows",
        "Censored",
        "Limits",
        "Range",
        "Error model",
    )
    rows = []
    for name, part in m.study.to_frame().groupby("observable", sort=False):
        kinds = part["censoring"].value_counts()
        words = (("left", "below"), ("right", "above"), ("interval", "in an interval"))
        censored = [f"{kinds[k]} {word}" for k, word in words if kinds.get(k, 0)]
        stated = part.loc[part["censoring"] != "interval", ["lower", "upper"]]
        limits = [number(v) for v in sorted(set(stated.stack().dropna()))]
        cells = (
            name,
            part["unit"].iloc[0],
            part["subject"].nunique(),
            len(part),
            ", ".join(censored) or "none",
            ", ".join([*limits[:4], *(["..."] if len(limits) > 4 else [])]) or "none",
            interval(part["value"].min(), part["value"].max()),
            m.errors.get(str(name), "not fitted"),
        )
        rows.append(cells)
    return Table.of("Rows by observable", heads, rows)


def _dose_table(m: Material) -> Table:
    """Events of all subjects, equal ones together."""
    counts: dict[tuple[str, ...], int] = {}
    for regimen in m.regimens.values():
        for cells in map(lambda event: _event(m, event), regimen.events):
            counts[cells] = counts.get(cells, 0) + 1
    heads = ("What", "Amount or value", "Time", "Given", "Repeated", "#Subjects")
    return Table.of("Doses in the fit", heads, [(*cells, n) for cells, n in counts.items()])


def _event(m: Material, event: Dose | Switch | Reset) -> tuple[str, ...]:
    unit = m.model.time_unit
    time = f"{_quantity(event.time)} {unit}"
    if isinstance(event, Switch):
        return (f"{event.parameter} changes", _quantity(event.value), time, "", "")
    if isinstance(event, Reset):
        return ("all states return to their start", "", time, "", "")
    amount = f"{_quantity(event.amount)} {m.model.unit(event.state)}"
    given = "at once"
    if event.rate is not None:
        given = f"at the rate {_quantity(event.rate)}"
    elif event.duration:
        given = f"over {_quantity(event.duration)} {unit}"
    repeated = f"{event.count} times, every {event.interval:g} {unit}"
    if event.steady_state:
        repeated = f"steady state, every {event.interval:g} {unit}"
    elif event.count == 1:
        repeated = "once"
    return (f"dose into {event.state}", amount, time, given, repeated)


def _quantity(value: Quantity) -> str:
    """Write a number, or the name of the parameter that holds it."""
    return value if isinstance(value, str) else f"{value:g}"


def sources(m: Material) -> list[str]:
    """Where values of the model come from, in the order of the numbers in its table."""
    return list(dict.fromkeys(p.source for p in m.model.parameters if p.source))


def _model_table(m: Material) -> Table:
    order = sources(m)
    rows = []
    for p in sorted(m.model.parameters, key=lambda p: p.name in m.fixed):
        held = p.name in m.fixed
        value = f"{number(m.fixed[p.name], 4)}" if held else str(m.priors.get(p.name, ""))
        if p.name in m.inputs:
            value = f"covariate {m.inputs[p.name]}"
        own = held and m.fixed[p.name] != p.value
        weak = p.status in ("calibrated", "assumed")
        status = "set by you" if own else p.status
        rows.append(
            (
                p.name, p.description, role(m, p.name), value, p.unit or "1",
                Cell(status, bad=weak and held and not own),
                f"[{order.index(p.source) + 1}]" if p.source and not own else "",
            )
        )  # fmt: skip
    heads = ("Parameter", "Meaning", "Role", "Prior or value", "Unit", "Status", "Source")
    return Table.of(
        "Parameters of the model", heads, rows,
        "Status says how far the typical value can be trusted: published, derived from published "
        "values, calibrated so that the model behaves, or assumed.",
    )  # fmt: skip


def role(m: Material, name: str) -> str:
    """Say what a parameter is in this fit."""
    if name in m.inputs:
        return "given"
    return "fixed" if name in m.fixed else "estimated"


def _convergence_table(m: Material) -> Table:
    rows = [
        (
            d["parameter"],
            Cell(_fixed(d["r_hat"], 3), bad=not d["r_hat"] < R_HAT),
            Cell(_fixed(d["ess_bulk"], 0), bad=not d["ess_bulk"] > ESS),
            Cell(_fixed(d["ess_tail"], 0), bad=not d["ess_tail"] > ESS),
        )
        for d in m.diagnostics.to_dict("records")
    ]
    return Table.of(
        "Convergence by parameter", ("Parameter", "#R-hat", "#ESS bulk", "#ESS tail"), rows,
        f"R-hat compares the chains and should be below {R_HAT:g}; the effective sample sizes say "
        f"how many independent draws the posterior's middle and tails are worth, {ESS:g} at least.",
    )  # fmt: skip


def _sampler_table(m: Material) -> Table:
    heads = [f"#{str(c)[0].upper()}{str(c)[1:]}" for c in m.sampler.columns]
    rows = [[_plain(v) for v in row] for row in m.sampler.itertuples(index=False)]
    return Table.of("Sampler by chain", heads, rows)


def _plain(value: object) -> str:
    """Whole numbers as they are, others with three digits."""
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return number(float(value)) if isinstance(value, float | np.floating) else str(value)


def _parameters(m: Material) -> pd.DataFrame:
    """Posterior beside prior, with the diagnostics."""
    checks = m.diagnostics[["parameter", "r_hat", "ess_bulk", "ess_tail"]]
    return summary(m.draws, m.priors, m.units).merge(checks, on="parameter", how="left")


def _parameter_table(m: Material) -> Table:
    rows = []
    for d in _parameters(m).to_dict("records"):
        share = d["narrowed"]
        cells = (
            d["parameter"],
            m.meaning(d["parameter"]),
            d["unit"] or "1",
            number(d["median"]),
            interval(d["q5"], d["q95"]),
            _prior_interval(m, d["parameter"]),
            "–" if np.isnan(share) else percent(max(share, 0.0)),
            _fixed(d["r_hat"], 3),
            _fixed(d["ess_bulk"], 0),
        )
        rows.append(cells)
    heads = ("Parameter", "Meaning", "Unit", "#Median", "#90 % interval", "#Prior 90 % interval",
             "#Narrowed", "#R-hat", "#ESS bulk")  # fmt: skip
    return Table.of(
        "Posterior", heads, rows,
        "Narrowed: share of the width of the prior's 90 % interval that the data removed.",
    )  # fmt: skip


def _prior_interval(m: Material, name: str) -> str:
    prior = m.priors.get(base(name))
    return "–" if prior is None else interval(*prior.quantile(np.array([0.05, 0.95])))


def _fixed(value: float, places: int) -> str:
    return f"{value:,.{places}f}" if np.isfinite(value) else "–"


def _coverage_table(m: Material) -> Table:
    rows = [
        (
            c.observable, c.total, c.inside,
            Cell(percent(c.inside / c.total), bad=c.surprising),
        )
        for c in m.coverage
    ]  # fmt: skip
    return Table.of(
        "Measured values inside their 90 % predictive interval",
        ("Observable", "#Rows", "#Inside", "#Share"), rows,
        "A censored row counts as inside when the interval reaches the side it is known to be on.",
    )  # fmt: skip


def provenance(m: Material) -> list[list[tuple[str, str]]]:
    """List the sources of the data, as labels and texts."""
    return [list(_record(record)) for record in m.study.provenance]


def _record(record: object) -> Iterator[tuple[str, str]]:
    labels = {
        "source": "Source",
        "doi": "DOI",
        "licence": "License",
        "file": "File",
        "sha256": "SHA-256",
    }
    for name, label in labels.items():
        if text := str(getattr(record, name)):
            yield label, text
    read, kept = getattr(record, "rows_read", None), getattr(record, "rows_kept", None)
    if read is not None and kept is not None:
        yield "Rows", f"{read} read, {kept} kept"
