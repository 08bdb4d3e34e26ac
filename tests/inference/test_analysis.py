"""An analysis survives being written down, and files that mean nothing are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from cytobayes.datasets import InputError, Study, load, read_table
from cytobayes.inference.analysis import Analysis, DataSource, Sampling
from cytobayes.inference.analysis_file import read_analysis, read_text, write_text
from cytobayes.inference.commands.request import compose
from cytobayes.inference.notation import read_distribution, write_distribution
from cytobayes.inference.problem import Problem
from cytobayes.inference.statements import Assessment, Reporting
from cytobayes.models import distributions as d
from cytobayes.models import with_auc
from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.library import get
from cytobayes.models.solver import SolverOptions

EXAMPLE = Path(__file__).parents[2] / "docs" / "analyses" / "nih_cd22.toml"
PLAIN = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
POSITIVE = st.floats(1e-300, 1e300)
PRIORS = st.one_of(
    st.builds(d.LogNormal, POSITIVE, POSITIVE),
    st.builds(d.Normal, st.floats(-1e300, 1e300), POSITIVE),
    st.builds(d.TruncatedNormal, st.floats(-9, 9), POSITIVE, st.just(-np.inf), st.just(np.inf)),
    st.builds(d.HalfCauchy, POSITIVE),
    st.builds(d.Uniform, st.floats(-9, 0), st.integers(1, 9)),
)
NUMBERS = st.one_of(st.integers(0, 99), st.floats(0, 1e6))
DOSES = st.builds(Dose, NUMBERS, NUMBERS, st.just("E"), lag=st.one_of(NUMBERS, st.just("ka")))
EVENTS = st.one_of(DOSES, st.builds(Switch, NUMBERS, PLAIN, NUMBERS), st.builds(Reset, NUMBERS))
REGIMENS = st.one_of(
    st.none(),
    st.builds(Regimen, st.lists(EVENTS, max_size=3)),
    st.dictionaries(
        PLAIN, st.builds(Regimen, st.lists(EVENTS, min_size=1, max_size=2)), min_size=1
    ),
)
ANALYSES = st.builds(
    Analysis,
    model=PLAIN,
    data=st.one_of(
        st.builds(DataSource, name=PLAIN), st.builds(DataSource, st.just(""), PLAIN, PLAIN)
    ),
    error=st.one_of(PLAIN, st.dictionaries(PLAIN, PLAIN, min_size=2)),
    observables=st.dictionaries(PLAIN, st.one_of(st.none(), PLAIN)),
    priors=st.dictionaries(PLAIN, PRIORS),
    fixed=st.dictionaries(PLAIN, st.floats(allow_nan=False)),
    population=PLAIN,
    regimen=REGIMENS,
    sampling=st.builds(Sampling, seed=st.integers(0, 2**32 - 1), draws=st.integers(1, 10**6)),
    problem=PLAIN,
    credibility=st.builds(Assessment, PLAIN, model_risk=PLAIN),
    report=st.builds(Reporting, PLAIN),
)


@given(ANALYSES)
def test_what_is_written_is_read_back(analysis: Analysis) -> None:
    assert read_text(write_text(analysis)) == analysis


@given(PRIORS)
def test_a_prior_is_read_back_in_full_precision(prior: d.Distribution) -> None:
    assert read_distribution(write_distribution(prior)) == prior


def problems() -> list[Problem]:
    model, study = get("endotoxin"), load("lps-2ng-kg")
    return [
        Problem(model, study),
        Problem(
            model.with_values(kma=3.0),
            study,
            error={"IL6": "combined", "TNF": "additive"},
            priors={"ktnf": d.LogNormal(1, 0.25), "IL6_sigma_prop": d.HalfNormal(0.3)},
            fixed={"k8": 0.7, "TNF_sigma": 2},
            observables={"IL8": None},
            solver=SolverOptions(rtol=1e-7, method="stiff", atol={"IL6": 1e-9}),
        ),
        Problem(model, study, regimen=Regimen([Dose(0, 2, "E", interval=12, count=2)])),
        Problem(model, study, regimen={"LPS 2 ng/kg": Regimen([Dose(0.5, 2.0, "E")])}),
        Problem(model, study, regimen=Regimen()),
        Problem(model, study, population="independent"),
        Problem(with_auc(model, "IL6"), study),
    ]


@pytest.mark.parametrize("problem", problems(), ids=lambda p: p.id)
def test_a_problem_comes_back_from_its_file(problem: Problem) -> None:
    analysis = Analysis.of(problem)
    again = read_text(write_text(analysis)).to_problem()
    assert again.id == problem.id == analysis.problem


def test_only_what_differs_from_the_library_is_written() -> None:
    plain = Analysis.of(problems()[0])
    assert (plain.priors, plain.fixed, plain.solver, plain.regimen) == ({}, {}, {}, None)
    assert Analysis.of(problems()[1]).fixed.keys() == {"k8", "TNF_sigma", "kma"}


def table(folder: Path) -> Path:
    path = folder / "mine.csv"
    path.write_text(
        "subject,time,observable,value,unit,time_unit\na,0,IL6,1.5,pg/mL,h\na,2,IL6,700,pg/mL,h\n"
    )
    return path


def test_a_file_is_named_relative_to_the_analysis(tmp_path: Path) -> None:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    study = read_table(table(tmp_path))
    problem = Problem(get("endotoxin"), study, regimen=Regimen([Dose(0, 2, "E")]))
    analysis = Analysis.of(problem).moved(tmp_path / "runs" / "one")
    assert analysis.data.file == "../../mine.csv"
    path = tmp_path / "runs" / "one" / "analysis.toml"
    path.write_text(write_text(analysis))
    assert read_analysis(path).to_problem().id == problem.id


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path)
    source = DataSource.of(str(path))
    path.write_text(path.read_text() + "a,3,IL6,80,pg/mL,h\n")
    with pytest.raises(InputError, match="has changed since"):
        source.open(tmp_path)
    assert len(replace(source, sha256="").open(tmp_path).to_frame()) == 3


def test_a_copy_of_the_user_is_read_with_the_options_of_the_analysis(
    data_dir: Path, tmp_path: Path
) -> None:
    copy = data_dir / "nih_cd22"
    analysis = compose(str(EXAMPLE), data=f"nih-cd22={copy}")
    assert analysis.data.options["blocked"] is False, "of the file, not of the command line"
    problem = analysis.to_problem()
    assert problem.data.observables == ("IFNg", "IL6", "CAR", "CRP")
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "analysis.toml"
    path.write_text(write_text(analysis.moved(tmp_path / "run")))
    assert read_analysis(path).to_problem().id == problem.id


def test_a_copy_that_is_gone_is_replaced_by_what_the_run_kept(
    data_dir: Path, tmp_path: Path
) -> None:
    source = DataSource("nih-cd22", str(data_dir / "nih_cd22"), options={"observables": ["CAR"]})
    study = source.open(tmp_path)
    gone = replace(source, file="gone")
    with pytest.raises(InputError, match="gone"):
        gone.open(tmp_path)
    xr.DataTree.from_dict({"study": study.tree}).to_netcdf(
        tmp_path / "posterior.nc", engine="h5netcdf"
    )
    pd.testing.assert_frame_equal(gone.open(tmp_path).to_frame(), study.to_frame())


def test_options_of_data_need_a_loader() -> None:
    with pytest.raises(InputError, match="options belong to a set of which you have a copy"):
        read_text(MINIMAL + "options = { observables = ['IL6'] }\n")


def test_data_made_in_python_are_kept_by_the_run() -> None:
    rows = pd.DataFrame(
        {"subject": "a", "time": [0.0, 1.0], "observable": "IL6", "value": [1.0, 9.0]}
    )
    study = Study(rows, name="mine", units={"IL6": "pg/mL"}, time_unit="h")
    assert Analysis.of(Problem(get("endotoxin"), study)).data == DataSource(file="posterior.nc")


MINIMAL = '[model]\nname = "endotoxin"\n[data]\nname = "lps-2ng-kg"\n'


def test_a_file_written_by_hand_needs_two_sections() -> None:
    assert read_text(MINIMAL) == Analysis("endotoxin", DataSource(name="lps-2ng-kg"))


def test_what_the_authors_state_changes_no_problem() -> None:
    stated = read_text(MINIMAL + '[credibility]\ncontext_of_use = "Dose finding."\n')
    assert stated.credibility == Assessment(context_of_use="Dose finding.")
    assert stated.to_problem().id == read_text(MINIMAL).to_problem().id


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = ", "not valid TOML"),
        ("format = 2\n" + MINIMAL, "has layout 2"),
        ('[model]\nname = "endotoxin"\n', r"no section \[data\]"),
        (MINIMAL + "[prior]\n", r"did you mean \[priors\]"),
        (MINIMAL + "[priors]\nka = 3\n", "must be text in quotes"),
        (MINIMAL + "[priors]\nka = \"__import__('os').system('true')\"\n", "not a distribution"),
        (MINIMAL + '[priors]\nka = "LogNorm(1, 2)"\n', "did you mean LogNormal"),
        (MINIMAL + "[fixed]\nka = true\n", "must be a number"),
        (MINIMAL + "[sampling]\ndraws = 1.5\n", "must be a whole number"),
        (MINIMAL + "[sampling]\ndrawz = 1\n", "did you mean 'draws'"),
        (MINIMAL + "[sampling]\ndraws = 0\n", "at least 1"),
        (MINIMAL + "[credibility]\nbudget = 'low'\n", "'budget'; known: question_of_interest, con"),
        (MINIMAL + "[credibility]\nmodel_risks = 'low'\n", "did you mean 'model_risk'"),
        (MINIMAL + "[credibility]\nmodel_risk = 1\n", "must be text in quotes"),
        (MINIMAL + "[report]\nstratum = 'sex'\n", "'stratum'; (did you mean|known:).*stratify"),
        (MINIMAL + '[[regimen]]\nevent = "pill"\n', "dose, switch or reset"),
        (MINIMAL + "[[regimen]]\ntime = 0\n", "missing"),
        (MINIMAL + '[[regimen]]\ntime = 0\namount = -1\nstate = "E"\n', "negative"),
        (MINIMAL + "[error]\nIL6 = 1\n", "must be text"),
        (MINIMAL.replace('name = "lps-2ng-kg"', ""), "one of the two"),
    ],
)
def test_a_file_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(text, where="analysis.toml")


@pytest.mark.parametrize(
    "text",
    ["1", "LogNormal", "LogNormal(1)", "LogNormal(1, 2, 3)", "LogNormal(a, 2)",
     "LogNormal(*[1, 2])", "LogNormal(**{})", "LogNormal(1, sd=True)", "LogNormal(1, 1+1)",
     "os.system('x')", "(" * 500,
     "LogNormal(1, sigma=2)", "Distribution()", "", "lambda: 1", "LogNormal(1, 2); 3"],
)  # fmt: skip
def test_nothing_but_a_plain_distribution_is_a_prior(text: str) -> None:
    with pytest.raises(InputError):
        read_distribution(text)


def words(**options: Any) -> Analysis:
    return compose("endotoxin", data="lps-2ng-kg", **options)


def test_options_become_an_analysis() -> None:
    analysis = words(
        error=["IL6=additive", "TNF=combined"],
        dose=["E=2@0.5", "E=1"],
        observable=["IL-8=IL8", "IL10="],
        prior=["ktnf=LogNormal(1, 0.5)"],
        fix=["k8=0.7"],
        sampling={"draws": 10, "tune": None},
        solver={"rtol": 1e-7, "method": None},
    )
    assert analysis.error == {"IL6": "additive", "TNF": "combined"}
    assert analysis.regimen == Regimen([Dose(0.5, 2.0, "E"), Dose(0.0, 1.0, "E")])
    assert analysis.observables == {"IL-8": "IL8", "IL10": None}
    assert (analysis.priors, analysis.fixed) == ({"ktnf": d.LogNormal(1, 0.5)}, {"k8": 0.7})
    assert (analysis.sampling.draws, analysis.sampling.tune) == (10, None)
    assert analysis.solver == {"rtol": 1e-7}


def test_options_change_an_analysis_file(tmp_path: Path) -> None:
    path = tmp_path / "analysis.toml"
    path.write_text(write_text(words(fix=["k8=0.7"], sampling={"draws": 10})))
    changed = compose(str(path), prior=["k8=LogNormal(1, 1)"], sampling={"seed": 5})
    assert (changed.fixed, changed.priors) == ({}, {"k8": d.LogNormal(1, 1)})
    assert (changed.sampling.draws, changed.sampling.seed) == (10, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fix": ["k8"]}, "NAME=VALUE"),
        ({"fix": ["k8=a lot"]}, "not a number"),
        ({"fix": ["k8=nan"]}, "not a number"),
        ({"fix": ["k8=1"], "prior": ["k8=LogNormal(1, 1)"]}, "both --prior and --fix"),
        ({"prior": ["k8=1"]}, "not a distribution"),
        ({"error": ["lognormal", "IL6=additive"]}, "one error model for all"),
        ({"dose": ["2@0"]}, "NAME=VALUE"),
        ({"dose": ["E=2@noon"]}, "not a number"),
        ({"dose": ["E=-2"]}, "negative"),
        ({"observable": ["IL6"]}, "DATA=MODEL"),
        ({"sampling": {"chains": 0}}, "at least 1"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        words(**options)


def test_a_model_without_data_is_refused() -> None:
    with pytest.raises(InputError, match="--data"):
        compose("endotoxin")


@pytest.mark.parametrize(
    ("solver", "message"),
    [({"rtol": 2.0}, "rtol"), ({"speed": 1}, "speed"), ({"method": "x"}, "method")],
)
def test_bad_solver_options_are_refused(solver: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        words(solver=solver).to_problem()


def test_a_hierarchical_population_comes_back_with_effects_and_inputs() -> None:
    text = """
format = 1
[model]
name = "crs-cascade"
[data]
name = "crs-cohort"
[inputs]
B0rel = "burden"
[population]
kind = "hierarchical"
varying = ["Cmax", "pG"]
correlated = ["Cmax", "pG"]
[[effect]]
parameter = "Cmax"
covariate = "costimulation"
form = "category"
prior = "Normal(0, 0.3)"
[[effect]]
parameter = "Tmax"
covariate = "cells_infused"
value = -0.08
"""
    analysis = read_text(text)
    assert read_text(write_text(analysis)) == analysis
    problem = analysis.to_problem()
    assert Analysis.of(problem).to_problem().id == problem.id
    assert {"Cmax_costimulation_CD28", "pG_omega"} <= set(problem.all_priors)
    assert "Tmax_cells_infused" not in problem.all_priors
    assert "B0rel" not in problem.estimated


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('[population]\nkind = "pooled"\nvarying = ["ka"]', "only a hierarchical"),
        ('[population]\nkind = "hierarchical"\nvaring = ["ka"]', "no setting 'varing'"),
        ('[population]\nkind = "hierarchical"\nvarying = "ka"', "list of names"),
        ('[[effect]]\nparameter = "ka"', "lacks covariate"),
        ('[[effect]]\nparameter = "ka"\ncovariat = "w"', "no 'covariat'"),
        ("[effect]\nparameter = 1", "two brackets"),
    ],
)
def test_populations_without_meaning_are_refused(section: str, message: str) -> None:
    head = '[model]\nname = "feedback"\n[data]\nname = "lps-2ng-kg"\n'
    with pytest.raises(InputError, match=message):
        read_text(head + section)


def test_the_data_choose_the_population_that_an_analysis_leaves_open() -> None:
    cohort = Analysis(model="crs-cascade", data=DataSource(name="crs-cohort"))
    means = Analysis(model="endotoxin", data=DataSource(name="lps-2ng-kg"))
    assert cohort.to_problem().family.name == "hierarchical"
    assert means.to_problem().family.name == "pooled"


def test_what_is_left_open_is_settled_by_the_population() -> None:
    study = load("crs-cohort")
    cohort = Analysis("crs-cascade", DataSource("crs-cohort"), inputs={"B0rel": "burden"})
    problem = cohort.to_problem(study)
    effort = problem.family.effort
    assert problem.solver.rtol == effort.rtol
    chosen = Sampling(tune=7).settled(problem)
    assert (chosen.draws, chosen.tune) == (effort.draws, 7)
    assert chosen.target_accept == effort.target_accept
    described = Analysis.of(problem, data=DataSource("crs-cohort"))
    assert not described.solver
    assert described.to_problem(study).id == problem.id


def test_a_known_data_set_states_which_parameters_are_covariates() -> None:
    """What the set says of its subjects is taken where the model has it, and nowhere else."""
    assert compose("crs-cascade", data="crs-cohort").inputs == {"B0rel": "burden"}
    assert compose("endotoxin", data="crs-cohort").inputs == {}
    assert compose("endotoxin", data="lps-2ng-kg").inputs == {}
