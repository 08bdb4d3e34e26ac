"""Which set tells earlier: days by hand, and no winner where chance explains the difference."""

from __future__ import annotations

import numpy as np
import pytest

from cytobayes.inference.risk.telling import earlier, telling_day

DAYS = (1.0, 2.0, 4.0, 7.0)
RNG = np.random.default_rng(1)
COMMON = 0.1 * RNG.standard_normal((1, 50))  # what makes a patient hard to predict, for every set


def course(*means: float, noise: float = 0.01, seed: int = 2) -> np.ndarray:
    """Losses of 50 patients around these means, which they have exactly; float64[day, subject]."""
    own = noise * np.random.default_rng(seed).standard_normal((len(means), 50))
    own += COMMON
    return np.asarray(np.array(means)[:, None] + own - own.mean(axis=1, keepdims=True))


def test_the_day_is_that_from_which_on_the_score_is_good_enough() -> None:
    days = np.array(DAYS)
    assert telling_day(np.array([0.5, 0.3, 0.3, 0.1]), 0.4, days) == pytest.approx(1.5)
    # good on day 1 by chance, and again from between days 4 and 7 on
    assert telling_day(np.array([0.3, 0.6, 0.6, 0.3]), 0.4, days) == pytest.approx(6.0)
    assert telling_day(np.array([0.3, 0.2, 0.2, 0.2]), 0.4, days) == 1.0
    assert telling_day(np.array([0.3, 0.2, 0.2, 0.5]), 0.4, days) == np.inf


def test_the_lead_is_that_of_courses_whose_crossing_is_known() -> None:
    """None 0.6, best in the end 0.2: half is 0.4, which fast meets on day 2, slow on day 5.5."""
    bare = course(0.6, 0.6, 0.6, 0.6, seed=5)
    loss = {"slow": course(0.6, 0.6, 0.5, 0.3, seed=3), "fast": course(0.6, 0.4, 0.3, 0.2)}
    said = earlier(loss, bare, DAYS, "model", seed=1)
    assert said.startswith("By the model, days 1 to 7: fast tells the grade better than slow")
    # means 0.375 and 0.5; on days 2 and 4 they differ by 0.2
    assert "score 0.375 against 0.500, difference 0.125 with a standard error of 0.00" in said
    assert "most on day 2: 0.200" in said or "most on day 4: 0.200" in said
    assert "told from fast by day 2.0, from slow by day 5.5, 3.5 days later (90 % interval" in said


def test_sets_that_differ_by_chance_are_said_to_be_one() -> None:
    noisy = course(0.6, 0.5, 0.4, 0.3, noise=1.0)
    loss = {"fast": course(0.6, 0.5, 0.4, 0.31), "slow": noisy}
    said = earlier(loss, course(0.6, 0.6, 0.6, 0.6), DAYS, "model", seed=1)
    assert "the data cannot tell slow and fast apart" in said and "days later" not in said
    same = earlier({"one": noisy, "two": noisy}, noisy, DAYS, "model", seed=1)
    assert "the data cannot tell one and two apart" in same


def test_a_set_that_never_tells_is_later_by_at_least_the_days_there_are() -> None:
    bare = course(0.6, 0.6, 0.6, 0.6)
    loss = {"fast": course(0.6, 0.3, 0.3, 0.2), "slow": course(0.6, 0.6, 0.6, 0.6, seed=3)}
    said = earlier(loss, bare, DAYS, "model", seed=1)
    # 0.4 lies two thirds of the way from day 1 to day 2
    assert "from slow not by day 7, at least 5.3 days later" in said
    worse = {label: one + 1 for label, one in loss.items()}
    assert "no set beats no predictor by day 7" in earlier(worse, bare, DAYS, "model", seed=1)
    first = {"fast": course(0.3, 0.3, 0.3, 0.2), "slow": course(0.39, 0.39, 0.39, 0.39, seed=3)}
    told = earlier(first, bare, DAYS, "model", seed=1)
    assert "fast by day 1 or before, from slow by day 1 or before" in told
    assert "days later" not in told
