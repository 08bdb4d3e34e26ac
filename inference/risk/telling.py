"""Which of several courses of scores tells earlier, in words, from the numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["earlier", "mean_and_error", "telling_day"]

Array = npt.NDArray[np.float64]
PART = 0.5  # of what can be told by the last day: when so much is told, the set tells the grade
NORMAL = 1.645  # standard errors of a 90 % interval
REPLICATES = 1000


def telling_day(score: Array, level: float, days: Array) -> float:
    """Find the day from which on a score is at a level or below; infinity if it never is.

    Parameters
    ----------
    score : float64[day]
        Low is good.
    level : float
    days : float64[day]

    Returns
    -------
    float
        Between landmarks by a straight line; the first landmark if it is there already.

    Examples
    --------
    >>> telling_day(np.array([0.5, 0.4, 0.2]), 0.3, np.array([1.0, 2.0, 4.0]))
    3.0
    """
    if not score[-1] <= level:
        return float("inf")
    above = np.flatnonzero(score > level)
    if not above.size:
        return float(days[0])
    k = int(above[-1])
    part = (score[k] - level) / (score[k] - score[k + 1])
    return float(days[k] + part * (days[k + 1] - days[k]))


def earlier(
    loss: Mapping[str, Array], bare: Array, days: Sequence[float], model: str, *, seed: int
) -> str:
    """Say which set tells the grade earlier, or that the patients cannot tell.

    Parameters
    ----------
    loss : mapping of set to float64[day, subject]
        Score of each patient, low is good; two sets or more.
    bare : float64[day, subject]
        That without any predictor.
    days : sequence of float
    model : str
        Whose scores these are.
    seed : int
        Of the bootstrap over patients.

    Returns
    -------
    str
        The set with the best mean score over days against each of the others: the paired
        difference with its standard error over patients, and, where that is beyond chance, the
        days at which half of what can be told by the last day is told.
    """
    order = sorted(loss, key=lambda label: float(loss[label].mean()))
    best = order[0]
    told = [_against(loss, best, other, days) for other in order[1:]]
    plain = [text for text, beyond in told if not beyond]
    ahead = [label for label, (_, beyond) in zip(order[1:], told, strict=True) if beyond]
    parts = [text for text, beyond in told if beyond]
    if ahead:
        parts.append(_when(loss, bare, np.array(days), best, ahead, seed))
    span = f"days {days[0]:g} to {days[-1]:g}" if len(days) > 1 else f"day {days[0]:g}"
    return f"By the {model}, {span}: " + "; ".join([*parts, *plain]) + "."


def _against(
    loss: Mapping[str, Array], best: str, other: str, days: Sequence[float]
) -> tuple[str, bool]:
    """Compare two sets by the mean over days; whether the difference is beyond chance."""
    apart = loss[other] - loss[best]
    mean, error = mean_and_error(apart.mean(axis=0))
    numbers = (
        f"ranked probability score {loss[best].mean():.3f} against {loss[other].mean():.3f}, "
        f"difference {mean:.3f} with a standard error of {error:.3f} over {apart.shape[1]} patients"
    )
    if not mean > NORMAL * error:
        return f"the data cannot tell {best} and {other} apart ({numbers})", False
    k = int(np.argmax(apart.mean(axis=1)))
    most = ""
    if len(days) > 1:
        by_day, its_error = mean_and_error(apart[k])
        most = f"; most on day {days[k]:g}: {by_day:.3f}, standard error {its_error:.3f}"
    return f"{best} tells the grade better than {other} ({numbers}{most})", True


def _when(
    loss: Mapping[str, Array], bare: Array, days: Array, best: str, others: list[str], seed: int
) -> str:
    """Say from which day on each set tells half of what can be told, and the lead in days."""
    labels = [best, *others]
    stack = np.stack([loss[label] for label in labels])
    every = np.stack(list(loss.values()))
    at = _days(stack, every, bare, days)
    if not np.isfinite(at[0]):
        return f"no set beats no predictor by day {days[-1]:g}, so none tells it early"
    rng = np.random.default_rng(seed)
    picks = rng.integers(bare.shape[1], size=(REPLICATES, bare.shape[1]))
    again = np.array([_days(stack[..., p], every[..., p], bare[:, p], days) for p in picks])
    seen = [f"from {best} {_on(at[0], days)}"]
    for k, label in enumerate(others, 1):
        seen.append(f"from {label} {_on(at[k], days)}{_lead(at, again, k, days)}")
    half = f"half of what the best set tells by day {days[-1]:g} beyond no predictor"
    return f"{half} is told {', '.join(seen)}"


def _days(stack: Array, every: Array, bare: Array, days: Array) -> Array:
    """Day at which each set tells half of what can be told; float64[set]."""
    none, reached = float(bare[-1].mean()), float(every[:, -1].mean(axis=-1).min())
    if reached >= none:
        return np.full(len(stack), np.inf)
    level = none - PART * (none - reached)
    return np.array([telling_day(one.mean(axis=-1), level, days) for one in stack])


def _on(day: float, days: Array) -> str:
    if not np.isfinite(day):
        return f"not by day {days[-1]:g}"
    return f"by day {day:g} or before" if day == days[0] else f"by day {day:.1f}"


def _lead(at: Array, again: Array, k: int, days: Array) -> str:
    """Lead of the first set in days, at most to the last; with patients drawn again, an interval.

    Where neither is known but to be before the first landmark there is nothing to say.
    """
    first, last = float(days[0]), float(days[-1])
    if at[0] == at[k] == first:
        return ""
    least = "at least " if at[0] == first or not np.isfinite(at[k]) else ""
    lead = min(float(at[k]), last) - float(at[0])
    capped = np.minimum(again, last)
    low, high = np.quantile(capped[:, k] - capped[:, 0], [0.05, 0.95])
    return f", {least}{lead:.1f} days later (90 % interval {low:.1f} to {high:.1f})"


def mean_and_error(values: Array) -> tuple[float, float]:
    """Mean over patients, and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(values.size))
