"""Each CD22 patient fitted alone: which form of the cells the counts and IFN-g allow.

    python scripts/nih_cd22_alone.py COPY docs/analyses/nih_cd22/alone.csv

A quick look at modes, no posterior: cells and target in the closed form of `crs-cascade`, IFN-g by
its linear equation on a grid of 0.1 d, heavy tails on the logarithm with a scale of 0.5, limits as
the nearest value that they allow, and a log-normal prior around the medians below for each of the
patient's parameters. Written are numbers of all 44 patients together, never one patient's.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import OptimizeResult, least_squares
from scipy.signal import lfilter

from cytobayes.datasets import load

Array = npt.NDArray[np.float64]
MARKERS = ("CAR", "IFNg")
STEP = 0.1  # d
GRID = np.arange(0.0, 31.5, STEP)
FB, BETA, CLEARANCE, REFERENCE = 0.01, 0.01, 1.51, 100.0  # as in `crs-cascade`
SCALE, TAILS = 0.5, 4.0  # of the scatter
STARTS, SEED = 8, 1
NAMES = ("Cmax", "Tmax", "rho", "alpha", "kb", "pG", "IFNg_0")
LOOSE = {
    "Cmax": (600.0, 2.5), "Tmax": (12.0, 0.35), "rho": (1.2, 0.5), "alpha": (0.25, 0.8),
    "kb": (1.0, 2.0), "pG": (50.0, 2.5), "IFNg_0": (11.0, 1.0),
}  # fmt: skip
FORMER = LOOSE | {
    "Cmax": (608.0, 1.0), "Tmax": (10.8, 0.38), "rho": (1.2, 0.4), "alpha": (0.3, 0.9),
    "kb": (0.45, 0.5), "pG": (15.0, 0.8),
}  # fmt: skip
SAME = 0.01  # log-sd of what is the same in all patients
PRIORS = {
    "former, one rho and kb": FORMER | {"rho": (1.2, SAME), "kb": (0.45, SAME)},
    "former": FORMER,
    "loose, one kb": LOOSE | {"kb": (1.0, SAME)},
    "loose, one rho and alpha": LOOSE | {"rho": (1.4, SAME), "alpha": (0.18, SAME)},
    "loose": LOOSE,
}


@dataclass(frozen=True)
class Rows:
    """Rows of one patient and marker; ``limit`` is -1 below, 1 above, 0 for a value."""

    time: Array
    log_value: Array
    limit: npt.NDArray[np.int64]


def courses(theta: Array) -> tuple[Array, Array]:
    """Cells and IFN-g on the grid, float64[point, time], of parameters float64[point, 7]."""
    top, peak, rho, alpha, kb, per_cell, rest = (v[:, None] for v in np.exp(theta.T))
    before, after = np.maximum(peak - GRID, 0.0), np.maximum(GRID - peak, 0.0)
    rise, fall = np.exp(-rho * before), np.exp(-alpha * after)
    slow = np.exp(-BETA * after)
    cells = top * np.where(peak < GRID, (1 - FB) * fall + FB * slow, rise)
    area = (rise - np.exp(-rho * peak)) / rho
    area = top * (area + (1 - FB) * (1 - fall) / alpha + FB * (1 - slow) / BETA)
    made = per_cell * cells * np.exp(-kb / REFERENCE * area)
    kept = np.exp(-CLEARANCE * STEP)
    drive = np.zeros_like(made)
    drive[:, 1:] = (made[:, 1:] + made[:, :-1]) / 2 * (1 - kept) / CLEARANCE
    return cells, rest + lfilter([1.0], [1.0, -kept], drive, axis=1)


def misses(theta: Array, rows: Mapping[str, Rows]) -> dict[str, Array]:
    """Logarithm of value over course; zero where a limit allows the course."""
    found = {}
    for (name, own), course in zip(rows.items(), courses(theta), strict=True):
        k = np.minimum((own.time / STEP).astype(int), GRID.size - 2)
        share = (own.time - GRID[k]) / STEP
        logs = np.log(course + 1e-12)
        z = own.log_value - logs[:, k] * (1 - share) - logs[:, k + 1] * share
        z = np.where(own.limit < 0, np.minimum(z, 0.0), z)
        found[name] = np.where(own.limit > 0, np.maximum(z, 0.0), z)
    return found


def cost(theta: Array, rows: Mapping[str, Rows], prior: Array) -> Array:
    """Roots of twice the parts of the negative log posterior, float64[point, part]."""
    z = np.concatenate(list(misses(theta, rows).values()), axis=1) / SCALE
    parts = np.sign(z) * np.sqrt((TAILS + 1) * np.log1p(z**2 / TAILS))
    return np.concatenate([parts, (theta - prior[0]) / prior[1]], axis=1)


def mode(rows: Mapping[str, Rows], prior: Array, rng: np.random.Generator) -> OptimizeResult:
    """Best of several starts."""

    def slope(x: Array) -> Array:
        points = np.concatenate([x[None], x + 1e-4 * np.eye(x.size)])
        found = cost(points, rows, prior)
        result: Array = ((found[1:] - found[0]) / 1e-4).T
        return result

    def climb(x: Array) -> OptimizeResult:
        return least_squares(lambda x: cost(x[None], rows, prior)[0], x, slope, max_nfev=100)

    away = 0.6 * prior[1] * rng.standard_normal((STARTS, len(NAMES)))
    away[0] = 0.0
    return min((climb(prior[0] + step) for step in away), key=lambda found: found.cost)


def patients(copy: str) -> list[dict[str, Rows]]:
    """Rows of every patient."""
    table = load("nih-cd22", copy, observables=MARKERS).to_frame()
    table["limit"] = table["censoring"].map({"left": -1, "none": 0, "right": 1})

    def rows(own: pd.DataFrame) -> Rows:
        return Rows(
            own["time"].to_numpy(), np.log(own["value"].to_numpy()), own["limit"].to_numpy()
        )

    return [
        {name: rows(one[one["observable"] == name]) for name in MARKERS}
        for _, one in table.groupby("subject")
    ]


def summary(
    priors: Mapping[str, tuple[float, float]], people: list[dict[str, Rows]]
) -> dict[str, float]:
    """Scatter around the modes, spreads of the modes, and how they go together."""
    rng = np.random.default_rng(SEED)
    prior = np.array([[np.log(priors[n][0]), priors[n][1]] for n in NAMES]).T
    modes = [mode(rows, prior, rng) for rows in people]
    theta = pd.DataFrame([m.x for m in modes], columns=NAMES)
    found = {"minus log posterior": sum(m.cost for m in modes)}
    for name in MARKERS:
        z = np.concatenate(
            [
                misses(m.x[None], r)[name][0][r[name].limit == 0]
                for m, r in zip(modes, people, strict=True)
            ]
        )
        found[f"{name} root mean square"] = float(np.sqrt(np.mean(z**2)))
        found[f"{name} robust sd"] = float(1.4826 * np.median(np.abs(z)))
    released = theta["pG"] - theta["kb"]
    for name, values in {**dict(theta.items()), "pG/kb": released}.items():
        found[f"{name} median"] = float(np.exp(values.median()))
        found[f"{name} log-sd"] = float(values.std())
    if found["kb log-sd"] > SAME:
        found["correlation of kb and pG"] = float(theta["kb"].corr(theta["pG"]))
        found["correlation of kb and pG/kb"] = float(theta["kb"].corr(released))
    return found


def main() -> None:
    """Write one row per prior."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("copy")
    parser.add_argument("out")
    given = parser.parse_args()
    people = patients(given.copy)
    table = pd.DataFrame({name: summary(priors, people) for name, priors in PRIORS.items()})
    table.rename_axis("what").to_csv(given.out, float_format="%.4g")
    print(table.round(2).to_string())


if __name__ == "__main__":
    main()
