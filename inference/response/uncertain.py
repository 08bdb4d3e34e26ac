"""Exposures that are known only as posterior draws: plug-in, cut and joint.

What each does to a slope, if exposures come from a population fit, with reliability ``r``, the
part of their variance between subjects that the draws agree on:

* plug-in: the posterior mean of each subject stands for the truth. The slope is right (its error
  is Berkson's), its interval too narrow; with raw estimates in place of posterior means it is
  ``r`` times too small.
* cut: imputed exposures know nothing of the outcome, so the slope is ``r`` times too small, like
  that of raw estimates; but what the outcome says cannot bend the exposures of a wrong model.
* joint: exposures and curve are learned together; the slope is right, and so is its interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .curves import Curve
from .form import Form

__all__ = ["WAYS", "Blur", "blur_of", "marginal"]

Array = npt.NDArray[Any]
WAYS = ("plug-in", "cut", "joint")
NODES = 15  # of the Gauss-Hermite rule over an exposure


@dataclass(frozen=True, eq=False)
class Blur:
    """Exposures on the scale of a curve.

    Parameters
    ----------
    mean, sd : float64[subject]
        Posterior mean and standard deviation; the latter is zero for known exposures.
    draws : float64[draw, subject] or None
    """

    mean: Array
    sd: Array
    draws: Array | None

    @property
    def reliability(self) -> float:
        """Part of the variance of exposure, between subjects, that its draws agree on."""
        between = float(np.var(self.mean))
        return between / (between + float(np.mean(self.sd**2)))

    def imputed(self, count: int) -> Array:
        """Evenly spaced draws of all exposures together; float64[count, subject]."""
        assert self.draws is not None
        rows = np.linspace(0, len(self.draws) - 1, count).round().astype(int)
        return np.asarray(self.draws[rows])


def blur_of(curve: Curve, x: Array, draws: Array | None, way: str) -> Blur:
    """Put exposures on the scale of the curve.

    Raises
    ------
    InputError
        If the way is unknown or needs draws that are not there.
    """
    if way not in WAYS:
        raise InputError(f"uncertainty {shown(way)}: there are {', '.join(WAYS)}.")
    if draws is None:
        if way != "plug-in":
            raise InputError(
                f"uncertainty={way!r} needs posterior draws of the exposures: pass an exposure "
                "with the dims chain, draw and subject, as exposure(predict(...)) gives it."
            )
        return Blur(curve.forward(x), np.zeros(x.size), None)
    if curve.positive and (draws <= 0).any():
        raise InputError("some draws of an exposure are not positive; use curve='linear'.")
    g = curve.forward(draws)
    sd = g.std(axis=0, ddof=1)
    if way == "joint" and not (sd > 0).all():
        raise InputError("an exposure has the same value in all draws; use uncertainty='plug-in'.")
    return Blur(g.mean(axis=0), sd, g)


def marginal(form: Form, y: Array, blur: Blur, z: Array, theta: dict[str, Array]) -> Array:
    """Log likelihood of each outcome, its exposure integrated over its normal approximation.

    Parameters
    ----------
    theta : mapping of name to float64[draw, 1]

    Returns
    -------
    float64[draw, subject]
    """
    if not (blur.sd > 0).any():
        return np.asarray(form.log_density(y, blur.mean, z, theta))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    parts = [form.log_density(y, blur.mean + blur.sd * node, z, theta) for node in nodes]
    share = np.log(weights / weights.sum())
    return np.asarray(logsumexp(np.array(parts) + share[:, None, None], axis=0))
