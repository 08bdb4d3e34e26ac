"""Hierarchical populations: the density is the one that the text states, however it is sampled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytensor.tensor as untyped_tensor
import pytest
import xarray as xr
from pytensor.graph.rewriting.utils import rewrite_graph
from pytensor.graph.traversal import ancestors
from scipy import stats

from cytobayes.datasets import InputError, Study, load
from cytobayes.inference import Problem, fit, predict, read_facts
from cytobayes.inference.op import SolveGradOp, SolveOp
from cytobayes.inference.populations.covariates import Effect
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.report.gather import scales
from cytobayes.inference.sampling.layout import Layout
from cytobayes.inference.sampling.pilot import run_pilot, transfer
from cytobayes.inference.sampling.with_nutpie import prepared
from cytobayes.models import Namespace, OdeModel, Parameter, get
from cytobayes.models.distributions import LogNormal, Normal
from cytobayes.models.math import exp

pt: Any = untyped_tensor
TIMES = np.array([0.5, 1.0, 2.0, 4.0])
SUBJECTS = tuple(f"S{k}" for k in range(12))
WEIGHT = np.linspace(50.0, 105.0, len(SUBJECTS))
SEX = np.array(["f", "m"] * 6)


def concentration(t: Any, y: Namespace, p: Namespace) -> Any:
    return 100.0 * p.scale / p.V * exp(-p.k * t)


MODEL = OdeModel(
    name="decay",
    states=(),
    parameters=(
        Parameter("V", 10.0, "L", prior=LogNormal(10.0, 0.5), iiv=0.3),
        Parameter("k", 0.3, "1/h", prior=LogNormal(0.3, 0.5), iiv=0.4),
        Parameter("scale", 1.0, "L*mg/L", prior=None),
    ),
    outputs={"C": concentration},
    output_units={"C": "mg/L"},
)


def study(seed: int = 1, sigma: float = 0.1, times: Any = TIMES) -> Study:
    rng = np.random.default_rng(seed)
    V = 10.0 * np.exp(0.3 * rng.standard_normal(12)) * (WEIGHT / 77.5)
    k = 0.3 * np.exp(0.4 * rng.standard_normal(12))
    rows = [
        {"subject": s, "time": t, "observable": "C",
         "value": 100 / V[i] * np.exp(-k[i] * t + sigma * rng.standard_normal())}
        for i, s in enumerate(SUBJECTS) for t in times
    ]  # fmt: skip
    covariates = pd.DataFrame({"subject": SUBJECTS, "weight": WEIGHT, "sex": SEX}).melt(
        "subject", var_name="name", value_name="value"
    )
    return Study(
        pd.DataFrame(rows), name="decay", units={"C": "mg/L"}, time_unit="h", covariates=covariates
    )


EFFECTS = (Effect("V", "weight"), Effect("k", "sex", form="category", reference="f"))


def test_the_joint_density_is_that_of_an_independent_computation() -> None:
    data = study()
    problem = Problem(MODEL, data, population=Hierarchical(effects=EFFECTS))
    model = problem.build()
    rng = np.random.default_rng(2)
    z = {n: rng.standard_normal(12) for n in ("V", "k")}
    V, k, omega, sigma = 9.0, 0.35, {"V": 0.25, "k": 0.5}, 0.2
    beta, male = 0.8, -0.1
    point = {
        "V_log__": np.log(V), "k_log__": np.log(k), "V_z": z["V"], "k_z": z["k"],
        "V_omega_log__": np.log(omega["V"]), "k_omega_log__": np.log(omega["k"]),
        "V_weight": beta, "k_sex_m": male, "C_sigma_log__": np.log(sigma),
    }  # fmt: skip
    found = float(model.compile_logp(jacobian=False)({n: np.asarray(x) for n, x in point.items()}))
    median = float(np.median(WEIGHT))
    Vi = V * (WEIGHT / median) ** beta * np.exp(omega["V"] * z["V"])
    ki = k * np.exp(male * (SEX == "m")) * np.exp(omega["k"] * z["k"])
    frame = data.to_frame()
    i = frame["subject"].map({s: j for j, s in enumerate(SUBJECTS)}).to_numpy()
    f = 100 / Vi[i] * np.exp(-ki[i] * frame["time"].to_numpy())
    expected = (
        stats.lognorm(sigma, scale=f).logpdf(frame["value"]).sum()
        + stats.norm.logpdf(np.concatenate([z["V"], z["k"]])).sum()
        + stats.halfnorm(scale=0.5).logpdf(list(omega.values())).sum()
        + stats.lognorm(0.5, scale=10).logpdf(V)
        + stats.lognorm(0.5, scale=0.3).logpdf(k)
        + stats.lognorm(0.7, scale=0.3).logpdf(sigma)
        + stats.norm(0, 0.5).logpdf([beta, male]).sum()
    )
    assert found == pytest.approx(expected, rel=1e-12)


def test_heavy_tailed_effects_have_the_density_of_student() -> None:
    z = np.random.default_rng(3).standard_normal((2, 12))
    point = {
        "V_log__": np.log(9.0), "k_log__": np.log(0.35), "V_z": z[0], "k_z": z[1],
        "V_omega_log__": np.log(0.25), "k_omega_log__": np.log(0.5), "C_sigma_log__": np.log(0.2),
    }  # fmt: skip
    density = {
        shape: Problem(MODEL, study(), population=Hierarchical(shapes={"k": shape}))
        .build().compile_logp(jacobian=False)({n: np.asarray(x) for n, x in point.items()})
        for shape in ("normal", "student")
    }  # fmt: skip
    expected = (stats.t(4).logpdf(z[1]) - stats.norm.logpdf(z[1])).sum()
    # Log gamma is compiled in some environments to an approximation that errs by 6e-10.
    rounding = z[1].size * 1e-9
    assert density["student"] - density["normal"] == pytest.approx(expected, abs=rounding)


def test_centering_changes_the_coordinates_and_not_the_density() -> None:
    """p(x) = p(z) / omega ** c for each subject; the problem stays the same one."""
    problem = Problem(MODEL, study(), population=Hierarchical())
    centered = Problem(MODEL, study(), population=Hierarchical(centered=("k",)))
    assert problem.id == centered.id
    joint, rng = problem.joint(), np.random.default_rng(3)
    layout, model = Layout.of(joint), joint.model
    z, degrees = 0.3 * rng.standard_normal(layout.size), rng.uniform(size=(2, 12))
    (x,) = transfer(problem, joint, [z], degrees)
    shapes = model.eval_rv_shapes()
    names = {rv.name: model.rvs_to_values[rv].name for rv in model.free_RVs}
    values = []
    for point, given in ((z, np.zeros((2, 12))), (x, degrees)):
        model["centering"].set_value(given)
        parts = {v: layout.part(point, n).reshape(shapes[v]) for n, v in names.items()}
        values.append(float(model.compile_logp()(parts)))
    log_omega = [float(layout.part(z, f"{n}_omega")[0]) for n in ("V", "k")]
    assert values[1] == pytest.approx(values[0] - degrees.sum(axis=1) @ log_omega, rel=1e-10)


def test_the_pilot_centers_what_data_know_and_not_what_they_do_not() -> None:
    """Within minutes of the dose, precise data fix each volume and say nothing about decay."""
    problem = Problem(MODEL, study(sigma=0.02, times=TIMES / 200), population=Hierarchical())
    joint, compiled = prepared(problem, replaceable=False)
    pilot = run_pilot(
        problem, Layout.of(joint), compiled.initial_point_func, compiled.logp_func, 2,
        np.random.SeedSequence(1), str,
    )  # fmt: skip
    assert pilot.degrees["V"].min() > 0.95
    assert pilot.degrees["k"].mean() < 0.1
    assert all(np.isfinite(compiled.logp_func(p)[0]) for p in pilot.starts.points)


@pytest.mark.mcmc
def test_the_sampler_of_pymc_starts_from_the_pilot_too() -> None:
    problem = Problem(MODEL, study(sigma=0.02, times=TIMES / 200), population=Hierarchical())
    tree = fit(
        problem, seed=1, draws=100, tune=200, chains=1, sampler="pymc", log_likelihood=False,
        progress=False,
    )  # fmt: skip
    centering = read_facts(tree)["centering"]
    assert centering["V"] > 0.95
    assert centering["k"] < 0.1
    posterior = tree["posterior"].to_dataset()
    assert posterior["V_omega"].median() == pytest.approx(0.3, abs=4 * 0.3 / np.sqrt(2 * 11))


def test_a_new_subject_varies_by_omega_around_the_typical_value() -> None:
    problem = Problem(MODEL, study(), population=Hierarchical(correlated=("V", "k")))
    draws = 4000
    rng = np.random.default_rng(0)
    correlation = np.tile(np.array([[1.0, 0.7], [0.7, 1.0]]), (1, draws, 1, 1))
    posterior = xr.Dataset(
        {
            "V": (("chain", "draw"), np.full((1, draws), 10.0)),
            "k": (("chain", "draw"), np.full((1, draws), 0.3)),
            "V_omega": (("chain", "draw"), np.full((1, draws), 0.2)),
            "k_omega": (("chain", "draw"), np.full((1, draws), 0.5)),
            "omega_correlation": (("chain", "draw", "a", "b"), correlation),
            "C_sigma": (("chain", "draw"), rng.uniform(0.1, 0.2, (1, draws))),
        },
        {"chain": [0], "draw": np.arange(draws)},
    )
    run = predict(problem, posterior, times=[1e-9, 1.0], kind="population", seed=4)
    first, second = np.log(run["C"].to_numpy().reshape(draws, 2)).T
    eta_V, eta_k = np.log(10.0) - first, np.log((first - second) / 0.3)
    assert np.std(eta_V) == pytest.approx(0.2, rel=5 / np.sqrt(2 * draws))
    assert stats.kstest(eta_k, stats.norm(0, 0.5).cdf).pvalue > 1e-3
    assert np.corrcoef(eta_V, eta_k)[0, 1] == pytest.approx(0.7, abs=5 * 0.51 / np.sqrt(draws))


def test_an_input_is_the_covariate_of_each_subject() -> None:
    problem = Problem(MODEL, study(), population="pooled", inputs={"scale": "weight"})
    model = problem.build()
    assert "scale" not in problem.estimated
    point = {"V_log__": np.log(5.0), "k_log__": np.log(0.2), "C_sigma_log__": np.log(0.3)}
    found = float(
        model.compile_logp(vars=model.observed_RVs)({n: np.asarray(x) for n, x in point.items()})
    )
    frame = study().to_frame()
    weight = frame["subject"].map(dict(zip(SUBJECTS, WEIGHT, strict=True))).to_numpy()
    f = 100 * weight / 5.0 * np.exp(-0.2 * frame["time"].to_numpy())
    expected = stats.lognorm(0.3, scale=f).logpdf(frame["value"]).sum()
    assert found == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("form", "factor"),
    [
        ("power", (WEIGHT / 70.0) ** 0.02),
        ("exponential", np.exp(0.02 * (WEIGHT - 70.0))),
        ("linear", 1 + 0.02 * (WEIGHT - 70.0)),
    ],
)
def test_each_form_of_effect_multiplies_the_typical_value(form: str, factor: Any) -> None:
    effect = Effect("V", "weight", form=form, reference=70.0)
    shift = effect.shift(study(), {"V_weight": 0.02}, np.log)
    np.testing.assert_allclose(np.exp(shift), factor, rtol=1e-12)


def test_a_known_effect_is_not_estimated() -> None:
    fixed = Effect("V", "weight", value=1.0)
    problem = Problem(MODEL, study(), population=Hierarchical(effects=(fixed,)))
    assert "V_weight" not in problem.all_priors


@pytest.mark.parametrize(
    ("family", "message"),
    [
        (Hierarchical(varying=("q",)), "'q' does not vary"),
        (Hierarchical(correlated=("k",)), "needs two parameters"),
        (Hierarchical(effects=(Effect("V", "height"),)), "no fixed covariate.*weight, sex"),
        (Hierarchical(effects=(Effect("V", "sex"),)), "is text.*'category'"),
        (Hierarchical(effects=(Effect("scale", "weight"),)), "is not estimated"),
        (Hierarchical(shapes={"k": "cauchy"}), "normal or student"),
        (
            Hierarchical(effects=(Effect("V", "sex", form="category", reference="x"),)),
            "no category",
        ),
    ],
)
def test_populations_that_cannot_be_meant_are_refused(family: Hierarchical, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Problem(MODEL, study(), population=family)


def test_a_form_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="no covariate effect"):
        Effect("V", "weight", form="cubic")


def test_five_observables_of_many_subjects_cost_one_solve_forward_and_one_back() -> None:
    """In the graph as nutpie makes it; a second solve would double the time of every gradient."""
    problem = Problem(
        get("crs-cascade"),
        load("crs-cohort"),
        population="hierarchical",
        inputs={"B0rel": "burden"},
    )
    model = problem.build()
    logp: Any = rewrite_graph(model.logp(), include=["canonicalize", "stabilize"])
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    graph = ancestors([logp, *pt.grad(logp, values)])
    solves = {v.owner for v in graph if v.owner and isinstance(v.owner.op, SolveOp | SolveGradOp)}
    assert sorted(type(n.op).__name__ for n in solves) == ["SolveGradOp", "SolveOp"]


def baseline(t: Any, y: Namespace, p: Namespace) -> Any:
    return p.E0


def test_a_spread_on_the_natural_scale_has_the_unit_and_the_size_of_its_parameter() -> None:
    """A parameter that may be negative varies on its own scale: here by hundreds."""
    level = Parameter("E0", 400.0, "mg/L", lower=-1e6, prior=Normal(400.0, 200.0))
    model = OdeModel(
        name="level", states=(), parameters=(level,), outputs={"C": baseline},
        output_units={"C": "mg/L"},
    )  # fmt: skip
    rng = np.random.default_rng(5)
    rows = [
        {"subject": s, "time": t, "observable": "C", "value": e + rng.normal(0, 5)}
        for s, e in zip(SUBJECTS, 400 + 150 * rng.standard_normal(12), strict=True)
        for t in TIMES
    ]
    data = Study(pd.DataFrame(rows), name="level", units={"C": "mg/L"}, time_unit="h")
    problem = Problem(model, data, error="additive", population="hierarchical")
    assert problem.unit("E0_omega") == "mg/L"
    joint, compiled = prepared(problem, replaceable=False)
    layout = Layout.of(joint)
    pilot = run_pilot(
        problem, layout, compiled.initial_point_func, compiled.logp_func, 2,
        np.random.SeedSequence(1), str,
    )  # fmt: skip
    found = [float(np.exp(layout.part(x, "E0_omega")[0])) for x in pilot.starts.points]
    means = data.to_frame().groupby("subject")["value"].mean()
    assert found == pytest.approx([float(means.std())] * 2, rel=0.4)


def test_a_coefficient_cannot_take_the_name_of_a_spread() -> None:
    data = study().with_covariates(
        pd.DataFrame({"subject": SUBJECTS, "name": "omega", "value": WEIGHT})
    )
    with pytest.raises(InputError, match="V_omega, is taken"):
        Problem(MODEL, data, population=Hierarchical(effects=(Effect("V", "omega"),)))


def test_a_new_subject_has_the_typical_value_of_an_input() -> None:
    """Also where the model gives that parameter a prior, which a new subject must not need."""
    hinted = replace(
        MODEL,
        parameters=tuple(
            replace(p, prior=LogNormal(1.0, 0.1)) if p.name == "scale" else p
            for p in MODEL.parameters
        ),
    )
    problem = Problem(hinted, study(), population="pooled", inputs={"scale": "weight"})
    one = ("chain", "draw")
    values = {"V": 5.0, "k": 0.2, "C_sigma": 0.1}
    posterior = xr.Dataset(
        {n: (one, [[v]]) for n, v in values.items()}, {"chain": [0], "draw": [0]}
    )
    run = predict(problem, posterior, times=[1.0], kind="population")
    assert float(run["C"].squeeze()) == pytest.approx(100 / 5.0 * np.exp(-0.2))


def test_the_report_is_told_which_effects_have_heavy_tails() -> None:
    problem = Problem(MODEL, study(), population=Hierarchical(shapes={"k": "student"}))
    assert scales(problem) == {"V": "log", "k": "log, t4"}
