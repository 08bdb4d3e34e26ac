"""Where each variable stands in the vector that the sampler moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from ..joint import Joint
    from ..populations.random_effects import Column

__all__ = ["Layout", "shapes_of"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where each variable stands in the vector that the sampler moves.

    Parameters
    ----------
    places : mapping of free random variable to (first, last)
    """

    places: Mapping[str, tuple[int, int]] = field(repr=False)

    @staticmethod
    def of(joint: Joint) -> Layout:
        """Layout of a model: its free variables one after another."""
        shapes = shapes_of(joint)
        places, begin = {}, 0
        for rv in joint.model.free_RVs:
            value = joint.model.rvs_to_values[rv]
            end = begin + int(np.prod(shapes[value.name], dtype=int))
            places[rv.name] = (begin, end)
            begin = end
        return Layout(places)

    @property
    def size(self) -> int:
        """Length of the vector."""
        return max(end for _, end in self.places.values())

    def part(self, x: Array, name: str) -> Array:
        """View of one variable."""
        begin, end = self.places[name]
        return x[begin:end]

    def where(self, column: Column) -> npt.NDArray[np.int64]:
        """Positions of a random effect, one for each subject."""
        return self.places[column.variable][0] + column.entries


@lru_cache(maxsize=4)  # PyMC compiles a function to know them
def shapes_of(joint: Joint) -> dict[str, tuple[int, ...]]:
    """Shapes of the variables that the sampler moves."""
    return dict(joint.model.eval_rv_shapes())
