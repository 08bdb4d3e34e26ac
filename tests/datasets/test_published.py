"""Published data sets: what is shipped is what was registered and what was published."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cytobayes.datasets import (
    DataFileError,
    InputError,
    TableError,
    UnknownDataError,
    cite,
    load,
    load_table,
    names,
    open_study,
    registry,
)
from cytobayes.datasets.registry import KINDS

ROOT = Path(__file__).parents[2]
DATA = ROOT / "datasets" / "data"
REGISTRY = json.loads((DATA / "registry.json").read_text(encoding="utf-8"))
COMMON = {"title", "kind", "size", "source", "doi", "licence", "obtained", "cite"}
SHIPPED = {name: e for name, e in REGISTRY.items() if "file" in e}
VIRTUAL = ("crs-cohort", "crs-cohort-truth")  # made by this project: no DOI
TABLES = [name for name in SHIPPED if name not in names()]
BIBTEX = re.compile(
    r"^@(article|misc)\{[a-z0-9]+,\n(?:  [a-z]+ = \{(?:[^{}\n]|\{[^{}\n]*\})*\},\n)+\}$", re.M
)


@pytest.mark.parametrize("name", names("all"))
def test_every_entry_says_what_it_is(name: str) -> None:
    entry = REGISTRY[name]
    assert set(entry) >= COMMON
    assert all(entry[f] for f in COMMON if not (f == "doi" and name in VIRTUAL))
    assert entry["kind"] in KINDS
    assert ("file" in entry) != ("loader" in entry)
    assert all(file["url"].count("/") > 5 for file in entry.get("download", []))


@pytest.mark.parametrize("name", names("time course"))
def test_every_time_course_loads(name: str) -> None:
    entry = REGISTRY[name]
    study = load(name)
    record = study.provenance[0]
    assert study.name == name
    assert study.units == entry["units"] and all(study.units.values())
    assert study.time_unit == entry["time_unit"]
    assert (record.sha256, record.file) == (entry["sha256"], entry["file"])
    assert (record.source, record.doi, record.licence) == (
        entry["source"], entry["doi"], entry["licence"],
    )  # fmt: skip
    assert record.rows_read == record.rows_kept
    assert set(record.steps) >= set(entry["obtained"])


@pytest.mark.parametrize("name", TABLES)
def test_every_table_loads_with_its_source(name: str) -> None:
    table, entry = load_table(name), REGISTRY[name]
    for field in ("title", "kind", "source", "doi", "licence", "obtained"):
        assert table.attrs[field] == entry[field]
    assert set(table.attrs["units"]) <= set(table)
    assert entry["size"].startswith(str(len(table)))
    if entry["kind"] == "parameters":
        assert table["parameter"].is_unique and table["value"].notna().all()
        assert table["description"].notna().all()


@pytest.mark.parametrize("name", names("all"))
def test_every_citation_is_bibtex_with_a_doi(name: str) -> None:
    text = cite(name)
    found = [m.group() for m in BIBTEX.finditer(text)]
    assert "\n\n".join(found) == text and len(found) == len(REGISTRY[name]["cite"])
    for one in found:
        fields = re.findall(r"^  (\w+) =", one, re.M)
        assert len(fields) == len(set(fields)) and {"author", "title", "year"} <= set(fields)
        assert not one.startswith("@article") or "journal" in fields
    if name not in VIRTUAL:
        assert f"doi = {{{REGISTRY[name]['doi']}}}" in text


def test_the_pattern_of_bibtex_sees_a_planted_fault() -> None:
    good = cite("stein-2019")
    for bad in (good.replace("},\n}", "}\n", 1), good.replace("= {", "= ", 1), good + "}"):
        assert "\n\n".join(m.group() for m in BIBTEX.finditer(bad)) != bad


def test_citation_keys_are_unique() -> None:
    entries = {c["key"]: c for e in REGISTRY.values() for c in e["cite"]}
    assert all(c == entries[c["key"]] for e in REGISTRY.values() for c in e["cite"])


def test_every_shipped_file_is_registered() -> None:
    parts = [p for e in REGISTRY.values() for p in e.get("parts", ())]
    assert {p.name for p in DATA.glob("*.csv")} == {*parts, *(e["file"] for e in SHIPPED.values())}


def test_lps_has_32_means_of_17_to_20_volunteers_and_one_bolus() -> None:
    study = load("lps-2ng-kg")
    rows = study.to_frame()
    assert study.is_aggregated and study.subjects == ("LPS 2 ng/kg",)
    assert study.observables == ("TNF", "IL6", "IL8", "IL10")
    times = [0, 1, 1.5, 2, 3, 4, 5, 6]
    assert all(part["time"].tolist() == times for _, part in rows.groupby("observable"))
    assert len(rows) == 32 and rows["n"].between(17, 20).all()
    peaks = rows.groupby("observable")["value"].max().round(1)
    assert peaks.to_dict() == {"IL10": 43.6, "IL6": 701.6, "IL8": 714.1, "TNF": 331.0}
    assert study.doses.to_dataframe().to_dict("records") == [
        {
            "subject": "LPS 2 ng/kg", "time": 0.0, "amount": 2.0, "target": "E",
            "duration": 0.0, "interval": 0.0, "count": 1, "unit": "ng/kg",
            "rate": 0.0, "steady_state": 0, "kind": "dose",
        }
    ]  # fmt: skip
    assert "32 published means" in str(study) and "2 ng/kg into E at 0 h" in str(study)


@pytest.mark.reference
def test_lps_equals_the_published_summary(data_dir: Path) -> None:
    with (data_dir / "lps" / "bolus_2ngkg_summary.csv").open(encoding="utf-8") as file:
        source = list(csv.DictReader(file))
    rows = load("lps-2ng-kg").to_frame()
    assert rows["observable"].tolist() == [r["cytokine"] for r in source]
    for ours, theirs in (("time", "time_h"), ("value", "mean_no_outliers"), ("sd", "sd")):
        assert rows[ours].tolist() == [float(r[theirs]) for r in source]
    se = np.array([float(r["se"]) for r in source])
    np.testing.assert_allclose(rows["sd"] / np.sqrt(rows["n"]), se, rtol=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("lps-2ng-kg", "lps/bolus_2ngkg_summary.csv"),
        ("crs-rates", "crs_rates.csv"),
        ("mosunetuzumab-il6", "bispecific/mosunetuzumab_peak_il6.csv"),
    ],
)
def test_the_script_makes_the_shipped_table(
    name: str, copy: str, data_dir: Path, tmp_path: Path
) -> None:
    entry = REGISTRY[name]
    script = ROOT / "scripts" / f"make_{Path(entry['file']).stem}.py"
    out = tmp_path / "made.csv"
    command = [sys.executable, str(script), str(data_dir / copy), str(out)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert out.read_bytes() == (DATA / entry["file"]).read_bytes()
    assert entry["sha256"] in shown


def test_mosunetuzumab_has_the_published_geometric_means() -> None:
    """Computed independently from the digitised points of Figure 6, printed as whole pg/mL."""
    table = load_table("mosunetuzumab-il6")
    means = np.exp(np.log(table["IL6"]).groupby(table["dose"]).mean()).round()
    expected = {0.4: 38, 0.8: 60, 1.0: 81, 1.2: 64, 1.6: 354, 2.0: 48, 2.8: 63}
    assert {d: m for d, m in means.items() if d in expected} == expected
    digitised = table.groupby("dose").size()
    cohort = table.groupby("dose")["cohort"].first()
    assert (digitised <= cohort).all() and int(cohort.sum() - digitised.sum()) == 34


def test_rates_that_were_not_read_are_not_shipped() -> None:
    table = load_table("crs-rates")
    assert (
        not table.astype(str)
        .apply(lambda c: c.str.contains("MEMORY|verify|SECONDARY"))
        .any(axis=None)
    )
    assert not {"ZUMA-1", "KarMMa", "CARTITUDE-1", "PrCRS repo"} & set(table["study"])
    assert set(table["scale"].dropna()) == {"Penn", "ASTCT", "Lee", "CTCAE", "as recorded"}


def test_rates_by_grade_add_up_to_any_grade() -> None:
    """Printed to 0.1 %, so five grades and a sum may differ by 0.3."""
    table = load_table("crs-rates")
    grades = table[["g1_pct", "g2_pct", "g3_pct", "g4_pct", "g5_pct"]]
    whole = grades.notna().all(axis=1)
    assert whole.sum() >= 6
    difference = (grades.sum(axis=1) - table["any_crs_pct"])[whole].abs()
    assert (difference[table["therapy"] != "AMG 420 (BCMA BiTE)"] <= 0.3 + 1e-9).all()
    counted = (100 * table["any_crs_n"] / table["n"] - table["any_crs_pct"]).abs().dropna()
    assert (counted <= 0.5).all()


def test_hibma_gives_the_published_risks() -> None:
    """Printed: 0.397 and 0.673 at the geometric mean of 212 ng/mL; half at 289 and 124 ng/mL."""
    b = load_table("hibma-2026").set_index("parameter")["value"]
    logit = b["intercept"] + b["ln_ctrough"] * np.log(212) + np.array([0, b["high_burden"]])
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), [0.397, 0.673], atol=5e-4)
    half = np.exp(-(b["intercept"] + np.array([0, b["high_burden"]])) / b["ln_ctrough"])
    np.testing.assert_allclose(half, [289, 124], atol=0.5)


def test_stein_gives_the_published_half_lives() -> None:
    """Printed: doubling 0.78 d, contraction 4.3 d, terminal 220 d (two digits)."""
    p = load_table("stein-2019").set_index("parameter")["value"]
    found = np.log(2) / np.array([np.log(p["foldx"]) / p["Tmax"], p["alpha"], p["beta"]])
    np.testing.assert_allclose(found, [0.78, 4.3, 220], rtol=0.02)


def test_load_and_load_table_point_to_each_other() -> None:
    with pytest.raises(InputError, match=r"use load_table\('crs-rates'\)"):
        load("crs-rates")
    with pytest.raises(InputError, match=r"use load\('lps-2ng-kg'\)"):
        load_table("lps-2ng-kg")
    with pytest.raises(InputError, match=r"use load\('nih-cd22'\)"):
        load_table("nih-cd22")
    with pytest.raises(InputError, match="leave out path"):
        load("lps-2ng-kg", path="x")
    with pytest.raises(InputError, match="does not come with the package"):
        open_study("nih-cd22")
    with pytest.raises(InputError, match="a table of rates, not data to fit"):
        open_study("crs-rates")


@pytest.mark.parametrize("ask", [load, load_table, cite, open_study])
def test_an_unknown_name_gets_a_guess_and_the_list(ask: object) -> None:
    with pytest.raises(UnknownDataError) as caught:
        ask("LPS_2ng_kg2")  # type: ignore[operator]
    text = str(caught.value)
    assert isinstance(caught.value, InputError)
    assert "'LPS_2ng_kg2'" in text and "Did you mean 'lps-2ng-kg'?" in text
    assert all(name in text for name in names())


@pytest.mark.parametrize("fault", ["changed", "missing"])
def test_a_changed_or_missing_file_is_an_error(
    fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    raw = (DATA / "lps_2ng_kg.csv").read_bytes()
    if fault == "changed":
        (tmp_path / "lps_2ng_kg.csv").write_bytes(raw.replace(b"330.97", b"330.98"))
    registry.names()  # read before the folder is exchanged
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    with pytest.raises(DataFileError, match=f"'lps_2ng_kg.csv' of the package .*{fault}"):
        load("lps-2ng-kg")


def test_open_study_takes_a_name_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "ID,time,observable,value\n1,0,IL6,2\n"
    for path in ("own.csv", "own", "lps-2ng-kg"):
        Path(path).write_text(text)
    assert open_study("lps-2ng-kg").tree.identical(load("lps-2ng-kg").tree)
    columns = {"subject": "ID"}
    for name in ("own.csv", "own", Path("own.csv"), f".{os.sep}lps-2ng-kg", Path("lps-2ng-kg")):
        study = open_study(name, columns, time_unit="d")
        assert study.subjects == ("1",) and study.time_unit == "d"


def test_open_study_says_that_there_is_neither_name_nor_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cohort.csv").write_text("")
    with pytest.raises(UnknownDataError) as caught:
        open_study("cohrt.csv")
    text = " ".join(str(caught.value).split())
    assert "neither the name of a data set nor a file that exists" in text
    assert "Did you mean the file 'cohort.csv'?" in text and "lps-2ng-kg" in text


def test_open_study_passes_on_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="it is a folder"):
        open_study(tmp_path)


def test_open_study_refuses_columns_for_a_published_data_set() -> None:
    with pytest.raises(InputError, match="they are for files"):
        open_study("lps-2ng-kg", {"subject": "ID"})


def test_the_digest_is_that_of_the_file() -> None:
    for entry in SHIPPED.values():
        assert hashlib.sha256((DATA / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
