"""The page of a population fit: sections in order, safe for any name, usable without script."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cytobayes.datasets.errors import InputError
from cytobayes.inference.checks.check import Check
from cytobayes.inference.report import pdf, write_pages
from cytobayes.inference.report.individuals import OPEN, Axes, axes_of, draw_individuals
from cytobayes.inference.report.material import Material
from cytobayes.inference.report.population import coefficient_of_variation, population_table

from ..synthetic_run import material
from .population_page import SUBJECTS, picture

ORDER = (
    "verdict", "data", "model", "prior", "convergence", "parameters", "fit", "predictive", "risk",
    "response", "sensitivity", "credibility", "reproduce",
)  # fmt: skip


@pytest.fixture(scope="module")
def html(written: Path) -> str:
    return (written / "report.html").read_text()


def test_the_sections_follow_the_order_of_a_reader(html: str) -> None:
    assert tuple(re.findall(r'<section id="([^"]+)"', html)) == ORDER
    links = re.findall(r'<a href="#([^"]+)">', html)
    assert tuple(links) == ORDER[1:]


def test_sections_without_a_check_are_left_out(tmp_path: Path) -> None:
    write_pages(material(), tmp_path)
    found = re.findall(r'<section id="([^"]+)"', (tmp_path / "report.html").read_text())
    assert "risk" not in found and "predictive" not in found


def test_no_name_from_the_data_becomes_markup(html: str) -> None:
    assert "alert('x')</script>" not in html
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 1 and "alert" not in scripts[0]
    assert unescape(re.findall(r'data-subject="([^"]*)"', html)[0]) in SUBJECTS
    assert {unescape(s) for s in re.findall(r'<option value="([^"]*)"', html)} == set(SUBJECTS)


def test_a_failed_check_is_marked_where_it_stands_and_first(html: str) -> None:
    assert html.index("simulated data differ") < html.index('<section id="data"')
    assert re.search(r'id="check-vpc".*?<p class="finding failed">', html, re.DOTALL)
    assert re.search(r'id="check-npde".*?<p class="finding told">Not computed:', html, re.DOTALL)


def test_a_check_that_cannot_be_drawn_keeps_its_sentence_and_its_numbers(tmp_path: Path) -> None:
    def stumble() -> Figure:
        raise ZeroDivisionError("no axis")

    table = pd.DataFrame({"x": [0.25]})
    check = Check("prior_predictive", "Prior", "They miss.", False, table, stumble)
    write_pages(material(checks={"prior": (check,)}), tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert "They miss. Its figure could not be drawn (ZeroDivisionError: no axis)." in html
    assert (tmp_path / "tables" / "prior_predictive.csv").exists()
    assert "This fit can be trusted" in html and html.count("They miss.") == 1


def test_what_the_fit_says_stands_in_the_verdict(html: str) -> None:
    verdict = html[html.index('<section id="verdict"') : html.index('<section id="data"')]
    assert "<h3>What it says</h3>" in verdict and "<h3>What it cannot say</h3>" in verdict


def test_numbers_of_every_check_lie_beside_the_page(html: str, written: Path) -> None:
    for name in ("vpc", "risk_by_grade", "exposure_response", "loo", "credibility"):
        assert len(pd.read_csv(written / "tables" / f"{name}.csv")) >= 3
    assert len(pd.read_csv(written / "tables" / "risk_by_grade.csv")) == 90
    assert "The first 40 of 90 rows." in html
    assert set(re.findall(r"tables/(\w+\.csv)", html)) <= {
        p.name for p in (written / "tables").iterdir()
    }


def test_every_subject_is_drawn_and_most_wait_for_a_click(population: Material, html: str) -> None:
    people = draw_individuals(population)
    assert len(people.first) == OPEN and set(people.names) == set(SUBJECTS)
    assert html.count('class="person"') == len(SUBJECTS)
    closed = html[html.index('<details id="other-subjects">') :]
    assert closed.count('class="person"') == len(SUBJECTS) - OPEN
    assert '<p class="search" hidden>' in html  # without script there is nothing to search with


def test_the_subject_that_fits_worst_comes_first(population: Material) -> None:
    rows = population.rows.assign(inside=population.rows["subject"] != "P07")
    changed = Material(**{**population.__dict__, "rows": rows})
    assert draw_individuals(changed).names[0] == "P07"


def test_a_yes_or_no_stands_beside_its_probability_on_an_axis_from_none_to_one(
    population: Material,
) -> None:
    """Quantities whose values span decades have a logarithmic axis."""
    name = population.rows["observable"].iloc[0]
    many = population.bands.assign(median=np.geomspace(1e-4, 0.9, len(population.bands)))
    answers = population.rows.assign(value=np.arange(len(population.rows)) % 2)
    parts = {**population.__dict__, "bands": many, "rows": answers}
    _, up = axes_of(Material(**{**parts, "outcomes": (name,)}), name)
    assert not up.log and up.low == 0 and 1 <= up.high <= 1.1
    assert axes_of(Material(**parts), name)[1].log


def test_ids_are_unique(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_marks_stand_where_their_values_are() -> None:
    axes = Axes(1.0, 100.0, True, 200)
    assert axes.place(np.array([1.0, 10.0, 100.0, 1e9, 0.0])).tolist() == [0, 100, 200, 200, 0]
    assert Axes(0.0, 4.0, False, 200).place(np.array([1.0])).tolist() == [50]


@pytest.mark.parametrize(("low", "high", "log"), [(0.0, 28.0, False), (0.3, 4e5, True), (2, 9, 0)])
def test_an_axis_has_a_few_ticks_inside_of_it(low: float, high: float, log: bool) -> None:
    ticks = Axes(low, high, bool(log), 100).ticks()
    assert 2 <= len(ticks) <= 5 and all(low - 1e-9 <= t <= high + 1e-9 for t in ticks)


def test_variation_of_a_log_normal_is_that_of_its_moments() -> None:
    omega = 0.7
    draws = np.exp(omega * np.random.default_rng(1).standard_normal(400_000))
    # Four Monte-Carlo errors: sd of the sample CV is about 0.006 here, from 40 repetitions.
    assert draws.std() / draws.mean() == pytest.approx(
        float(coefficient_of_variation(np.array(omega))), abs=0.024
    )


def test_the_population_table_joins_value_variation_and_shrinkage() -> None:
    made = material()
    omega = np.full((4, 500), 0.3)
    table = pd.DataFrame([{"kind": "eta", "name": "k6", "sd_form": 0.25}])
    shrunk = Check("shrinkage", "S", "s.", None, table, picture)
    parts = {**made.__dict__, "draws": {**made.draws, "k6_omega": omega}, "scales": {"k6": "log"}}
    found = population_table(Material(**{**parts, "checks": {"sensitivity": (shrunk,)}}))
    rows = {str(row[0]): row for row in found.rows}
    assert rows["k6"][5] == "31 % (31 to 31)" and rows["k6"][6] == "25 %"
    assert "k6_omega" not in rows and rows["IL6_sigma"][5] == "–"


@pytest.mark.parametrize(
    ("scale", "text"),
    [
        ("log, t4", "0.300 (0.300 to 0.300), logarithm, t4"),
        ("natural, t4", "0.300 (0.300 to 0.300), natural scale, t4"),
        ("logit", "0.300 (0.300 to 0.300), logit"),
    ],
)
def test_heavy_tailed_effects_have_a_scale_and_no_coefficient_of_variation(
    scale: str, text: str
) -> None:
    made = material()
    omega = np.full((4, 500), 0.3)
    parts = {**made.__dict__, "draws": {**made.draws, "k6_omega": omega}, "scales": {"k6": scale}}
    rows = {str(row[0]): row for row in population_table(Material(**parts)).rows}
    assert rows["k6"][5] == text


def test_without_a_browser_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt install chromium.*print it"):
        pdf.print_pdf(tmp_path / "report.html", tmp_path / "report.pdf")


def test_a_browser_that_fails_leaves_the_old_pdf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, old = tmp_path / "chromium", tmp_path / "report.pdf"
    browser.write_text("#!/bin/sh\necho 'no display' >&2\nexit 1\n")
    browser.chmod(0o755)
    old.write_bytes(b"old")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(InputError, match="no display"):
        pdf.print_pdf(tmp_path / "report.html", old)
    assert old.read_bytes() == b"old"
