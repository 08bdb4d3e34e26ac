"""Expected Fisher information of the data about parameters, and the directions they do not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import stats

from ...datasets.errors import InputError
from ..measuring.density import NORMAL
from ..measuring.measurement import KINDS
from ..measuring.scaled import ScaledError
from ..measuring.sigmas import spreads_at
from ..percent import percent
from ..populations.hierarchy import scale_of
from ..predict import parameters_of
from ..report.prior import Prior
from ..solving import values_at_rows

if TYPE_CHECKING:
    from ..arrangement import Observed
    from ..problem import Problem

__all__ = ["Information", "information", "prior_width"]

Array = npt.NDArray[np.float64]
STEP = 1e-3  # of a parameter on its scale, in prior standard deviations
BIG = 0.3  # share of a combination's standard deviation from which a parameter is named
QUANTILES = (np.arange(400) + 0.5) / 400


@dataclass(frozen=True, eq=False)
class Information:
    """What the data say about the parameters, beside what the priors say.

    Parameters
    ----------
    names : tuple of str
        Parameters, each on its scale (logarithm, logit or natural).
    scales : tuple of str
        Names of these scales.
    matrix : float64[parameter, parameter]
        Expected Fisher information, without priors.
    widths : float64[parameter]
        Prior standard deviations on the scales.
    """

    names: tuple[str, ...]
    scales: tuple[str, ...]
    matrix: Array
    widths: Array

    @property
    def directions(self) -> tuple[Array, Array]:
        """How much more than the prior the data say, and about which combination.

        Returns
        -------
        float64[direction], ascending
            Information of the data in units of that of the prior: at 1 the data halve the variance.
        float64[direction, parameter]
            Coefficients of combinations of the parameters on their scales, as unit vectors. The
            combinations are independent of each other before and after the data.
        """
        values, vectors = np.linalg.eigh(self.widths[:, None] * self.matrix * self.widths)
        ways = vectors.T / self.widths
        return np.clip(values, 0.0, None), ways / np.linalg.norm(ways, axis=1, keepdims=True)

    @property
    def rank(self) -> int:
        """Directions about which the data say more than the prior."""
        return int((self.directions[0] > 1).sum())

    @property
    def weak(self) -> tuple[str, ...]:
        """Directions about which the priors say more than the data, in words."""
        values, ways = self.directions
        return tuple(
            self.words(way, value) for value, way in zip(values, ways, strict=True) if value <= 1
        )

    def words(self, way: Array, value: float) -> str:
        """Describe a combination, and what is seen in its place when it joins two parameters."""
        off = percent(value / (1 + value))
        text = f"{self.combination(way)} (the data take {off} off its variance)"
        large = self.large(way)
        if large.size != 2:
            return text
        moved = way[large] * self.widths[large] ** 2  # by what is unseen, the others standing still
        across = np.zeros_like(way)
        across[large] = moved[::-1] * np.array([1.0, -1.0]) / np.linalg.norm(moved)
        if self.large(across).size != 2 or self.taken_off(across) < 0.5:
            return text
        i, j = (self.names[k] for k in sorted(large))
        return f"{text}: they see {i} and {j} only through {self.combination(across)}"

    def taken_off(self, way: Array) -> float:
        """Share of the prior variance of a combination that the data remove.

        All else is free: a combination may lie close to one that is seen, and yet be unknown,
        because what is seen of it belongs to the others.
        """
        scaled = self.widths * way
        seen = np.eye(way.size) + self.widths[:, None] * self.matrix * self.widths
        return float(1 - scaled @ np.linalg.solve(seen, scaled) / (scaled @ scaled))

    def large(self, way: Array) -> npt.NDArray[np.intp]:
        """Parameters that make up the prior variance of a combination, the largest share first."""
        parts = np.abs(way * self.widths) / np.linalg.norm(way * self.widths)
        order = np.argsort(-parts)
        return order[parts[order] >= BIG] if parts.max() >= BIG else order[:1]

    def combination(self, way: Array) -> str:
        """Sum of its large parts, the largest positive; the name alone where there is one."""
        order = self.large(way)
        sign = np.sign(way[order[0]])
        parts: list[str] = []
        for k in order:
            name = (
                self.names[k]
                if self.scales[k] == "natural"
                else f"{self.scales[k]} {self.names[k]}"
            )
            if len(order) == 1:
                return name
            share = way[k] * sign
            join = ("- " if share < 0 else "+ ") if parts else ""
            digits = ".2f" if abs(share) >= 0.1 else ".2g"
            parts.append(f"{join}{abs(share):{digits}} {name}")
        return " ".join(parts)


def information(problem: Problem, point: xr.Dataset) -> Information:
    """Compute the expected Fisher information at a point.

    Parameters
    ----------
    problem : Problem
    point : Dataset, dims chain (1), draw (1), [subject]
        One draw, with individual values in a hierarchical fit; there all subjects move together
        and their effects are held.

    Returns
    -------
    Information

    Raises
    ------
    InputError
        If the equations cannot be solved around the point, or every observable has a kind of error
        without a working scale (grades and the like), which are left out.

    Notes
    -----
    Sensitivities of all rows by central differences on the scales of the parameters, weighted with
    the residual spread; a row beyond a limit counts with the information of a yes or no. Spreads
    are held. Intervals count as exact values.
    """
    names = problem.estimated
    widths = np.array([prior_width(problem, n) for n in names])
    theta = parameters_of(problem, point, len(problem.arrangement.subjects))
    steps = [(n, s * w * STEP) for n, w in zip(names, widths, strict=True) for s in (1, -1)]
    moved = np.concatenate([theta, *(shifted(problem, theta, n, by) for n, by in steps)])
    f = values_at_rows(problem, moved)
    total, used = np.zeros((len(names), len(names))), 0
    for observed in problem.arrangement.observed:
        error = problem.errors[observed.name]
        if not isinstance(error, ScaledError):
            continue
        used += 1
        z = np.asarray(error.location(f[observed.name], observed.rows.floor))
        sensitivity = ((z[1::2] - z[2::2]) / (2 * STEP * widths[:, None])).T
        weight = weights(problem, error, observed, f[observed.name][0], z[0], point)
        total += sensitivity.T @ (weight[:, None] * sensitivity)
    if not used:
        raise InputError("no observable has an error with a spread: there is no such information.")
    if not np.isfinite(total).all():
        raise InputError("the equations cannot be solved around this point: take another draw.")
    scales = tuple(scale_of(*problem.bounds(n)).name for n in names)
    return Information(names, scales, total, widths)


def shifted(problem: Problem, theta: Array, name: str, by: float) -> Array:
    """Move one parameter of all subjects on its scale, in all of their occasions."""
    scale, occasions = scale_of(*problem.bounds(name)), problem.arrangement.occasions
    copies = [] if occasions is None else occasions.places(name)
    places = [problem.model.parameter_names.index(name), *copies]
    moved = theta.copy()
    moved[..., places] = scale.back(scale.forward(theta[..., places], np.log) + by, np.exp)
    return moved


def weights(
    problem: Problem,
    error: ScaledError,
    observed: Observed,
    f: Array,
    z: Array,
    point: xr.Dataset,
) -> Array:
    """Information of each row about its location; float64[row]."""
    rows = observed.rows
    sigma: Any = tuple(s[0] for s in spreads_at(problem, observed, point))
    se = error.working_se(rows)
    spread = np.where(rows.averaged, se, error.spread(f, sigma, se, rows.floor))
    with np.errstate(all="ignore"):
        a = (np.asarray(error.working(rows.value)) - z) / spread
        below = stats.norm.cdf(a) * stats.norm.sf(a)
        binary = np.where(below > 0, stats.norm.pdf(a) ** 2 / below, 0.0)
    beyond = (rows.kind == KINDS.index("left")) | (rows.kind == KINDS.index("right"))
    tails = error.tails
    exact = 1.0 if tails == NORMAL else (tails + 1) / (tails + 3)
    return np.asarray(np.where(beyond, binary, exact) / spread**2)


def prior_width(problem: Problem, name: str) -> float:
    """Prior standard deviation of a parameter on its scale."""
    bounds = problem.bounds(name)
    values = Prior(problem.all_priors[name], *bounds).quantile(QUANTILES)
    return float(np.std(scale_of(*bounds).forward(values, np.log)))
