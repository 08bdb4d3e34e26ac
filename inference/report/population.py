"""The table of a population fit: typical values, how subjects vary, and how far that is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..checks.check import Check
from ..percent import percent
from .material import Material
from .tables import Table, interval, number

__all__ = ["coefficient_of_variation", "population_table"]

Array = npt.NDArray[Any]
NOTE = (
    "IIV: variation between subjects; for parameters that vary on the logarithm as coefficient of "
    "variation, √(exp(ω²) − 1), else ω on its scale; t4: effects with Student's t of 4 degrees of "
    "freedom, of which ω is the scale and no coefficient of variation exists. Shrinkage: by how "
    "much less the estimates of single subjects spread, 1 − sd / ω."
)


def coefficient_of_variation(omega: Array) -> Array:
    """Coefficient of variation of a log-normal parameter, from the spread of its logarithm.

    Examples
    --------
    >>> coefficient_of_variation(np.array([0.3])).round(4).tolist()
    [0.3069]
    """
    return np.asarray(np.sqrt(np.expm1(np.square(omega))))


def population_table(m: Material) -> Table:
    """Write one row per typical value and per residual error."""
    shrunk = _shrinkage(m)
    checks = m.diagnostics.set_index("parameter")
    rows = []
    for name, draws in m.draws.items():
        if name.removesuffix("_omega") in m.scales and name.endswith("_omega"):
            continue
        low, median, high = np.quantile(draws, (0.05, 0.5, 0.95))
        share = shrunk.get(name, np.nan)
        known: Any = checks.loc[name] if name in checks.index else {}
        rows.append(
            (
                name, m.meaning(name),
                m.units.get(name, "") or "1", number(median), interval(low, high),
                _variation(m, name), "–" if np.isnan(share) else percent(share),
                _fixed(known, "r_hat", 3), _fixed(known, "ess_bulk", 0),
            )
        )  # fmt: skip
    heads = ("Parameter", "Meaning", "Unit", "#Median", "#90 % interval", "#IIV (90 % interval)",
             "#Shrinkage", "#R-hat", "#ESS bulk")  # fmt: skip
    return Table.of("Population", heads, rows, NOTE)


def _variation(m: Material, name: str) -> str:
    omega = m.draws.get(f"{name}_omega")
    if name not in m.scales or omega is None:
        return "–"
    scale, _, shape = m.scales[name].partition(", ")
    if scale != "log" or shape:
        low, middle, high = np.quantile(omega, (0.05, 0.5, 0.95))
        words = {"log": "logarithm", "natural": "natural scale"}.get(scale, scale)
        return ", ".join([f"{number(middle)} ({interval(low, high)})", words, *shape.split()])
    low, middle, high = np.quantile(coefficient_of_variation(omega), (0.05, 0.5, 0.95))
    return f"{percent(middle)} ({100 * low:.0f} to {100 * high:.0f})"


def _shrinkage(m: Material) -> dict[str, float]:
    """Shrinkage of effects of subjects, and of residuals by their standard deviation."""
    for entry in (e for part in m.checks.values() for e in part):
        if isinstance(entry, Check) and entry.name == "shrinkage":
            rows = entry.table[entry.table["kind"].isin(["eta", "epsilon"])]
            return {
                row["name"] + ("_sigma" if row["kind"] == "epsilon" else ""): float(row["sd_form"])
                for row in rows.to_dict("records")
            }
    return {}


def _fixed(row: Any, column: str, places: int) -> str:
    value = float(row[column]) if column in row else np.nan
    return f"{value:,.{places}f}" if np.isfinite(value) else "–"
