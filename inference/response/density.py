"""The joint density of an exposure-response fit as a small PyMC model, compiled once per shape.

All numbers (exposures, outcomes, covariates, numbers of priors) are data of the model. So fits
that differ only in numbers share what was compiled, which takes far longer than to sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import pytensor.tensor as pt

from ...models.distributions import Distribution, Normal, TruncatedNormal, Uniform
from ..priors import FAMILIES, check, is_cut, random_variable, support
from .curves import Saturating, Straight
from .form import Form

__all__ = ["HIDDEN", "compiled", "numbers_of"]

Array = npt.NDArray[Any]
HIDDEN = ("value_low", "value_high", "latent")
BOUNDS = {"EC50": (0.0, math.inf), "h": (0.0, math.inf), "sigma": (0.0, math.inf)}
UNIT = (0.0, 1.0)


@dataclass(frozen=True)
class Shape:
    """What the compiled model depends on; two forms of one shape share it."""

    form: Form
    joint: int

    def _facts(self) -> tuple[Any, ...]:
        form = self.form
        priors = tuple((n, _structure(n, form, form.priors[n])) for n in form.names)
        numbers = form.means if "intercept" in form.priors else ()
        return form.kind, form.curve, form.terms, form.partial, priors, self.joint, numbers

    def __eq__(self, other: object) -> bool:
        """Whether the graphs are the same."""
        return isinstance(other, Shape) and self._facts() == other._facts()

    def __hash__(self) -> int:
        """Hash of the facts."""
        return hash(self._facts())


def compiled(form: Form, numbers: Mapping[str, Array], *, joint: bool) -> Any:
    """Give nutpie's compiled model with these numbers in it.

    Parameters
    ----------
    form : Form
    numbers : mapping of name to array
        As from `numbers_of`.
    joint : bool
        Whether exposures are parameters.
    """
    center = 0.0
    if isinstance(form.curve, Straight):
        center = 0.0 if "intercept" in form.priors else form.curve.center
        form = replace(form, curve=Straight(center=form.curve.center - center))
    made, model = _compiled(Shape(form, numbers["y"].size if joint else 0))
    unused = {"z"} if not form.terms else set()
    given = {n: v for n, v in numbers.items() if n not in unused} | {"g": numbers["g"] - center}
    pm.set_data(given, model=model)  # prior draws, from which chains start, read it there
    return made.with_data(**given)


def numbers_of(form: Form, y: Array, g: Array, z: Array, blur: Array | None) -> dict[str, Array]:
    """All numbers of a fit by name.

    Parameters
    ----------
    form : Form
    y, g : float64[subject]
        Outcome; exposure on the scale of the curve.
    z : float64[subject, term]
    blur : float64[subject] or None
        Standard deviation of ``g``, for a joint fit.
    """
    found = {"y": y, "g": g, "z": z}
    if blur is not None:
        found["blur"] = blur
    for name in form.names:
        prior = form.priors[name]
        if (values := _prior_numbers(name, form, prior)) is not None:
            found[f"prior_{name}"] = values
    if _by_values(form):
        low, high = np.quantile(g, [0.1, 0.9])
        found |= {
            "ends": np.array([low, high]),
            "loc": np.array([y.mean(), float(np.std(y)) or 1.0]),
        }
    return {n: np.asarray(v, dtype=np.float64) for n, v in found.items()}


@lru_cache(maxsize=16)
def _compiled(shape: Shape) -> tuple[Any, Any]:
    """Compile the model of a shape; its numbers are replaced before it is used."""
    import nutpie

    form = shape.form
    count = shape.joint or 2
    blank = np.arange(count, dtype=np.float64)
    blur = np.ones(count) if shape.joint else None
    numbers = numbers_of(form, blank % 2, blank, np.zeros((count, len(form.terms))), blur)
    with pm.Model() as model:
        data = {name: pm.Data(name, value) for name, value in numbers.items()}
        g = data["g"]
        if shape.joint:
            g = g + data["blur"] * pm.Normal("latent", 0.0, 1.0, shape=count)
        theta = _values_at_ends(form, data) if _by_values(form) else _plain(form, data)
        density = form.log_density(data["y"], g, data["z"], theta, pt)
        pm.Potential("outcomes", density.sum())
    return nutpie.compile_pymc_model(model, default_initialization_strategy="prior"), model


def _plain(form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter drawn from its prior."""
    return {n: _variable(n, form, data) for n in form.names}


def _by_values(form: Form) -> bool:
    """Whether plateaus are exchanged for the values at two exposures."""
    if not isinstance(form.curve, Saturating) or form.kind.name != "continuous":
        return False
    return all(isinstance(form.priors[n], Normal) for n in ("E0", "span"))


def _values_at_ends(form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of an Emax curve by its values at the 10 % and 90 % quantiles of exposure.

    Data tell these two values; plateaus far outside of the data are bent around each other. At a
    given EC50 and h the two pairs are related linearly, with the Jacobian ``1 / (s2 - s1)`` of
    the rises there. The priors stay those of E0 and span.
    """
    curve = form.curve
    assert isinstance(curve, Saturating)
    theta = {n: _variable(n, form, data) for n in form.names if n not in ("E0", "span")}
    raw = [pm.Normal(n, 0.0, 1.0) for n in ("value_low", "value_high")]
    values = [data["loc"][0] + data["loc"][1] * v for v in raw]
    low, high = (curve.rise(data["ends"][k], theta, pt) for k in (0, 1))
    span = pm.Deterministic("span", (values[1] - values[0]) / (high - low))
    start = pm.Deterministic("E0", values[0] - span * low)
    prior = _log_prior("E0", form, data, start) + _log_prior("span", form, data, span)
    drawn = sum(pm.logp(pm.Normal.dist(0.0, 1.0), v) for v in raw)  # only to draw a start from
    pm.Potential("plateaus", prior - drawn - pt.log(high - low))
    return {**theta, "E0": start, "span": span}


def _bounds(name: str, form: Form) -> tuple[float, float]:
    """Bounds of a parameter."""
    if name.startswith("gap"):
        return 0.0, math.inf
    if form.kind.name == "binary" and name in ("E0", "Emax"):
        return UNIT
    return BOUNDS.get(name, (-math.inf, math.inf))


def _structure(name: str, form: Form, prior: Distribution) -> str:
    """Text that is the same for priors that differ only in numbers which are data."""
    if _prior_numbers(name, form, prior) is None:
        return str(prior)
    low, high = support(prior)
    return f"{type(prior).__name__} {low:g} {high:g}"


def _prior_numbers(name: str, form: Form, prior: Distribution) -> Array | None:
    """Numbers of a prior that may be data; None where bounds make it a constant."""
    check(name, prior)
    if isinstance(prior, TruncatedNormal):
        return np.array([prior.mean, prior.sd])
    cut = is_cut(prior, *_bounds(name, form)) and not isinstance(prior, Normal)
    if isinstance(prior, Uniform) or cut:
        return None
    return np.array(FAMILIES[type(prior)](prior)[1], dtype=np.float64)


def _variable(name: str, form: Form, data: Mapping[str, Any]) -> Any:
    """Random variable whose prior numbers are data."""
    prior, (lower, upper) = form.priors[name], _bounds(name, form)
    if f"prior_{name}" not in data:
        return random_variable(name, prior, lower=lower, upper=upper)
    family, options = _family(prior, lower, upper)
    given = (data[f"prior_{name}"][k] for k in range(_count(name, form, prior)))
    return family(name, *given, **options)


def _count(name: str, form: Form, prior: Distribution) -> int:
    values = _prior_numbers(name, form, prior)
    assert values is not None
    return int(values.size)


def _family(prior: Distribution, lower: float, upper: float) -> tuple[Any, dict[str, Any]]:
    """Distribution of PyMC, with the bounds that it needs."""
    low, high = support(prior)
    low, high = max(low, lower), min(high, upper)
    if isinstance(prior, Normal | TruncatedNormal) and (low, high) != (-math.inf, math.inf):
        ends = {"lower": low, "upper": high}
        return pm.TruncatedNormal, {k: v if math.isfinite(v) else None for k, v in ends.items()}
    if isinstance(prior, TruncatedNormal):
        return pm.Normal, {}
    return FAMILIES[type(prior)](prior)[0], {}


def _log_prior(name: str, form: Form, data: Mapping[str, Any], value: Any) -> Any:
    """Log density of a prior at a value that follows from others."""
    prior = form.priors[name]
    family, options = _family(prior, -math.inf, math.inf)
    given = [data[f"prior_{name}"][k] for k in range(_count(name, form, prior))]
    return pm.logp(family.dist(*given, **options), value)
