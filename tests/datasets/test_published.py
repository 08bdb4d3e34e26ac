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
    names,
    open_study,
    registry,
)

ROOT = Path(__file__).parents[2]
DATA = ROOT / "datasets" / "data"
REGISTRY = json.loads((DATA / "registry.json").read_text(encoding="utf-8"))
FIELDS = {
    "title", "kind", "source", "doi", "licence", "obtained", "file", "sha256", "time_unit",
    "units", "doses", "cite",
}  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_every_entry_is_complete_and_loads(name: str) -> None:
    entry = REGISTRY[name]
    assert set(entry) == FIELDS and all(entry[f] for f in FIELDS - {"doses"})
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


@pytest.mark.parametrize("name", names())
def test_every_citation_is_bibtex_with_a_doi(name: str) -> None:
    text = cite(name)
    entries = re.findall(r"^@\w+\{[a-z0-9]+,\n(?:  \w+ = \{.*\},\n)+\}$", text, re.M)
    assert len(entries) == len(REGISTRY[name]["cite"])
    assert f"doi = {{{REGISTRY[name]['doi']}}}" in text
    assert text.count("{") == text.count("}")


def test_every_shipped_file_is_registered() -> None:
    assert {p.name for p in DATA.glob("*.csv")} == {e["file"] for e in REGISTRY.values()}


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
def test_the_script_makes_the_shipped_table(data_dir: Path, tmp_path: Path) -> None:
    script = ROOT / "scripts" / "make_lps_2ng_kg.py"
    copy = data_dir / "lps" / "bolus_2ngkg_summary.csv"
    out = tmp_path / "made.csv"
    command = [sys.executable, str(script), str(copy), str(out)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert out.read_bytes() == (DATA / "lps_2ng_kg.csv").read_bytes()
    assert REGISTRY["lps-2ng-kg"]["sha256"] in shown


@pytest.mark.parametrize("ask", [load, cite, open_study])
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
    for entry in REGISTRY.values():
        assert hashlib.sha256((DATA / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
