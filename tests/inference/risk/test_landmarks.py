"""Scores at several landmarks are those of each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cytobayes.datasets import InputError
from cytobayes.inference.risk.landmarks import validate_landmarks
from cytobayes.inference.risk.validation import MECHANISTIC, cross_validate

from .test_validation import PROBLEM, known

SETTINGS: Any = {"seed": 1, "at_least": 2, "folds": 4}


@pytest.mark.parametrize("days", [(3.0, 7.0)])
def test_each_landmark_is_scored_as_if_it_were_alone(days: tuple[float, ...]) -> None:
    found = validate_landmarks(PROBLEM, known(), days=days, **SETTINGS)
    alone = [cross_validate(PROBLEM, known(), given=f"until day {d:g}", **SETTINGS) for d in days]
    for name, chance in alone[0].predictions.items():
        np.testing.assert_array_equal(found.parts[0].predictions[name], chance)
    for name, chance in alone[1].predictions.items():
        later = found.parts[1].predictions[name]
        if name == MECHANISTIC:  # other particles, which have seen day 3 before: 400 of them
            np.testing.assert_allclose(later, chance, atol=0.1)
        else:
            np.testing.assert_array_equal(later, chance)
    assert list(found.table["day"].unique()) == list(days)
    assert found.sentence.startswith("Day 3: ") and " Day 7: " in found.sentence
    assert "until day 7" in found.parts[1].given
    labels = [line.get_label() for line in found.plot().axes[0].get_lines()]
    assert labels == list(alone[0].predictions)


@pytest.mark.parametrize("days", [(), (3.0, 2.0), (-1.0, 2.0)])
def test_days_that_do_not_ascend_are_refused(days: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="ascend"):
        validate_landmarks(PROBLEM, known(), days=days, **SETTINGS)
