"""Grades from predictors: a Bayesian cumulative logit, one draw for each draw of the predictors.

``logit P(grade >= k) = x . slope - cut_k`` with ascending cuts, so that P(grade >= k) falls with k
whatever the draw.

A predictor may be uncertain. What its draws have in common, their mean over subjects, is not for
grades to say: each draw has a draw of the slope and cuts of its own. What is uncertain of each
subject alone is integrated out, for slopes fitted to one draw at a time are too flat: noise that
does not know the grades dilutes them. Grades do not act back on the predictors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from ...datasets.errors import InputError
from ..measuring.logits import log_expit, log_gap
from .walk import mode_of, walk

__all__ = ["Link", "LinkPrior", "fit_link", "log_probability"]

Array = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
NODES = 8  # of the integral over what is uncertain of one subject


@dataclass(frozen=True)
class LinkPrior:
    """Prior of slopes and cuts.

    Parameters
    ----------
    mean, sd : tuple of float
        Of the normal prior of each slope.
    cut : float
        Standard deviation of the first cut, around 0.
    gap : float
        Scale of the half-normal prior of the distance between neighboring cuts.
    """

    mean: tuple[float, ...] = (1.0,)
    sd: tuple[float, ...] = (2.0,)
    cut: float = 3.0
    gap: float = 2.0

    @classmethod
    def standardized(cls, count: int) -> LinkPrior:
        """Prior of predictors with mean 0 and standard deviation 1, of either sign.

        Their sum has a standard deviation of at most 1.4 log-odds, however many there are.
        """
        return cls((0.0,) * count, (min(1.0, (2 / max(count, 1)) ** 0.5),) * count)


@dataclass(frozen=True, eq=False)
class Link:
    """Draws of slopes and cuts.

    Parameters
    ----------
    slope : float64[draw, predictor]
    cuts : float64[draw, grade]
    acceptance, drift : float
        As in `Walked`.
    """

    slope: Array = field(repr=False)
    cuts: Array = field(repr=False)
    acceptance: float = 1.0
    drift: float = 0.0

    def probability(self, x: Array) -> Array:
        """P(grade >= k).

        Parameters
        ----------
        x : float64[draw or 1, subject, predictor]

        Returns
        -------
        float64[draw, subject, grade]
            Falls along the last axis.
        """
        same = np.broadcast_to(x, (len(self.slope), *x.shape[1:]))
        eta = np.einsum("snj,sj->sn", same, self.slope)
        return np.asarray(expit(eta[..., None] - self.cuts[:, None, :]))


def _log_mean(logs: Array) -> Array:
    """Logarithm of the mean over the first axis; three times faster than SciPy's `logsumexp`."""
    if len(logs) == 1:
        return np.asarray(logs[0])
    highest = logs.max(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(highest + np.log(np.exp(logs - highest).mean(axis=0)))


def fit_link(
    x: Array,
    grade: Whole,
    top: int,
    *,
    rng: np.random.Generator,
    prior: LinkPrior | None = None,
    draws: int = 200,
    steps: int = 100,
) -> Link:
    """Draw slopes and cuts given predictors and grades.

    Parameters
    ----------
    x : float64[draw or 1, subject, predictor]
        With one draw the predictors are known; with several there is one predictor.
    grade : int64[subject]
    top : int
        Highest grade.
    rng : Generator
    prior : LinkPrior, optional
        Default: that of one predictor in tenfolds of a signal.
    draws : int
        Where the predictors are known; else as many as there are draws of them.
    steps : int
        Of each walker, see `walk`.

    Returns
    -------
    Link
    """
    prior = prior or LinkPrior()
    if len(prior.mean) != x.shape[2]:
        raise InputError(f"{x.shape[2]} predictors need as many slopes, not {len(prior.mean)}.")
    if not np.isfinite(x).all():
        raise InputError("a predictor of the grades is not a number.")
    if len(x) > 1 and x.shape[2] > 1:
        raise InputError("draws of several predictors at once are not defined; give one.")
    start = np.concatenate([prior.mean, _first_cut(grade), np.zeros(top - 1)])
    start = mode_of(_density(x.mean(axis=0, keepdims=True)[None], grade, prior), start)
    walkers = draws if len(x) == 1 else len(x)
    found = walk(_density(blurred(x), grade, prior), start, walkers, rng, steps)
    slope, cuts, _ = _unpack(found.draws, x.shape[2])
    return Link(slope, cuts, found.acceptance, found.drift)


def blurred(x: Array, nodes: int = NODES) -> Array:
    """Equally likely values of each subject around what each draw says of all subjects.

    Parameters
    ----------
    x : float64[draw, subject, 1]
    nodes : int

    Returns
    -------
    float64[node, draw, subject, 1]
        The mean over subjects is that of each draw. Beyond it a subject has the quantiles of its
        own draws, stretched to their variance, in every draw the same.
    """
    if len(x) == 1:
        return x[None]
    common = x.mean(axis=1, keepdims=True)
    own = x - common
    middle = own.mean(axis=0)
    found = np.quantile(own, (np.arange(nodes) + 0.5) / nodes, axis=0) - middle
    found -= found.mean(axis=0)
    spread = found.std(axis=0)
    found *= np.divide(own.std(axis=0), spread, out=np.ones_like(spread), where=spread > 0)
    return np.asarray(common + (middle + found)[:, None])


def _unpack(state: Array, count: int) -> tuple[Array, Array, Array]:
    """Slopes, cuts, and logarithms of the gaps between cuts."""
    logs = state[:, count + 1 :]
    cuts = np.cumsum(np.column_stack([state[:, count], np.exp(logs)]), axis=1)
    return state[:, :count], cuts, logs


def _density(x: Array, grade: Whole, prior: LinkPrior) -> Callable[[Array], Array]:
    """Log posterior density of slopes, first cut and logarithms of the gaps.

    Of values float64[node, draw or 1, subject, predictor], of which all nodes are equally likely.
    """

    def density(state: Array) -> Array:
        slope, cuts, logs = _unpack(state, x.shape[3])
        many = np.broadcast_to(x, (len(x), len(state), *x.shape[2:]))
        eta = np.einsum("ksnj,sj->ksn", many, slope).reshape(-1, grade.size)
        each = log_probability(eta, np.tile(cuts, (len(x), 1)), grade)
        score = _log_mean(each.reshape(len(x), -1, grade.size)).sum(axis=1)
        score -= 0.5 * (((slope - prior.mean) / prior.sd) ** 2).sum(axis=1)
        score -= 0.5 * (cuts[:, 0] / prior.cut) ** 2
        return np.asarray(score + (logs - 0.5 * (np.exp(logs) / prior.gap) ** 2).sum(axis=1))

    return density


def _first_cut(grade: Whole) -> Array:
    """Where the first cut would be without predictors."""
    share = np.clip((grade > 0).mean(), 0.02, 0.98)
    return np.array([np.log((1 - share) / share)])


def log_probability(eta: Array, cuts: Array, grade: Whole) -> Array:
    """Log probability of each grade.

    Parameters
    ----------
    eta : float64[draw, subject]
    cuts : float64[draw, grade]
        Ascending.
    grade : int64[subject]

    Returns
    -------
    float64[draw, subject]

    Notes
    -----
    As `log_grade`, with the differences of cut-points taken once for all subjects.

    Examples
    --------
    >>> log_probability(np.zeros((1, 3)), np.array([[-1.0, 1.0]]), np.array([0, 1, 2])).round(3)
    array([[-1.313, -0.772, -1.313]])
    """
    top = cuts.shape[1]
    lower = cuts[:, np.maximum(grade - 1, 0)]
    upper = cuts[:, np.minimum(grade, top - 1)]
    above = np.where(grade > 0, log_expit(eta - lower), 0.0)
    below = np.where(grade < top, log_expit(upper - eta), 0.0)
    gaps = log_gap(np.diff(cuts, axis=1))
    between = np.column_stack([np.zeros(len(cuts)), gaps, np.zeros(len(cuts))])[:, grade]
    return np.asarray(above + below + between)
