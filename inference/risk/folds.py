"""Which patients are held out together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...datasets.errors import InputError

__all__ = ["folds_of"]


def folds_of(
    grade: npt.NDArray[np.int64], folds: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Deal patients to folds so that each has about the same grades.

    Parameters
    ----------
    grade : int64[subject]
    folds : int
        As many as there are patients: each alone.
    rng : Generator

    Returns
    -------
    int64[subject]
        From 0 to ``folds - 1``; sizes differ by at most 1.

    Examples
    --------
    >>> dealt = folds_of(np.array([0, 0, 0, 3, 3, 3]), 3, np.random.default_rng(1))
    >>> sorted(map(int, dealt[:3])), sorted(map(int, dealt[3:]))
    ([0, 1, 2], [0, 1, 2])
    """
    if not 2 <= folds <= grade.size:
        raise InputError(f"folds must be from 2 to {grade.size}, the number of patients.")
    order = np.lexsort((rng.uniform(size=grade.size), grade))
    names = np.concatenate([rng.permutation(folds) for _ in range(-(-grade.size // folds))])
    result = np.empty(grade.size, dtype=np.int64)
    result[order] = names[: grade.size]
    return result
