"""What `populations.py` and its engines share: the plan, what they return, and the judgement."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from population_problems import Setup
from problems import Array

REPEATS = 20  # of a gradient at each point
ESS = 400.0  # that the time is given for
# Points: an error of 0.1 in the log density changes an acceptance by a tenth. Chains: as in
# `posterior`, loose enough for short chains of slow engines.
MOST_LOG_DENSITY, MOST_Z, MOST_RHAT = 0.1, 4.0, 1.05


@dataclass(frozen=True)
class Plan:
    """How a peer samples; this package's engine has its own defaults."""

    chains: int
    tune: int
    draws: int
    rtol: float
    atol: float
    seed: int
    accept: float = 0.8


@dataclass(frozen=True)
class Clock:
    """Seconds on the wall, and of all processors (threads and child processes)."""

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Clock:
        """Read both; children count once they have ended."""
        import time

        own, children = (
            resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        cpu = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
        return cls(time.perf_counter(), cpu)

    def since(self) -> Clock:
        """Seconds from this reading to now."""
        now = Clock.now()
        return Clock(now.wall - self.wall, now.cpu - self.cpu)


@dataclass(frozen=True)
class Drawn:
    """What an engine returns.

    Parameters
    ----------
    draws : mapping of parameter to float64[chain, draw]
    compiled : Clock
    search : Clock
        Before the chains (start points and what is learned with them) and after.
    chains : Clock
        Warm-up and sampling.
    gradients, warmup_gradients, search_gradients : int
    divergences : int
    log_density_errors : float64[point]
        Against tight tolerances, up to a constant.
    note : str
    """

    draws: Mapping[str, Array]
    compiled: Clock
    search: Clock
    chains: Clock
    gradients: int
    warmup_gradients: int
    search_gradients: int
    divergences: int
    log_density_errors: Array
    note: str


@dataclass(frozen=True)
class Gradient:
    """What an engine returns that is too slow to sample.

    Parameters
    ----------
    compiled : Clock
    log_density_errors : float64[point]
    cpu_seconds : float
        Of one value and gradient.
    note : str
    """

    compiled: Clock
    log_density_errors: Array
    cpu_seconds: float
    note: str

    def row(self) -> dict[str, Any]:
        """Cells of the table, without a number of gradients."""
        return {
            "status": "gradient",
            "log_density_error": float(np.ptp(self.log_density_errors)),
            "compile_seconds": self.compiled.wall,
            "compile_cpu_seconds": self.compiled.cpu,
            "cpu_microseconds_per_gradient": 1e6 * self.cpu_seconds,
            "note": self.note,
        }


def scored(setup: Setup, draws: Mapping[str, Array]) -> dict[str, Array]:
    """Logarithms of typical values, spreads and residual errors as they are."""
    return {f"log {n}" if n in setup.typical else n: np.log(v) if n in setup.typical else v
            for n, v in draws.items()}  # fmt: skip


def judge(setup: Setup, drawn: Drawn) -> dict[str, Any]:
    """Summaries of each parameter, and the time to 400 effective draws of the slowest."""
    import arviz as az

    values = scored(setup, drawn.draws)
    tree = az.from_dict({"posterior": {n: np.asarray(v) for n, v in values.items()}})
    posterior = tree["posterior"].to_dataset()
    ess, rhat = az.ess(posterior, method="bulk"), az.rhat(posterior)
    mcse = az.mcse(posterior, method="mean")
    summary = {
        n: [float(posterior[n].mean()), float(mcse[n]), float(ess[n]), float(rhat[n])]
        for n in values
    }
    slowest = min(summary, key=lambda n: summary[n][2])
    least = summary[slowest][2]
    errors = drawn.log_density_errors
    share = drawn.gradients / max(drawn.gradients + drawn.warmup_gradients, 1)

    def to_400(clock: str) -> float:
        search, chains = getattr(drawn.search, clock), getattr(drawn.chains, clock)
        return float(search + chains * (1 - share) + chains * share * ESS / least)

    before = drawn.search_gradients + drawn.warmup_gradients
    return {
        "status": "ok",
        "log_density_error": float(np.ptp(errors)),
        "max_rhat": max(s[3] for s in summary.values()),
        "divergences": drawn.divergences,
        "min_ess_bulk": least,
        "slowest": slowest,
        "chains_draws": list(np.asarray(next(iter(drawn.draws.values()))).shape),
        "gradients": drawn.gradients,
        "warmup_gradients": drawn.warmup_gradients,
        "search_gradients": drawn.search_gradients,
        "gradients_to_400": before + drawn.gradients * ESS / least,
        "compile_seconds": drawn.compiled.wall,
        "compile_cpu_seconds": drawn.compiled.cpu,
        "search_seconds": drawn.search.wall,
        "search_cpu_seconds": drawn.search.cpu,
        "seconds": drawn.search.wall + drawn.chains.wall,
        "cpu_seconds": drawn.search.cpu + drawn.chains.cpu,
        "seconds_to_400": to_400("wall"),
        "cpu_seconds_to_400": to_400("cpu"),
        "cpu_microseconds_per_gradient": 1e6
        * drawn.chains.cpu
        / (drawn.gradients + drawn.warmup_gradients),
        "summary": summary,
        "note": drawn.note,
    }


def agreement(row: dict[str, Any], expected: Mapping[str, list[float]]) -> dict[str, Any]:
    """Distance from expected means (mean, Monte-Carlo error), and the verdict on the row."""
    summary = row["summary"]
    z = {
        n: (summary[n][0] - e[0]) / float(np.hypot(summary[n][1], e[1]))
        for n, e in expected.items()
        if n in summary
    }
    worst = max((abs(v) for v in z.values()), default=float("nan"))
    bad = worst > MOST_Z or not row["max_rhat"] < MOST_RHAT
    bad = bad or not row["log_density_error"] < MOST_LOG_DENSITY
    return row | {"max_abs_z": worst, "status": "inaccurate" if bad else "ok"}


def estimated(row: dict[str, Any], like: dict[str, Any] | None) -> dict[str, Any]:
    """Complete a row of gradients with their number in the fit of another engine."""
    if not row["log_density_error"] < MOST_LOG_DENSITY:
        return row | {"status": "failed", "message": "the log density is another one"}
    if like is None or like["status"] != "ok":
        return row  # no fit whose gradients could be counted
    seconds = row["cpu_microseconds_per_gradient"] * like["gradients_to_400"] / 1e6
    count = {"gradients_to_400": like["gradients_to_400"], "cpu_seconds_to_400": seconds}
    return row | count | {"status": "estimated"}


def published(name: str, folder: Path) -> dict[str, list[float]]:
    """Means and Monte-Carlo errors of a posterior that was computed elsewhere, if there is one."""
    import json

    if name != "endotoxin":
        return {}
    found = json.loads((folder / "reference.json").read_text())["parameters"]
    return {_ours(key): [e["mean"], e["mcse_mean"]] for key, e in found.items()}


def _ours(key: str) -> str:
    kind, _, rest = key.partition("_")
    lower = rest.removeprefix("log_").lower()
    return {"mu": f"log {lower}", "log": f"log {lower}", "omega": f"{lower}_omega"}.get(
        kind, f"{rest}_sigma"
    )
