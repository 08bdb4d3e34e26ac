"""`Choice`: which regimen a search found best, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Choice", "Utility"]

Array = npt.NDArray[Any]
NOISE = 2.0  # standard errors
SURE = 0.5  # P(best) below which the optimum is called uncertain


@dataclass(frozen=True)
class Utility:
    """Benefit minus a weight times harm; or least harm where the benefit is enough.

    Parameters
    ----------
    benefit, harm : str
        Names of endpoints.
    weight : float
        How many patients with the benefit one patient with the harm costs.
    at_least : float, optional
        Candidates are allowed if their expected probability of the benefit is at least this; the
        utility of an allowed one is minus the harm, and ``weight`` has no part in it.
    """

    benefit: str
    harm: str
    weight: float = 1.0
    at_least: float | None = None

    def __post_init__(self) -> None:
        """Refuse a weight that rewards harm, and a benefit that is no probability."""
        if not self.weight >= 0:
            raise InputError(f"weight = {self.weight:g}: harm must not be rewarded.")
        if self.at_least is not None and not 0 < self.at_least <= 1:
            raise InputError(f"at_least = {self.at_least:g} must be a probability above 0.")

    def of(self, pairs: Array) -> Array:
        """Compute the utility of benefit and harm; float64[..., 2] to float64[...]."""
        value: Array = (
            pairs[..., 0] - self.weight * pairs[..., 1] if self.at_least is None else -pairs[..., 1]
        )
        return value

    def short_by(self, benefit: Array) -> Array:
        """By how much an expected benefit misses what is asked for; 0 where it is enough."""
        if self.at_least is None:
            return np.zeros_like(benefit)
        return np.maximum(self.at_least - benefit, 0.0)

    def __str__(self) -> str:
        """Say what is sought."""
        if self.at_least is None:
            return (f"highest expected utility ({self.benefit} minus {self.weight:g} times "
                    f"{self.harm})")  # fmt: skip
        return f"lowest {self.harm} with {self.benefit} in at least {100 * self.at_least:g} %"


@final
@dataclass(frozen=True, eq=False)
class Choice:
    """What the search found.

    Parameters
    ----------
    names : tuple of str
        Numbers that were chosen.
    table : DataFrame
        A row per candidate: its numbers; ``benefit``, ``harm`` and ``utility`` expected over the
        draws; ``utility_lower`` and ``utility_upper`` (90 % over draws); ``behind``, by how much
        it is behind the best, with its standard error ``behind_error``; ``p_best``, the share of
        draws in which it is best; ``on_front``, whether no other has more benefit and less harm;
        ``allowed``, whether the benefit is enough (utility, and what follows from it, is NaN
        where it is not).
    best : int
        Row of the highest expected utility.
    utility : Utility
    space : mapping of name to (lowest, highest)
    information : float
        Expected gain of utility from knowing the parameters before choosing.
    failed : int
        Patients who could not be solved under some candidate; they are left out of all.
    fresh : float
        Expected utility of the best in other virtual patients than those who chose it; the one
        in ``table`` is too high on average, because the best of many is also the luckiest.
    fresh_benefit : float
        Expected benefit of the best in these patients.
    label : str
    notes : tuple of str
    evidence : mapping of topic to str
    """

    names: tuple[str, ...]
    table: pd.DataFrame = field(repr=False)
    best: int
    utility: Utility
    space: Mapping[str, tuple[float, float]]
    information: float
    failed: int = 0
    label: str = ""
    fresh: float = float("nan")
    fresh_benefit: float = float("nan")
    notes: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def benefit(self) -> str:
        """Name of the benefit."""
        return self.utility.benefit

    @property
    def harm(self) -> str:
        """Name of the harm."""
        return self.utility.harm

    @property
    def values(self) -> dict[str, float]:
        """Numbers of the best candidate."""
        return {n: float(self.table[n].to_numpy()[self.best]) for n in self.names}

    @property
    def at_edge(self) -> tuple[str, ...]:
        """Numbers whose best value is the lowest or highest that was allowed."""
        return tuple(n for n, v in self.values.items() if v in self.space[n])

    @property
    def within_noise(self) -> int:
        """Other candidates whose expected utility cannot be told from the best."""
        others = self.table.drop(index=self.best)
        return int((others["behind"] <= NOISE * others["behind_error"]).sum())

    @property
    def sentence(self) -> str:
        """The choice and its doubts in plain words."""
        row = self.table.loc[self.best]
        chosen = ", ".join(f"{n} {v:.4g}" for n, v in self.values.items())
        parts = [
            f"The {self.utility} has {chosen} ({self.label}): {self.benefit} in "
            f"{100 * row['benefit']:.1f} %, {self.harm} in {100 * row['harm']:.1f} % of the "
            f"patients (utility {row['utility']:.3f}; {self.fresh:.3f} in fresh patients). "
            f"It is best in {100 * row['p_best']:.0f} % of the draws"
            + (", so what is known does not single it out." if row["p_best"] < SURE else ".")
        ]
        if self.utility.at_least is not None:
            parts.append(f"{int((~self.table['allowed']).sum())} of {len(self.table)} candidates "
                         f"have too little {self.benefit}.")  # fmt: skip
            if self.fresh_benefit < self.utility.at_least:
                parts.append(f"In fresh patients the chosen one has it in only "
                             f"{100 * self.fresh_benefit:.1f} %.")  # fmt: skip
        if edge := self.at_edge:
            parts.append(
                f"The optimum lies at the edge of the space that was searched ({', '.join(edge)}): "
                "a wider one may hold a better regimen."
            )
        if self.within_noise:
            others = int(self.table["allowed"].sum()) - 1
            parts.append(
                f"{self.within_noise} of {others} other candidates cannot be told "
                "from it: their differences are within the noise of draws and patients."
            )
        if self.failed:
            parts.append(f"{self.failed} patients could not be solved and are left out.")
        contested = [k for k, text in self.evidence.items() if text.startswith("contested")]
        if contested:
            parts.append(f"Contested: {', '.join(contested)}.")
        return " ".join(parts)

    def plot(self) -> Figure:
        """Draw the trade-off of benefit and harm, the front, and P(best)."""
        from .plots import plot_choice

        return plot_choice(self)
