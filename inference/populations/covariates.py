"""Covariate effects: how a property of a subject shifts its parameters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError
from ...datasets.wording import shown
from ...models.distributions import Distribution, Normal

if TYPE_CHECKING:
    from ...datasets.study import Study

__all__ = ["FORMS", "Effect", "category_names", "covariate_numbers", "reference_of"]

Array = npt.NDArray[np.float64]
FORMS = ("power", "exponential", "linear", "category", "auto")


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
        there. ``"auto"``: a power, or a category where the covariate is text.
    reference : float or str, optional
        Default: the median of the subjects, or the most frequent category.
    prior : Distribution
        Of each ``beta``, named ``<parameter>_<covariate>`` (``..._<label>`` for categories).
    value : float, optional
        A known ``beta``, such as 0.75 for allometry of a clearance; nothing is estimated then.
    """

    parameter: str
    covariate: str
    form: str = "power"
    reference: float | str | None = None
    prior: Distribution = field(default_factory=lambda: Normal(0.0, 0.5))
    value: float | None = None

    def __post_init__(self) -> None:
        """Refuse a form that does not exist."""
        if self.form not in FORMS:
            raise InputError(f"no covariate effect is called {self.form!r}: {', '.join(FORMS)}.")

    @property
    def name(self) -> str:
        """Name of the coefficient."""
        return f"{self.parameter}_{self.covariate}"

    def resolved(self, study: Study) -> Effect:
        """Choose the form by the data where it was left open."""
        if self.form != "auto":
            return self
        words = _column(self, study).dtype.kind not in "fiub"
        return replace(self, form="category" if words else "power")

    def sentence(self, study: Study) -> str:
        """Say what happens to the parameter."""
        if self.form == "category":
            others = ", ".join(category_names(self, study))
            known = reference_category(self, study)
            return f"{self.parameter} differs by {self.covariate}: {others} against {known}"
        reference = f"{reference_of(self, study):.4g}"
        beta = self.name if self.value is None else f"{self.value:g}"
        factor = {
            "power": f"({self.covariate} / {reference})^{beta}",
            "exponential": f"exp({beta} ({self.covariate} - {reference}))",
            "linear": f"1 + {beta} ({self.covariate} - {reference})",
        }[self.form]
        return f"{self.parameter} is multiplied by {factor}"

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
