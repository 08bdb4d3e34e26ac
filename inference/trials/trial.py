"""`Trial`: what a virtual trial found, as tables, a picture and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..percent import between, percent
from .chance import (
    detected,
    error_of_mean,
    limits,
    one_trial,
    share_above_zero,
    shared_errors,
    without_noise,
)
from .design import Design, Endpoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Trial"]

Array = npt.NDArray[Any]
PARTS = 100


@final
@dataclass(frozen=True, eq=False)
class Trial:
    """The outcome of a virtual trial.

    Parameters
    ----------
    design : Design
        With the endpoints that were asked.
    expected : float64[draw, arm, endpoint]
        Probability of each endpoint, averaged over the patients of a draw.
    noise : float64[draw, arm, endpoint]
        Variance of that average, from the finite number of patients.
    paired_noise : float64[draw, arm, endpoint]
        The same of the difference from the first arm, whose patients are the same.
    failed : int[draw, arm]
        Patients whose equations could not be solved; they are left out of every arm.
    seed : int
    label : str
        What the parameters rest on; ``"prior, not fitted"`` without a fit.
    notes : tuple of str
    evidence : mapping of topic to str
        What is known about the interventions; "contested" where it conflicts.
    """

    design: Design
    expected: Array = field(repr=False)
    noise: Array = field(repr=False)
    paired_noise: Array = field(repr=False)
    failed: Array = field(repr=False)
    seed: int = 1
    label: str = ""
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms; the first is what the others are compared with."""
        return tuple(a.name for a in self.design.arms)

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """What was asked."""
        return self.design.endpoints

    @property
    def draws(self) -> int:
        """Draws of the parameters."""
        return len(self.expected)

    @cached_property
    def probability(self) -> Array:
        """Probability in each draw, without Monte-Carlo noise; float64[draw, arm, endpoint].

        Their mean keeps its error, see `chance.error_of_mean`.
        """
        return without_noise(self.expected, self.noise, 0.0, 1.0)

    @cached_property
    def difference(self) -> Array:
        """Difference from the first arm, without noise; float64[draw, arm, endpoint]."""
        raw = self.expected - self.expected[:, :1]
        return without_noise(raw, self.paired_noise, -1.0, 1.0)

    @cached_property
    def observed(self) -> Array:
        """Fractions that trials of this size would see; float64[trial, arm, endpoint].

        Draws of the parameters, the error of their mean, and the chance of so many patients.
        """
        error = shared_errors(self.expected, self.noise, self.paired_noise, self.seed)
        return one_trial(self.probability, self.design.n, self.seed, error)

    def characteristics(self) -> pd.DataFrame:
        """Operating characteristics of each arm.

        Returns
        -------
        DataFrame
            A row per arm and endpoint: ``probability`` is the mean over draws; ``lower`` and
            ``upper`` bound it with what is not known about the parameters and the error of the
            mean that the finite number of patients leaves (90 %); ``trial_lower`` and
            ``trial_upper`` what one trial of n patients would see, with all of this and chance;
            ``sd_parameters`` and ``sd_chance`` are the two parts of its standard deviation;
            ``monte_carlo_error`` is that of the probability.
        """
        error = error_of_mean(self.expected, self.noise)
        low, high = limits(self.probability, error=error, bounds=(0.0, 1.0))
        seen_low, seen_high = limits(self.observed)
        p = self.probability
        rows = [
            {
                "arm": arm,
                "endpoint": e.name,
                "probability": np.nanmean(p[:, a, k]),
                "lower": low[a, k],
                "upper": high[a, k],
                "trial_lower": seen_low[a, k],
                "trial_upper": seen_high[a, k],
                "sd_parameters": np.nanstd(p[:, a, k]),
                "sd_chance": np.sqrt(np.nanmean(p[:, a, k] * (1 - p[:, a, k])) / self.design.n),
                "monte_carlo_error": self._error(self.expected[:, a, k]),
                "n": self.design.n,
                "draws": self.draws,
                "failed_solves": int(self.failed[:, a].sum()),
            }
            for a, arm in enumerate(self.arms)
            for k, e in enumerate(self.endpoints)
        ]
        return pd.DataFrame(rows)

    def differences(self) -> pd.DataFrame:
        """Compare each arm with the first, in the same virtual patients.

        Returns
        -------
        DataFrame
            A row per further arm and endpoint: ``difference`` of the probabilities with the 90 %
            interval over draws; ``p_better``, the share of draws in which the arm is better (a
            tie counts half); both with the error of the mean that the finite number of patients
            leaves; ``p_detected``, the probability that a trial with n patients of its own in
            each arm finds it better at a two-sided level of 5 %.
        """
        raw = self.expected - self.expected[:, :1]
        error = error_of_mean(raw, self.paired_noise)
        low, high = limits(self.difference, error=error, bounds=(-1.0, 1.0))
        rows = []
        for a, arm in enumerate(self.arms[1:], 1):
            for k, e in enumerate(self.endpoints):
                gain = -self.difference[:, a, k] if e.harm else self.difference[:, a, k]
                rows.append(
                    {
                        "arm": arm,
                        "versus": self.arms[0],
                        "endpoint": e.name,
                        "difference": np.nanmean(raw[:, a, k]),
                        "lower": low[a, k],
                        "upper": high[a, k],
                        "p_better": share_above_zero(gain, error[a, k]),
                        "p_detected": detected(
                            self.observed[:, 0, k],
                            self.observed[:, a, k],
                            self.design.n,
                            bool(e.harm),
                        ),
                        "monte_carlo_error": self._error(raw[:, a, k]),
                    }
                )
        return pd.DataFrame(rows)

    def _error(self, values: Array) -> float:
        """Compute the standard error of a mean over draws, patients included."""
        count = int(np.isfinite(values).sum())
        return float(np.nanstd(values, ddof=1) / np.sqrt(count)) if count > 1 else float("nan")

    @property
    def contested(self) -> tuple[str, ...]:
        """Interventions of this trial about which the evidence conflicts."""
        return tuple(k for k, text in self.evidence.items() if text.startswith("contested"))

    @property
    def sentence(self) -> str:
        """The main finding in plain words, computed from the numbers."""
        e, k = self._main()
        table = self.characteristics().query("endpoint == @e.name").set_index("arm")
        first: Any = table.loc[self.arms[0]]
        parts = [
            f"{self._basis()} {e.name} happens to {percent(first['probability'], digits=1)} of the "
            f"patients of {self.arms[0]!r} ({between(first['lower'], first['upper'], digits=1)} "
            f"over draws of the parameters; one trial of {self.design.n} would see "
            f"{between(first['trial_lower'], first['trial_upper'], digits=1)})."
        ]
        if len(self.arms) > 1:
            compared = self.differences().query("endpoint == @e.name").set_index("arm")
            parts += [self._versus(arm, compared.loc[arm]) for arm in self.arms[1:]]
        if total := int(self.failed.sum()):
            parts.append(f"{total} of {self.draws * len(self.arms) * self.design.n} solves failed; "
                         "these patients are left out of every arm.")  # fmt: skip
        if self.contested:
            parts.append(f"Contested: {', '.join(self.contested)} (see the evidence).")
        return " ".join(parts)

    def _basis(self) -> str:
        fitted = self.label.startswith("posterior")
        return "By the fit," if fitted else f"By the model ({self.label}),"

    def _main(self) -> tuple[Endpoint, int]:
        """Worst harm that was asked, else the first endpoint."""
        harms = [k for k, e in enumerate(self.endpoints) if e.harm]
        k = harms[-1] if harms else 0
        return self.endpoints[k], k

    def _versus(self, arm: str, row: Any) -> str:
        if row["lower"] == row["upper"] == 0:
            return f"With {arm!r} there is no difference."
        return (
            f"With {arm!r} the probability differs by {_points(row['difference'])} "
            f"({_signed(row['lower'])} to {_signed(row['upper'])}); it is better with probability "
            f"{row['p_better']:.2f}, and a trial of {self.design.n} per arm would find it better "
            f"with probability {row['p_detected']:.2f}."
        )

    def plot(self) -> Figure:
        """Draw the probabilities of every arm and endpoint with both intervals."""
        from .plots import plot_trial

        return plot_trial(self)


def _points(value: float) -> str:
    """Write a difference of probabilities in percentage points."""
    return f"{_signed(value)} points"


def _signed(value: float) -> str:
    return f"{PARTS * value:+.1f}".replace("-", "\N{MINUS SIGN}")
