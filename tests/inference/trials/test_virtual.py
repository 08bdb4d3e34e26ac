"""Virtual trials against answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.virtual import GradeModel
from cytobayes.inference.trials.design import Arm, Design, Endpoint, Trigger
from cytobayes.inference.trials.grading import FittedGrades
from cytobayes.inference.trials.patients import FromPrior
from cytobayes.inference.trials.resolution import peak_error, resolution_note
from cytobayes.inference.trials.virtual import Bench, collect, virtual_trial
from cytobayes.models.dosing import Dose, Regimen
from cytobayes.models.library import get
from cytobayes.models.ode import OdeModel

ABOVE = Endpoint("high", "above", "signal", level=2.0)
CONTROL = Endpoint("control", "control", "B", fraction=0.5, time=4.0)
DRUG = Dose(0.0, 4.0, "D")


def test_characteristics_are_those_of_the_closed_form(bump: OdeModel) -> None:
    """P(a m > 2) over patients given m is Phi(ln(m / 2) / 0.8): by draw, and on average."""
    design = Design((Arm("as is"), Arm("half", factors={"a": 0.5})), (ABOVE,), n=4000)
    trial = virtual_trial(design, bump, draws=60, seed=3)
    from cytobayes.models.prior_draws import draw_parameters

    m = draw_parameters(bump, 60, seed=3)["m"].to_numpy()
    for arm, factor in ((0, 1.0), (1, 0.5)):
        exact = stats.norm.cdf(np.log(factor * m / 2.0) / 0.8)
        error = np.sqrt(exact * (1 - exact) / 4000)
        z = (trial.expected[:, arm, 0] - exact) / error
        assert np.abs(z).max() < 4.5
        assert abs(z.mean()) < 4.5 / np.sqrt(60)
    table = trial.characteristics()
    assert table.loc[0, "probability"] == pytest.approx(trial.expected[:, 0, 0].mean(), rel=1e-12)


def test_equal_arms_differ_by_exactly_nothing(growth: OdeModel) -> None:
    high = Endpoint("high", "above", "S", level=50.0)
    regimen = Regimen([Dose(1.0, 1.0, "D")])
    trial = virtual_trial(
        Design((Arm("a", regimen), Arm("b", regimen)), (high,), n=50), growth, draws=3
    )
    row = trial.differences().iloc[0]
    assert (row["difference"], row["lower"], row["upper"], row["p_better"]) == (0, 0, 0, 0.5)
    assert "there is no difference" in trial.sentence


def test_results_do_not_depend_on_the_number_of_workers(growth: OdeModel) -> None:
    arm = Arm("a", triggers=(Trigger("S", 3.0, DRUG),), parameters={"s": 0.7})
    design = Design((arm,), (Endpoint("low", "control", "S", level=3.3),), n=200)
    one, four = (virtual_trial(design, growth, draws=7, workers=w) for w in (1, 4))
    np.testing.assert_array_equal(one.expected, four.expected)
    other = virtual_trial(design, growth, draws=7, seed=2)
    assert (one.expected != other.expected).any()


def test_patients_of_the_arms_are_the_same(growth: OdeModel) -> None:
    """Where a factor moves everybody the same way nobody moves back."""
    high = Endpoint("high", "above", "S", level=55.0)
    arms = (Arm("a"), Arm("b", factors={"S0": 1.001}))
    trial = virtual_trial(Design(arms, (high,), n=500), growth, draws=20)
    change = trial.expected[:, 1, 0] - trial.expected[:, 0, 0]
    assert (change >= 0).all()


def test_grades_follow_the_ordinal_model(bump: OdeModel) -> None:
    grading = GradeModel("signal", 1.0, 2.0, (-1.0, 1.0, 3.0))
    ends = tuple(Endpoint(f"g{k}", "grade", at_least=k) for k in (1, 2, 3))
    trial = virtual_trial(
        Design((Arm("a", parameters={"a": 10.0, "m": 1.0}),), ends, n=3, grading=grading),
        bump,
        draws=2,
    )
    # the peak is 10: logit = 2 - cut
    np.testing.assert_allclose(trial.expected[:, 0], [expit(2.0 - np.array([-1.0, 1.0, 3.0]))] * 2)
    assert "assumed, not fitted" in " ".join(trial.notes)


def test_fitted_grades_use_their_own_draw(bump: OdeModel) -> None:
    grades = FittedGrades("signal", 1.0, np.array([0.0, 2.0]), np.array([[0.0], [1.0]]))
    design = Design(
        (Arm("a", parameters={"a": 10.0, "m": 1.0}),), (Endpoint("g", "grade", at_least=1),), n=2
    )
    trial = virtual_trial(design, bump, draws=2, grades=grades)
    np.testing.assert_allclose(trial.expected[:, 0, 0], expit([0.0, 1.0]))


def test_response_is_a_nadir_and_control_a_day(bump: OdeModel) -> None:
    """exp(-0.2 t) is below a half from day 3.466."""
    ends = (
        Endpoint("response", "response", "B", fraction=0.5),
        Endpoint("early", "response", "B", fraction=0.5, time=3.0),
        CONTROL,
        Endpoint("day 3", "control", "B", fraction=0.5, time=3.0),
        Endpoint("level", "control", "B", level=0.2),
    )
    trial = virtual_trial(Design((Arm("a"),), ends, n=2), bump, draws=1)
    np.testing.assert_array_equal(trial.expected[0, 0], [1, 0, 1, 0, 1])
    assert not any(e.harm for e in ends)


def test_failed_patients_are_counted_and_left_out_of_all_arms() -> None:
    found = np.array([[[1.0], [0.0], [1.0]], [[1.0], [1.0], [np.nan]]])  # arm, patient, endpoint
    bad = np.array([[False, False, False], [False, False, True]])
    expected, noise, paired, failed = collect([(found, bad)])
    np.testing.assert_array_equal(expected[0, :, 0], [0.5, 1.0])
    np.testing.assert_array_equal(failed, [[0, 1]])
    assert noise[0, 0, 0] == np.var([1.0, 0.0], ddof=1) / 2
    assert paired[0, 1, 0] == np.var([0.0, 1.0], ddof=1) / 2


def test_a_trial_that_cannot_be_solved_says_so(growth: OdeModel) -> None:
    arms = (Arm("a"), Arm("b", parameters={"g": 1e9}))
    high = Endpoint("high", "above", "S", level=50.0)
    with pytest.raises(InputError, match="no patient could be solved in every arm"):
        virtual_trial(Design(arms, (high,), n=5), growth, draws=2)


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        (Arm("a", parameters={"gg": 1.0}), "no parameter 'gg'"),
        (Arm("a", parameters={"s": -1.0}), "outside its bounds"),
        (Arm("a", Regimen([Dose(0.0, 1.0, "X")])), "a dose into 'X'"),
        (Arm("a", triggers=(Trigger("IL6", 1.0, DRUG),)), "a trigger reads 'IL6'"),
        (Arm("a", covariates={"age": 1.0}), "no covariates"),
    ],
)
def test_names_that_the_model_does_not_have_are_refused(
    growth: OdeModel, arm: Arm, words: str
) -> None:
    high = Endpoint("high", "above", "S", level=50.0)
    with pytest.raises(InputError, match=words):
        virtual_trial(Design((arm,), (high,)), growth, draws=1)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (Endpoint("g", "grade", at_least=1), "no grade model"),
        (Endpoint("h", "above", "SS", level=1.0), "did you mean 'S'"),
        (Endpoint("h", "control", "S", fraction=0.1, time=99.0), "outside the trial"),
    ],
)
def test_questions_that_the_model_cannot_answer_are_refused(
    growth: OdeModel, endpoint: Endpoint, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        virtual_trial(Design((Arm("a"),), (endpoint,)), growth, draws=1)


def test_a_grade_is_not_read_off_serum_il6_under_tocilizumab() -> None:
    design = Design(
        (Arm("a", Regimen([Dose(5.0, 560.0, "tocilizumab")])),),
        (Endpoint("g", "grade", at_least=2),),
        grading=GradeModel("IL6", 60.0),
    )
    with pytest.raises(InputError, match="use the observable 'signal'"):
        virtual_trial(design, get("crs-cascade"), draws=1)


def test_a_grid_that_misses_peaks_says_by_how_much(growth: OdeModel) -> None:
    """D decays from the dose at once: on a grid of 0.5 its peak after a dose at 0.1 is e^-0.4."""
    high = Endpoint("high", "above", "D", level=0.5)
    arms = (Arm("a", Regimen([Dose(0.1, 1.0, "D")])),)
    patients = FromPrior(growth, 1, 1)
    bench = Bench.of(Design(arms, (high,), n=2, until=2.0, every=0.5), patients)
    # the finer grid has a step of 0.1: there the peak is e^-0.1
    assert peak_error(bench) == pytest.approx(1 - np.exp(-0.3), rel=1e-4)
    assert "26 % too low" in resolution_note(bench)[0]
    fine = Bench.of(Design(arms, (high,), n=2, until=2.0, every=0.01), patients)
    assert resolution_note(fine) == ()
