"""The search finds a known optimum and says how sure it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cytobayes.datasets.errors import InputError
from cytobayes.inference.trials.choice import Utility
from cytobayes.inference.trials.design import Arm, Design, Endpoint
from cytobayes.inference.trials.regimen import front, optimize_regimen
from cytobayes.models.distributions import LogNormal
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.math import exp
from cytobayes.models.ode import OdeModel, Parameter, State

# Benefit: the target x / k falls below a half; harm: the signal u x exceeds 1.
ENDS = (
    Endpoint("benefit", "control", "B", level=0.5),
    Endpoint("harm", "above", "signal", level=1.0),
)
WEIGHT = 1.5


@pytest.fixture(scope="module")
def dose() -> OdeModel:
    """B = exp(-x b), signal = x u: with log-normal b and u both endpoints are normal integrals."""
    return OdeModel(
        "dose",
        (),
        (
            Parameter("x", 1.0),
            Parameter("b", 1.0, iiv=0.5, prior=LogNormal(1.0, 0.2)),
            Parameter("u", 0.5, iiv=0.5, prior=LogNormal(0.5, 0.2)),
        ),
        outputs={
            "B": lambda t, y, p: exp(-p.x * p.b) + 0 * t,
            "signal": lambda t, y, p: p.x * p.u + 0 * t,
        },
        time_unit="d",
    )


def exact(x: Any, spread: float = 0.2) -> Any:
    """Benefit and harm expected over draws and patients: spreads add in quadrature."""
    benefit = stats.norm.cdf(np.log(x / np.log(2)) / np.hypot(0.5, 0.2))
    harm = stats.norm.cdf(np.log(0.5 * x) / np.hypot(0.5, spread))
    return benefit, harm


def utility_of(x: Any, spread: float = 0.2) -> Any:
    benefit, harm = exact(x, spread)
    return benefit - WEIGHT * harm


def search(dose: OdeModel, values: Any, **options: Any) -> Any:
    settings: dict[str, Any] = {"n": 400, "draws": 60, "seed": 2, "workers": 1} | options
    return optimize_regimen(
        Arm("a"), {"x": values}, Utility("benefit", "harm", WEIGHT), dose,
        design=Design((Arm("a"),), ENDS), **settings,
    )  # fmt: skip


def test_expected_utility_is_that_of_the_closed_form(dose: OdeModel) -> None:
    values = np.array([0.4, 0.7, 1.0, 1.4, 2.0, 3.0])
    choice = search(dose, values)
    utility = utility_of(values)
    # 60 draws: standard deviation over draws about 0.2, over 400 patients less
    error = choice.table[["utility_upper", "utility_lower"]].diff(axis=1).iloc[:, 1].abs() / 3.29
    assert (np.abs(choice.table["utility"] - utility) < 4.5 * error / np.sqrt(60) + 0.01).all()
    assert choice.best == int(utility.argmax())
    assert choice.label == "prior, not fitted"
    assert "spreads that the model states: b 0.5, u 0.5" in choice.notes[0]
    assert choice.evidence == {}


def test_evolution_finds_the_optimum_of_the_closed_form(dose: OdeModel) -> None:
    highest = utility_of(np.linspace(0.2, 4.0, 4000)).max()
    choice = search(dose, (0.2, 4.0), method="evolution", rounds=6)
    assert utility_of(choice.values["x"]) > highest - 0.02
    assert not choice.at_edge


def test_expectation_is_over_draws_and_not_at_the_median(dose: OdeModel) -> None:
    """With a wide prior of ``u`` another dose is best than with the same median known."""
    values = np.linspace(0.3, 2.5, 23)
    wide = tuple(
        replace(p, prior=LogNormal(0.5, 1.2)) if p.name == "u" else p for p in dose.parameters
    )
    unsure, sure = search(replace(dose, parameters=wide), values, draws=300), search(dose, values)
    expected, at_median = (utility_of(values, spread) for spread in (1.2, 0.0))
    best = int(expected.argmax())
    assert values[best] != values[at_median.argmax()]
    assert expected[unsure.best] > expected[best] - 0.02
    assert unsure.values["x"] > sure.values["x"]
    assert unsure.information > sure.information


def test_the_best_of_many_is_judged_in_fresh_patients(dose: OdeModel) -> None:
    """Forty candidates that differ by nothing but luck: with 3 patients the best looks good."""
    values = 1.0 + 1e-3 * np.arange(40)
    choice = search(dose, values, n=3, draws=30)
    again = search(dose, [choice.values["x"]], n=400, draws=200, seed=11)
    # 30 draws of 3 patients: the utility of one has a standard deviation of about 0.9
    assert choice.fresh == pytest.approx(again.table["utility"][0], abs=4 * 0.9 / np.sqrt(90))
    assert choice.fresh != choice.table["utility"][choice.best]
    assert "in fresh patients" in choice.sentence


def test_an_optimum_at_the_edge_is_called_one(dose: OdeModel) -> None:
    choice = search(dose, [0.2, 0.3, 0.4])
    assert choice.at_edge == ("x",)
    assert "at the edge of the space" in choice.sentence


def test_equal_candidates_are_within_the_noise_and_share_the_draws(dose: OdeModel) -> None:
    choice = search(dose, [1.0, 1.0, 3.5])
    assert choice.table["p_best"][:2].to_numpy() == pytest.approx(choice.table["p_best"][0])
    assert choice.within_noise == 1
    assert "cannot be told" in choice.sentence
    assert choice.table["p_best"].sum() == pytest.approx(1.0)


def least_harm(dose: OdeModel, values: Any, at_least: float, **options: Any) -> Any:
    settings: dict[str, Any] = {"n": 400, "draws": 60, "seed": 2, "workers": 1} | options
    return optimize_regimen(
        Arm("a"), {"x": values}, Utility("benefit", "harm", at_least=at_least), dose,
        design=Design((Arm("a"),), ENDS), **settings,
    )  # fmt: skip


def test_the_least_harm_is_sought_where_the_benefit_is_enough(dose: OdeModel) -> None:
    """Both rise with x, so that the lowest x with a benefit of 0.8 is best: 1.09 exactly."""
    values = np.array([0.5, 0.9, 1.2, 1.6, 2.5])
    choice = least_harm(dose, values, 0.8)
    assert choice.table["allowed"].tolist() == (exact(values)[0] >= 0.8).tolist()
    assert choice.values == {"x": 1.2}
    row = choice.table.loc[choice.best]
    assert row["utility"] == pytest.approx(-row["harm"])
    assert choice.table["p_best"].tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert choice.table["utility"].isna().tolist() == (~choice.table["allowed"]).tolist()
    # without the limit the same table has its optimum elsewhere: the least harm is at 0.5
    assert choice.table["harm"].idxmin() == 0
    assert "lowest harm with benefit in at least 80 %" in choice.sentence
    assert "2 of 5 candidates have too little benefit" in choice.sentence
    assert len(choice.plot().axes) == 2


def test_evolution_stops_at_the_benefit_that_is_asked_for(dose: OdeModel) -> None:
    choice = least_harm(dose, (0.2, 4.0), 0.8, method="evolution", rounds=6)
    # 60 draws: the benefit of a draw varies by about 0.1 with its parameters
    assert exact(choice.values["x"])[0] == pytest.approx(0.8, abs=0.02 + 4 * 0.1 / np.sqrt(60))
    assert choice.table["benefit"][choice.best] >= 0.8


def test_a_benefit_that_nothing_reaches_is_refused(dose: OdeModel) -> None:
    with pytest.raises(InputError, match=r"in at least 99 % of the patients; the highest is"):
        least_harm(dose, [0.5, 1.0], 0.99, n=50, draws=10)


def test_less_benefit_in_fresh_patients_is_said(dose: OdeModel) -> None:
    choice = least_harm(dose, [1.2, 2.0], 0.8, n=50, draws=10)
    low = replace(choice, fresh_benefit=0.75)
    assert "in only 75.0 %" in low.sentence
    assert "in only" not in replace(choice, fresh_benefit=0.85).sentence


@pytest.fixture(scope="module")
def depot() -> OdeModel:
    """A dose at T into a depot: C = (t - T) exp(-(t - T)), highest one day after the dose."""

    def rhs(t: Any, y: Any, p: Any) -> dict[str, Any]:
        return {"A": -y.A, "C": y.A - y.C}

    return OdeModel(
        "depot",
        (State("A"), State("C")),
        (Parameter("v", 1.0, iiv=0.5),),
        rhs,
        outputs={"lack": lambda t, y, p: 1 / (1 + p.v * y.C)},
        time_unit="d",
        horizon=8.0,
    )


def cover(when: Any) -> Any:
    """P(v C > 0.3 on day 6) for a dose at a time: a normal integral over log v."""
    since = 6.0 - np.asarray(when)
    return stats.norm.cdf(np.log(since * np.exp(-since) / 0.3) / 0.5)


def timed(depot: OdeModel, when: Any, **options: Any) -> Any:
    ends = (
        Endpoint("covered", "control", "lack", level=1 / 1.3, time=6.0),
        Endpoint("harm", "above", "C", level=10.0),
    )
    arm = Arm("a", Regimen([Dose("when", 1.0, "A")]))
    return optimize_regimen(
        arm, {"when": when}, Utility("covered", "harm"), depot,
        design=Design((arm,), ends), n=128, draws=6, seed=3, workers=1, **options,
    )  # fmt: skip


def test_the_time_of_a_dose_is_found_on_a_grid(depot: OdeModel) -> None:
    when = np.array([2.0, 3.0, 4.0, 4.5, 5.0, 5.5, 5.9])
    choice = timed(depot, when)
    assert choice.values == {"when": 5.0}
    # 6 draws of 128 patients: a probability to four standard errors
    error = 4 * np.sqrt(0.25 / 768)
    assert choice.table["benefit"].to_numpy() == pytest.approx(cover(when), abs=error)


def test_the_time_of_a_dose_is_found_between_two_ends(depot: OdeModel) -> None:
    choice = timed(depot, (1.0, 7.5), method="evolution", rounds=4)
    # cover falls by 0.37 d^2 at d days from the best time: 0.02 is a quarter of a day
    assert cover(choice.values["when"]) > cover(5.0) - 0.02
    late = choice.table[choice.table["when"] > 6.0]
    assert len(late) and (late["benefit"] == 0).all()  # given after the day that counts


def test_the_front_holds_what_nothing_beats() -> None:
    benefit, harm = np.array([0.1, 0.5, 0.5, 0.9, 0.2]), np.array([0.0, 0.2, 0.1, 0.6, 0.3])
    np.testing.assert_array_equal(front(benefit, harm), [True, False, True, True, False])


def test_results_do_not_depend_on_the_number_of_workers(dose: OdeModel) -> None:
    one, four = (search(dose, [0.5, 1.0], workers=w) for w in (1, 4))
    pd.testing.assert_frame_equal(one.table, four.table)


def test_the_choice_draws_its_trade_off(dose: OdeModel) -> None:
    figure = search(dose, [0.5, 1.0, 2.0]).plot()
    assert len(figure.axes) == 2


@pytest.mark.parametrize(
    ("space", "method", "words"),
    [
        ({"x": []}, "grid", "at least one value"),
        ({"x": list(range(1, 3000))}, "grid", "2999 candidates"),
        ({"x": [2.0, 1.0]}, "evolution", r"\[lowest, highest\]"),
        ({"x": [1.0]}, "guess", "grid or evolution"),
        ({"x": [-1.0, 1.0]}, "grid", "outside its bounds"),
    ],
)
def test_spaces_without_a_meaning_are_refused(
    dose: OdeModel, space: dict[str, Any], method: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        optimize_regimen(
            Arm("a"), space, Utility("benefit", "harm"), dose,
            design=Design((Arm("a"),), ENDS), draws=2, n=2, method=method,
        )  # fmt: skip


def test_a_weight_that_rewards_harm_is_refused() -> None:
    with pytest.raises(InputError, match="rewarded"):
        Utility("a", "b", -1.0)


def test_a_benefit_beyond_certainty_is_refused() -> None:
    with pytest.raises(InputError, match="at_least = 1.2"):
        Utility("a", "b", at_least=1.2)
