"""Tables and plain facts of a report; what judges stands in `verdict`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from .material import Material
from .numbers import base, learned, summary
from .tables import Cell, Table, interval, number

__all__ = ["frames", "provenance", "sources", "subtitle", "tables", "texts", "title"]

R_HAT, ESS = 1.01, 400


def title(m: Material) -> str:
    """Model and data."""
    return f"{m.model.title or m.model.name}: fit to {m.study.name}"


def subtitle(m: Material) -> str:
    """What was fitted to what, in numbers."""
    rows, subjects = len(m.rows), m.rows["subject"].nunique()
    what = "published means" if m.study.is_aggregated else "measured values"
    count = len([name for name in m.draws if name in m.priors])
    return (
        f"{rows} {what} of {m.rows['observable'].nunique()} observables from {_subjects(m, subjects)},"
        f" {count} parameters estimated with the model “{m.model.name}”"
    )


def _subjects(m: Material, count: int) -> str:
    if m.study.is_aggregated:
        return "1 group" if count == 1 else f"{count} groups"
    return "1 subject" if count == 1 else f"{count} subjects"


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
    unused = len(rows) - len(m.rows)
    censored = int((rows["censoring"] != "none").sum())
    parts = [
        f"{len(rows)} rows, {rows['time'].min():g} to {rows['time'].max():g} {m.study.time_unit}."
    ]
    if m.study.is_aggregated:
        parts.append(
            "The values are published means: each counts with the standard error of its mean, "
            "SD / √n, on top of the model's own error."
        )
    if censored:
        parts.append(
            f"{censored} rows are censored and count with the probability of lying beyond "
            "their limit (M3), not as values."
        )
    else:
        parts.append("No row is censored.")
    if unused:
        parts.append(f"{unused} rows are of observables that were left out of the fit.")
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
    parameters = summary(m.draws, m.priors, m.units)
    shares = learned(m.draws, m.priors)
    parameters["narrowed"] = [shares.get(name, np.nan) for name in parameters["parameter"]]
    return {
        "parameters": parameters,
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
    if m.failures["count"].sum():
        kept = m.failures[m.failures["count"] > 0]
        shown["failures"] = Table.of(
            "Failed solves", ("Cause", "Phase", "#Solves"), kept[["cause", "phase", "count"]].values
        )
    if m.study.doses.sizes["dose"]:
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
        limits = [number(v) for v in sorted(set(part[["lower", "upper"]].stack().dropna()))]
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
    doses = m.study.doses.to_dataframe()
    unit = m.study.time_unit
    kinds = doses.groupby([c for c in doses if c != "subject"], sort=False)["subject"].nunique()
    rows = []
    for kind, subjects in kinds.items():
        d = dict(zip(kinds.index.names, kind, strict=True))
        over = f"over {d['duration']:g} {unit}" if d["duration"] else "at once"
        every = f"{d['count']} × every {d['interval']:g} {unit}" if d["count"] > 1 else "once"
        amount = f"{number(d['amount'])} {d['unit']}"
        rows.append((d["target"], amount, f"{d['time']:g} {unit}", over, every, subjects))
    return Table.of("Doses", ("Into", "Amount", "Time", "Given", "Repeated", "#Subjects"), rows)


def sources(m: Material) -> list[str]:
    """Where values of the model come from, in the order of the numbers in its table."""
    return list(dict.fromkeys(p.source for p in m.model.parameters if p.source))


def _model_table(m: Material) -> Table:
    order = sources(m)
    rows = []
    for p in sorted(m.model.parameters, key=lambda p: p.name in m.fixed):
        held = p.name in m.fixed
        value = f"{number(m.fixed[p.name], 4)}" if held else str(m.priors[p.name])
        own = held and m.fixed[p.name] != p.value
        weak = p.status in ("calibrated", "assumed")
        status = "set by you" if own else p.status
        rows.append(
            (
                p.name, p.description, "fixed" if held else "estimated", value, p.unit or "1",
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


def _convergence_table(m: Material) -> Table:
    rows = [
        (
            d["parameter"],
            Cell(number(d["r_hat"], 4), bad=not d["r_hat"] < R_HAT),
            Cell(number(d["ess_bulk"]), bad=not d["ess_bulk"] > ESS),
            Cell(number(d["ess_tail"]), bad=not d["ess_tail"] > ESS),
        )
        for d in m.diagnostics.to_dict("records")
    ]
    return Table.of(
        "Convergence by parameter", ("Parameter", "#R-hat", "#ESS bulk", "#ESS tail"), rows,
        f"R-hat compares the chains and should be below {R_HAT}; the effective sample sizes say "
        f"how many independent draws the posterior's middle and tails are worth, {ESS} at least.",
    )  # fmt: skip


def _sampler_table(m: Material) -> Table:
    heads = [f"#{str(c).replace('_', ' ').capitalize()}" for c in m.sampler.columns]
    rows = [[_plain(v) for v in row] for row in m.sampler.itertuples(index=False)]
    return Table.of("Sampler by chain", heads, rows)


def _plain(value: object) -> str:
    """Whole numbers as they are, others with three digits."""
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return number(float(value)) if isinstance(value, float | np.floating) else str(value)


def _parameter_table(m: Material) -> Table:
    shares = learned(m.draws, m.priors)
    meanings = {p.name: p.description for p in m.model.parameters}
    rows = []
    for d in summary(m.draws, m.priors, m.units).to_dict("records"):
        name = d["parameter"]
        share = shares.get(name, float("nan"))
        narrowed = "–" if np.isnan(share) else f"{max(share, 0.0):.0%}".replace("%", " %")
        rows.append(
            (
                name, meanings.get(base(name), "residual error"), d["unit"] or "1",
                number(d["median"]), interval(d["q5"], d["q95"]), d["prior"], narrowed,
                number(d["r_hat"]), number(d["ess_bulk"]),
            )
        )  # fmt: skip
    heads = ("Parameter", "Meaning", "Unit", "#Median", "#90 % interval", "Prior", "#Narrowed",
             "#R-hat", "#ESS")  # fmt: skip
    return Table.of(
        "Posterior", heads, rows,
        "Narrowed: share of the width of the prior's 90 % interval that the data removed.",
    )  # fmt: skip


def _coverage_table(m: Material) -> Table:
    rows = [
        (
            c.observable, c.total, c.inside,
            Cell(f"{c.inside / c.total:.0%}".replace("%", " %"), bad=c.surprising),
        )
        for c in m.coverage
    ]  # fmt: skip
    return Table.of(
        "Measured values inside their 90 % predictive interval",
        ("Observable", "#Rows", "#Inside", "#Share"), rows,
        "A censored row counts as inside when the interval reaches the side it is known to be on.",
    )  # fmt: skip


def provenance(m: Material) -> list[list[tuple[str, str]]]:
    """Sources of the data, as labels and texts."""
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
