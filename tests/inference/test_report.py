"""The report is one page that needs nothing else, and shows the numbers of its tables."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from cytobayes.datasets import Study, load
from cytobayes.inference.checks.convergence import table_of
from cytobayes.inference.problem import Problem
from cytobayes.inference.report import write_pages
from cytobayes.inference.report.content import tables
from cytobayes.inference.report.curves import inside, predict_curves
from cytobayes.inference.report.frame import script_hash
from cytobayes.inference.report.material import Material
from cytobayes.inference.report.numbers import densities, learned, ranks, ties
from cytobayes.inference.report.prior import Prior
from cytobayes.inference.report.tables import number
from cytobayes.models import distributions as d
from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.library import get

from .synthetic_run import HOSTILE, draws_of, failures, hostile_study, material

VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What stands in a page: tags with attributes, ids, texts; refuses unbalanced tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(t == tag for t, _ in self.tags)


def page(made: Material, folder: Path) -> Page:
    write_pages(made, folder)
    return Page((folder / "report.html").read_text())


@pytest.fixture(scope="module")
def lps(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    folder = tmp_path_factory.mktemp("lps")
    return page(material(), folder), folder


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Page:
    made = material(hostile_study(), failures=failures(after=900))
    return page(made, tmp_path_factory.mktemp("hostile"))


def test_the_page_has_every_section_and_figure(lps: tuple[Page, Path]) -> None:
    found = lps[0]
    assert found.open == []
    ids = [a["id"] for _, a in found.tags if "id" in a]
    for section in ("verdict", "data", "model", "convergence", "parameters", "fit", "reproduce"):
        assert section in ids
    assert found.count("figure") == found.count("figcaption") == 5
    assert found.count("svg") == 5
    assert found.count("math") >= 7 + 7  # seven equations, seven initial values
    assert Counter(ids).most_common(1)[0][1] == 1


def test_the_page_needs_nothing_else(lps: tuple[Page, Path]) -> None:
    found, folder = lps
    assert found.count("link") == 0
    assert [a for t, a in found.tags if t == "script"] == [{}]  # one, and it stands in the page
    for _, attributes in found.tags:
        for name in ("src", "href", "xlink:href"):
            link = attributes.get(name) or "#"
            assert link.startswith(("#", "data:image/png;base64,"))
        for text in attributes.values():
            assert "http" not in (text or "") or (text or "").startswith("http://www.w3.org/")
    assert (folder / "report.html").stat().st_size < 5e6
    assert "url(http" not in (folder / "report.html").read_text()


def test_the_policy_lets_the_script_of_the_page_run_and_no_other(lps: tuple[Page, Path]) -> None:
    html = (lps[1] / "report.html").read_text()
    policy = next(a["content"] for t, a in lps[0].tags if "Content-Security-Policy" in a.values())
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1
    assert f"script-src '{script_hash(scripts[0])}'" in (policy or "")
    assert "unsafe-inline" not in (policy or "").partition("script-src")[2]


def test_links_lead_somewhere(lps: tuple[Page, Path]) -> None:
    found = lps[0]
    ids = {a["id"] for _, a in found.tags if "id" in a}
    links = {a["href"] for t, a in found.tags if t == "a"}
    assert links and all(link and link[1:] in ids for link in links)


def test_every_figure_says_how_to_read_it_and_has_its_numbers(lps: tuple[Page, Path]) -> None:
    found, folder = lps
    named = set(re.findall(r"tables/(\w+\.csv)", found.text))
    assert len(named) == 5
    for name in named:
        assert len(pd.read_csv(folder / "tables" / name)) > 0
    labels = [a["aria-label"] for t, a in found.tags if t == "svg"]
    assert all(labels) and len(set(labels)) == 5


def test_it_says_that_it_is_not_for_care(lps: tuple[Page, Path]) -> None:
    assert "Nothing here is for deciding the care of a patient." in lps[0].text


def test_the_tables_hold_what_the_page_shows(lps: tuple[Page, Path]) -> None:
    found, folder = lps
    for row in pd.read_csv(folder / "tables" / "parameters.csv").to_dict("records"):
        assert row["parameter"] in found.text
        assert number(row["median"]) in found.text


def test_a_second_report_replaces_the_first(tmp_path: Path) -> None:
    page(material(), tmp_path)
    page(material(hostile_study()), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"report.html", "tables"}
    assert set(pd.read_csv(tmp_path / "tables" / "data.csv")["observable"]) == {"IL6"}


def test_names_in_the_data_are_text(hostile: Page) -> None:
    assert hostile.open == [] and hostile.count("script") == 1
    assert HOSTILE in hostile.text
    assert "$b_{2}$" in hostile.text  # not typeset


def test_censored_rows_are_counted_and_explained(hostile: Page) -> None:
    assert "10 rows, 0 to 8 h, 5 censored." in hostile.text
    assert "3 below, 1 above, 1 in an interval" in hostile.text
    assert "open triangle pointing down" in hostile.text


def test_failed_solves_are_listed_by_cause_and_phase(hostile: Page) -> None:
    cause = "the number of steps exceeded max_steps"
    assert tables(material(failures=failures(after=900)))["failures"].rows == (
        (cause, "warm-up", "3"),
        (cause, "sampling", "900"),
    )
    assert cause in hostile.text and "Every proposal could be solved" not in hostile.text
    assert "failures" not in tables(material(failures=failures(before=0)))


def test_held_values_that_are_not_published_are_labeled() -> None:
    made = material()
    weak = tuple(
        replace(p, status="assumed") if p.name == "kma" else p for p in made.model.parameters
    )
    made = replace(made, model=replace(made.model, parameters=weak))
    row = next(r for r in tables(made)["model"].rows if r[0] == "kma")
    assert row[5] == "assumed" and row[5].bad
    assert made.unpublished == made.evidence().unpublished == ("kma",)


def test_a_value_set_by_the_user_is_not_called_published() -> None:
    made = material()
    made = replace(made, fixed={**made.fixed, "kma": 3.0})
    row = next(r for r in tables(made)["model"].rows if r[0] == "kma")
    assert (row[3], row[5], row[6]) == ("3.000", "set by you", "")


def test_every_kind_of_event_is_shown() -> None:
    events: list[Dose | Switch | Reset] = [
        Dose(0, 2, "E", duration=4, interval=12, count=3),
        Dose(0, 2, "E", rate="kpe"),
        Dose(0, 1, "E", interval=24, steady_state=True),
        Switch(3, "kma", 1.5),
        Reset(9),
    ]
    table = tables(material(regimens={"a": Regimen(events), "b": Regimen(events[:1])}))["doses"]
    assert table.rows[0] == (
        "dose into E",
        "2 ng/kg",
        "0 h",
        "over 4 h",
        "3 times, every 12 h",
        "2",
    )
    assert [row[3] for row in table.rows[1:3]] == ["at the rate kpe", "at once"]
    assert table.rows[2][4] == "steady state, every 24 h"
    assert table.rows[3][:2] == ("kma changes", "1.5")
    assert len(table.rows) == 5


@given(st.floats(1e-12, 1e12), st.integers(2, 6), st.sampled_from([-1, 1]))
def test_printed_numbers_keep_their_digits(size: float, digits: int, sign: int) -> None:
    text = number(sign * size, digits).replace("−", "-")
    superscript = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    back = float(re.sub(r"×10(.+)", lambda m: "e" + m[1].translate(superscript), text))
    assert back == pytest.approx(sign * size, rel=0.51 * 10.0 ** (1 - digits))


PRIORS = [
    Prior(d.LogNormal(2.0, 0.7)),
    Prior(d.LogNormal(2.0, 0.7), 1.0, 5.0),
    Prior(d.Normal(-1.0, 2.0)),
    Prior(d.Normal(1.0, 2.0), 0.0),
    Prior(d.TruncatedNormal(0.5, 1.0, 0.0, 2.0)),
    Prior(d.HalfNormal(0.5)),
    Prior(d.HalfCauchy(0.5)),
    Prior(d.Beta(2.0, 3.0)),
    Prior(d.LogitNormal(0.3, 0.8)),
    Prior(d.LogitNormal(0.3, 0.8), 0.1, 0.6),
    Prior(d.Uniform(-1.0, 3.0), 0.0),
]


@pytest.mark.parametrize("prior", PRIORS, ids=str)
def test_density_and_quantiles_of_a_prior_agree(prior: Prior) -> None:
    low, high = prior.quantile(np.array([0.05, 0.8]))
    x = np.linspace(low, high, 20_001)
    assert np.trapezoid(prior.density(x), x) == pytest.approx(0.75, abs=1e-6)
    assert prior.density(np.array([low - 1e6])) == 0


SAMPLED = [p for p in PRIORS if "LogitNormal" not in str(p) or "at least" not in str(p)]


@pytest.mark.parametrize("prior", SAMPLED, ids=str)
def test_the_density_is_that_of_the_sampler(prior: Prior) -> None:
    import pymc as pm

    from cytobayes.inference.priors import random_variable

    with pm.Model() as model:
        variable = random_variable("x", prior.distribution, lower=prior.lower, upper=prior.upper)
        x = prior.quantile(np.array([0.1, 0.5, 0.9]))
        logp = pm.logp(variable, x).eval()
    assert model
    # PyMC computes the mass between the bounds to about 1e-8.
    np.testing.assert_allclose(np.log(prior.density(x)), logp, rtol=1e-7, atol=1e-7)


def test_densities_integrate_to_one_on_their_axis() -> None:
    draws = draws_of({"narrow": 2.0, "wide": 1.0}, (4, 1000))
    priors = {"narrow": Prior(d.Normal(2.0, 0.5)), "wide": Prior(d.LogNormal(1.0, 2.0))}
    table = densities(draws, priors)
    for name, axis in (("narrow", np.asarray), ("wide", np.log)):
        one = table[table["parameter"] == name]
        x = axis(one["value"].to_numpy())
        assert np.trapezoid(one["posterior"], x) == pytest.approx(1.0, abs=0.02)
        assert np.trapezoid(one["prior"], x) == pytest.approx(0.98, abs=0.01)


def test_a_chain_in_its_own_region_shows_in_the_ranks() -> None:
    draws = {"k": np.stack([np.arange(100.0), 1000 + np.arange(100.0)])}
    table = ranks(draws)
    low = table[(table["chain"] == 0) & (table["bin"] < 5)]
    assert (low["share"] == 2).all()
    assert table.groupby("chain")["share"].mean().tolist() == [1, 1]


def test_what_was_learned_is_the_width_removed() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(4, 20_000))
    draws = {"none": 2 * np.exp(0.5 * z), "half": 2 * np.exp(0.25 * z), "raw": z}
    priors = {"none": Prior(d.LogNormal(2, 0.5)), "half": Prior(d.LogNormal(2, 0.5))}
    shares = learned(draws, priors)
    assert shares == pytest.approx({"none": 0.0, "half": 0.5}, abs=0.02)


def test_ties_are_found_within_a_subject() -> None:
    z = np.random.default_rng(1).normal(size=(2, 4, 500))
    draws = {"p[a]": np.exp(z[0]), "c[a]": 3 * np.exp(z[0]), "p[b]": np.exp(z[1])}
    found = ties(draws)
    assert [(t.first, t.second) for t in found] == [("p[a]", "c[a]")]
    assert found[0].correlation == pytest.approx(1) and found[0].known == "ratio"
    assert ties({"x": z[0], "y": -z[0]})[0].known == "combination"


def test_a_censored_row_is_inside_when_its_side_is_reached() -> None:
    kind = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    value = np.array([2.0, 9.0, 2.0, 0.5, 2.0, 9.0, 5.0, 5.0])
    lower, upper = np.full(8, 3.5), np.array([9.0] * 7 + [3.8])
    lower[7] = 3.6
    p5, p95 = np.full(8, 1.0), np.full(8, 4.0)
    p95[7] = 3.5
    found = inside(kind, value, lower, upper, p5, p95)
    assert found.tolist() == [True, False, True, False, True, False, True, False]


def posterior(problem: Problem, **fixed: float) -> xr.DataTree:
    rng = np.random.default_rng(2)
    names = {n: problem.model.parameter(n).value for n in problem.estimated}
    names |= dict.fromkeys((n for n in problem.error_parameters if n not in problem.fixed), 0.2)
    draws = {n: v * np.exp(0.1 * rng.normal(size=(2, 20))) for n, v in names.items()}
    data = xr.Dataset({n: (("chain", "draw"), v) for n, v in draws.items()})
    return xr.DataTree.from_dict({"posterior": data})


def test_curves_are_in_units_of_the_model_whatever_those_of_the_data() -> None:
    time = [0.0, 60.0, 120.0]
    rows = pd.DataFrame({"subject": "a", "time": time, "observable": "IL-6", "value": [2.0, 9, 90]})
    rows = rows.assign(lower=2.0, censoring=["left", "none", "none"])
    tiny = rows.assign(time=rows["time"] / 60, value=rows["value"] / 1000, lower=0.002)
    made = []
    for table, unit, time_unit in ((rows, "ng/L", "min"), (tiny, "ng/mL", "h")):
        study = Study(table, name="s", units={"IL-6": unit}, time_unit=time_unit)
        problem = Problem(
            get("endotoxin"), study, observables={"IL-6": "IL6"}, regimen=Regimen([Dose(0, 2, "E")])
        )
        made.append(predict_curves(problem, posterior(problem), seed=1))
    pd.testing.assert_frame_equal(made[0].bands, made[1].bands)
    pd.testing.assert_frame_equal(made[0].rows, made[1].rows)
    assert made[0].rows["value"].tolist() == pytest.approx([2, 9, 90])
    assert made[0].rows["lower"].tolist() == pytest.approx([2, 2, 2])


def test_bands_are_ordered_and_hold_their_share() -> None:
    problem = Problem(get("endotoxin"), load("lps-2ng-kg"))
    curves = predict_curves(problem, posterior(problem), seed=1)
    for names in (["q5", "q25", "median", "q75", "q95"], ["p5", "q25", "q75", "p95"]):
        assert (np.diff(curves.bands[names].to_numpy(), axis=1) >= 0).all()
    assert len(curves.rows) == 32 and set(curves.bands["group"]) == {"LPS 2 ng/kg"}
    assert curves.rows["sd"].to_numpy() == pytest.approx(problem.data.to_frame()["sd"].to_numpy())


@pytest.mark.parametrize("shape", [(1, 1), (2, 3)])
def test_a_handful_of_draws_still_gives_a_page(shape: tuple[int, int], tmp_path: Path) -> None:
    full = material()
    draws = draws_of({name: 1.0 for name in full.draws}, shape)
    draws["k6"] = np.full(shape, 0.8)  # a parameter that never moved
    dataset = xr.Dataset({k: (("chain", "draw"), v) for k, v in draws.items()})
    few = material(draws=draws, diagnostics=table_of(dataset), converged=False)
    assert "Do not use these numbers yet" in page(few, tmp_path).text
