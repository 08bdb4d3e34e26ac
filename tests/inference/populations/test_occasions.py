"""Variation between occasions: the state goes on, the parameters change, the gradient is exact."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem, fit, predict
from cytobayes.inference.analysis import Analysis, DataSource
from cytobayes.inference.analysis_file import read_text, write_text
from cytobayes.inference.checks.information import information
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.populations.hierarchy import Hierarchical
from cytobayes.inference.replicates import predictions, replicates
from cytobayes.inference.sampling.layout import Layout
from cytobayes.models import Dose, Namespace, OdeModel, Parameter, Regimen, State
from cytobayes.models.distributions import LogNormal
from cytobayes.models.solver import SolverOptions

DOSE, SECOND = 100.0, 24.0
TIMES = np.array([1.0, 4.0, 12.0, 20.0])
SOLVER = SolverOptions(rtol=1e-10, atol=1e-10)


def decay(t: Any, y: Namespace, p: Namespace) -> Any:
    CL, V, lag, _ = p  # unpacking: the equations must not see the copies of the engine
    return {"A": -CL / V * y.A}


MODEL = OdeModel(
    name="bolus",
    states=(State("A", "mg", scale=100.0),),
    parameters=(
        Parameter("CL", 1.0, "L/h", prior=LogNormal(1.0, 0.5)),
        Parameter("V", 10.0, "L", prior=LogNormal(10.0, 0.5)),
        Parameter("lag", 0.0, "h"),
        Parameter("F", 1.0, ""),
    ),
    rhs=decay,
    outputs={"C": lambda t, y, p: y.A / p.V},
    output_units={"C": "mg/L"},
)


def study(
    kind: str = "dose", *, subjects: int = 3, CL: Any = None, V: Any = 10.0, sigma: float = 0.1,
    observed: str = "C",
) -> Study:  # fmt: skip
    """Two occasions of each subject, a dose in each; the second may begin with a reset."""
    rng = np.random.default_rng(3)
    CL = np.ones((subjects, 2)) if CL is None else CL
    rows, doses = [], []
    for i in range(subjects):
        first = amount(TIMES, CL[i, 0] / V, DOSE)
        begin = (amount(SECOND, CL[i, 0] / V, DOSE) if kind == "dose" else 0.0) + DOSE
        second = amount(TIMES, CL[i, 1] / V, begin)
        for k, values in enumerate((first, second)):
            doses.append({"subject": f"S{i}", "time": k * SECOND, "amount": DOSE, "target": "A",
                          "kind": "dose" if k == 0 else kind, "unit": "mg"})  # fmt: skip
            for t, a in zip(TIMES, values, strict=True):
                value = a / (V if observed == "C" else 1.0)
                rows.append({"subject": f"S{i}", "time": k * SECOND + t, "occasion": f"visit {k}",
                             "observable": observed,
                             "value": value * np.exp(sigma * rng.standard_normal())})  # fmt: skip
    units = {"C": "mg/L", "A": "mg"}
    return Study(
        pd.DataFrame(rows), name="visits", units={observed: units[observed]}, time_unit="h",
        doses=pd.DataFrame(doses),
    )  # fmt: skip


def rows_of(data: Study) -> pd.DataFrame:
    return data.to_frame().drop(columns="unit")


def amount(t: Any, k: Any, start: Any) -> Any:
    return start * np.exp(-k * t)


@cache
def made(kind: str = "dose") -> Problem:
    family = Hierarchical(varying=("CL",), occasions=("CL", "V"))
    return Problem(MODEL, study(kind), population=family, solver=SOLVER)


def point_of(problem: Problem, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    model = problem.build()
    return {
        n: np.asarray(v + 0.3 * rng.standard_normal(np.shape(v)))
        for n, v in model.initial_point().items()
    }


def values_at(point: dict[str, Any]) -> tuple[Any, Any]:
    """Clearance and volume of each subject in each occasion, by the text of `Hierarchical`."""
    eta = np.exp(point["CL_omega_log__"]) * point["CL_z"]
    kappa = {n: np.exp(point[f"{n}_iov_log__"]) * point[f"{n}_kappa_z"] for n in ("CL", "V")}
    CL = np.exp(point["CL_log__"] + eta[:, None] + kappa["CL"])
    return CL, np.exp(point["V_log__"] + kappa["V"])


@pytest.mark.parametrize("kind", ["dose", "reset_dose"])
def test_the_likelihood_is_that_of_the_closed_form_with_and_without_carry_over(kind: str) -> None:
    problem = made(kind)
    point = point_of(problem)
    model = problem.build()
    found = float(model.compile_logp(vars=model.observed_RVs)(point))
    CL, V = values_at(point)
    expected = 0.0
    for i in range(3):
        k = CL[i] / V[i]
        carried = amount(SECOND, k[0], DOSE) if kind == "dose" else 0.0
        f = np.concatenate(
            [amount(TIMES, k[0], DOSE) / V[i, 0], amount(TIMES, k[1], carried + DOSE) / V[i, 1]]
        )
        frame = problem.data.to_frame()
        value = frame[frame["subject"] == f"S{i}"].sort_values("time")["value"].to_numpy()
        expected += stats.lognorm(np.exp(point["C_sigma_log__"]), scale=f).logpdf(value).sum()
    assert found == pytest.approx(expected, rel=1e-7)  # of a solver at 1e-10


def test_an_occasion_after_a_reset_is_another_subject_with_the_same_effect() -> None:
    """No carry-over: the posterior of a subject with two visits is that of two linked subjects."""
    problem = made("reset_dose")
    point = point_of(problem)
    frame, doses = rows_of(problem.data), problem.data.to_frame("doses")
    for table in (frame, doses):
        second = table["time"] >= SECOND
        table["subject"] = table["subject"] + np.where(second, "b", "a")
        table["time"] -= np.where(second, SECOND, 0.0)
    doses["kind"] = "dose"
    split = Problem(
        MODEL,
        Study(
            frame.drop(columns="occasion"), name="split", units={"C": "mg/L"}, time_unit="h",
            doses=doses,
        ),
        population="independent", solver=SOLVER,
    )  # fmt: skip
    CL, V = values_at(point)
    order = [(int(s[1]), int(s[2] == "b")) for s in split.arrangement.subjects]
    linked = {
        "CL_log__": np.log([CL[o] for o in order]), "V_log__": np.log([V[o] for o in order]),
        "C_sigma_log__": point["C_sigma_log__"],
    }  # fmt: skip
    logp = [
        float(m.compile_logp(vars=m.observed_RVs)(p))
        for m, p in ((problem.build(), point), (split.build(), linked))
    ]
    assert logp[0] == pytest.approx(logp[1], rel=1e-7)


def test_the_gradient_is_that_of_differences() -> None:
    problem = made()
    joint = problem.joint()
    function = joint.model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    layout = Layout.of(joint)
    x = np.concatenate([np.ravel(v) for v in point_of(problem, 5).values()])
    _, gradient = function(x)
    h = 1e-5
    moves = h * np.eye(x.size)
    steps = [(float(function(x + m)[0]) - float(function(x - m)[0])) / (2 * h) for m in moves]
    np.testing.assert_allclose(gradient, steps, rtol=1e-5, atol=1e-3)  # solver error / h
    assert (np.abs(layout.part(np.asarray(gradient), "V_kappa_z")) > 1e-3).all()


def posterior_of(problem: Problem, point: dict[str, Any]) -> xr.Dataset:
    CL, V = values_at(point)
    one = {"chain": [0], "draw": [0], "occasion": ["visit 0", "visit 1"]}
    by_occasion = ("chain", "draw", "subject", "occasion")
    numbers = {n: float(np.exp(point[f"{n}_log__"])) for n in
               ("CL", "V", "CL_omega", "CL_iov", "V_iov", "C_sigma")}  # fmt: skip
    values = {"CL_occasion": CL, "V_occasion": V}
    return xr.Dataset(
        {n: (("chain", "draw"), [[v]]) for n, v in numbers.items()}
        | {n: (by_occasion, v[None, None]) for n, v in values.items()},
        one | {"subject": list(problem.arrangement.subjects)},
    )  # fmt: skip


def test_predictions_and_pointwise_scores_see_the_parameters_of_the_occasion() -> None:
    problem = made()
    point = point_of(problem)
    posterior = posterior_of(problem, point)
    run = predict(problem, posterior, times=[4.0, 23.0, 30.0])
    CL, V = values_at(point)
    k = CL / V
    after = amount(30 - SECOND, k[:, 1], amount(SECOND, k[:, 0], DOSE) + DOSE) / V[:, 1]
    expected = np.stack(
        [amount(4.0, k[:, 0], DOSE) / V[:, 0], amount(23.0, k[:, 0], DOSE) / V[:, 0], after], axis=1
    )
    np.testing.assert_allclose(run["C"].to_numpy()[0, 0], expected, rtol=1e-7)
    model = problem.build()
    scores = pointwise(problem, posterior)["C"].sum()
    assert float(scores) == pytest.approx(
        float(model.compile_logp(vars=model.observed_RVs)(point)), rel=1e-7
    )


def test_population_predictions_and_replicates_have_no_memory_of_the_occasions_seen() -> None:
    problem = made()
    point = point_of(problem)
    eta = np.exp(point["CL_omega_log__"]) * point["CL_z"]
    posterior = posterior_of(problem, point)
    typical = {n: float(np.exp(point[f"{n}_log__"])) for n in ("CL", "V")}
    for name, effect in (("CL", eta), ("V", 0.0 * eta)):
        dims = ("chain", "draw", "subject")
        posterior[f"{name}_eta"] = (dims, effect[None, None])
        posterior[f"{name}_individual"] = (dims, (typical[name] * np.exp(effect))[None, None])
    found = predictions(problem, posterior, draws=1)
    k = typical["CL"] / typical["V"]
    carried = amount(SECOND, k, DOSE) + DOSE
    one = np.concatenate([amount(TIMES, k, DOSE), amount(TIMES, k, carried)]) / typical["V"]
    np.testing.assert_allclose(found["C_pred"].to_numpy().reshape(3, 8), [one] * 3, rtol=1e-7)
    quiet = posterior.assign({f"{n}_iov": posterior["CL"] * 1e-12 for n in ("CL", "V")})
    quiet["CL_omega"], quiet["C_sigma"] = quiet["CL_iov"], quiet["CL_iov"]
    again = replicates(problem, quiet, draws=2, seed=1)["C"].to_numpy()
    np.testing.assert_allclose(again.reshape(2, 3, 8), np.tile(one, (2, 3, 1)), rtol=1e-7)


def test_a_new_subject_varies_by_both_spreads() -> None:
    problem, draws = made(), 4000
    numbers = {"CL": 1.0, "V": 10.0, "CL_omega": 0.3, "CL_iov": 0.4, "V_iov": 1e-9, "C_sigma": 0.1}
    posterior = xr.Dataset(
        {n: (("chain", "draw"), np.full((1, draws), v)) for n, v in numbers.items()},
        {"chain": [0], "draw": np.arange(draws)},
    )
    regimen = Regimen((Dose(0.0, DOSE, "A"),))
    run = predict(problem, posterior, times=[5.0], regimen=regimen, kind="population", seed=1)
    log_CL = np.log(np.log(DOSE / run["A"].to_numpy().ravel()) / 5.0 * 10.0)
    assert stats.kstest(log_CL, stats.norm(0, 0.5).cdf).pvalue > 1e-3


def test_a_lag_that_varies_between_occasions_belongs_to_the_dose_of_the_occasion() -> None:
    schedule = Regimen([Dose(0.0, DOSE, "A", lag="lag", interval=SECOND, count=2)])
    data = study("dose", observed="A")
    problem = Problem(
        MODEL, data, population=Hierarchical(varying=("CL",), occasions=("lag",)),
        priors={"lag": LogNormal(0.5, 0.3)}, regimen=schedule, solver=SOLVER,
    )  # fmt: skip
    posterior = posterior_of(problem, point_of(made()))
    lag = np.array([[0.2, 0.7], [0.4, 0.1], [0.3, 0.3]])
    posterior["lag"] = (("chain", "draw"), [[0.5]])
    posterior["lag_occasion"] = (("chain", "draw", "subject", "occasion"), lag[None, None])
    posterior["CL"], posterior["V"] = (("chain", "draw"), [[1.0]]), (("chain", "draw"), [[10.0]])
    run = predict(problem, posterior, times=[10.0, 30.0])["A"].to_numpy()[0, 0]
    early = amount(10.0 - lag[:, 0], 0.1, DOSE)
    late = amount(30.0 - lag[:, 0], 0.1, DOSE) + amount(6.0 - lag[:, 1], 0.1, DOSE)
    np.testing.assert_allclose(run, np.stack([early, late], axis=1), rtol=1e-7)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="occasion"), "needs a column 'occasion'"),
        (lambda f: f.assign(occasion=f["occasion"].where(f["time"] > 2, "")), "S0' at 1 has no"),
        (lambda f: f.assign(occasion="1"), "no subject was seen in two occasions"),
        (lambda f: pd.concat([f, f.iloc[:1].assign(occasion="visit 1")]), "at the same time, 1"),
    ],
)
def test_data_that_do_not_say_the_occasion_are_refused(change: Any, message: str) -> None:
    data = study()
    table = change(rows_of(data))
    other = Study(
        table, name="visits", units={"C": "mg/L"}, time_unit="h", doses=data.to_frame("doses")
    )
    with pytest.raises(InputError, match=message):
        Problem(MODEL, other, population=Hierarchical(occasions=("CL",)))


def test_an_occasion_without_a_dose_begins_at_the_last_measurement_before_it() -> None:
    data = study()
    table = rows_of(data).assign(
        occasion=lambda f: np.where(f["time"] > 4.0, np.where(f["time"] > SECOND, "c", "b"), "a")
    )
    other = Study(
        table, name="visits", units={"C": "mg/L"}, time_unit="h", doses=data.to_frame("doses")
    )
    problem = Problem(MODEL, other, population=Hierarchical(occasions=("CL",)))
    occasions = problem.arrangement.occasions
    assert occasions is not None
    assert occasions.starts[0] == ((0.0, 0), (4.0, 1), (SECOND, 2))


def test_the_analysis_file_keeps_what_varies_between_occasions() -> None:
    family = Hierarchical(varying=("ktnf",), occasions=("ktnf", "k8"))
    analysis = Analysis("endotoxin", DataSource("lps-2ng-kg"), population=family)
    assert read_text(write_text(analysis)) == analysis


LEVEL = OdeModel(
    name="level",
    states=(),
    parameters=(Parameter("CL", 1.0, "L/h", prior=LogNormal(1.0, 0.5)),),
    outputs={"C": lambda t, y, p: 1.0 / p.CL},
    output_units={"C": "mg/L"},
)


@pytest.mark.mcmc
@pytest.mark.slow
def test_both_spreads_of_a_simulated_cohort_are_recovered() -> None:
    """30 subjects, two visits: each spread is known to about 20 % (chi-square with 29, 30 df)."""
    rng = np.random.default_rng(8)
    n, omega, iov = 30, 0.5, 0.3
    CL = np.exp(omega * rng.standard_normal((n, 1)) + iov * rng.standard_normal((n, 2)))
    rows = [
        {"subject": f"S{i:02d}", "time": 10.0 * k + t, "occasion": str(k), "observable": "C",
         "value": np.exp(0.2 * rng.standard_normal()) / CL[i, k]}
        for i in range(n) for k in range(2) for t in range(3)
    ]  # fmt: skip
    data = Study(pd.DataFrame(rows), name="levels", units={"C": "mg/L"}, time_unit="h")
    family = Hierarchical(varying=("CL",), occasions=("CL",))
    tree = fit(
        Problem(LEVEL, data, population=family), seed=2, draws=300, tune=300, chains=2,
        log_likelihood=False, progress=False,
    )  # fmt: skip
    posterior = tree["posterior"].to_dataset()
    for name, true in (("CL_omega", omega), ("CL_iov", iov)):
        center, sd = float(posterior[name].mean()), float(posterior[name].std())
        assert abs(center - true) < 4 * sd
        assert sd < 0.5 * true
    drawn = posterior["CL_occasion"].mean(("chain", "draw")).to_numpy()
    assert np.corrcoef(np.log(drawn).ravel(), np.log(CL).ravel())[0, 1] > 0.95


def test_information_about_what_varies_between_occasions_is_that_of_all_rows() -> None:
    """Of log C = log(dose / V) - CL / V t by log CL and log V, with rows of a known spread."""
    sigma, rng = 0.1, np.random.default_rng(8)
    problem = replace(made("reset_dose"), fixed={"C_sigma": sigma})
    CL, V = np.exp(0.2 * rng.standard_normal((2, 3, 2))) * np.array([1.0, 10.0])[:, None, None]
    by = ("chain", "draw", "subject", "occasion")
    values = {"CL": 1.0, "V": 10.0}
    point = xr.Dataset(
        {n: (by[:2], [[v]]) for n, v in values.items()}
        | {"CL_occasion": (by, CL[None, None]), "V_occasion": (by, V[None, None])},
        {"chain": [0], "draw": [0]},
    )
    rate = (CL / V)[..., None] * TIMES
    x = np.stack([-rate.ravel(), rate.ravel() - 1.0], axis=1)
    found = information(problem, point)
    assert found.names == ("CL", "V")
    np.testing.assert_allclose(found.matrix, x.T @ x / sigma**2, rtol=1e-5)
