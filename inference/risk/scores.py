"""How good were the probabilities? Proper scores and discrimination, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

__all__ = ["SCORES", "auc", "brier", "log_score", "ranked_probability", "score_table"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
REPLICATES = 1000
TINY = 1e-12


def brier(chance: Array, event: Whole) -> float:
    """Mean squared distance between a probability and what came; 0 is perfect.

    Examples
    --------
    >>> brier(np.array([1.0, 0.0]), np.array([1, 0])), brier(np.array([0.5, 0.5]), np.array([1, 0]))
    (0.0, 0.25)
    """
    return float(np.mean((chance - event) ** 2))


def log_score(chance: Array, event: Whole) -> float:
    """Mean negative log probability of what came; 0 is perfect, log 2 a fair coin.

    Examples
    --------
    >>> round(log_score(np.array([0.5, 0.5]), np.array([1, 0])), 4)
    0.6931
    """
    taken = np.where(event > 0, chance, 1 - chance)
    return float(-np.log(np.maximum(taken, TINY)).mean())


def auc(chance: Array, event: Whole) -> float:
    """Probability that a patient with the event had the higher risk; ties count half.

    Examples
    --------
    >>> auc(np.array([0.1, 0.4, 0.4]), np.array([0, 0, 1]))
    0.75
    """
    cases = int((event > 0).sum())
    others = event.size - cases
    if not cases or not others:
        return float("nan")
    ranks = rankdata(chance)
    return float((ranks[event > 0].sum() - cases * (cases + 1) / 2) / (cases * others))


def ranked_probability(chance: Array, reached: Whole) -> float:
    """Mean over patients of the summed squared distances of P(grade >= k), all k; 0 is perfect.

    Parameters
    ----------
    chance : float64[subject, grade]
        P(grade >= k).
    reached : int64[subject, grade]
        Whether it was.
    """
    return float(((chance - reached) ** 2).sum(axis=1).mean())


def _brier(chance: Array, reached: Whole, k: int) -> float:
    return brier(chance[:, k], reached[:, k])


def _log(chance: Array, reached: Whole, k: int) -> float:
    return log_score(chance[:, k], reached[:, k])


def _auc(chance: Array, reached: Whole, k: int) -> float:
    return auc(chance[:, k], reached[:, k])


def _ranked(chance: Array, reached: Whole, k: int) -> float:
    return ranked_probability(chance, reached)


SCORES: dict[str, Callable[[Array, Whole, int], float]] = {
    "brier": _brier,
    "log score": _log,
    "ranked probability": _ranked,
    "auc": _auc,
}
HIGHER = ("auc",)  # higher is better; of all others lower


def score_table(
    predictions: Mapping[str, Array],
    reached: Whole,
    at_least: int,
    *,
    seed: int,
    versus: str | None = None,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Score several models on the same patients.

    Parameters
    ----------
    predictions : mapping of model to float64[subject, grade]
        P(grade >= k) of each, made without the patient's own grade.
    reached : int64[subject, grade]
    at_least : int
        Grade of the scores of one event; the ranked probability score is about all grades.
    seed : int
        Of the bootstrap over patients.
    versus : str, optional
        Model that the others are compared with; default: the first.
    replicates : int

    Returns
    -------
    DataFrame
        ``model``, ``score``, ``value`` with 90 % interval ``low`` to ``high``; ``difference`` from
        ``versus`` in the same patients with ``difference_low`` and ``difference_high``, signed so
        that a positive difference is better than ``versus``. NaN where a score has no meaning, as
        the AUC without events.
    """
    versus = versus or next(iter(predictions))
    n, k = len(reached), at_least - 1
    rng = np.random.default_rng(seed)
    picks = np.vstack([np.arange(n), rng.integers(n, size=(replicates, n))])
    rows = []
    for name, score in SCORES.items():
        values = {
            model: np.array([score(chance[at], reached[at], k) for at in picks])
            for model, chance in predictions.items()
        }
        sign = 1.0 if name in HIGHER else -1.0
        for model, found in values.items():
            better = sign * (found - values[versus]) + 0.0
            rows.append(
                {
                    "model": model,
                    "score": name,
                    **_interval(found),
                    **_interval(better, "difference"),
                }
            )
    return pd.DataFrame(rows)


def _interval(values: Array, name: str = "") -> dict[str, float]:
    """Value in the data, and 90 % interval of the replicates that have one."""
    kept = values[1:][np.isfinite(values[1:])]
    low, high = np.quantile(kept, [0.05, 0.95]) if kept.size else (np.nan, np.nan)
    keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
    return dict(zip(keys, map(float, (values[0], low, high)), strict=True))
