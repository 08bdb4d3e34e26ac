"""Two layers of uncertainty, kept apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cytobayes.inference.trials.chance import (
    detected,
    limits,
    one_trial,
    share_above_zero,
    without_noise,
)
from cytobayes.inference.trials.design import Arm, Design, Endpoint
from cytobayes.inference.trials.trial import Trial
from cytobayes.inference.trials.virtual import collect


def trial_of(p: np.ndarray, n: int = 50, **changes: object) -> Trial:
    """A trial with known probabilities and no Monte-Carlo noise; float64[draw, arm]."""
    arms = tuple(Arm(f"arm {k}") for k in range(p.shape[1]))
    design = Design(arms, (Endpoint("event", "above", "x", level=1.0),), n=n)
    zero = np.zeros((*p.shape, 1))
    return Trial(design, p[..., None], zero, zero, np.zeros(p.shape, dtype=int),
                 label="posterior of x", **changes)  # type: ignore[arg-type]  # fmt: skip


def seen_in(patients: np.ndarray) -> Trial:
    """A trial from what happened to each patient; bool[draw, arm, patient]."""
    draws, arms, n = patients.shape
    found = [(p[..., None].astype(float), np.zeros((arms, n), dtype=bool)) for p in patients]
    expected, noise, paired, failed = collect(found)
    design = Design(tuple(Arm(f"arm {k}") for k in range(arms)),
                    (Endpoint("event", "above", "x", level=1.0),), n=n)  # fmt: skip
    return Trial(design, expected, noise, paired, failed)


def test_noise_of_few_patients_is_taken_out_of_the_spread_over_draws() -> None:
    rng = np.random.default_rng(1)
    p, n = rng.beta(20, 60, size=(4000, 1)), 40
    seen = rng.binomial(n, p) / n
    noise = seen * (1 - seen) / (n - 1)
    clean = without_noise(seen, noise, 0.0, 1.0)
    assert clean.mean() == pytest.approx(seen.mean(), abs=1e-12)
    # Var of a variance estimate over 4000 draws: about sqrt(2 / 4000) of the raw variance
    error = np.sqrt(2 / 4000) * seen.var()
    assert clean.var() == pytest.approx(p.var(), abs=4 * error)
    assert seen.var() > p.var() + 10 * error


def test_draws_that_differ_by_noise_alone_become_equal() -> None:
    rng = np.random.default_rng(2)
    seen = rng.binomial(40, 0.3, size=(2000, 1)) / 40
    clean = without_noise(seen, np.full_like(seen, 0.3 * 0.7 / 40 * 1.1), 0.0, 1.0)
    assert np.ptp(clean) == 0


def test_arms_that_are_equal_in_truth_are_seldom_called_different() -> None:
    """40 draws of 20 patients, one probability in both arms: what differs is noise alone."""
    rng = np.random.default_rng(7)
    trials = [seen_in(rng.uniform(size=(40, 2, 20)) < 0.3) for _ in range(400)]
    rows = [t.differences().iloc[0] for t in trials]
    better = np.array([r["p_better"] for r in rows])
    away = np.mean([r["lower"] > 0 or r["upper"] < 0 for r in rows])
    ends = np.array([t.characteristics().iloc[0][["lower", "upper"]] for t in trials], dtype=float)
    missed = np.mean((ends[:, 0] > 0.3) | (ends[:, 1] < 0.3))
    # one time in ten by chance; standard error of a share in 400 trials
    most = 0.1 + 4 * np.sqrt(0.1 * 0.9 / 400)
    assert max(np.mean((better < 0.05) | (better > 0.95)), away, missed) < most
    assert np.mean((better < 0.005) | (better > 0.995)) < 0.01 + 4 * np.sqrt(0.01 * 0.99 / 400)


def test_where_noise_explains_all_the_mean_is_as_unsure_as_its_patients() -> None:
    """Events of 0.3 and 0.27 in 10 draws of 100 patients: N(0.03, variance / 1000) by hand."""
    one = np.zeros((2, 100), dtype=bool)
    one[0, :30], one[1, 25:52] = True, True
    row = seen_in(np.tile(one, (10, 1, 1))).differences().iloc[0]
    each = one[1].astype(float) - one[0].astype(float)
    error = np.sqrt(each.var(ddof=1) / 1000)
    assert row["p_better"] == pytest.approx(stats.norm.cdf(0.03 / error), abs=1e-12)
    # 401 points of the normal law lie 1 / (401 density) apart, which is 0.024 near 5 %
    assert row["lower"] == pytest.approx(-0.03 - 1.645 * error, abs=0.025 * error)
    assert row["upper"] == pytest.approx(-0.03 + 1.645 * error, abs=0.025 * error)


def test_with_many_patients_the_error_of_the_mean_does_not_count() -> None:
    rng = np.random.default_rng(8)
    p = np.stack([rng.beta(20, 60, 200), rng.beta(25, 60, 200)], axis=1)
    trial, exact = (
        Trial(trial_of(p).design, p[..., None], noise, noise, np.zeros(p.shape, dtype=int))
        for noise in (np.full((*p.shape, 1), 0.2 / 100_000), np.zeros((*p.shape, 1)))
    )
    few, many = (t.differences().iloc[0][["lower", "upper", "p_better"]] for t in (trial, exact))
    # a gap between neighbors of 200 draws, and one draw of 200
    assert np.abs(few - many).max() < 0.005


def test_a_treatment_that_helps_some_and_harms_nobody_is_not_blurred_into_harm() -> None:
    """Half of 40 draws without an effect and without noise, half with one of ten errors."""
    p = np.tile([0.3, 0.3], (40, 1))
    p[::2, 1] -= 0.2 + 0.01 * np.arange(20) / 20
    trial = trial_of(p)
    paired = np.where(p[:, 1] < 0.3, 0.02**2, 0.0)[:, None] * np.array([0.0, 1.0])
    row = Trial(trial.design, trial.expected, trial.noise, paired[..., None], trial.failed)
    first = row.differences().iloc[0]
    assert first["p_better"] > 0.999
    assert first["upper"] <= 0


def test_one_draw_is_as_unsure_as_its_patients() -> None:
    one = np.zeros((2, 100), dtype=bool)
    one[0, :30], one[1, 25:52] = True, True
    row = seen_in(one[None]).characteristics().iloc[0]
    error = np.sqrt(0.3 * 0.7 / 99)
    assert row["upper"] == pytest.approx(0.3 + 1.645 * error, abs=0.025 * error)


@pytest.mark.parametrize("draws", [1, 3])
def test_what_a_trial_would_see_is_seen_nine_times_in_ten(draws: int) -> None:
    """Trials of 60 real patients beside intervals from few draws of 60 virtual ones, p = 0.3."""
    rng, n, p = np.random.default_rng(11), 60, 0.3
    found = [
        seen_in(rng.uniform(size=(draws, 1, n)) < p).characteristics().iloc[0] for _ in range(400)
    ]
    real = rng.binomial(n, p, size=400) / n
    low, high = (np.array([row[f"trial_{end}"] for row in found]) for end in ("lower", "upper"))
    share = np.mean((low <= real) & (real <= high))
    # standard error of a share in 400; steps of 1 / 60 let an interval hold up to 4 % more
    error = np.sqrt(0.9 * 0.1 / 400)
    assert 0.9 - 3 * error < share < 0.94 + 3 * error


def test_a_trial_has_the_chance_of_its_patients_and_the_error_of_the_mean() -> None:
    """Two draws of 50 patients, by the law of total variance, and the errors of two arms."""
    patients = np.zeros((2, 2, 50), dtype=bool)
    patients[:, 0, :20], patients[:, 1, 10:25] = True, True  # 0.4 and 0.3, ten patients in both
    trial = seen_in(patients)
    var = {p: p * (1 - p) / 49 / 2 for p in (0.4, 0.3)}  # of the mean of two draws
    seen = trial.observed[..., 0]
    for arm, p in enumerate((0.4, 0.3)):
        expected = (p * (1 - p) - var[p]) / 50 + var[p]
        # 2000 trials: relative standard error of a variance sqrt(2 / 2000)
        assert seen[:, arm].var() == pytest.approx(expected, rel=4 * np.sqrt(2 / 2000))
    # the binomial parts of the arms are apart: what goes together are the errors
    together = (10 / 50 - 0.4 * 0.3) * 50 / 49 / 100
    assert np.cov(seen.T)[0, 1] == pytest.approx(together, abs=4 * 0.0094 / np.sqrt(2000))


def test_a_share_above_zero_counts_ties_half_and_blurs_by_the_error() -> None:
    gain = np.array([-1.0, 0.0, 1.0, np.nan])
    assert share_above_zero(gain, 0.0) == pytest.approx(0.5)
    assert share_above_zero(gain[:1], 1.0) == pytest.approx(stats.norm.cdf(-1.0))
    assert np.isnan(share_above_zero(np.array([np.nan]), 0.0))


def test_known_parameters_leave_only_the_chance_of_a_trial() -> None:
    trial = trial_of(np.full((500, 1), 0.3), n=40)
    row = trial.characteristics().iloc[0]
    assert (row["lower"], row["upper"], row["sd_parameters"]) == pytest.approx((0.3, 0.3, 0.0))
    exact = [stats.binom.ppf(q, 40, 0.3) / 40 for q in (0.05, 0.95)]
    assert (row["trial_lower"], row["trial_upper"]) == pytest.approx(tuple(exact), abs=1 / 40)
    assert row["sd_chance"] == pytest.approx(np.sqrt(0.3 * 0.7 / 40))


def test_a_large_trial_leaves_only_what_is_not_known() -> None:
    p = np.linspace(0.1, 0.5, 400)[:, None]
    row = trial_of(p, n=1_000_000).characteristics().iloc[0]
    assert (row["trial_lower"], row["trial_upper"]) == pytest.approx(
        (row["lower"], row["upper"]), abs=0.005
    )


def test_the_probability_of_detection_is_the_power_of_the_test() -> None:
    """Normal approximation of the power of two proportions, 0.4 against 0.2 with 100 per arm."""
    trial = trial_of(np.tile([0.4, 0.2], (800, 1)), n=100)
    found = trial.differences().iloc[0]["p_detected"]
    pooled, apart = np.sqrt(2 * 0.3 * 0.7 / 100), np.sqrt((0.4 * 0.6 + 0.2 * 0.8) / 100)
    power = stats.norm.cdf((0.2 - stats.norm.isf(0.025) * pooled) / apart)
    # 20000 trials: standard error 0.0025; the counts are discrete: steps of about 0.02
    assert found == pytest.approx(power, abs=0.02)


def test_equal_arms_are_found_better_one_time_in_forty() -> None:
    trial = trial_of(np.full((4000, 2), 0.3), n=200)
    rate = detected(trial.observed[:, 0, 0], trial.observed[:, 1, 0], 200, True)
    assert rate == pytest.approx(0.025, abs=4 * np.sqrt(0.025 / 100_000) + 0.003)


def test_better_means_less_of_a_harm_and_more_of_a_benefit() -> None:
    p = np.column_stack([np.full(10, 0.5), np.r_[np.full(7, 0.4), np.full(3, 0.6)]])
    assert trial_of(p).differences().iloc[0]["p_better"] == pytest.approx(0.7)
    design = Design((Arm("a"), Arm("b")), (Endpoint("good", "response", "x", level=1.0),), n=50)
    zero = np.zeros((10, 2, 1))
    benefit = Trial(design, p[..., None], zero, zero, np.zeros((10, 2), dtype=int))
    assert benefit.differences().iloc[0]["p_better"] == pytest.approx(0.3)


def test_trials_are_the_same_for_the_same_seed() -> None:
    p = np.full((10, 2, 1), 0.3)
    np.testing.assert_array_equal(one_trial(p, 20, 1), one_trial(p, 20, 1))
    assert (one_trial(p, 20, 1) != one_trial(p, 20, 2)).any()


def test_limits_are_the_central_ninety_percent() -> None:
    low, high = limits(np.linspace(0.0, 1.0, 101))
    assert (low, high) == pytest.approx((0.05, 0.95))


def test_the_sentence_names_what_is_contested_and_that_nothing_was_fitted() -> None:
    evidence = {"steroid": "contested: harm", "bridging": "model-dependent: burden"}
    trial = trial_of(np.full((10, 2), 0.3), evidence=evidence)
    assert "Contested: steroid" in trial.sentence
    assert "By the fit" in trial.sentence
    prior = Trial(trial.design, trial.expected, trial.noise, trial.noise, trial.failed,
                  label="prior, not fitted")  # fmt: skip
    assert "prior, not fitted" in prior.sentence


def test_a_trial_draws_every_endpoint() -> None:
    figure = trial_of(np.tile([0.4, 0.2], (20, 1))).plot()
    assert [a.get_title("left") for a in figure.axes] == ["event"]
