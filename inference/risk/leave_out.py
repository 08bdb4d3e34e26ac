"""The population without one patient, by weights on the draws of the fit with that patient.

Each draw of the population is weighted by ``1 / p(rows of the patient | draw)``, with the patient's
random effects integrated out by importance sampling around their posterior. The weights are
smoothed by a Pareto tail, whose shape ``k`` says whether they can be believed: above 0.7 the
patient matters too much, and only a refit without it will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from arviz_stats.base.array import array_stats
from scipy.special import logsumexp
from scipy.stats import multivariate_t

from ...datasets.errors import InputError
from ..populations.hierarchy import Hierarchical
from .individual import Evidence, Individual, cut_study, individual_of

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["LIMIT", "marginal", "without"]

Array = npt.NDArray[np.float64]
LIMIT = 0.7  # of Pareto's k
LEAST = 30  # draws: of five in their tail of one fifth no shape can be fitted
PROPOSALS, TAILS, WIDER = 32, 7.0, 1.3
EQUAL = 1e-9


def without(
    problem: Problem, data: xr.Dataset, subject: str, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], float]:
    """Draw the population again as if a patient had not been in the fit.

    Parameters
    ----------
    problem : Problem
    data : Dataset, dims chain, draw
    subject : str
    rng : Generator

    Returns
    -------
    int64[draw]
        Positions of draws, chains one after another, as many as there are.
    float
        Pareto's k; infinity where the tail is too short to tell.

    Raises
    ------
    InputError
        If the draws are too few for the shape of the tail.
    """
    score = marginal(problem, data, subject, rng)
    if np.ptp(score) < EQUAL:  # the population is known: nobody matters to it
        return np.arange(score.size), 0.0
    if score.size < LEAST:
        raise InputError(
            f"a patient leaves the population by weights on {LEAST} draws or more, not on "
            f"{score.size}: use more draws, or method='refit'."
        )
    weight, k = array_stats.psislw(-score)  # type: ignore[no-untyped-call]
    chance = np.exp(weight - logsumexp(weight))
    ladder = (rng.uniform() + np.arange(score.size)) / score.size
    place = np.searchsorted(np.cumsum(chance), ladder)
    return np.minimum(place, score.size - 1), float(k) if np.isfinite(k) else float("inf")


def marginal(problem: Problem, data: xr.Dataset, subject: str, rng: np.random.Generator) -> Array:
    """Compute the log density of the rows of a patient at each draw; float64[draw]."""
    study = cut_study(problem.data, subject, np.inf)
    prior = individual_of(problem, data, problem.data, subject)
    given = problem.arrangement.regimens[problem.arrangement.subjects.index(subject)]
    count = len(prior.center)
    if study is None:
        return np.zeros(count)
    evidence = Evidence(problem, study, -np.inf, given)
    if evidence.empty:
        return np.zeros(count)
    z, log_q = _proposals(problem, data, subject, prior, rng)
    who = np.repeat(np.arange(count), len(z))
    each = np.tile(z, (count, 1))
    measuring = {name: tuple(s[who] for s in parts) for name, parts in prior.measuring.items()}
    score = evidence(prior.theta(who, each), measuring)[1] + _log_prior(prior, each)
    return np.asarray(logsumexp(score.reshape(count, -1) - log_q, axis=1) - np.log(len(z)))


def _log_prior(prior: Individual, z: Array) -> Array:
    """Compute the normalized log density of standard effects."""
    at_zero = np.where(prior.heavy, np.log(3 / 8), -0.5 * np.log(2 * np.pi))
    return np.asarray(prior.log_prior(z) + at_zero.sum())


def _proposals(
    problem: Problem, data: xr.Dataset, subject: str, prior: Individual, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Draw standard effects around their posterior, the same for all draws; log densities."""
    family = problem.family
    if not isinstance(family, Hierarchical):
        return np.empty((1, 0)), np.zeros(1)
    names = family.of(problem)
    eta = np.stack(
        [data[f"{n}_eta"].sel(subject=subject).to_numpy().reshape(-1) for n in names], axis=1
    )
    seen = np.linalg.solve(prior.factor, eta[..., None])[..., 0]
    spread = WIDER * np.cov(seen, rowvar=False).reshape(len(names), len(names))
    spread = spread + 1e-6 * np.eye(len(names))
    law: Any = multivariate_t(seen.mean(axis=0), spread, df=TAILS)  # type: ignore[call-overload]
    z = np.atleast_1d(law.rvs(PROPOSALS, random_state=rng)).reshape(PROPOSALS, len(names))
    return z, np.asarray(law.logpdf(z)).reshape(PROPOSALS)
