"""Marginal likelihood of a hierarchical problem at fixed population values: -2 log L.

The random effects of each subject are integrated out: by Laplace's approximation around their
conditional mode, by adaptive Gauss-Hermite quadrature on that mode and curvature, or by importance
sampling with a multivariate t. The last two are exact but for an error that is estimated
(Pinheiro, Bates, J Comput Graph Stat 4 (1995) 12-35). NONMEM's objective function is this number
without ``n log(2 pi)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.special import logsumexp

from ...datasets.errors import InputError
from .effect_density import CORRELATION, Modes, find_modes, information, log_joint
from .hierarchy import Hierarchical
from .random_effects import Column, effect_columns

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["METHODS", "MarginalLikelihood", "marginal_likelihood"]

Array = npt.NDArray[Any]
METHODS = ("auto", "laplace", "quadrature", "importance")
NODES = {1: 31, 2: 17, 3: 15}  # of the quadrature, by number of effects of a subject
FEWER = 4  # nodes left out of the rule that gives the error
FREEDOM = 5  # degrees of freedom of the proposal


@dataclass(frozen=True, eq=False)
class MarginalLikelihood:
    """Marginal likelihood at fixed population values.

    Parameters
    ----------
    m2ll : float
        -2 log L.
    error : float
        Monte-Carlo standard error, or for quadrature the change by a smaller rule; NaN for
        Laplace's approximation, which does not know its error.
    method : {"laplace", "quadrature", "importance"}
    laplace : float
        -2 log L by Laplace's approximation.
    focei : float
        As ``laplace``, with the expected curvature in place of the observed one: first-order
        conditional estimation with interaction. NaN with censored rows or errors that are not
        normal on their working scale.
    table : DataFrame
        One row per subject: ``subject``, ``m2ll``, ``error``, ``laplace``, ``focei``.
    rows : int
        Measurements.
    """

    m2ll: float
    error: float
    method: str
    laplace: float
    focei: float
    table: pd.DataFrame = field(repr=False)
    rows: int

    @property
    def ofv(self) -> float:
        """NONMEM's objective function: -2 log L without ``n log(2 pi)``."""
        return self.m2ll - self.rows * float(np.log(2 * np.pi))

    def __str__(self) -> str:
        """Say it in one sentence."""
        error = "" if np.isnan(self.error) else f" +- {self.error:.2g}"
        return (
            f"-2 log L = {self.m2ll:.3f}{error} by {self.method} (objective function "
            f"{self.ofv:.3f}; Laplace {self.laplace:.3f})"
        )


def marginal_likelihood(
    problem: Problem,
    at: Mapping[str, Any],
    *,
    method: str = "auto",
    draws: int = 2000,
    seed: int = 0,
) -> MarginalLikelihood:
    """Compute -2 log L of a hierarchical problem at fixed population values.

    Parameters
    ----------
    problem : Problem
        With a hierarchical population.
    at : mapping of name to float
        A value for everything that has a prior: typical values, spreads, coefficients of
        covariates, residual standard deviations; with correlated parameters also
        ``omega_correlation``, a matrix in the order of the model.
    method : {"auto", "laplace", "quadrature", "importance"}
        ``"auto"``: quadrature for up to three effects of a subject, else importance sampling.
    draws : int
        Of each subject, for importance sampling.
    seed : int

    Returns
    -------
    MarginalLikelihood

    Raises
    ------
    InputError
        If the population is not hierarchical, or a value is missing, unknown or impossible.
    """
    check(problem, at, method)
    columns = effect_columns(problem)
    modes = find_modes(problem, at, columns)
    size = len(columns)
    top = modes.density + 0.5 * size * np.log(2 * np.pi)
    laplace = top + 0.5 * np.linalg.slogdet(modes.covariance)[1]
    with np.errstate(invalid="ignore"):  # none with censored rows: NaN
        focei = top - 0.5 * np.linalg.slogdet(information(problem, at, columns, modes))[1]
    if method == "auto":
        method = "quadrature" if size in NODES else "importance"
    if method == "quadrature" and size not in NODES:
        raise InputError(f"quadrature is for up to {max(NODES)} random effects; here are {size}.")
    if method == "laplace":
        found, errors = laplace, np.full(laplace.shape, np.nan)
    elif method == "quadrature":
        found = quadrature(problem, at, columns, modes, NODES[size])
        errors = np.abs(found - quadrature(problem, at, columns, modes, NODES[size] - FEWER))
    else:
        found, errors = importance(problem, at, columns, modes, draws, seed)
    total = np.sqrt(np.sum(errors**2)) if method == "importance" else np.sum(errors)
    subjects = list(problem.arrangement.subjects)
    table = {
        "subject": subjects, "m2ll": -2 * found, "error": 2 * errors, "laplace": -2 * laplace,
        "focei": -2 * focei,
    }  # fmt: skip
    return MarginalLikelihood(
        m2ll=float(-2 * found.sum()),
        error=float(2 * total),
        method=method,
        laplace=float(-2 * laplace.sum()),
        focei=float(-2 * focei.sum()),
        table=pd.DataFrame(table),
        rows=sum(o.row.size for o in problem.arrangement.observed),
    )


def check(problem: Problem, at: Mapping[str, Any], method: str) -> None:
    """Refuse what has no marginal likelihood."""
    family = problem.family
    if method not in METHODS:
        raise InputError(f"no method is called {method!r}; there are {', '.join(METHODS)}.")
    if not isinstance(family, Hierarchical):
        raise InputError("a marginal likelihood needs a hierarchical population.")
    needed = {*problem.all_priors, *([CORRELATION] if family.correlated else [])}
    if missing := sorted(needed - set(at)):
        raise InputError(f"marginal likelihood: there is no value of {', '.join(missing)}.")
    if strange := sorted(set(at) - needed):
        raise InputError(
            f"marginal likelihood: {strange[0]} is nothing that this problem estimates; it "
            f"estimates {', '.join(sorted(needed))}."
        )
    for name in problem.all_priors:
        low, high = problem.bounds(name)
        if not (np.ndim(at[name]) == 0 and low <= float(at[name]) <= high):
            raise InputError(
                f"marginal likelihood: {name} = {at[name]} is not a number within its bounds "
                f"[{low:g}, {high:g}]."
            )


def quadrature(
    problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...], modes: Modes, nodes: int
) -> Array:
    """Adaptive Gauss-Hermite quadrature; log likelihood of each subject."""
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    size = len(columns)
    grid = np.stack(np.meshgrid(*[x] * size, indexing="ij"), axis=-1).reshape(-1, size)
    weight = np.stack(np.meshgrid(*[np.log(w)] * size, indexing="ij"), axis=-1)
    log_weight = weight.reshape(-1, size).sum(axis=1) + 0.5 * np.sum(grid**2, axis=1)
    factor = np.linalg.cholesky(modes.covariance)
    z = modes.point + np.einsum("ijk,dk->dij", factor, grid)
    _, logdet = np.linalg.slogdet(factor)
    joint = log_joint(problem, at, columns, z)
    return np.asarray(logsumexp(joint + log_weight[:, None], axis=0) + logdet)


def importance(
    problem: Problem,
    at: Mapping[str, Any],
    columns: tuple[Column, ...],
    modes: Modes,
    draws: int,
    seed: int,
) -> tuple[Array, Array]:
    """Sample with a multivariate t; log likelihood of each subject and its standard error."""
    rng = np.random.default_rng(seed)
    size, subjects = len(columns), len(modes.point)
    factor = np.linalg.cholesky(modes.covariance)
    normal = rng.standard_normal((draws, subjects, size))
    wide = np.sqrt(FREEDOM / rng.chisquare(FREEDOM, (draws, subjects, 1)))
    x = normal * wide
    z = modes.point + np.einsum("ijk,dik->dij", factor, x)
    _, logdet = np.linalg.slogdet(factor)
    standard: Any = stats.multivariate_t(np.zeros(size), np.eye(size), df=FREEDOM)
    proposal = standard.logpdf(x.reshape(-1, size)).reshape(draws, subjects) - logdet
    log_weight = log_joint(problem, at, columns, z) - proposal
    found = logsumexp(log_weight, axis=0) - np.log(draws)
    weight = np.exp(log_weight - found)
    return np.asarray(found), np.asarray(weight.std(axis=0, ddof=1) / np.sqrt(draws))
