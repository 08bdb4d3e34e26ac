"""The random effects of a hierarchical problem, as columns with an entry for each subject.

A column is an effect between subjects (``CL_z``) or one occasion of an effect between occasions
(``CL_kappa_z``). Given the population parameters, the columns of different subjects are
independent; the pilot and the marginal likelihood both stand on this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .hierarchy import Hierarchical

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["Column", "effect_columns", "groups_by_spread"]


@dataclass(frozen=True, eq=False)
class Column:
    """One random effect of every subject.

    Parameters
    ----------
    parameter : str
    variable : str
        Free random variable that holds it.
    spread : str
        Its standard deviation.
    entries : int64[subject]
        Where the variable, raveled, holds each subject.
    there : bool[subject]
        False for an occasion in which a subject was not seen: only the prior speaks there.
    """

    parameter: str
    variable: str
    spread: str
    entries: npt.NDArray[np.int64] = field(repr=False)
    there: npt.NDArray[np.bool_] = field(repr=False)

    @property
    def between_subjects(self) -> bool:
        """Whether it is the effect of a subject, and not of one of its occasions."""
        return self.variable == f"{self.parameter}_z"


def effect_columns(problem: Problem) -> tuple[Column, ...]:
    """List the random effects: those between subjects, then those between occasions."""
    family, who = problem.family, np.arange(len(problem.arrangement.subjects))
    assert isinstance(family, Hierarchical)
    always = np.ones(who.size, dtype=bool)
    columns = [Column(n, f"{n}_z", f"{n}_omega", who, always) for n in family.of(problem)]
    occasions = problem.arrangement.occasions
    if occasions is not None:
        seen = occasions.seen
        columns += [
            Column(n, f"{n}_kappa_z", f"{n}_iov", who * seen.shape[1] + k, seen[:, k])
            for n in occasions.parameters
            for k in range(seen.shape[1])
        ]
    return tuple(columns)


def groups_by_spread(columns: Sequence[Column]) -> dict[str, list[int]]:
    """Group columns by their spread: positions among the columns."""
    groups: dict[str, list[int]] = {}
    for k, column in enumerate(columns):
        groups.setdefault(column.spread, []).append(k)
    return groups
