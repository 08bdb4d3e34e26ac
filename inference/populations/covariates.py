"""Covariate effects: how a property of a subject shifts its parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.distributions import Distribution, Normal

if TYPE_CHECKING:
    from ...datasets.study import Study

__all__ = [
    "FORMS",
    "Effect",
    "category_names",
    "covariate_numbers",
    "new_shift",
    "reference_of",
]

Array = npt.NDArray[np.float64]
FORMS = ("power", "exponential", "linear", "category", "auto")
WIDTH = 0.5  # standard deviation of the default prior of a shift
PER_UNIT = ("exponential", "linear")  # forms whose beta is per unit of the covariate


@dataclass(frozen=True)
class Effect:
    """Effect of one covariate on one parameter.

    Parameters
    ----------
    parameter, covariate : str
    form : {"power", "exponential", "linear", "category", "auto"}
        Of a typical value: times ``(x / reference) ** beta``; times ``exp(beta (x - reference))``;
        times ``1 + beta (x - reference)``; or times ``exp(beta)`` for each category but the
        reference. For parameters on a logit or natural scale the logarithm of the factor is added
        there. ``"auto"``: a power, or a category where the covariate is text. The beta of
        ``"linear"`` is bounded so that the factor is positive in every subject of the data; beyond
        the density is zero.
    reference : float or str, optional
        Default: the median of the subjects, or the most frequent category.
    prior : Distribution, optional
        Of each ``beta``, named ``<parameter>_<covariate>`` (``..._<label>`` for categories).
        Default: normal around 0 with a standard deviation of 0.5 for a power or a category, and of
        0.5 per standard deviation of the covariate in the data for ``"exponential"`` and
        ``"linear"``. On a natural scale 0.5 is a share of the parameter's value in the model,
        except for ``"linear"``. A `Problem` and a saved analysis hold the number.
    value : float, optional
        A known ``beta``, such as 0.75 for allometry of a clearance; nothing is estimated then.
    """

    parameter: str
    covariate: str
    form: str = "power"
    reference: float | str | None = None
    prior: Distribution | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        """Refuse a form that does not exist."""
        if self.form not in FORMS:
            raise InputError(f"no covariate effect is called {self.form!r}: {', '.join(FORMS)}.")

    @property
    def name(self) -> str:
        """Name of the coefficient."""
        return f"{self.parameter}_{self.covariate}"

    def resolved(self, study: Study, unit: float = 1.0) -> Effect:
        """Choose form and prior by the data where they were left open.

        Parameters
        ----------
        study : Study
        unit : float
            Size of a shift of 100 % on the scale of the parameter, see `scales.unit_of`.
        """
        form = self.form
        if form == "auto":
            form = "category" if _column(self, study).dtype.kind not in "fiub" else "power"
        chosen = replace(self, form=form)
        return replace(chosen, prior=self.prior or chosen._default_prior(study, unit))

    def _default_prior(self, study: Study, unit: float) -> Distribution:
        if self.value is not None:
            return Normal(0.0, WIDTH)  # of nothing that is estimated
        size = 1.0 if self.form == "linear" else unit
        if self.form not in PER_UNIT:
            return Normal(0.0, WIDTH * size)
        spread = spread_of(study, self.covariate)
        if spread == 0:
            raise InputError(
                f"covariate {self.covariate} is the same in all subjects: leave out its effect on "
                f"{self.parameter}, or give it a prior."
            )
        return Normal(0.0, WIDTH * size / spread)

    def sentence(self, study: Study, scale: str = "log") -> str:
        """Say what happens to the parameter.

        Parameters
        ----------
        study : Study
        scale : {"log", "logit", "natural"}
            On which the parameter varies.
        """
        if self.form == "category":
            others = ", ".join(category_names(self, study))
            known = reference_category(self, study)
            return f"{self.parameter} differs by {self.covariate}: {others} against {known}"
        x, reference = self.covariate, f"{reference_of(self, study):.4g}"
        beta = self.name if self.value is None else f"{self.value:g}"
        if scale == "log":
            factor = {
                "power": f"({x} / {reference})^{beta}",
                "exponential": f"exp({beta} ({x} - {reference}))",
                "linear": f"1 + {beta} ({x} - {reference})",
            }[self.form]
            return f"{self.parameter} is multiplied by {factor}"
        shift = {
            "power": f"{beta} log({x} / {reference})",
            "exponential": f"{beta} ({x} - {reference})",
            "linear": f"log(1 + {beta} ({x} - {reference}))",
        }[self.form]
        what = f"the logit of {self.parameter}" if scale == "logit" else self.parameter
        return f"{what} is shifted by {shift}"

    def prior_sentence(self, study: Study, prior: Distribution) -> str:
        """Say how wide a prior per unit of the covariate is; nothing for others."""
        if self.form not in PER_UNIT or self.value is not None or not isinstance(prior, Normal):
            return ""
        spread = spread_of(study, self.covariate)
        return (
            f"{self.name}: its prior has a standard deviation of {prior.sd * spread:.3g} per "
            f"standard deviation of {self.covariate} ({spread:.4g})"
        )

    def bounds(self, study: Study) -> tuple[float, float]:
        """Between which values of beta the parameter exists in every subject of the data."""
        if self.form != "linear":
            return -math.inf, math.inf
        x = covariate_numbers(study, self.covariate) - reference_of(self, study)
        low, high = float(x.min()), float(x.max())
        return -1 / high if high > 0 else -math.inf, -1 / low if low < 0 else math.inf

    def check(self, study: Study) -> None:
        """Refuse what the data do not have, and a known beta that makes a factor negative."""
        self.shift(study, dict.fromkeys(self.coefficients(study), 0.0), _log_of_positive)
        low, high = self.bounds(study)
        if self.value is not None and not low < self.value < high:
            raise InputError(
                f"{self.sentence(study)}, which is not positive in every subject: the number must "
                f"lie between {low:.4g} and {high:.4g}."
            )

    def coefficients(self, study: Study) -> tuple[str, ...]:
        """Names of the coefficients that are estimated."""
        if self.value is not None:
            return ()
        if self.form != "category":
            return (self.name,)
        return tuple(f"{self.name}_{label}" for label in category_names(self, study))

    def shift(self, study: Study, betas: Any, log: Any) -> Any:
        """Compute what is added to the (log) typical value of each subject.

        Parameters
        ----------
        study : Study
        betas : mapping of coefficient to number or tensor
        log : callable
            Logarithm for these numbers (NumPy or PyTensor).
        """
        if self.form == "category":
            labels = _column(self, study).astype(str)
            names = category_names(self, study)
            return sum(betas[f"{self.name}_{n}"] * (labels == n).astype(float) for n in names)
        x, reference = covariate_numbers(study, self.covariate), reference_of(self, study)
        beta = betas[self.name] if self.value is None else self.value
        if self.form == "power":
            return beta * np.log(x / reference)
        centered = x - reference
        return beta * centered if self.form == "exponential" else log(1 + beta * centered)


def _log_of_positive(x: Any) -> Any:
    """Logarithm, NaN where there is none, without a warning."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(x)


def _column(effect: Effect, study: Study) -> npt.NDArray[Any]:
    return _values(study, effect.covariate)


def _values(study: Study, covariate: str) -> npt.NDArray[Any]:
    table = study.covariates
    if covariate not in table:
        known = ", ".join(map(str, table.data_vars)) or "none"
        raise InputError(
            f"{shown(covariate)} is no fixed covariate of {study.name}. There are: {known}."
        )
    return np.asarray(table[covariate].sel(subject=list(study.subjects)).to_numpy())


def covariate_numbers(study: Study, covariate: str) -> Array:
    """Values of a numeric covariate, one per subject in the order of the study.

    Raises
    ------
    InputError
        If it is missing for a subject, or no number.
    """
    values = _values(study, covariate)
    try:
        numbers = values.astype(np.float64)
    except ValueError:
        raise InputError(
            f"covariate {covariate} is text, such as {shown(str(values[0]))}: use the form "
            "'category'."
        ) from None
    if not np.isfinite(numbers).all():
        who = study.subjects[int(np.flatnonzero(~np.isfinite(numbers))[0])]
        raise InputError(
            f"covariate {covariate} of subject {who} is missing: impute it, or leave the subject "
            "or the effect out."
        )
    return numbers


def spread_of(study: Study, covariate: str) -> float:
    """Compute the standard deviation of a numeric covariate over the subjects."""
    return float(np.std(covariate_numbers(study, covariate), ddof=1))


def reference_of(effect: Effect, study: Study) -> float:
    """Find the reference value of a numeric covariate: as given, or the median of the subjects."""
    numbers = covariate_numbers(study, effect.covariate)
    reference = float(np.median(numbers) if effect.reference is None else effect.reference)
    if effect.form == "power" and (reference <= 0 or (numbers <= 0).any()):
        raise InputError(
            f"a power of covariate {effect.covariate} needs positive values; use the form "
            "'exponential' or 'linear'."
        )
    return reference


def reference_category(effect: Effect, study: Study) -> str:
    """Find the category that the others are compared with: as given, or the most frequent one."""
    labels, counts = np.unique(_column(effect, study).astype(str), return_counts=True)
    default = str(labels[int(np.argmax(counts))])
    reference = default if effect.reference is None else str(effect.reference)
    if reference not in labels:
        raise InputError(
            f"covariate {effect.covariate} has no category {reference!r}; it has "
            f"{', '.join(map(str, labels))}."
        )
    return reference


def category_names(effect: Effect, study: Study) -> tuple[str, ...]:
    """Categories with a coefficient: all but the reference, in alphabetical order."""
    reference = reference_category(effect, study)
    return tuple(str(n) for n in np.unique(_column(effect, study).astype(str)) if n != reference)


def new_shift(
    effect: Effect, study: Study, betas: Mapping[str, Array], values: npt.NDArray[Any]
) -> Array:
    """Compute what is added to the (log) typical value of patients who are not in the data.

    Parameters
    ----------
    effect : Effect
    study : Study
        That of the fit: it gives the reference and the categories.
    betas : mapping of coefficient to float64[draw]
    values : array[patient]
        Covariate of each patient.

    Returns
    -------
    float64[draw, patient]
        A single draw where the coefficient is known.

    Raises
    ------
    InputError
        If a category is not in the fit, a value is no number, or the effect is not defined there:
        a power of a number that is not positive, or a linear factor that is not in some draw.
    """
    if effect.form == "category":
        labels = values.astype(str)
        known = sorted(set(_column(effect, study).astype(str)))
        if strange := sorted(set(labels) - set(known)):
            raise InputError(
                f"covariate {effect.covariate} has no category {shown(str(strange[0]))} in the "
                f"fit; it has {', '.join(known)}."
            )
        names = category_names(effect, study)
        parts = [betas[f"{effect.name}_{n}"][:, None] * (labels == n) for n in names]
        return np.asarray(sum(parts, np.zeros((1, labels.size))), dtype=np.float64)
    x, reference = _new_numbers(effect, values), reference_of(effect, study)
    beta = np.array([effect.value]) if effect.value is not None else betas[effect.name]
    if effect.form == "power":
        return np.asarray(beta[:, None] * np.log(x / reference))
    centered = beta[:, None] * (x - reference)
    if effect.form == "exponential":
        return np.asarray(centered)
    _refuse_out_of_reach(effect, study, centered, x)
    return np.asarray(np.log1p(centered))


def _new_numbers(effect: Effect, values: npt.NDArray[Any]) -> Array:
    """Read the covariate of new patients as numbers, positive ones for a power."""
    try:
        x = values.astype(np.float64)
    except ValueError:
        raise InputError(
            f"covariate {effect.covariate} of a new patient is text, such as "
            f"{shown(str(values[0]))}; the fit has numbers."
        ) from None
    if not np.isfinite(x).all():
        raise InputError(f"covariate {effect.covariate} of a new patient is missing.")
    if effect.form == "power" and (x <= 0).any():
        raise InputError(
            f"covariate {effect.covariate} of a new patient is {x.min():g}: the fit has a power of "
            "it, which needs positive values."
        )
    return x


def _refuse_out_of_reach(effect: Effect, study: Study, centered: Array, x: Array) -> None:
    """Refuse patients to whom a linear effect does not reach: beyond the data it has no floor."""
    bad = centered <= -1
    if not bad.any():
        return
    draws, worst = int(bad.any(axis=1).sum()), int(np.argmax(bad.sum(axis=0)))
    data = covariate_numbers(study, effect.covariate)
    what = "the known coefficient" if effect.value is not None else f"{draws} of {len(bad)} draws"
    raise InputError(
        f"{effect.sentence(study)}, which is not positive in {int(bad.any(axis=0).sum())} of "
        f"{x.size} new patients, as at {effect.covariate} = {x[worst]:g}, with {what}; the data "
        f"reach from {data.min():g} to {data.max():g}. Ask for patients nearer to the data, or fit "
        "the effect as a power or exponential."
    )
