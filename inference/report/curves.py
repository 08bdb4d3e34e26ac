"""Posterior curves with their bands, and the predictive interval of each measured value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..measuring.error import KINDS
from ..measuring.measurement import Drawing
from ..measuring.offsets import measured
from ..measuring.sigmas import spreads_at
from ..predict import predict

if TYPE_CHECKING:
    import xarray as xr

    from ..arrangement import Observed
    from ..problem import Problem

__all__ = ["Curves", "predict_curves"]

Array = npt.NDArray[Any]
POINTS = 121
DRAWS = 400
CROWD = 6  # curves beyond which each gets fewer points and draws
CROWD_POINTS = 61
CROWD_DRAWS = 160
REPEATS = 5  # new values per draw
NUMBERS = 50_000_000  # held at a time


@dataclass(frozen=True)
class Curves:
    """Predictions of a fit, in the units of the model.

    Parameters
    ----------
    bands : DataFrame
        Columns group, observable, time, median, q5, q25, q75, q95 (curves), p5, p95 (new values).
    rows : DataFrame
        One row per measurement that was fitted: subject, group, time, observable, value, lower,
        upper, censoring, sd, n, then median, p5, p95 and inside.
    """

    bands: pd.DataFrame
    rows: pd.DataFrame


def predict_curves(problem: Problem, tree: xr.DataTree, *, seed: int) -> Curves:
    """Predict curves and measurements from the posterior.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        As from `fit`.
    seed : int
        Of the draws that are used and of the errors of new values.

    Returns
    -------
    Curves
    """
    times = grid(problem)
    posterior = thinned(tree["posterior"].to_dataset(), affordable(problem, times))
    values = model_values(problem, posterior, times)
    rng = np.random.default_rng(seed)
    groups = group_subjects(problem)
    bands, rows = [], []
    for observed in problem.arrangement.observed:
        f = values[observed.name]
        reference = spreads_at(problem, observed, posterior, np.zeros(1, dtype=np.int64))
        for label, members in groups.items():
            if np.isin(observed.subject, members).any():
                one = band(problem, observed, f[:, members[0]], reference, times, seed)
                bands.append(one.assign(group=label))
        at = np.searchsorted(times, observed.time)
        own = measured(problem, observed, f[:, observed.subject, at], posterior)
        sigma = spreads_at(problem, observed, posterior)
        rows.append(scored(problem, observed, own, sigma, rng))
    table = pd.concat(rows, ignore_index=True)
    labels = {m: label for label, members in groups.items() for m in members}
    subjects = problem.arrangement.subjects
    table.insert(1, "group", [labels[subjects.index(s)] for s in table["subject"]])
    return Curves(pd.concat(bands, ignore_index=True), table)


def affordable(problem: Problem, times: Array) -> int:
    """Count the draws whose trajectories fit into memory and time; never fewer than 50."""
    wide = max(1, len(problem.model.states))  # closed forms have none
    per_draw = len(problem.arrangement.subjects) * times.size * wide
    return int(np.clip(NUMBERS // per_draw, 50, CROWD_DRAWS if crowded(problem) else DRAWS))


def crowded(problem: Problem) -> bool:
    """Whether there are many curves, one for each subject."""
    return problem.family.by_subject and len(problem.arrangement.subjects) > CROWD


def thinned(posterior: xr.Dataset, draws: int) -> xr.Dataset:
    """Keep about so many draws, evenly spaced, of all chains."""
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    return posterior.isel(draw=slice(None, None, max(1, round(total / draws))))


def grid(problem: Problem) -> Array:
    """Make the times of the curves: evenly spaced over the data, and every time of the data."""
    seen = np.concatenate([o.time for o in problem.arrangement.observed])
    start = min(0.0, float(seen.min()))
    points = CROWD_POINTS if crowded(problem) else POINTS
    even = np.linspace(start, max(float(seen.max()), start + 1e-9), points)
    return np.unique(np.concatenate([even, seen]))


def model_values(problem: Problem, posterior: xr.Dataset, times: Array) -> dict[str, Array]:
    """Curves of each observable; float64[draw, subject, time] by name in the data."""
    curves = predict(problem, posterior, times=times, kind="individual")
    return {
        name: curves[target].transpose("chain", "draw", "subject", "time").to_numpy().reshape(
            -1, len(problem.arrangement.subjects), times.size
        )
        for name, target in problem.targets.items()
    }  # fmt: skip


def group_subjects(problem: Problem) -> dict[str, list[int]]:
    """Subjects that share a curve: pooled ones with the same schedule. Label to positions."""
    subjects, regimens = problem.arrangement.subjects, problem.arrangement.regimens
    groups: dict[object, list[int]] = {}
    for k in range(len(subjects)):
        groups.setdefault(k if problem.family.by_subject else regimens[k], []).append(k)
    return {_label([subjects[k] for k in members]): members for members in groups.values()}


def _label(names: list[str]) -> str:
    """Name a group by its only member, or by the first and the number."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def band(
    problem: Problem,
    observed: Observed,
    f: Array,
    sigma: tuple[Array, ...],
    times: Array,
    seed: int,
) -> pd.DataFrame:
    """Quantiles of curves and of new values; for means, of means with the usual standard error."""
    error = problem.errors[observed.name]
    se = float(np.median(error.working_se(observed.rows)))
    center = error.typical(f, sigma)
    q5, q25, median, q75, q95 = np.nanquantile(center, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    limits = []
    for column in np.repeat(f, REPEATS, axis=0).T:  # same errors at all times: smooth limits
        rng = np.random.default_rng(seed)
        wide = tuple(np.repeat(s[:, 0], REPEATS) for s in sigma)
        new = error.random(rng, column, wide, Drawing(se, observed.rows.floor))
        limits.append(np.nanquantile(new, (0.05, 0.95)))
    p5, p95 = np.transpose(limits)
    columns = {"median": median, "q5": q5, "q25": q25, "q75": q75, "q95": q95, "p5": p5, "p95": p95}
    return pd.DataFrame({"observable": observed.name, "time": times, **columns})


def scored(
    problem: Problem,
    observed: Observed,
    f: Array,
    sigma: tuple[Array, ...],
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Each measurement with its predictive interval, and whether it lies inside."""
    error, rows = problem.errors[observed.name], observed.rows
    new = error.replicate(rng, f, sigma, rows)
    p5, p95 = np.nanquantile(new, (0.05, 0.95), axis=0)
    study = problem.data.observations.isel(row=observed.row)
    n = study["n"].to_numpy().astype(float)
    lower, upper = (study[column].to_numpy() * observed.scale for column in ("lower", "upper"))
    return pd.DataFrame(
        {
            "subject": np.array(problem.arrangement.subjects, dtype=object)[observed.subject],
            "time": observed.time,
            "observable": observed.name,
            "value": rows.value,
            "lower": lower,
            "upper": upper,
            "censoring": [KINDS[k] for k in rows.kind],
            "sd": np.broadcast_to(rows.sd, rows.value.shape),
            "n": n,
            "median": np.nanmedian(error.typical(f, sigma), axis=0),
            "p5": p5,
            "p95": p95,
            "inside": inside(rows.kind, rows.value, lower, upper, p5, p95),
        }
    )


def inside(kind: Array, value: Array, lower: Array, upper: Array, p5: Array, p95: Array) -> Array:
    """Whether predictive intervals agree with values, or with the side that is known of them."""
    cases = {
        "none": (p5 <= value) & (value <= p95),
        "left": p5 <= value,
        "right": p95 >= value,
        "interval": (p5 <= upper) & (p95 >= lower),
    }
    return np.select([kind == KINDS.index(name) for name in cases], list(cases.values()))
