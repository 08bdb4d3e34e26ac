"""Published means and medians beside single measurements, against computations of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytobayes.datasets import InputError, Study, read_table
from cytobayes.datasets.errors import StudyError
from cytobayes.inference import Problem
from cytobayes.inference.measuring.arms import effect_shares
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.replicates import replicates

from ..decay import MODEL, at, curve, gradient, scores, study_of

K, SIGMA = 0.4, 0.35
TIMES = np.array([1.0, 2.0, 1.0, 2.0, 3.0])
VALUE = np.array([6.0, 5.1, 8.0, 4.9, 2.9])
SD = np.array([np.nan, np.nan, 4.0, 2.0, np.nan])
N = np.array([np.nan, np.nan, 20.0, 20.0, 15.0])
Q1, Q3 = np.array([np.nan] * 4 + [2.0]), np.array([np.nan] * 4 + [4.4])
SUBJECT = ["1", "1", "arm", "arm", "other arm"]
F = curve(K, TIMES)


@pytest.fixture(scope="module")
def mixed() -> Study:
    """One person, an arm with means, an arm with a median."""
    return study_of(subject=SUBJECT, time=TIMES, value=VALUE, sd=SD, n=N, q1=Q1, q3=Q3)


def test_three_kinds_of_rows_share_a_log_normal_likelihood(mixed: Study) -> None:
    """The mean is E[y] = f exp(s^2 / 2) with s^2 = log(1 + cv^2); the median is f."""
    found = scores(Problem(MODEL, mixed), k=K, C_sigma=SIGMA)
    cv = SD[2:4] / VALUE[2:4]
    center = F[2:4] * np.sqrt(1 + cv**2)
    spread = cv / np.sqrt(20)
    quartile = stats.norm.ppf(0.75)
    of_median = np.sqrt(np.pi / 2) * np.log(4.4 / 2.0) / (2 * quartile) / np.sqrt(15)
    expected = [
        *stats.lognorm(SIGMA, scale=F[:2]).logpdf(VALUE[:2]),
        *stats.lognorm(spread, scale=center).logpdf(VALUE[2:4]),
        stats.lognorm(of_median, scale=F[4]).logpdf(VALUE[4]),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)  # 1.3489795 has eight digits


def test_three_kinds_of_rows_share_an_additive_likelihood(mixed: Study) -> None:
    found = scores(Problem(MODEL, mixed, error="additive"), k=K, C_sigma=SIGMA)
    of_median = np.sqrt(np.pi / 2) * 2.4 / (2 * stats.norm.ppf(0.75)) / np.sqrt(15)
    spread = [SIGMA, SIGMA, *(SD[2:4] / np.sqrt(20)), of_median]
    np.testing.assert_allclose(found, stats.norm(F, spread).logpdf(VALUE), rtol=1e-6)


def test_a_mean_among_heavy_tailed_values_is_normal(mixed: Study) -> None:
    found = scores(Problem(MODEL, mixed, error="additive-t"), k=K, C_sigma=SIGMA)
    assert found[2] == pytest.approx(stats.norm(F[2], 4 / np.sqrt(20)).logpdf(8.0), rel=1e-9)
    assert found[0] == pytest.approx(stats.t(4, F[0], SIGMA).logpdf(6.0), rel=1e-9)


def test_the_joint_model_agrees_and_has_the_gradient(mixed: Study) -> None:
    this = Problem(MODEL, mixed)
    total, slopes = gradient(this, k=K, C_sigma=SIGMA)
    assert total == pytest.approx(scores(this, k=K, C_sigma=SIGMA).sum(), rel=1e-10)
    h = 1e-6
    up, down = (scores(this, k=K + s, C_sigma=SIGMA).sum() for s in (h, -h))
    assert slopes["k"] == pytest.approx((up - down) / (2 * h), rel=1e-6)


def test_where_all_rows_are_published_the_residual_spread_adds() -> None:
    arms = study_of(time=[1.0, 2.0], value=[7.0, 4.0], sd=2.0, n=16)
    found = scores(Problem(MODEL, arms, error="additive"), k=K, C_sigma=SIGMA)
    law = stats.norm(curve(K, [1.0, 2.0]), np.hypot(SIGMA, 0.5))
    np.testing.assert_allclose(found, law.logpdf([7.0, 4.0]), rtol=1e-10)


@pytest.mark.parametrize(("cv_log", "n"), [(0.3, 20), (0.8, 50)])
def test_published_means_of_simulated_subjects_are_centered(cv_log: float, n: int) -> None:
    """Arms drawn from the model itself: the score's center is that of the simulated means.

    ``log(mean) - log(1 + cv^2) / 2`` estimates the mean logarithm with a bias of order 1 / n.
    """
    rng = np.random.default_rng(5)
    y = np.exp(cv_log * rng.standard_normal((4000, n)))
    mean, sd = y.mean(axis=1), y.std(axis=1, ddof=1)
    center = np.log(mean) - 0.5 * np.log1p((sd / mean) ** 2)
    as_median = np.log(mean)
    bias = np.exp(4 * cv_log**2) / n
    assert abs(center.mean()) < bias * cv_log**2 + 5 * center.std() / np.sqrt(4000)
    assert abs(as_median.mean()) > 5 * abs(center.mean())


def test_a_hierarchical_arm_has_the_effects_of_a_mean_or_median(mixed: Study) -> None:
    """Its parameter is log k + share omega z: read from the compiled model at one point."""
    family = Hierarchical(varying=("k",))
    this = Problem(MODEL, mixed, population=family)
    model = this.build()
    z = np.array([0.5, -1.0, 2.0])
    values = {"k": np.log(0.3), "k_omega": np.log(0.4), "k_z": z, "C_sigma": np.log(0.2)}
    point = {v.name: values[model.values_to_rvs[v].name] for v in model.value_vars}
    (wanted,) = model.replace_rvs_by_values([model["k_individual"]])
    function = model.compile_fn(wanted, on_unused_input="ignore", point_fn=True,
                                inputs=model.value_vars, mode="FAST_COMPILE")  # fmt: skip
    found = function({k: np.asarray(v, dtype=float) for k, v in point.items()})
    share = np.array([1.0, 1 / np.sqrt(20), np.sqrt(np.pi / (2 * 15 + np.pi - 2))])
    np.testing.assert_allclose(found, 0.3 * np.exp(0.4 * z * share), rtol=1e-12)
    said = str(this)
    assert "arm is an arm of 20: its random effects are those of a mean, omega / sqrt(20)" in said
    assert "other arm is an arm of 15: its random effects are those of a median, 0.32 omega" in said
    assert this.id != Problem(MODEL, mixed, population="pooled").id


@pytest.mark.parametrize("n", [1, 3, 5, 15, 10, 20, 50])
def test_medians_of_persons_vary_as_their_effects_do(n: int) -> None:
    """Medians of the curves of persons, simulated, beside the spread that an arm is given."""
    published = {"q1": 4.0, "q3": 7.0, "n": float(n)} if n > 1 else dict.fromkeys(("q1", "q3", "n"))
    columns = {name: [value, np.nan] for name, value in published.items()}
    arm = study_of(subject=["arm", "person"], time=[1.0, 1.0], value=5.0, **columns)
    share = effect_shares(Problem(MODEL, arm, population=Hierarchical(varying=("k",))))
    sets, omega = 40_000, 0.4
    k = 0.3 * np.exp(omega * np.random.default_rng(n).standard_normal((sets, n)))
    median = np.median(10.0 * np.exp(-k), axis=1)
    spread = np.log(-np.log(median / 10.0)).std()
    error = 4 / np.sqrt(2 * sets)
    even = 0.35 / n if n % 2 == 0 else 0.0  # of the approximation
    assert -0.011 - error < share[0] * omega / spread - 1 < even + 0.002 + error
    assert n < 10 or share[0] > 1.15 / np.sqrt(n)
    assert share[1] == 1.0


def test_simulated_arms_vary_less_than_persons() -> None:
    """An arm of 16 whose mean is known precisely, beside a person measured without error."""
    study = study_of(subject=["person", "arm"], time=[1.0, 1.0], value=7.0, sd=[np.nan, 1e-6],
                     n=[np.nan, 16])  # fmt: skip
    this = Problem(MODEL, study, population=Hierarchical(varying=("k",)))
    posterior = at(k=0.3, k_omega=0.5, C_sigma=1e-6).assign_coords(subject=["person", "arm"])
    for name, value in (("k_eta", 0.0), ("k_individual", 0.3)):
        posterior[name] = (("chain", "draw", "subject"), np.full((1, 1, 2), value))
    n = 3000
    made = replicates(this, posterior, draws=n, seed=2)["C"].to_numpy()
    eta = np.log(-np.log(made / 10.0) / 0.3)
    for k, omega in enumerate((0.5, 0.5 / 4)):
        assert abs(eta[:, k].std() / omega - 1) < 5 / np.sqrt(2 * n)


@pytest.mark.parametrize("error", ["additive", "combined"])
def test_a_mean_over_subjects_is_refused_where_nothing_says_how_far_it_is(
    mixed: Study, error: str
) -> None:
    with pytest.raises(InputError, match="not the curve of the typical subject"):
        Problem(MODEL, mixed, error=error, population="hierarchical")


def test_an_arm_that_is_a_person_as_well_is_refused() -> None:
    both = study_of(subject=["a", "a", "b"], time=[1.0, 2.0, 1.0], value=5.0,
                    sd=[2.0, np.nan, np.nan], n=[9.0, np.nan, np.nan])  # fmt: skip
    with pytest.raises(InputError, match="need different names"):
        Problem(MODEL, both, population="hierarchical")


def test_medians_and_quartiles_are_read_from_a_table(tmp_path: Any) -> None:
    path = tmp_path / "arms.csv"
    path.write_text(
        "subject,time,observable,value,q1,q3,n,unit\narm,1,C,6,4,9,12,ng/mL\narm,2,C,5,3,8,12,ng/mL\n",
        encoding="utf-8",
    )
    study = read_table(path, time_unit="h", units={"C": "pg/mL"})
    assert study.is_aggregated
    assert study.observations["q3"].to_numpy().tolist() == [9000.0, 8000.0]
    assert Study.from_tree(study.tree).observations.equals(study.observations)
    rows = Problem(MODEL, study).arrangement.observed[0].rows
    expected = np.sqrt(np.pi / 2) * 5000 / (2 * stats.norm.ppf(0.75)) / np.sqrt(12)
    assert rows.se[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ("6,4,,12", "no q3 beside it"),
        ("6,4,9,", "no n beside it"),
        ("10,4,9,12", "do not enclose the median"),
    ],
)
def test_wrong_quartiles_are_found_in_the_table(tmp_path: Any, cells: str, message: str) -> None:
    path = tmp_path / "arms.csv"
    path.write_text(f"subject,time,observable,value,q1,q3,n\narm,1,C,{cells}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_table(path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"q1": 1.0, "n": 9}, "q1 and q3 belong together"),
        ({"q1": 1.0, "q3": 3.0}, "belong together"),
        ({"q1": 1.0, "q3": 3.0, "sd": 1.0, "n": 9}, "not both in a row"),
        ({"q1": 2.5, "q3": 3.0, "n": 9}, "lies between its quartiles"),
    ],
)
def test_wrong_quartiles_are_refused_in_a_study(columns: Any, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Study(
            pd.DataFrame(
                {"subject": ["a"], "time": 1.0, "observable": "C", "value": 2.0, **columns}
            ),
            name="wrong",
        )


def test_first_quartile_at_zero_is_refused_on_the_log_scale() -> None:
    zero = study_of(time=[1.0], value=[5.0], q1=0.0, q3=8.0, n=10)
    with pytest.raises(InputError, match="first quartile"):
        Problem(MODEL, zero)
    assert Problem(MODEL, zero, error="additive")
