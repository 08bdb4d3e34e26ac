"""Priors: the plain records of `models.distributions` as random variables of PyMC.

A record states a distribution in the terms of the field (a log-normal by its median), a parameter
states the bounds of what is possible. Both hold: a prior that reaches beyond the bounds is cut
there and renormalized.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
from pymc.distributions.transforms import logodds

from ..datasets.errors import InputError
from ..models.distributions import (
    Beta,
    Distribution,
    HalfCauchy,
    HalfNormal,
    LogitNormal,
    LogNormal,
    Normal,
    TruncatedNormal,
    Uniform,
)

__all__ = ["PriorError", "is_cut", "random_variable", "support", "unnamed"]


class PriorError(InputError):
    """A prior that is no distribution, or that leaves nothing between the bounds."""


def support(distribution: Distribution) -> tuple[float, float]:
    """Interval on which a prior has mass.

    Parameters
    ----------
    distribution : Distribution

    Returns
    -------
    lower, upper : float
        In the unit of the parameter; may be infinite.
    """
    match distribution:
        case LogNormal() | HalfNormal() | HalfCauchy():
            return 0.0, math.inf
        case Beta() | LogitNormal():
            return 0.0, 1.0
        case TruncatedNormal() | Uniform():
            return distribution.lower, distribution.upper
        case _:
            return -math.inf, math.inf


def is_cut(distribution: Distribution, lower: float, upper: float) -> bool:
    """Whether the bounds remove a part of the prior.

    Parameters
    ----------
    distribution : Distribution
    lower, upper : float
        Bounds of the parameter, in its unit.

    Returns
    -------
    bool
    """
    low, high = support(distribution)
    return lower > low or upper < high


def random_variable(
    name: str,
    distribution: Distribution,
    *,
    lower: float = -math.inf,
    upper: float = math.inf,
    dims: str | Sequence[str] | None = None,
) -> Any:
    """Add a prior to the PyMC model of the context.

    Parameters
    ----------
    name : str
        Name of the random variable.
    distribution : Distribution
        Record of `models.distributions`.
    lower, upper : float
        Bounds of the parameter, in its unit; the prior is restricted to them and renormalized.
    dims : str or sequence of str, optional
        Named dimensions of the model; the elements are independent.

    Returns
    -------
    TensorVariable, of the shape of ``dims``

    Raises
    ------
    PriorError
        If a number of the record makes no distribution, or the bounds leave nothing of it.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     ka = random_variable("ka", LogNormal(0.35, 0.5))
    >>> model.free_RVs
    [ka]
    """
    family, numbers, limits = _made(name, distribution, lower, upper)
    if isinstance(distribution, LogitNormal):  # PyMC 6.4 gives it none, and the sampler meets walls
        limits = limits | {"transform": logodds}
    return family(name, *numbers, **limits, dims=dims)


def unnamed(
    name: str, distribution: Distribution, *, lower: float = -math.inf, upper: float = math.inf
) -> Any:
    """Give the same distribution as `random_variable`, outside of any model."""
    family, numbers, limits = _made(name, distribution, lower, upper)
    return family.dist(*numbers, **limits)


def _made(
    name: str, distribution: Distribution, lower: float, upper: float
) -> tuple[Any, list[Any], dict[str, Any]]:
    """Class of PyMC, its numbers, and the limits where it takes any."""
    check(name, distribution)
    low, high = support(distribution)
    low, high = max(low, lower), min(high, upper)
    if not low < high:
        raise PriorError(
            f"prior of {name}: {distribution} has no mass between the bounds "
            f"{lower:g} and {upper:g} of the parameter. Give another prior."
        )
    limits = {
        side: exact(bound) if math.isfinite(bound) else None
        for side, bound in (("lower", low), ("upper", high))
    }
    if isinstance(distribution, Normal | TruncatedNormal) and (low, high) != (-math.inf, math.inf):
        return pm.TruncatedNormal, [exact(distribution.mean), exact(distribution.sd)], limits
    if isinstance(distribution, Uniform):
        return pm.Uniform, [exact(low), exact(high)], {}
    family, given = FAMILIES[type(distribution)](distribution)
    numbers = [exact(number) for number in given]
    if not is_cut(distribution, lower, upper):
        return family, numbers, {}
    if isinstance(distribution, LogitNormal):
        raise PriorError(
            f"prior of {name}: the bounds {lower:g} and {upper:g} cut {distribution}, and a cut "
            "logit-normal is not available. Use a Beta or TruncatedNormal prior."
        )
    return pm.Truncated, [family.dist(*numbers)], limits


def exact(number: float) -> npt.NDArray[np.float64]:
    """Keep double precision: PyTensor makes single-precision constants of round Python floats."""
    return np.asarray(number, dtype=np.float64)


def check(name: str, distribution: Distribution) -> None:
    """Refuse numbers that make no distribution, naming the prior."""
    if type(distribution) not in (*FAMILIES, Uniform, TruncatedNormal):
        known = ", ".join(sorted(d.__name__ for d in (*FAMILIES, Uniform, TruncatedNormal)))
        raise PriorError(f"prior of {name}: {distribution!r} is not one of {known}.")
    for field, (rule, good) in RULES.items():
        value = getattr(distribution, field, None)
        if value is not None and not good(value):
            raise PriorError(f"prior of {name}: {distribution}: {field} must be {rule}.")
    if isinstance(distribution, LogNormal | LogitNormal):
        _, high = support(distribution)
        if not 0 < distribution.median < high:
            within = "between 0 and 1" if high == 1 else "greater than 0 and finite"
            raise PriorError(f"prior of {name}: {distribution}: median must be {within}.")


def positive(value: float) -> bool:
    """Whether a scale or a shape is usable."""
    return value > 0 and math.isfinite(value)


RULES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "sd": ("greater than 0 and finite", positive),
    "scale": ("greater than 0 and finite", positive),
    "alpha": ("greater than 0 and finite", positive),
    "beta": ("greater than 0 and finite", positive),
    "mean": ("finite", math.isfinite),
}

FAMILIES: dict[type[Distribution], Callable[[Any], tuple[Any, tuple[float, ...]]]] = {
    Normal: lambda d: (pm.Normal, (d.mean, d.sd)),
    LogNormal: lambda d: (pm.LogNormal, (np.log(d.median), d.sd)),
    HalfNormal: lambda d: (pm.HalfNormal, (d.sd,)),
    HalfCauchy: lambda d: (pm.HalfCauchy, (d.scale,)),
    Beta: lambda d: (pm.Beta, (d.alpha, d.beta)),
    LogitNormal: lambda d: (pm.LogitNormal, (np.log(d.median / (1 - d.median)), d.sd)),
}
