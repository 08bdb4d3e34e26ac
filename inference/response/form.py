"""`Form`: curve, outcome, covariates and priors of an exposure-response fit, as plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import closest, shown
from ...models.distributions import Distribution, Normal
from ..notation import read_distribution, write_distribution
from .curves import WIDE, Curve, Saturating, Straight
from .kinds import Binary, Continuous, Kind, Ordinal

if TYPE_CHECKING:
    from .design import Design

__all__ = ["Form", "read_form"]

Array = npt.NDArray[Any]
Theta = Mapping[str, Any]
EXPOSURE = "exposure"
ATTRIBUTE = "response"  # of a tree, holds the form as JSON
KINDS: dict[str, type[Kind]] = {"binary": Binary, "continuous": Continuous, "ordinal": Ordinal}
CURVES: dict[str, type[Curve]] = {"straight": Straight, "saturating": Saturating}


@dataclass(frozen=True)
class Form:
    """Everything about an exposure-response fit but the data.

    Parameters
    ----------
    kind : Kind
    curve : Curve
    terms : tuple of str
        Covariates; the coefficient of each is ``b_<term>``.
    means : tuple of float
        Their means, to which ``intercept_at_mean``, plateaus and cut-points belong.
    partial : tuple of str
        Effects that differ between grades: terms, or ``"exposure"``.
    priors : mapping of parameter to Distribution
    """

    kind: Kind
    curve: Curve
    terms: tuple[str, ...]
    means: tuple[float, ...]
    partial: tuple[str, ...]
    priors: Mapping[str, Distribution]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Free parameters, in order."""
        own = self.curve.names(self.kind.name)
        if "intercept" in self.priors:
            own = tuple("intercept" if n == "intercept_at_mean" else n for n in own)
        effects = tuple(f"b_{t}" for t in self.terms)
        return (*own, *effects, *self.kind.names, *(n for n, _, _ in self._changes))

    @property
    def _changes(self) -> tuple[tuple[str, str, int], ...]:
        """Name, effect and grade of each departure from proportional odds."""
        levels = self.kind.levels if isinstance(self.kind, Ordinal) else 0
        return tuple(
            (f"{self._effect(e)}_change{k}", e, k)
            for e in self.partial
            for k in range(2, levels + 1)
        )

    def _effect(self, effect: str) -> str:
        if effect != EXPOSURE:
            return f"b_{effect}"
        return "span" if isinstance(self.curve, Saturating) else "slope"

    def predictor(self, g: Any, z: Any, theta: Theta, xp: Any = np) -> tuple[Any, dict[int, Any]]:
        """Location of the outcome, and what grades add to it.

        Parameters
        ----------
        g : [..., subject]
            Exposure on the scale of the curve.
        z : [..., subject, term]
            Centered covariates.
        theta : mapping of name to value
            Broadcast against ``g``.
        """
        location = self.curve.location(self.kind.name, g, self._centered(theta), xp)
        for k, term in enumerate(self.terms):
            location = location + theta[f"b_{term}"] * z[..., k]
        changes: dict[int, Any] = {}
        for name, effect, grade in self._changes:
            basis = self._basis(effect, g, z, theta, xp)
            changes[grade] = changes.get(grade, 0.0) + theta[name] * basis
        return location, changes

    def _centered(self, theta: Theta) -> Theta:
        """Parameters with the intercept at the means, whichever intercept is free."""
        if "intercept" not in self.priors or not isinstance(self.curve, Straight):
            return theta
        shift = theta["slope"] * self.curve.center
        for term, mean in zip(self.terms, self.means, strict=True):
            shift = shift + theta[f"b_{term}"] * mean
        return {"intercept_at_mean": theta["intercept"] + shift, "slope": theta["slope"]}

    def _basis(self, effect: str, g: Any, z: Any, theta: Theta, xp: Any) -> Any:
        """Find what the coefficient of an effect multiplies."""
        if effect != EXPOSURE:
            return z[..., self.terms.index(effect)]
        if isinstance(self.curve, Straight):
            return g - self.curve.center
        assert isinstance(self.curve, Saturating)
        return self.curve.rise(g, theta, xp)

    def log_density(self, y: Any, g: Any, z: Any, theta: Theta, xp: Any = np) -> Any:
        """Log density of each outcome; [..., subject]."""
        location, changes = self.predictor(g, z, theta, xp)
        return self.kind.log_density(y, location, changes, theta, xp)

    def derived(self, posterior: xr.Dataset) -> xr.Dataset:
        """Add what follows from the parameters: the other intercept, cut-points, plateaus."""
        found = posterior.copy()
        if isinstance(self.curve, Straight) and "slope" in found and self.kind.name != "ordinal":
            shift = found["slope"] * self.curve.center
            for term, mean in zip(self.terms, self.means, strict=True):
                shift = shift + found[f"b_{term}"] * mean
            if "intercept" in self.priors:
                found["intercept_at_mean"] = found["intercept"] + shift
            else:
                found["intercept"] = found["intercept_at_mean"] - shift
        if isinstance(self.kind, Ordinal):
            for k in range(2, self.kind.levels + 1):
                found[f"c{k}"] = found[f"c{k - 1}"] + found[f"gap{k}"]
        if "span" in found and "E0" in found:
            found["Emax"] = found["E0"] + found["span"]
        return found

    def to_json(self) -> str:
        """Text that `from_json` reads."""
        curve = next(n for n, c in CURVES.items() if isinstance(self.curve, c))
        return json.dumps(
            {
                "kind": {"name": self.kind.name, **asdict(self.kind)},
                "curve": {"name": curve, **asdict(self.curve)},
                "terms": self.terms,
                "means": [float(m) for m in self.means],
                "partial": self.partial,
                "priors": {n: write_distribution(d) for n, d in self.priors.items()},
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Form:
        """Read what `to_json` wrote."""
        facts = json.loads(text)
        kind, curve = dict(facts["kind"]), dict(facts["curve"])
        return cls(
            KINDS[kind.pop("name")](**kind),
            CURVES[curve.pop("name")](**curve),
            tuple(facts["terms"]),
            tuple(facts["means"]),
            tuple(facts["partial"]),
            {n: read_distribution(d) for n, d in facts["priors"].items()},
        )


def form_of(
    design: Design,
    kind: Kind,
    curve: Curve,
    partial: tuple[str, ...],
    given: Mapping[str, Distribution],
) -> Form:
    """Complete the priors, and refuse names that do not exist.

    Parameters
    ----------
    design : Design
    kind, curve
        What was chosen.
    partial : tuple of str
    given : mapping of parameter to Distribution
        Priors in place of the defaults. A prior of ``intercept`` (at zero exposure and covariates)
        makes it the free one.
    """
    known = (EXPOSURE, *design.terms)
    for effect in partial:
        if kind.name != "ordinal" or effect not in known:
            raise InputError(
                f"partial: {shown(effect)} is none of the effects {', '.join(known)}"
                + ("." if kind.name == "ordinal" else " of an ordinal outcome.")
            )
    spread, middle = kind.spread(design.y), kind.middle(design.y)
    priors = curve.priors(kind.name, design.x, spread, middle)
    effects = {EXPOSURE: priors.get("slope", priors.get("span", Normal(0.0, WIDE)))}
    for k, term in enumerate(design.terms):
        sd = float(np.std(design.z[:, k], ddof=1))
        effects[term] = priors[f"b_{term}"] = Normal(0.0, WIDE * spread / sd)
    priors |= kind.priors(design.y)
    form = Form(kind, curve, design.terms, tuple(design.means), partial, priors)
    for name, effect, _ in form._changes:
        wide = effects[effect]
        assert isinstance(wide, Normal)
        priors[name] = Normal(0.0, wide.sd / 2)
    extra = {"intercept"} if "intercept_at_mean" in priors else set()
    for name in given:
        if name not in {*priors, *extra}:
            guess = closest(name, [*priors, *extra])
            hint = f" Did you mean {guess!r}?" if guess else ""
            listed = ", ".join(priors)
            raise InputError(
                f"prior of {shown(name)}: no such parameter.{hint} There are {listed}."
            )
    chosen = {**priors, **given}
    if "intercept" in given:
        del chosen["intercept_at_mean"]
    return Form(kind, curve, design.terms, form.means, partial, chosen)


def read_form(tree: xr.DataTree) -> Form:
    """Form of an exposure-response fit.

    Raises
    ------
    InputError
        If the tree is another one.
    """
    if ATTRIBUTE not in tree.attrs:
        raise InputError(
            "the tree is no exposure-response fit: it does not come from fit_response."
        )
    return Form.from_json(str(tree.attrs[ATTRIBUTE]))
