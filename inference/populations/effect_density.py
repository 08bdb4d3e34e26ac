"""The joint density of measurements and random effects of each subject, its mode and curvature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.gradient import grad
from scipy import stats

from ...datasets.errors import InputError
from ..measuring.error import Additive, Combined, Combined1, LogNormalError, Proportional
from ..measuring.sigmas import sigma_by_row, sigma_names
from ..pointwise import pointwise
from ..predict import parameters_of
from ..solving import values_at_rows
from .hierarchy import STUDENT, Hierarchical
from .population import individual_name, occasion_name
from .random_effects import Column
from .scales import scale_of

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["CORRELATION", "Modes", "find_modes", "information", "log_joint"]

Array = npt.NDArray[Any]
CORRELATION = "omega_correlation"
STEP = 1e-4  # of the differences of gradients that give the curvature
INFORMATION_STEP = 1e-3  # of the differences of model values that give the expected curvature
NORMAL = (Additive, Proportional, Combined, Combined1, LogNormalError)
ROUNDS, SETTLED = 50, 1e-7  # Newton steps, and the largest gain in log density that ends them


@dataclass(frozen=True, eq=False)
class Modes:
    """Conditional mode of each subject's effects, its log joint density and the curvature there."""

    point: Array  # (subject, effect)
    density: Array  # (subject,)
    covariance: Array  # (subject, effect, effect)


def factor_of(problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...]) -> Array:
    """Matrix that makes effects of standard normal columns; float64[column, column]."""
    factor = np.diag([float(at[c.spread]) for c in columns])
    assert isinstance(problem.family, Hierarchical)
    joint = [
        k for k, c in enumerate(columns)
        if c.between_subjects and c.parameter in problem.family.correlated
    ]  # fmt: skip
    if joint:
        try:
            lower = np.linalg.cholesky(np.asarray(at[CORRELATION], dtype=float))
        except np.linalg.LinAlgError:
            raise InputError(f"{CORRELATION} is no positive definite matrix.") from None
        factor[np.ix_(joint, joint)] = factor[np.ix_(joint, joint)] @ lower
    return factor


def find_modes(problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...]) -> Modes:
    """Climb to the conditional mode of every subject at once, by Newton steps with halving."""
    evaluate = density_function(problem, at, columns)
    point = np.zeros((len(problem.arrangement.subjects), len(columns)))
    density, gradient = evaluate(point)
    for _ in range(ROUNDS):
        covariance = curvature(point, evaluate)
        step = np.einsum("ijk,ik->ij", covariance, gradient)
        size = np.ones(len(point))
        for _ in range(20):
            moved = point + size[:, None] * step
            higher, slope = evaluate(moved)
            worse = ~(higher >= density - 1e-12)
            if not worse.any():
                break
            size[worse] /= 2
        moved = np.where(worse[:, None], point, moved)
        gain = float(np.max(np.where(worse, 0.0, higher - density)))
        point = moved
        density, gradient = evaluate(point)
        if gain < SETTLED:
            break
    return Modes(point, density, curvature(point, evaluate))


def curvature(point: Array, evaluate: Callable[[Array], tuple[Array, Array]]) -> Array:
    """Inverse of the curvature in each subject, from differences of exact gradients."""
    size = point.shape[1]
    precision = np.empty((*point.shape, size))
    for k, move in enumerate(STEP * np.eye(size)):
        slope = evaluate(point + move)[1] - evaluate(point - move)[1]
        precision[:, :, k] = -slope / (2 * STEP)
    values, vectors = np.linalg.eigh((precision + precision.transpose(0, 2, 1)) / 2)
    values = np.where(np.isfinite(values), np.clip(values, 1e-3, None), 1.0)
    return np.asarray((vectors / values[:, None, :]) @ vectors.transpose(0, 2, 1))


def information(
    problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...], modes: Modes
) -> Array:
    """Compute the expected curvature at the modes; float64[subject, effect, effect]."""
    size = len(columns)
    moves = INFORMATION_STEP * np.eye(size)
    z = modes.point + np.concatenate([moves, -moves, np.zeros((1, size))])[:, None, :]
    posterior = as_posterior(problem, at, columns, z)
    values = values_at_rows(problem, parameters_of(problem, posterior, len(modes.point)))
    total = np.tile(np.eye(size), (len(modes.point), 1, 1))
    for o in problem.arrangement.observed:
        error = problem.errors[o.name]
        if (o.rows.kind != 0).any() or not isinstance(error, NORMAL):
            return np.full(total.shape, np.nan)
        f, floor = values[o.name], o.rows.floor
        known = {**at, **problem.fixed}
        sigma = sigma_by_row(error, o, [float(known[n]) for n in sigma_names(error, o)])
        spread = error.spread(f, sigma, error.working_se(o.rows), floor) + np.zeros_like(f)
        for x, times in ((error.location(f, floor), 1.0), (spread, 2.0)):
            slope = (x[:size] - x[size:-1]) / (2 * INFORMATION_STEP) / spread[-1]
            np.add.at(total, o.subject, times * np.einsum("ir,jr->rij", slope, slope))
    return total


def density_function(
    problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...]
) -> Callable[[Array], tuple[Array, Array]]:
    """Compile the log joint density of each subject and its gradient by the effects.

    Returns
    -------
    callable float64[subject, effect] -> (float64[subject], float64[subject, effect])
    """
    held = {n: np.asarray(float(v)) for n, v in at.items() if n != CORRELATION}
    family = problem.family
    assert isinstance(family, Hierarchical)
    if family.correlated:
        names = [n for n in family.of(problem) if n in family.correlated]
        factor = factor_of(problem, at, columns)
        places = [k for k, c in enumerate(columns) if c.between_subjects and c.parameter in names]
        held["omega_block"] = factor[np.ix_(places, places)][np.tril_indices(len(names))]
        held = {n: v for n, v in held.items() if n not in {f"{m}_omega" for m in names}}
    model = pm.do(problem.joint().model, held)
    subjects = len(problem.arrangement.subjects)
    variables = list(dict.fromkeys(c.variable for c in columns))
    values = [model.rvs_to_values[model[v]] for v in variables]
    observed = problem.arrangement.observed
    terms = model.logp(vars=[*(model[o.name] for o in observed), *(model[v] for v in variables)],
                       sum=False)  # fmt: skip
    total = pt.zeros((subjects,))
    for o, term in zip(observed, terms, strict=False):
        total = pt.inc_subtensor(total[pt.constant(o.subject)], term)
    for term in terms[len(observed) :]:
        total = total + (term if term.ndim == 1 else term.sum(axis=1))
    gradients: Any = grad(total.sum(), values)
    function = model.compile_fn([total, *gradients], inputs=values, point_fn=False)
    shapes = [(subjects,) if v.ndim == 1 else (subjects, -1) for v in values]

    def evaluate(z: Array) -> tuple[Array, Array]:
        parts = []
        for name, shape in zip(variables, shapes, strict=True):
            mine = [k for k, c in enumerate(columns) if c.variable == name]
            parts.append(np.ascontiguousarray(z[:, mine].reshape(shape)))
        density, *slopes = function(*parts)
        return density, np.concatenate([s.reshape(subjects, -1) for s in slopes], axis=1)

    return evaluate


def log_joint(
    problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...], z: Array
) -> Array:
    """Log joint density of measurements and effects; float64[draw, subject].

    Parameters
    ----------
    z : float64[draw, subject, effect]
    """
    posterior = as_posterior(problem, at, columns, z)
    scores = pointwise(problem, posterior)
    total = np.sum(log_prior(problem, columns, z), axis=-1)
    for o in problem.arrangement.observed:
        rows = scores[o.name].to_numpy()[0]
        np.add.at(total.T, o.subject, np.where(np.isfinite(rows), rows, -np.inf).T)
    return np.asarray(total)


def log_prior(problem: Problem, columns: tuple[Column, ...], z: Array) -> Array:
    """Log density of standardized effects; shape of ``z``."""
    assert isinstance(problem.family, Hierarchical)
    shapes = problem.family.shapes
    parts = [
        stats.t(STUDENT).logpdf(z[..., k])
        if c.between_subjects and shapes.get(c.parameter) == "student"
        else stats.norm.logpdf(z[..., k])
        for k, c in enumerate(columns)
    ]
    return np.stack(parts, axis=-1)


def as_posterior(
    problem: Problem, at: Mapping[str, Any], columns: tuple[Column, ...], z: Array
) -> xr.Dataset:
    """Individual parameters at given effects, as if they were draws; dims chain = 1, draw."""
    effects = z @ factor_of(problem, at, columns).T
    count, subjects = z.shape[:2]
    by_subject = ("chain", "draw", "subject")
    numbers = {n: float(v) for n, v in at.items() if n != CORRELATION}
    made: dict[str, Any] = {
        n: (("chain", "draw"), np.full((1, count), v)) for n, v in numbers.items()
    }
    shifts = covariate_shifts(problem, numbers)
    for name in dict.fromkeys([*shifts, *(c.parameter for c in columns)]):
        scale = scale_of(*problem.bounds(name))
        g = scale.forward(numbers[name], np.log) + shifts.get(name, 0.0)
        g = g + np.zeros((count, subjects))
        for k, c in enumerate(columns):
            if c.parameter == name and c.between_subjects:
                g = g + effects[..., k]
        made[individual_name(name)] = (by_subject, scale.back(g, np.exp)[None])
        kappa = [effects[..., k] for k, c in enumerate(columns)
                 if c.parameter == name and not c.between_subjects]  # fmt: skip
        if kappa:
            values = scale.back(g[..., None] + np.stack(kappa, axis=-1), np.exp)
            made[occasion_name(name)] = ((*by_subject, "occasion"), values[None])
    return xr.Dataset(made, {"chain": [0], "draw": np.arange(count)})


def covariate_shifts(problem: Problem, numbers: Mapping[str, float]) -> dict[str, Array]:
    """Add up what covariates do to each parameter, on its scale; float64[subject]."""
    assert isinstance(problem.family, Hierarchical)
    shifts: dict[str, Array] = {}
    for effect in problem.family.effects:
        betas = {n: numbers[n] for n in effect.coefficients(problem.data)}
        shift = effect.shift(problem.data, betas, np.log)
        shifts[effect.parameter] = shifts.get(effect.parameter, 0.0) + np.asarray(shift)
    return shifts
