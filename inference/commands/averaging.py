"""Predictions of several runs, averaged with the weights of their comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.wording import counted
from ..checks.comparison import averaged
from ..predict import predict
from .predicting import grid
from .prediction import Prediction, by_observable, quantiles_of, rows_of, sentence_of

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["average_runs"]


def average_runs(
    runs: Mapping[str, Run],
    weights: Mapping[str, float],
    *,
    by: str,
    measured: bool = False,
    times: str | None = None,
    draws: int = 400,
    seed: int = 1,
) -> Prediction:
    """Predict the subjects of the data from each run, and average.

    Parameters
    ----------
    runs : mapping of name to Run
        Of the same rows.
    weights : mapping of name to float
        As of `compare_runs`.
    by : {"observation", "subject"}
        What was left out for these weights.
    measured, times
        As in `predict_run`.
    draws : int
        Of each posterior, about; the average has as many as the fewest.
    seed : int

    Returns
    -------
    Prediction
        Its table has the column ``mean`` as well.

    Raises
    ------
    InputError
        If models have other units.
    """
    problems = {name: run.analysis.to_problem(run.study) for name, run in runs.items()}
    first = next(iter(problems.values()))
    when = grid(first, times, measured)
    kind = "observed" if measured else "individual"
    made = {
        name: predict(problem, runs[name].tree, times=when, kind=kind, draws=draws, seed=seed)
        for name, problem in problems.items()
    }
    named = {n: xr.Dataset(by_observable(problems[n], p, measured)) for n, p in made.items()}
    mixed = averaged(named, weights, seed=seed)
    return Prediction(
        table_of(mixed, kind),
        f"{average_of(weights, by)} {sentence_of(first, mixed, kind, None)}",
        failures(made),
        first.model.time_unit,
        rows_of(first, [str(s) for s in first.arrangement.subjects]),
    )


def table_of(mixed: xr.Dataset, kind: str) -> pd.DataFrame:
    """Mean and quantiles of an average."""
    values = {str(name): mixed[name] for name in mixed.data_vars}
    table = quantiles_of(values, kind)
    means = [v.mean(("chain", "draw")).transpose("subject", "time") for v in values.values()]
    column = np.concatenate([m.to_numpy().ravel() for m in means])
    table.insert(list(table).index("median"), "mean", column)
    return table


def average_of(weights: Mapping[str, float], by: str) -> str:
    """Say what is averaged with which weights."""
    ordered = sorted(weights.items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{name} {weight:.2f}" for name, weight in ordered)
    return f"Average of {counted(len(weights), 'run')} by the weights of left-out {by}s: {named}."


def failures(made: Mapping[str, xr.Dataset]) -> tuple[str, ...]:
    """Say where equations could not be solved."""
    return tuple(
        f"{name}: the equations could not be solved in {counted(count, 'case')}, left out."
        for name, predicted in made.items()
        if (count := int(predicted.attrs.get("failed_solves", 0)))
    )
