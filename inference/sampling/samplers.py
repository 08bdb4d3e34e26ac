"""What all samplers share: settings, seeds, start points, and the form of their result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .starts import Starts, explanation

if TYPE_CHECKING:
    from ..joint import Joint

__all__ = ["COUNTS", "REFRESH", "Drawn", "Settings", "explained", "prior_draws", "seeds_of"]

COUNTS = "solver_counts"  # variable that holds a copy of the counters in each draw
REFRESH = 0.25  # seconds between two looks at the progress


@dataclass(frozen=True)
class Settings:
    """How to draw; see `fit`."""

    draws: int
    tune: int
    chains: int
    cores: int
    seed: int
    target_accept: float
    adaptation: str
    max_draws: int = 0

    @property
    def rounds(self) -> tuple[int, ...]:
        """Kept draws of a chain each time that one may ask whether they are enough.

        Examples
        --------
        >>> Settings(700, 250, 4, 2, 1, 0.9, "low_rank", max_draws=1400).rounds
        (700, 1050, 1400)
        """
        half = max(1, self.draws // 2)
        between = range(self.draws + half, self.max_draws, half)
        last = (self.max_draws,) if self.max_draws > self.draws else ()
        return (self.draws, *between, *last)


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the chains left.

    Parameters
    ----------
    chains : list of DataTree
        One per chain that ran, dim ``chain`` of length 1; groups ``posterior``, ``sample_stats``,
        ``warmup_posterior``, ``warmup_sample_stats``, possibly with few draws or none.
    interrupted : bool
    starts : Starts
    seconds : float
        From the first chain's beginning to the last one's end.
    centering : mapping of parameter to float
        Mean degree of centering of each varying parameter of a hierarchical population.
    resumed : int
        How often a new process took over.
    """

    chains: list[xr.DataTree]
    interrupted: bool
    starts: Starts
    seconds: float
    centering: Mapping[str, float] = field(default_factory=dict)
    resumed: int = 0


def seeds_of(settings: Settings) -> tuple[np.random.SeedSequence, list[int]]:
    """Source of start points, and a seed for each chain."""
    starts, draws = np.random.SeedSequence(settings.seed).spawn(2)
    states = [chain.generate_state(1, np.uint64)[0] for chain in draws.spawn(settings.chains)]
    return starts, [int(state >> np.uint64(1)) for state in states]


def explained(joint: Joint, seeds: Sequence[int]) -> str:
    """Say what is wrong at these prior draws."""
    draw = prior_draws(joint.model)
    return explanation(joint, [draw(seed) for seed in seeds])


def prior_draws(model: Any) -> Callable[[int], dict[str, Any]]:
    """Give a function from seed to prior draw, by value variable, in the unconstrained space."""
    from pymc.initial_point import make_initial_point_fn

    made: Callable[[int], dict[str, Any]] = make_initial_point_fn(
        model=model, default_strategy="prior", return_transformed=True
    )
    return made
