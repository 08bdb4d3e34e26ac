"""A problem is plain data with an id, and its density is what the data sheet says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pymc as pm
import pytest
from scipy import stats

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference import Additive, Combined, Independent, Pooled, Problem, Proportional
from cytobayes.inference.specification import fingerprint
from cytobayes.models.distributions import LogNormal, Normal, Uniform
from cytobayes.models.dosing import Dose, Regimen, Switch
from cytobayes.models.ode import OdeModel, Parameter
from cytobayes.models.solver import SolverOptions

from .conftest import DOSE, TIMES, closed_form, doses, measured, noisy


def constrained_logp(problem: Problem) -> Any:
    """Log joint density as a function of values in natural units, without Jacobians."""
    model = problem.build()
    function = model.compile_logp(jacobian=False, mode="FAST_COMPILE")
    transforms = {v.name: model.rvs_to_transforms[r] for v, r in model.values_to_rvs.items()}

    def evaluate(**values: Any) -> float:
        point = {}
        for variable in model.value_vars:
            rv = model.values_to_rvs[variable]
            value = np.asarray(values[rv.name], dtype=float)
            transform = transforms[variable.name]
            forward = transform.forward(value, *rv.owner.inputs) if transform else None
            point[variable.name] = value if forward is None else forward.eval()
        return float(function(point))

    return evaluate


def prior_logp(ka: Any, k: Any, sigma: float) -> float:
    return float(
        np.sum(stats.lognorm(0.5, scale=1.0).logpdf(ka))
        + np.sum(stats.lognorm(0.5, scale=0.2).logpdf(k))
        + stats.lognorm(0.7, scale=0.3).logpdf(sigma)
    )


def test_joint_density_is_prior_times_likelihood(
    oral: OdeModel, study: Study, precise: SolverOptions
) -> None:
    found = constrained_logp(Problem(oral, study, solver=precise))(ka=1.3, k=0.15, C_sigma=0.2)
    f = closed_form(1.3, 0.15, TIMES)
    expected = prior_logp(1.3, 0.15, 0.2) + stats.lognorm(0.2, scale=f).logpdf(noisy(1)).sum()
    assert found == pytest.approx(expected, rel=1e-8)


def test_pooled_subjects_share_parameters_and_independent_ones_do_not(
    oral: OdeModel, two_subjects: Study, precise: SolverOptions
) -> None:
    def likelihood(ka: Any, k: Any) -> float:
        return float(
            sum(
                stats.lognorm(0.2, scale=closed_form(a, b, TIMES)).logpdf(noisy(seed)).sum()
                for a, b, seed in zip(ka, k, (2, 3), strict=True)
            )
        )

    pooled = constrained_logp(Problem(oral, two_subjects, solver=precise))
    expected = prior_logp(1.3, 0.15, 0.2) + likelihood([1.3, 1.3], [0.15, 0.15])
    assert pooled(ka=1.3, k=0.15, C_sigma=0.2) == pytest.approx(expected, rel=1e-8)
    each = constrained_logp(Problem(oral, two_subjects, population="independent", solver=precise))
    ka, k = [1.3, 0.8], [0.15, 0.3]
    expected = prior_logp(ka, k, 0.2) + likelihood(ka, k)
    assert each(ka=ka, k=k, C_sigma=0.2) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("population", ["pooled", "independent"])
@pytest.mark.parametrize("error", ["lognormal", "combined"])
def test_gradient_is_that_of_central_differences(
    oral: OdeModel, two_subjects: Study, precise: SolverOptions, population: str, error: str
) -> None:
    problem = Problem(oral, two_subjects, error, population=population, solver=precise)
    function = problem.build().logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    size = sum(v.size for v in problem.build().initial_point().values())
    x = np.random.default_rng(5).normal(-0.5, 0.3, size)
    gradient, h = function(x)[1], 1e-5
    for k in range(size):
        step = h * (np.arange(size) == k)
        difference = (function(x + step)[0] - function(x - step)[0]) / (2 * h)
        assert gradient[k] == pytest.approx(difference, rel=1e-6, abs=1e-6)


def test_outputs_are_observables_too(oral: OdeModel, study: Study, precise: SolverOptions) -> None:
    rows = measured(10 * noisy(1), observable="amount")
    other = Study(rows, name="amounts", units={"amount": "mg"}, time_unit="h", doses=doses("1"))
    a = constrained_logp(Problem(oral, study, solver=precise))(ka=1.3, k=0.15, C_sigma=0.2)
    b = constrained_logp(Problem(oral, other, solver=precise))(ka=1.3, k=0.15, amount_sigma=0.2)
    # The same ten times larger: the density of each log-normal datum falls tenfold.
    assert b == pytest.approx(a - TIMES.size * np.log(10), rel=1e-8)


def test_units_of_data_are_converted_to_those_of_the_model(
    oral: OdeModel, problem: Problem
) -> None:
    rows = measured(1000 * noisy(1)).assign(time=TIMES * 60)
    given = doses("1").assign(amount=DOSE / 1000, unit="g")
    other = Study(rows, name="small", units={"C": "ug/L"}, time_unit="min", doses=given)
    converted = Problem(oral, other)
    ours, theirs = problem.arrangement, converted.arrangement
    np.testing.assert_allclose(ours.observed[0].rows.value, theirs.observed[0].rows.value)
    np.testing.assert_allclose(ours.times[0], theirs.times[0])
    assert ours.regimens == theirs.regimens
    assert problem.id != converted.id  # it is another data sheet


def test_replicates_and_unsorted_rows_share_observation_points(oral: OdeModel) -> None:
    rows = pd.concat([measured(noisy(1)), measured(noisy(2))]).sample(frac=1, random_state=1)
    study = Study(rows, name="twice", units={"C": "mg/L"}, time_unit="h", doses=doses("1"))
    arrangement = Problem(oral, study).arrangement
    assert arrangement.timeline.n_observations == TIMES.size
    observed = arrangement.observed[0]
    np.testing.assert_array_equal(arrangement.times[0][observed.point], rows["time"])


def test_published_means_and_limits_reach_the_likelihood(
    oral: OdeModel, precise: SolverOptions
) -> None:
    value = noisy(1)
    rows = measured(value, censoring=["left", "none", "none", "none", "right", "interval"])
    rows = rows.assign(sd=np.nan, n=np.nan, lower=np.nan, upper=np.nan)
    rows.loc[1, ["sd", "n"]] = 2.0, 16.0
    rows.loc[5, ["value", "lower", "upper"]] = 1.0, 0.5, 3.0
    study = Study(rows, name="mixed", units={"C": "mg/L"}, time_unit="h", doses=doses("1"))
    priors = {"C_sigma": LogNormal(0.3, 0.7)}
    problem = Problem(oral, study, "additive", priors=priors, solver=precise)
    found = constrained_logp(problem)(ka=1.3, k=0.15, C_sigma=0.8)
    f = closed_form(1.3, 0.15, TIMES)
    n = [stats.norm(m, s) for m, s in zip(f, [0.8, 0.5, 0.8, 0.8, 0.8, 0.8], strict=True)]
    expected = (
        n[0].logcdf(value[0])
        + sum(n[k].logpdf(value[k]) for k in (1, 2, 3))
        + n[4].logsf(value[4])
        + np.log(n[5].cdf(3.0) - n[5].cdf(0.5))
    )
    assert found == pytest.approx(prior_logp(1.3, 0.15, 0.8) + expected, rel=1e-8)
    facts = problem.describe()["observables"][0]
    counts = {k: facts[k] for k in ("rows", "left", "right", "interval", "means")}
    assert counts == {"rows": 6, "left": 1, "right": 1, "interval": 1, "means": 1}
    assert "C: 1 row below" in str(problem) and "scored as left-censored (M3)" in str(problem)


def test_model_has_named_dimensions(oral: OdeModel, two_subjects: Study) -> None:
    model = Problem(oral, two_subjects, population=Independent()).build()
    assert model.coords["subject"] == ("a", "b")
    assert model.coords["state"] == ("A", "C")
    assert model.coords["parameter"] == ("ka", "k", "V")
    assert list(model.coords["C_observation"]) == list(range(12))
    assert model.named_vars_to_dims["ka"] == ("subject",)
    assert {v.name for v in model.free_RVs} == {"ka", "k", "C_sigma"}


def test_prior_predictive_of_pymc_works(problem: Problem) -> None:
    with problem.build():
        draws = pm.sample_prior_predictive(
            20, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    assert draws["prior_predictive"]["C"].shape == (1, 20, 6)
    assert (draws["prior_predictive"]["C"] > 0).all()


# ------------------------------------------------------------------------- what is estimated
def test_hints_given_priors_and_fixed_values_decide_what_is_estimated(
    oral: OdeModel, study: Study
) -> None:
    assert Problem(oral, study).estimated == ("ka", "k")
    assert Problem(oral, study, priors={"V": LogNormal(10, 0.2)}).estimated == ("ka", "k", "V")
    fixed = Problem(oral, study, fixed={"ka": 1.1, "C_sigma": 0.1})
    assert fixed.estimated == ("k",)
    assert fixed.constants == {"ka": 1.1, "V": 10.0}
    assert list(fixed.all_priors) == ["k"]
    assert [v.name for v in fixed.build().free_RVs] == ["k"]


def test_bounds_of_parameters_hold_whatever_the_prior(oral: OdeModel, study: Study) -> None:
    problem = Problem(oral, study, priors={"k": Normal(0.2, 1.0)})
    facts = {p["name"]: p for p in problem.describe()["parameters"]}
    assert facts["k"]["cut"] and not facts["ka"]["cut"]
    with problem.build() as model:
        assert (pm.draw(model["k"], 100, random_seed=1, mode="FAST_COMPILE") > 0).all()


def test_residual_errors_have_units(oral: OdeModel, study: Study) -> None:
    problem = Problem(oral, study, Combined())
    assert problem.error_parameters == ("C_sigma_add", "C_sigma_prop")
    assert [problem.unit(n) for n in ("ka", "C_sigma_add", "C_sigma_prop")] == ["1/h", "mg/L", ""]


def test_doses_of_the_study_become_schedules_and_can_be_replaced(
    oral: OdeModel, two_subjects: Study
) -> None:
    bolus = Regimen([Dose(0.0, DOSE, "A")])
    assert Problem(oral, two_subjects).arrangement.regimens == (bolus, bolus)
    other = Regimen([Dose(0.0, 50.0, "A", duration=2.0)])
    assert Problem(oral, two_subjects, regimen=other).arrangement.regimens == (other, other)
    mixed = Problem(oral, two_subjects, regimen={"b": other}).arrangement.regimens
    assert mixed == (Regimen(), other)


def test_observables_can_be_renamed_and_left_out(oral: OdeModel) -> None:
    rows = pd.concat(
        [measured(noisy(1), observable="plasma"), measured(noisy(2), observable="CRP")]
    )
    study = Study(rows, name="x", units={"plasma": "mg/L"}, time_unit="h", doses=doses("1"))
    problem = Problem(oral, study, observables={"plasma": "C", "CRP": None})
    assert problem.targets == {"plasma": "C"}
    assert problem.arrangement.observed[0].row.tolist() == list(range(6))
    assert problem.error_parameters == ("plasma_sigma",)


# --------------------------------------------------------------------------------------- id
def variants(oral: OdeModel, study: Study) -> dict[str, Problem]:
    def changed(**values: Any) -> Study:
        return Study(
            measured(noisy(1)).assign(**values),
            name="one subject", units={"C": "mg/L"}, time_unit="h", doses=doses("1"),
        )  # fmt: skip

    slower = replace(oral, rhs=lambda t, y, p: {"A": -p.ka * y.A, "C": p.ka * y.A / p.V - p.k})
    bounded = tuple(replace(p, upper=50.0) if p.name == "ka" else p for p in oral.parameters)
    return {
        "equations": Problem(slower, study),
        "bounds": Problem(replace(oral, parameters=bounded), study),
        "constant": Problem(oral.with_values(V=11.0), study),
        "fixed": Problem(oral, study, fixed={"ka": 1.0}),
        "fixed sigma": Problem(oral, study, fixed={"C_sigma": 0.2}),
        "prior": Problem(oral, study, priors={"ka": LogNormal(1.0, 0.6)}),
        "prior of sigma": Problem(oral, study, priors={"C_sigma": Uniform(0.0, 1.0)}),
        "error": Problem(oral, study, Proportional()),
        "population": Problem(oral, study, population="independent"),
        "value": Problem(oral, changed(value=noisy(1) * (1 + 1e-12))),
        "time": Problem(oral, changed(time=TIMES + 1e-9)),
        "limit": Problem(oral, changed(lower=0.01)),
        "censoring": Problem(oral, changed(censoring=["left"] + ["none"] * 5)),
        "doses": Problem(oral, study.with_doses(doses("1").assign(amount=99.0))),
        "regimen": Problem(oral, study, regimen=Regimen([Dose(1.0, DOSE, "A")])),
        "rtol": Problem(oral, study, solver=SolverOptions(rtol=1e-7)),
        "atol": Problem(oral, study, solver=SolverOptions(atol={"C": 1e-9})),
        "method": Problem(oral, study, solver=SolverOptions(method="explicit")),
        "steps": Problem(oral, study, solver=SolverOptions(max_steps=999)),
    }


def test_a_change_of_any_ingredient_changes_the_id(
    oral: OdeModel, study: Study, problem: Problem
) -> None:
    made = variants(oral, study)
    ids = {name: p.id for name, p in made.items()} | {"original": problem.id}
    assert len(set(ids.values())) == len(ids), ids
    assert all(p != problem for p in made.values())


def test_what_changes_nothing_keeps_the_id(oral: OdeModel, study: Study, problem: Problem) -> None:
    renamed = replace(oral, title="another title", references=("somebody 1999",))
    same = (
        Problem(oral, study, "lognormal", population=Pooled(), priors={}),
        Problem(renamed, study),
        Problem(oral, study, priors={"ka": LogNormal(1.0, 0.5)}),
        Problem(oral, Study.from_tree(study.tree), regimen=Regimen([Dose(0.0, DOSE, "A")])),
        Problem(oral, study, {"C": "lognormal"}, observables={"C": "C"}),
    )
    for other in same:
        assert other == problem and hash(other) == hash(problem)
    assert len(problem.id) == 16 and int(problem.id, 16) >= 0


def test_fingerprint_ignores_the_name_of_a_study(study: Study) -> None:
    other = Study(
        measured(noisy(1)), name="z", units={"C": "mg/L"}, time_unit="h", doses=doses("1")
    )
    assert fingerprint(study) == fingerprint(other)
    assert fingerprint(study) != fingerprint(study.with_doses(doses("1").assign(time=1.0)))


def test_description_is_json(problem: Problem) -> None:
    facts = json.loads(json.dumps(problem.describe()))
    assert facts["id"] == problem.id
    assert [p["role"] for p in facts["parameters"]] == ["estimated"] * 2 + ["fixed", "estimated"]
    assert facts["doses"] == 1


# ---------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"priors": {"Ka": LogNormal(1, 1)}}, "mean 'ka'"),
        ({"fixed": {"kaa": 1.0}}, "mean 'ka'"),
        ({"fixed": {"ka": -1.0}}, "outside its bounds"),
        ({"fixed": {"ka": 1.0, "k": 1.0, "C_sigma": 1.0}}, "nothing is to be estimated"),
        ({"error": "log-normal"}, "mean 'lognormal'"),
        ({"error": {"D": "additive"}}, "error model of 'D'"),
        ({"observables": {"Cp": "C"}}, "no observable of the data"),
        ({"observables": {"C": "Cc"}}, "no observable of the model oral"),
        ({"observables": {"C": None}}, "no observable of the data is left"),
        ({"population": "pool"}, "pooled, independent"),
        ({"regimen": {"2": Regimen()}}, "no subject of the data"),
        ({"regimen": Regimen([Dose(0, 1, "B")])}, "'B'"),
        ({"regimen": Regimen([Dose(-1, 1, "A")])}, "before the start"),
    ],
)
def test_settings_without_meaning_are_refused(
    oral: OdeModel, study: Study, settings: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        Problem(oral, study, **settings)


def test_an_observable_the_model_does_not_have_is_refused_with_the_remedy(oral: OdeModel) -> None:
    study = Study(measured(noisy(1), observable="IL6"), name="x", time_unit="h")
    with pytest.raises(InputError, match=r"observables=\{'IL6': None\}"):
        Problem(oral, study)


def test_a_dose_into_no_state_is_refused(oral: OdeModel, study: Study) -> None:
    with pytest.raises(InputError, match="'depot' is no state of the model oral"):
        Problem(oral, study.with_doses(doses("1").assign(target="depot")))


def test_zeros_under_a_log_normal_error_are_refused(oral: OdeModel) -> None:
    study = Study(measured(np.zeros(6)), name="x", time_unit="h")
    with pytest.raises(InputError, match="additive or combined"):
        Problem(oral, study)
    assert Problem(oral, study, Additive()).estimated == ("ka", "k")


def test_an_output_of_a_switched_parameter_is_refused(oral: OdeModel) -> None:
    rows = measured(noisy(1), observable="amount")
    study = Study(rows, name="x", units={"amount": "mg"}, time_unit="h")
    switch = Regimen([Dose(0.0, 1.0, "A"), Switch(2.0, "V", 20.0)])
    with pytest.raises(InputError, match="output amount reads the parameter V"):
        Problem(oral, study, regimen=switch).build()


def test_a_parameter_named_like_an_observable_of_the_data_is_refused(oral: OdeModel) -> None:
    study = Study(measured(noisy(1), observable="V"), name="x", time_unit="h")
    with pytest.raises(InputError, match="'V' is an observable of the data and a parameter"):
        Problem(oral, study, observables={"V": "C"})


def test_a_fixed_parameter_is_not_differentiated(oral: OdeModel, study: Study) -> None:
    extra = replace(oral, parameters=(*oral.parameters, Parameter("unused", 1.0)))
    assert Problem(extra, study).estimated == ("ka", "k")
