from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cytobayes.inference.risk.courses import Course
from cytobayes.inference.risk.grades import Grades
from cytobayes.inference.risk.onset import fit_onset, intervals

from .fakes import bump

RATE, SLOPE, PATIENTS = 0.25, 1.5, 250


def simulated(seed: int, draws: int = 1) -> tuple[Course, Grades]:
    """Onsets of the known hazard, day by day on a fine grid, among those that it reaches."""
    rng = np.random.default_rng(seed)
    height = 60 * np.exp(rng.standard_normal(PATIENTS))
    names = tuple(f"P{k:03d}" for k in range(PATIENTS))

    def at(time: np.ndarray) -> np.ndarray:
        unit = bump(time, None, type("P", (), {"height": 1.0}))  # type: ignore[arg-type]
        return np.asarray(height[:, None] * unit)

    time = np.linspace(0, 28, 225)
    value = np.broadcast_to(at(time), (draws, PATIENTS, time.size))
    course = Course("signal", "pg/mL", "d", names, time, value)
    fine = np.linspace(0, 28, 2801)[:-1] + 0.005
    hazard = RATE * (at(fine) / course.reference) ** (SLOPE / np.log(10))
    whole = np.cumsum(hazard, axis=1) * 0.01
    when = rng.exponential(size=PATIENTS)
    there = whole[:, -1] > when
    place = np.minimum((whole < when[:, None]).sum(axis=1), fine.size - 1)
    onset = np.where(there, np.ceil(fine[place]), np.nan)
    return course, Grades("crs", "ASTCT", names, there.astype(np.int64), onset, 4)


def test_the_hazard_of_simulated_onsets_is_found_again() -> None:
    """The posterior is nearly normal: over 2 sets of onsets no truth is beyond 4 of its sd."""
    for seed in range(2):
        course, grades = simulated(seed, draws=60)
        found = fit_onset(course, grades, np.random.default_rng(seed))
        assert found is not None and found.known == grades.value.sum() > 200
        moved = SLOPE * np.log10(found.reference / course.reference)  # to where h0 is told
        truth = np.array([np.log(RATE) + moved, SLOPE])
        state = np.array([np.log(found.rate), found.slope])
        error = (state.mean(axis=1) - truth) / state.std(axis=1)
        assert (np.abs(error) < 4).all()
        assert (state.std(axis=1) < [0.3, 0.6]).all()  # of 2.5 and 3 before


def test_drawn_onsets_have_the_distribution_of_those_that_taught_them() -> None:
    course, grades = simulated(1, draws=60)
    rng = np.random.default_rng(1)
    found = fit_onset(course, grades, rng)
    assert found is not None
    here = grades.value > 0
    drawn = np.ceil(found.times(course, rng)[:, here])
    for day in (2, 4, 8):
        share = (grades.onset[here] <= day).mean()
        assert (drawn <= day).mean() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(here.sum()))


def test_a_daily_visit_is_a_day_in_hours_too() -> None:
    """The same onsets in hours: the same hazard, per hour."""
    course, grades = simulated(1, draws=20)
    hours = replace(course, time=course.time * 24, time_unit="h")
    later = replace(grades, onset=grades.onset * 24)
    daily, hourly = (
        fit_onset(c, g, np.random.default_rng(1)) for c, g in ((course, grades), (hours, later))
    )
    assert daily is not None and hourly is not None
    np.testing.assert_allclose(hourly.rate * 24, daily.rate, rtol=1e-6)
    np.testing.assert_allclose(hourly.slope, daily.slope, rtol=1e-6)


def test_whole_days_are_visits_and_others_half_a_day_exact() -> None:
    low, high = intervals(np.array([0.0, 1.0, 3.0]))
    assert list(low) == [0, 0, 2] and list(high) == [0.5, 1, 3]
    low, high = intervals(np.array([0.2, 1.0, 3.5]))
    assert list(low) == pytest.approx([0, 0.5, 3]) and list(high) == pytest.approx([0.7, 1.5, 4])
