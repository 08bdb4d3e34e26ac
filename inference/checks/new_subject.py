"""Likelihood of all rows of a subject who is new to a population: its effects integrated out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from ...datasets.errors import InputError
from ..measuring.arms import effect_shares
from ..pointwise import pointwise
from ..populations.hierarchy import STUDENT, Hierarchical, scale_of
from ..populations.population import Independent, individual_name
from ..replicates import chosen

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["subject_likelihood"]

Array = npt.NDArray[np.float64]
HEAVY = 5  # degrees of freedom of the proposal
WIDER = 1.3  # times the conditional spread


def subject_likelihood(
    problem: Problem, posterior: xr.Dataset, draws: int, inner: int, seed: int
) -> xr.DataArray:
    """Log of p(all rows of a subject | population parameters), at posterior draws.

    Parameters
    ----------
    problem : Problem
    posterior : Dataset, dims chain, draw, [subject]
    draws : int
        Posterior draws that are used, evenly from all chains.
    inner : int
        Effects drawn for each of them and each subject.
    seed : int

    Returns
    -------
    DataArray, dims (chain, draw, subject)
        Coordinate ``inner_ess`` (subject): median over the draws of the effective number among
        the inner draws; ``inner`` where nothing is integrated. The logarithm of a mean of so many
        lies too low by about ``1 / (2 inner_ess)``.

    Raises
    ------
    InputError
        If nothing is known about a new subject (independent parameters), or effects vary between
        occasions, which is not available.

    Notes
    -----
    The integral over effects is importance sampling from Student's t around what the fit says of
    the subject: ``mean(p(rows | effects) p(effects | population) / q(effects))``. Without effects
    (pooled) it is the sum over the rows. Observables share their subject's effects.
    """
    family = problem.family
    if isinstance(family, Independent):
        raise InputError(
            "subjects with independent parameters say nothing about another subject: leave out "
            "observations, or fit a hierarchical population."
        )
    if not isinstance(family, Hierarchical):
        total = summed(problem, pointwise(problem, posterior))
        full = ("subject", np.full(total.sizes["subject"], float(inner)))
        return total.transpose("chain", "draw", "subject").assign_coords(inner_ess=full)
    if family.between_occasions(problem):
        raise InputError(
            "leave-one-out by subject is not available where parameters vary between occasions; "
            "leave out observations instead."
        )
    data = chosen(problem, posterior, min(draws, posterior["chain"].size * posterior["draw"].size))
    return integrated(problem, family, data, inner, np.random.default_rng(seed))


def summed(problem: Problem, rows: xr.Dataset) -> xr.DataArray:
    """Sum log likelihoods of rows by subject; dims (chain, draw, subject)."""
    subjects = problem.arrangement.subjects
    total = np.zeros((rows.sizes["chain"], rows.sizes["draw"], len(subjects)))
    for o in problem.arrangement.observed:
        scores = rows[o.name].transpose("chain", "draw", ...).to_numpy()
        for subject in np.unique(o.subject):
            total[..., subject] += scores[..., o.subject == subject].sum(axis=-1)
    coordinates = {c: rows[c].to_numpy() for c in ("chain", "draw")}
    return xr.DataArray(
        total, {**coordinates, "subject": list(subjects)}, ("chain", "draw", "subject")
    )


def integrated(
    problem: Problem, family: Hierarchical, data: xr.Dataset, inner: int, rng: np.random.Generator
) -> xr.DataArray:
    """Integrate by importance sampling over the effects; ``data`` has one chain."""
    names = family.of(problem)
    scales = {n: scale_of(*problem.bounds(n)) for n in names}
    value = {n: flat(data, individual_name(n)) for n in names}  # (draw, subject)
    g = np.stack([scales[n].forward(value[n], np.log) for n in names], axis=-1)
    eta = np.stack([flat(data, f"{n}_eta") for n in names], axis=-1)
    proposed, log_q = propose(g, inner, rng)  # (draw, inner, subject, parameter)
    log_p = prior(problem, family, data, proposed - (g - eta)[:, None])
    repeated = data.isel(draw=np.repeat(np.arange(data.sizes["draw"]), inner))
    repeated = repeated.assign_coords(draw=np.arange(repeated.sizes["draw"]))
    for k, n in enumerate(names):
        shape = (1, *proposed.shape[:2], proposed.shape[2])
        values = scales[n].back(proposed[..., k].reshape(shape), np.exp)
        dims = ("chain", "draw", "subject")
        repeated[individual_name(n)] = dims, values.reshape(1, -1, proposed.shape[2])
    rows = summed(problem, pointwise(problem, repeated)).to_numpy()[0]
    rows = np.where(np.isfinite(rows), rows, -np.inf).reshape(log_p.shape)
    log_w = rows + log_p - log_q
    score = logsumexp(log_w, axis=1) - np.log(inner)
    ess = np.exp(2 * logsumexp(log_w, axis=1) - logsumexp(2 * log_w, axis=1))
    coordinates = {"chain": [0], "draw": data["draw"].to_numpy()}
    return xr.DataArray(
        score[None],
        {
            **coordinates,
            "subject": list(problem.arrangement.subjects),
            "inner_ess": ("subject", np.median(ess, axis=0)),
        },
        ("chain", "draw", "subject"),
    )


def flat(data: xr.Dataset, name: str) -> Array:
    """Values by draw and subject of one chain; float64[draw, subject]."""
    return np.asarray(data[name].transpose("chain", "draw", "subject").to_numpy()[0])


def propose(g: Array, inner: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draw values of each subject around its posterior.

    Parameters
    ----------
    g : float64[draw, subject, parameter]
        Individual values on their scales.
    inner : int
    rng : Generator

    Returns
    -------
    float64[draw, inner, subject, parameter], float64[draw, inner, subject]
        Values, and their log densities.
    """
    draws, subjects, size = g.shape
    values = np.empty((draws, inner, subjects, size))
    density = np.empty((draws, inner, subjects))
    for s in range(subjects):
        covariance = np.atleast_2d(np.cov(g[:, s], rowvar=False)) * WIDER**2
        covariance += np.eye(size) * 1e-10 * np.trace(covariance)
        law: Any = stats.multivariate_t(g[:, s].mean(axis=0), covariance, HEAVY, seed=rng)
        drawn = np.asarray(law.rvs(draws * inner)).reshape(draws * inner, size)
        values[:, :, s] = drawn.reshape(draws, inner, size)
        density[:, :, s] = np.asarray(law.logpdf(drawn)).reshape(draws, inner)
    return values, density


def prior(problem: Problem, family: Hierarchical, data: xr.Dataset, eta: Array) -> Array:
    """Log density of effects under the population of each draw; those of an arm vary less.

    Parameters
    ----------
    problem, family : Problem, Hierarchical
    data : Dataset, one chain
        With the spreads.
    eta : float64[draw, inner, subject, parameter]

    Returns
    -------
    float64[draw, inner, subject]
    """
    names, shares = family.of(problem), effect_shares(problem)
    omega = {n: data[f"{n}_omega"].to_numpy()[0][:, None, None] * shares for n in names}
    z = {n: eta[..., k] / omega[n] for k, n in enumerate(names)}
    total = -sum(np.log(w) for w in omega.values()) + np.zeros(eta.shape[:-1])
    for n in names:
        if n not in family.correlated:
            law: Any = stats.t(STUDENT) if family.shapes.get(n) == "student" else stats.norm
            total += law.logpdf(z[n])
    joint = [n for n in names if n in family.correlated]
    if joint:
        factor = np.linalg.cholesky(data["omega_correlation"].to_numpy()[0])
        block = np.stack([z[n] for n in joint], axis=-1)[..., None]
        white = np.linalg.solve(factor[:, None, None], block)[..., 0]
        diagonal = np.diagonal(factor, axis1=-2, axis2=-1)
        total += stats.norm.logpdf(white).sum(-1) - np.log(diagonal).sum(-1)[:, None, None]
    result: Array = total
    return result
