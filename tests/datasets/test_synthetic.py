"""Virtual cohorts are what their design says, and their truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.synthetic import (
    Assay,
    Covariate,
    Design,
    GradeModel,
    Rule,
    simulate_cohort,
)
from cytobayes.models import Dose, Namespace, OdeModel, Parameter, Regimen, State


def rhs(t: Any, y: Namespace, p: Namespace) -> dict[str, Any]:
    return {"C": p.k - p.d * y.C - p.kill * y.drug * y.C, "drug": -0.0 * y.drug}


MODEL = OdeModel(
    name="toy",
    states=(State("C", "pg/mL"), State("drug", "mg")),
    parameters=(
        Parameter("k", 10.0, "pg/mL/d", iiv=0.5),
        Parameter("d", 0.1, "1/d"),
        Parameter("kill", 5.0, "1/mg/d"),
    ),
    rhs=rhs,
    time_unit="d",
    horizon=10.0,
)
DESIGN = Design(
    visits=(0.0, 2.0, 5.0, 8.0),
    extra_visits=(3.0, 4.0),
    sick=2,
    assays=(Assay("C", 0.1, lower=5.0, upper=60.0),),
    covariates=(
        Covariate("weight", 70.0, 0.2, powers={"d": -0.25}, unit="kg"),
        Covariate("arm", categories={"a": 0.5, "b": 0.5}, factors={"k": {"a": 1.0, "b": 2.0}}),
    ),
    grading=GradeModel("C", reference=40.0, slope=4.0, cuts=(-1.0, 1.0)),
)


def test_one_seed_is_one_cohort() -> None:
    first, again = (simulate_cohort(MODEL, 5, DESIGN, seed=3) for _ in range(2))
    assert first.study.observations.identical(again.study.observations)
    assert first.truth.identical(again.truth)
    other = simulate_cohort(MODEL, 5, DESIGN, seed=4)
    assert not first.truth["k"].equals(other.truth["k"])


def test_more_visits_do_not_change_the_patients() -> None:
    longer = replace(DESIGN, visits=(0.0, 1.0, 2.0, 5.0, 8.0))
    first, second = (simulate_cohort(MODEL, 5, d, seed=3) for d in (DESIGN, longer))
    np.testing.assert_array_equal(first.truth["k"], second.truth["k"])
    np.testing.assert_array_equal(first.truth["risk"][:, 0], second.truth["risk"][:, 0])


def test_parameters_follow_spread_and_covariates() -> None:
    cohort = simulate_cohort(MODEL, 400, replace(DESIGN, assays=(Assay("C"),)), seed=1)
    truth, study = cohort.truth, cohort.study
    arm = study.covariates["arm"].values
    weight = study.covariates["weight"].values.astype(float)
    # Covariates are kept with four significant digits.
    np.testing.assert_allclose(truth["d"], 0.1 * (weight / 70.0) ** -0.25, rtol=3e-4)
    effect = np.log(truth["k"].values / 10.0) - np.where(arm == "b", np.log(2.0), 0.0)
    assert stats.kstest(effect, stats.norm(0, 0.5).cdf).pvalue > 1e-3
    assert stats.kstest(np.log(weight / 70), stats.norm(0, 0.2).cdf).pvalue > 1e-3


def test_measurements_scatter_around_the_truth_and_are_censored_at_the_limits() -> None:
    cohort = simulate_cohort(MODEL, 300, DESIGN, seed=2)
    rows = cohort.study.to_frame()
    true = np.array([
        float(cohort.truth["C"].sel(subject=s, time=t))
        for s, t in zip(rows["subject"], rows["time"], strict=True)
    ])  # fmt: skip
    low, high = rows["censoring"] == "left", rows["censoring"] == "right"
    assert (rows["value"][low] == 5.0).all() and (rows["value"][high] == 60.0).all()
    assert low.any() and high.any()
    inside = (true > 10.0) & (true < 40.0)  # ten standard deviations from either limit
    noise = np.log(rows["value"][inside] / true[inside])
    assert stats.kstest(noise, stats.norm(0, 0.1).cdf).pvalue > 1e-3


def test_grades_have_the_probabilities_that_the_truth_states() -> None:
    cohort = simulate_cohort(MODEL, 2000, DESIGN, seed=5)
    peak = cohort.truth["C"].max("time")
    eta = 4.0 * np.log10(peak.to_numpy() / 40.0)
    np.testing.assert_allclose(cohort.truth["risk"].sel(grade=2), expit(eta - 1.0))
    grade = cohort.study.outcomes["value"].to_numpy()
    for k in (1, 2):
        risk = cohort.truth["risk"].sel(grade=k).to_numpy()
        z = ((grade >= k).sum() - risk.sum()) / np.sqrt((risk * (1 - risk)).sum())
        assert abs(z) < 5
    assert set(cohort.study.outcomes["scale"].to_numpy()) == {"ASTCT"}


def test_the_sick_are_sampled_more_densely_and_visits_are_missed() -> None:
    cohort = simulate_cohort(MODEL, 300, replace(DESIGN, missed=0.25), seed=6)
    rows, outcomes = cohort.study.to_frame(), cohort.study.outcomes
    sick = outcomes["subject"].to_numpy()[outcomes["value"].to_numpy() >= 2]
    extra = rows[rows["time"].isin([3.0, 4.0])]
    assert set(extra["subject"]) <= set(sick)
    assert len(rows[rows["time"] == 0]) == 300
    later = len(rows[rows["time"].isin([2.0, 5.0, 8.0])])
    assert abs(later - 0.75 * 900) < 5 * np.sqrt(900 * 0.25 * 0.75)


def test_a_drug_is_given_by_rule_and_changes_the_course() -> None:
    rule = Rule(Dose(1.0, 3.0, "drug"), "C", 15.0, probability=0.5)
    plain = simulate_cohort(MODEL, 200, DESIGN, seed=7)
    treated = simulate_cohort(MODEL, 200, replace(DESIGN, rules=(rule,)), seed=7)
    doses = treated.study.doses
    given = set(doses["subject"].to_numpy())
    visits = [0.0, 2.0, 3.0, 4.0, 5.0, 8.0]
    seen = plain.truth["C"].sel(time=visits) > 15.0
    fulfil = {str(s) for s in plain.truth["subject"].values if bool(seen.sel(subject=s).any())}
    assert given <= fulfil
    assert abs(len(given) - 0.5 * len(fulfil)) < 5 * np.sqrt(0.25 * len(fulfil))
    for subject, time in zip(doses["subject"].values, doses["time"].values, strict=True):
        first = visits[int(seen.sel(subject=subject).argmax("time"))]
        assert time == first + 1.0
        before = {"subject": subject, "time": slice(0, float(time))}
        np.testing.assert_allclose(
            treated.truth["C"].sel(before), plain.truth["C"].sel(before), rtol=1e-5
        )
        # Production over loss: k / 15.1 under the drug, 6.3 k at day 10 without.
        last = {"subject": subject, "time": 10.0}
        assert float(treated.truth["C"].sel(last)) < 0.05 * float(plain.truth["C"].sel(last))


def test_everybody_gets_the_regimen() -> None:
    cohort = simulate_cohort(MODEL, 3, DESIGN, Regimen([Dose(0.0, 2.0, "drug")]), seed=1)
    assert list(cohort.study.doses["amount"].values) == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("design", "n", "message"),
    [
        (DESIGN, 0, "at least one patient"),
        (replace(DESIGN, covariates=(Covariate("x", powers={"q": 1.0}),)), 2, "parameter 'q'"),
    ],
)
def test_designs_without_meaning_are_refused(design: Design, n: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        simulate_cohort(MODEL, n, design, seed=1)


def test_cuts_must_ascend() -> None:
    with pytest.raises(InputError, match="must ascend"):
        GradeModel("C", 1.0, cuts=(1.0, 0.0))
