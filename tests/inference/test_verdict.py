"""The verdict says what the numbers say, and nothing else."""

from __future__ import annotations

import itertools

import pytest

from cytobayes.inference.report.verdict import Coverage, Evidence, Level, Tie, judge

GOOD = Evidence(converged=True, convergence="The chains agree.", draws=4000)


def evidence(**changes: object) -> Evidence:
    return Evidence(**{**GOOD.__dict__, **changes})


def test_a_good_fit_is_trusted_without_reservations() -> None:
    verdict = judge(evidence(coverage=(Coverage("IL6", 27, 30),), learned={"k6": 0.8}))
    assert verdict.level is Level.TRUSTED
    assert verdict.headline == "This fit can be trusted as a description of these data."
    assert verdict.reasons == (
        "The chains agree.",
        "27 of 30 measured values (90 %) lie inside their 90 % predictive intervals, as they "
        "should when the model describes the data.",
    )
    assert verdict.limits == ()


def test_priors_that_miss_the_data_are_no_part_of_the_verdict() -> None:
    assert judge(evidence(failed={"prior_predictive": "The priors contradict."})) == judge(GOOD)


def test_chains_that_did_not_converge_are_refused() -> None:
    verdict = judge(evidence(converged=False, convergence="The chains have not converged."))
    assert verdict.level is Level.REFUSED
    assert verdict.headline == "Do not use these numbers yet: the sampling did not converge."
    assert "--draws 4000 --target-accept 0.99" in verdict.reasons[1]


def test_slow_chains_of_a_weakly_identified_fit_are_not_only_told_to_run_longer() -> None:
    weak = {"identifiability": "Weakly identified: k1 (3 %)."}
    verdict = judge(evidence(converged=False, failed=weak))
    assert "fix one of them or give it a prior that you can defend" in verdict.reasons[1]
    assert "--draws 4000 --target-accept 0.99" in verdict.reasons[1]
    assert verdict.limits == ("It cannot tell some parameters apart. Weakly identified: k1 (3 %).",)


def test_chains_in_different_modes_are_refused_with_their_places() -> None:
    places = "The chains sit in two modes: chain 0 near k = 1; chain 1 near k = 2."
    verdict = judge(evidence(converged=False, modes=places))
    assert verdict.level is Level.REFUSED
    assert verdict.headline == "Do not use these numbers: the chains sit in different places."
    assert verdict.reasons[1] == places
    assert "report each mode by itself" in verdict.reasons[2]
    assert "more draws" not in verdict.text


def test_a_subject_that_is_short_of_draws_is_named_and_the_rest_stands() -> None:
    verdict = judge(evidence(few_draws=("P7",), findings=("The risk is 12 %.",)))
    assert verdict.level is Level.CAUTION
    assert verdict.headline == (
        "Read with care: the sampling converged, but the effects of subject P7 did not."
    )
    assert "Draw more before quoting what it says of subject P7" in verdict.text
    assert verdict.findings == ("The risk is 12 %.",)


def test_an_interrupted_run_says_how_far_it_came() -> None:
    verdict = judge(evidence(interrupted=True, converged=False, draws=1))
    assert verdict.level is Level.REFUSED
    assert verdict.headline == "Do not use these numbers yet: the sampling was stopped early."
    assert verdict.reasons[0].startswith("It was interrupted with 1 draw kept")


def test_a_model_that_misses_an_observable_is_named() -> None:
    verdict = judge(evidence(coverage=(Coverage("IL6", 4, 8), Coverage("TNF", 8, 8))))
    assert verdict.level is Level.CAUTION
    assert "misses IL6" in verdict.headline and "TNF" not in verdict.headline
    assert verdict.reasons[1] == (
        "12 of 16 measured values (75 %) lie inside their 90 % predictive intervals; too few for "
        "IL6 4 of 8."
    )


@pytest.mark.parametrize(
    ("inside", "total", "surprising"),
    # Of 8 with 0.9: P(X <= 5) = 0.038, P(X <= 4) = 0.005. Of 100: P(X <= 82) = 0.010.
    [
        (8, 8, False),
        (5, 8, False),
        (4, 8, True),
        (83, 100, False),
        (82, 100, False),
        (81, 100, True),
    ],
)
def test_few_values_outside_are_no_surprise(inside: int, total: int, surprising: bool) -> None:
    assert Coverage("IL6", inside, total).surprising is surprising


def test_no_observation_is_no_evidence() -> None:
    assert judge(evidence(coverage=(Coverage("IL6", 0, 0),))).reasons == ("The chains agree.",)


def test_what_the_data_did_not_teach_is_said() -> None:
    verdict = judge(evidence(learned={"ka": 0.05, "kb": -0.1, "kc": 0.5}))
    assert verdict.limits == (
        "The data say almost nothing about ka and kb: their posterior repeats the prior and is not "
        "a finding.",
    )
    assert "kc" not in verdict.text


@pytest.mark.parametrize(
    ("tie", "words"),
    [
        (Tie("p", "c", 0.98), "their ratio is better known"),
        (Tie("p", "c", -0.98), "their product is better known"),
        (Tie("p", "c", -0.98, logarithmic=False), "their combination is better known"),
        (Tie("p", "c", 0.9), ""),
    ],
)
def test_tied_parameters_are_named_with_what_is_known(tie: Tie, words: str) -> None:
    limits = judge(evidence(ties=(tie,))).limits
    assert (words in limits[0]) if words else limits == ()


def test_held_values_that_are_not_published_are_named() -> None:
    verdict = judge(evidence(unpublished=("ka",)))
    assert verdict.limits == (
        "1 parameter is held fixed at a calibrated or assumed value, which is no finding: ka.",
    )
    many = judge(evidence(unpublished=tuple("abcdefgh")))
    assert "8 parameters" in many.text and "and 2 more" in many.text


CHOICES = list(
    itertools.product(
        (True, False),
        (True, False),
        ((), (Coverage("IL6", 8, 8),), (Coverage("IL6", 2, 8),)),
        ({}, {"ka": 0.0}, {"ka": 0.5}),
    )
)


@pytest.mark.parametrize(("converged", "interrupted", "coverage", "learned"), CHOICES)
def test_no_sentence_contradicts_another(
    converged: bool,
    interrupted: bool,
    coverage: tuple[Coverage, ...],
    learned: dict[str, float],
) -> None:
    verdict = judge(
        evidence(
            converged=converged,
            convergence="agree" if converged else "have not converged",
            interrupted=interrupted,
            coverage=coverage,
            learned=learned,
        )
    )
    trusted = "can be trusted" in verdict.text
    assert trusted == (verdict.level is Level.TRUSTED)
    assert trusted == (converged and not interrupted and not any(c.surprising for c in coverage))
    fits = converged and not any(c.surprising for c in coverage)
    assert ("as they should" in verdict.text) == (fits and bool(coverage))
    assert ("converged, but" in verdict.text) <= converged
    assert ("almost nothing" in verdict.text) == (learned == {"ka": 0.0})


FAILURES = {
    "vpc": Level.CAUTION,
    "npde": Level.CAUTION,
    "fit_quality": Level.CAUTION,
    "posterior_predictive": Level.CAUTION,
    "gradient": Level.CAUTION,
    "tolerance": Level.REFUSED,
    "sensitivity": Level.TRUSTED,
    "identifiability": Level.TRUSTED,
    "risk_calibration": Level.TRUSTED,
}


@pytest.mark.parametrize(("name", "level"), FAILURES.items())
def test_a_failed_check_is_among_what_the_fit_cannot_say(name: str, level: Level) -> None:
    verdict = judge(evidence(failed={name: "It is off by 7."}))
    assert verdict.level is level
    assert verdict.limits[0].startswith("It") and verdict.limits[0].endswith("It is off by 7.")
    assert ("can be trusted" in verdict.headline) == (level is Level.TRUSTED)


def test_the_headline_joins_all_that_speaks_against_the_model() -> None:
    found = evidence(coverage=(Coverage("IL6", 4, 8),), failed={"vpc": "v.", "npde": "n."})
    assert judge(found).headline == (
        "Read with care: the sampling converged, but the model misses IL6, simulated data differ "
        "from the measured ones and the distribution of prediction errors is wrong."
    )


def test_a_chain_that_did_not_converge_outweighs_an_inexact_solver() -> None:
    verdict = judge(evidence(converged=False, failed={"tolerance": "t."}))
    assert verdict.headline == "Do not use these numbers yet: the sampling did not converge."
    exact = judge(evidence(failed={"tolerance": "t."}))
    assert exact.headline == (
        "Do not use these numbers yet: the solver was not exact enough for them."
    )


@pytest.mark.parametrize("converged", [True, False])
@pytest.mark.parametrize("failed", [{}, {"vpc": "v."}, {"tolerance": "t."}])
def test_an_approximation_is_named_before_anything_else(
    converged: bool, failed: dict[str, str]
) -> None:
    found = evidence(approximation="Laplace", converged=converged, failed=failed)
    verdict = judge(found)
    assert verdict.level is Level.REFUSED
    assert verdict.headline == "A quick look by Laplace: do not use these numbers."


def test_what_was_not_checked_is_said() -> None:
    verdict = judge(evidence(unchecked=("Gradient", "NPDE of all")))
    assert verdict.limits == ("Not checked in this report: gradient and NPDE of all.",)


@pytest.mark.parametrize("converged", [True, False])
def test_a_fit_that_is_refused_says_nothing(converged: bool) -> None:
    verdict = judge(evidence(converged=converged, findings=("The risk is 30 %.",)))
    assert ("The risk is 30 %." in verdict.text) == converged
    assert verdict.findings == (("The risk is 30 %.",) if converged else ())
