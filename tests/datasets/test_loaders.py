"""Loaders of public individual data: counts, limits, privacy, downloads, other layouts."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cytobayes.datasets import DataFileError, InputError, Study, load, nih_cd22
from cytobayes.datasets.copies import clipped, download, git_blob
from cytobayes.datasets.registry import FOLDER, entry

LIMITS = json.loads((FOLDER / "nih_cd22_limits.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cd22(data_dir: Path) -> Study:
    return load("nih-cd22", data_dir / "nih_cd22")


@pytest.fixture(scope="module")
def lps(data_dir: Path) -> Study:
    return load("lps-individual", data_dir / "lps")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- NIH CD22 -----------------------------------------------------------------------------------


def test_cd22_has_44_patients_and_the_usable_observables(cd22: Study) -> None:
    assert len(cd22.subjects) == 44 and cd22.time_unit == "d"
    assert cd22.observables == nih_cd22.OBSERVABLES
    assert cd22.units["IL6"] == "pg/mL" and cd22.units["CAR"] == "cells/uL"


def test_cd22_accounts_for_every_row(cd22: Study, data_dir: Path) -> None:
    for record in cd22.provenance:
        assert record.rows_read == len(rows_of(data_dir / "nih_cd22" / record.file))
        assert record.sha256 and record.licence.startswith("GPL-3.0")
    cytokines, cells, labs, _ = cd22.provenance
    assert cytokines.rows_read is not None and cytokines.rows_kept is not None
    left = cytokines.rows_read - cytokines.rows_kept
    assert cytokines.steps[0].startswith(f"{left} rows of other observables")
    assert (cells.rows_read, cells.rows_kept) == (140, 131) and labs.rows_kept == 591
    kept = sum(r.rows_kept or 0 for r in cd22.provenance[:3])
    assert cd22.observations.sizes["row"] == kept


@pytest.mark.parametrize(
    ("cytokine", "name", "plates"),
    [
        ("IL-6", "IL6", {1472, 1502, 1530}),
        ("IL-8", "IL8", {1148, 1198, 1232, 1252}),
        ("IL-18", "IL18", {5001}),
    ],
)
def test_cd22_values_stuck_at_a_plate_are_right_censored(
    cytokine: str, name: str, plates: set[float], cd22: Study, data_dir: Path
) -> None:
    source = rows_of(data_dir / "nih_cd22" / "cytokines.csv")
    values = [float(r["value_pg_ml"]) for r in source if r["cytokine"] == cytokine]
    rows = cd22.to_frame().query("observable == @name and censoring == 'right'")
    assert Counter(rows["value"]) == Counter(v for v in values if v in plates)
    free = cd22.to_frame().query("observable == @name and censoring == 'none'")
    assert sorted(free["value"]) == sorted(v for v in values if v not in plates)


def test_cd22_repeated_plate_limits_are_those_that_were_counted(cd22: Study) -> None:
    """1472 stands 16 times and 1530 5 times in IL-6; 1148, 1198, 1232 and 1252 20, 6, 4, 5 in IL-8.

    Counts of the data description; of its 59 patients these 44 hold all of them.
    """
    rows = cd22.to_frame().query("censoring == 'right'")
    counts = {name: Counter(part["value"]) for name, part in rows.groupby("observable")}
    assert counts["IL6"][1472] == 16 and counts["IL6"][1530] == 5
    assert [counts["IL8"][v] for v in (1148, 1198, 1232, 1252)] == [20, 6, 4, 5]
    assert rows.query("observable == 'IFNg'")["value"].between(2760, 3460).all()
    assert set(counts["CRP"]) == {301} and set(counts["LDH"]) == {2501}


def test_cd22_zero_counts_are_left_censored(cd22: Study, data_dir: Path) -> None:
    source = rows_of(data_dir / "nih_cd22" / "car_cells.csv")
    counts = [float(r["abs_car_per_uL"]) for r in source if r["abs_car_per_uL"]]
    rows = cd22.to_frame().query("observable == 'CAR'")
    below = rows.query("censoring == 'left'")
    assert len(below) == sum(c == 0 for c in counts) == 25
    assert set(below["value"]) == {LIMITS["CAR"]["lower"]}
    assert rows.query("censoring == 'none'")["value"].min() == min(c for c in counts if c > 0)


def test_cd22_rows_that_tocilizumab_may_have_changed_are_left_out_on_request(
    cd22: Study, data_dir: Path
) -> None:
    study = load("nih-cd22", data_dir / "nih_cd22", blocked=False)
    people = {r["id"]: r for r in rows_of(data_dir / "nih_cd22" / "patients.csv")}

    def interpretable(row: pd.Series) -> bool:
        one = people[row["subject"]]
        untreated = one["toci"] != "" and float(one["toci"]) == 0
        seen = row["observable"] not in ("IL6", "CRP")
        return seen or untreated or row["time"] <= float(one["day_crs"])

    before = cd22.to_frame()
    expected = before[before.apply(interpretable, axis=1)].reset_index(drop=True)
    assert 0 < len(expected) < len(before)
    pd.testing.assert_frame_equal(study.to_frame(), expected)
    left = before["observable"].value_counts() - expected["observable"].value_counts()
    told = f"{left['IL6']} rows of IL6 and {left['CRP']} rows of CRP left out"
    assert any(step.startswith(told) for step in study.provenance[3].steps)
    assert study.subjects == cd22.subjects


def test_a_clone_cannot_tell_whose_rows_were_blocked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not say who was given tocilizumab"):
        load("nih-cd22", clone(tmp_path), blocked=False)


@pytest.mark.parametrize("name", ["GMCSF", "IL12p70", "IL1b", "IL2", "IL4", "MIPa"])
def test_cd22_floors_are_left_censored_on_request(name: str, data_dir: Path) -> None:
    study = load("nih-cd22", data_dir / "nih_cd22", observables=[name])
    rows = study.to_frame()
    floor = LIMITS[name]["lower"]
    assert set(rows.query("censoring == 'left'")["value"]) == {floor}
    assert rows.query("censoring == 'none'")["value"].min() > floor
    assert (rows["censoring"] == "left").mean() > 0.3
    assert "left-censored" in " ".join(study.provenance[0].steps)


def test_cd22_no_limit_is_made_up(data_dir: Path) -> None:
    study = load("nih-cd22", data_dir / "nih_cd22", observables=["IL13"])
    assert (study.to_frame()["censoring"] == "none").all()
    assert "a floor that no source states" in " ".join(study.provenance[0].steps)


def test_cd22_has_both_grades_with_their_scales(cd22: Study, data_dir: Path) -> None:
    people = {r["id"]: r for r in rows_of(data_dir / "nih_cd22" / "patients.csv")}
    for scale, column in (("Lee", "max_grade_crs_lee"), ("ASTCT", "max_grade_crs_astct")):
        grades = cd22.outcome("crs", scale)["value"]
        assert len(grades) == 44
        for subject in cd22.subjects:
            assert float(grades.sel(subject=subject)) == float(people[subject][column])
    lee, astct = (cd22.outcome("crs", s)["value"].to_numpy() for s in ("Lee", "ASTCT"))
    assert (lee >= 3).sum() < (astct >= 3).sum()


def test_cd22_covariates_are_those_of_the_table(cd22: Study) -> None:
    covariates = cd22.covariates
    assert {"blast", "dose_level", "tocilizumab", "steroids"} <= set(covariates)
    assert int(covariates["tocilizumab"].notnull().sum()) == 43
    assert set(np.unique(covariates["dose_level"])) == {1, 2, 3}
    assert float(covariates["blast"].max()) <= 100


def test_cd22_times_are_days_after_the_infusion(cd22: Study, data_dir: Path) -> None:
    source = rows_of(data_dir / "nih_cd22" / "inflammatory.csv")
    days = [max(float(r["true_day"]), 0) for r in source if r["analyte"] == "CRP_mg_L"]
    assert cd22.to_frame().query("observable == 'CRP'")["time"].sort_values().tolist() == sorted(
        days
    )
    assert cd22.observations["time"].min() == 0 and cd22.observations["time"].max() < 31
    assert "3 rows from before the infusion set to time 0" in cd22.provenance[2].steps


def test_cd22_refuses_an_unknown_observable(data_dir: Path) -> None:
    with pytest.raises(InputError, match="no observable 'IL-6'. Did you mean 'IL6'"):
        load("nih-cd22", data_dir / "nih_cd22", observables=["IL-6"])


def test_cd22_refuses_a_folder_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"needs a folder with 'patients.csv'.*does not hold them"):
        load("nih-cd22", tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        load("nih-cd22", tmp_path / "nowhere")


EXPORT = """\
,patient_id,CRS,max_grade_CRS,date_CRS,cytokines,HLH,days_HLH,days,cytokine_levels,log10,CRS grade
0,7,1,1,10.0,IL-6,carHLH-,,3,5.5,0.74,CRS 1-2
1,7,1,1,10.0,IL-6,carHLH-,,4,,,CRS 1-2
2,7,1,1,10.0,IL-6,carHLH-,,9,1472,3.17,CRS 1-2
3,8,1,3,6.0,IFN-gamma,carHLH+,9,9,2900,3.46,CRS 3-4
4,8,1,3,6.0,IL-4,carHLH+,9,9,0.1,-1,CRS 3-4
"""


def clone(folder: Path, key: bool = True) -> Path:
    """A folder like the repository, with made-up numbers."""
    place = folder / "revisions" / "data"
    place.mkdir(parents=True)
    (place / "day_after_infusion_data_export.csv").write_text(EXPORT)
    if key:
        text = "Protocol ID,Randomized ID,Max Grade CRS_ASBMT\nSECRET-1,7,2\nSECRET-2,8,4\n"
        (place / "ID Key_SECRET.csv").write_text(text)
    return folder


def test_cd22_reads_a_clone_of_the_repository(tmp_path: Path) -> None:
    study = load("nih-cd22", clone(tmp_path))
    rows = study.to_frame()
    assert rows[["subject", "time", "observable", "value", "censoring"]].to_numpy().tolist() == [
        ["8", 9.0, "IFNg", 2900.0, "right"],
        ["7", 3.0, "IL6", 5.5, "none"],
        ["7", 9.0, "IL6", 1472.0, "right"],
    ]
    for scale, grades in (("Lee", [1, 3]), ("ASTCT", [2, 4])):
        assert (
            study.outcome("crs", scale)["value"].sel(subject=["7", "8"]).values.tolist() == grades
        )
    assert "1 row without a value left out" in study.provenance[0].steps


def test_cd22_keeps_no_identity(tmp_path: Path) -> None:
    study = load("nih-cd22", clone(tmp_path))
    assert "SECRET" not in str(study.tree.to_dict()) + json.dumps(
        [p.to_dict() for p in study.provenance]
    )


def test_cd22_without_the_key_has_the_lee_grade_alone(tmp_path: Path) -> None:
    study = load("nih-cd22", clone(tmp_path, key=False))
    assert set(study.outcomes["scale"].to_numpy()) == {"Lee"}


def test_spoiled_samples_are_left_out_and_other_text_is_refused(
    data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(data_dir / "nih_cd22", folder)
    labs = folder / "inflammatory.csv"
    lines = labs.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "ferritin" in line)

    def written(word: str) -> str:
        row = ",".join([*lines[at].split(",")[:-1], word])
        return "\n".join([*lines[:at], row, *lines[at + 1 :]])

    labs.write_text(written("Hemolyzed"))
    steps = load("nih-cd22", folder).provenance[2].steps
    assert "1 row marked hemolyzed left out" in steps
    labs.write_text(written("lost"))
    with pytest.raises(InputError, match="ferritin = 'lost' is no number"):
        load("nih-cd22", folder)


def test_loaded_names_and_units_are_those_of_the_library(data_dir: Path, lps: Study) -> None:
    from cytobayes import Problem
    from cytobayes.models.library import get

    wanted = ["CAR", "IFNg", "IL6", "CRP", "ferritin"]
    study = load("nih-cd22", data_dir / "nih_cd22", observables=wanted)
    text = str(Problem(get("crs-cascade"), study))
    assert "CAR: 25 rows below 0.04 cell/uL scored as left-censored (M3)" in text
    assert all(name in text for name in wanted)
    assert "IL10 [pg/mL]: 160 rows" in str(Problem(get("endotoxin"), lps))


# --- limits -------------------------------------------------------------------------------------


def test_every_limit_names_its_source_and_a_known_observable() -> None:
    for name, limit in LIMITS.items():
        assert name in nih_cd22.UNITS and limit["source"]
        assert {"upper", "upper_range", "lower"} & set(limit)


def test_a_value_beyond_a_plate_limit_was_diluted_and_stays() -> None:
    rows = pd.DataFrame({"value": [1472.0, 12215.0, 5.0]})
    censored, steps = clipped(rows, "IL6", LIMITS["IL6"])
    assert censored["censoring"].tolist() == ["right", "none", "none"]
    assert steps[0].startswith("IL6: 1 row right-censored")


# --- LPS ----------------------------------------------------------------------------------------


def test_lps_has_20_volunteers_4_cytokines_8_times(lps: Study) -> None:
    rows = lps.to_frame()
    assert len(rows) == 640 and len(lps.subjects) == 20
    assert set(lps.observables) == {"TNF", "IL6", "IL8", "IL10"} and lps.time_unit == "h"
    assert sorted(rows["time"].unique()) == [0, 1, 1.5, 2, 3, 4, 5, 6]
    doses = lps.doses.to_dataframe()
    assert len(doses) == 20 and set(doses["target"]) == {"E"} and set(doses["amount"]) == {2.0}
    assert "11 values without two decimals" in " ".join(lps.provenance[0].steps)


def test_lps_raw_means_are_the_published_ones(data_dir: Path) -> None:
    """Means over 20 volunteers of an independent file of the group, to its three decimals."""
    rows = load("lps-individual", data_dir / "lps", values="raw").to_frame()
    means = rows.groupby(["observable", "time"])["value"].mean()
    assert means["IL6", 2] == pytest.approx(790.530, abs=5e-4)
    assert means["TNF", 0] == pytest.approx(1.118, abs=5e-4)


def test_lps_values_lie_around_the_means_without_outliers(lps: Study) -> None:
    """Each mean of lps-2ng-kg leaves out up to 3 of 20 values, so it is between their extremes."""
    rows = lps.to_frame().groupby(["observable", "time"])["value"]
    means = load("lps-2ng-kg").to_frame().set_index(["observable", "time"])["value"]
    low, high = rows.min().reindex(means.index), rows.max().reindex(means.index)
    assert ((low < means) & (means < high)).all()
    all_kept = load("lps-2ng-kg").to_frame().query("n == 20").set_index(["observable", "time"])
    average = rows.mean().reindex(all_kept.index)
    np.testing.assert_allclose(average, all_kept["value"], rtol=1e-6)


def test_lps_reads_the_file_of_the_repository(lps: Study, tmp_path: Path) -> None:
    from scipy.io import savemat

    wide = {
        f"{name}all": part.pivot(index="subject", columns="time", values="value")
        .reindex(lps.subjects)
        .to_numpy()
        for name, part in lps.to_frame().groupby("observable")
    }
    savemat(tmp_path / "BolusDataCorrectedSD.mat", {**wide, "TNFsd": np.ones((1, 8))})
    keys = ["subject", "observable", "time"]
    for values in ("shifted", "raw"):
        ours = load("lps-individual", tmp_path, values=values).to_frame().set_index(keys)["value"]
        shift = {"TNF": 5.213904, "IL6": -0.301376, "IL8": -0.046204, "IL10": 3.993106}
        theirs = lps.to_frame().set_index(keys)["value"].reindex(ours.index)
        if values == "raw":
            theirs = theirs - theirs.index.get_level_values("observable").map(shift).to_numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_lps_refuses_what_is_not_complete(data_dir: Path, tmp_path: Path) -> None:
    lines = (data_dir / "lps" / "bolus_2ngkg_individual.csv").read_text().splitlines()
    (tmp_path / "bolus_2ngkg_individual.csv").write_text("\n".join(lines[:-1]))
    with pytest.raises(InputError, match="20 volunteers x 4 cytokines x 8 times, found 639"):
        load("lps-individual", tmp_path)


def test_lps_refuses_an_ambiguous_file(tmp_path: Path) -> None:
    from scipy.io import savemat

    both = {"TNFa": np.ones((20, 8)), "TNFb": np.ones((20, 8))}
    savemat(tmp_path / "BolusDataCorrectedSD.mat", both)
    with pytest.raises(InputError, match="expected one variable TNF"):
        load("lps-individual", tmp_path)


# --- Liu ----------------------------------------------------------------------------------------

LIU = "patient,day,car,response\na,1,0,CR\na,7,2500,CR\nb,3,12,NR\nb,9,,NR\n"


def test_liu_zeros_need_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "liu.csv"
    path.write_text(LIU)
    with pytest.raises(InputError, match="1 value not above 0, which means below detection"):
        load("liu-2022", path)
    study = load("liu-2022", path, lower=10)
    rows = study.to_frame()
    assert rows["censoring"].tolist() == ["left", "none", "none"]
    assert rows["value"].tolist() == [10, 2500, 12]
    assert study.outcome("response")["text"].to_numpy().tolist() == ["CR", "NR"]
    steps = " ".join(study.provenance[0].steps)
    assert "1 row without a value left out" in steps
    assert "2 patients and 3 points; the authors collected 32 and 327" in steps


def test_liu_refuses_what_is_no_csv_file_or_lacks_a_column(tmp_path: Path) -> None:
    path = tmp_path / "liu.csv"
    path.write_bytes(b"\x93\x00\xff")
    with pytest.raises(InputError, match=r"liu\.csv is not a csv file"):
        load("liu-2022", path)
    path.write_text("patient,day\na,1\n")
    with pytest.raises(InputError, match=r"liu\.csv has no column 'car'"):
        load("liu-2022", path)


def test_liu_needs_no_response(tmp_path: Path) -> None:
    path = tmp_path / "liu.csv"
    path.write_text("patient,day,car\na,1,5\n")
    assert load("liu-2022", path).outcomes.sizes["entry"] == 0


def test_liu_cannot_be_downloaded() -> None:
    with pytest.raises(InputError, match="cannot be downloaded: give path="):
        load("liu-2022")


# --- downloads ----------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return tmp_path / "cytobayes"


def fetch(content: str) -> object:
    """A downloader of pooch that writes a text instead of asking the network."""

    def write(url: str, output: str, _: object) -> None:
        assert "/de1570e5201cfd0c31e5a2f4b547b7e47518b874/" in url
        Path(output).write_text(content)

    return write


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_download_that_is_not_the_registered_file_is_removed(cache: Path) -> None:
    with pytest.raises(DataFileError, match="not the registered file"):
        download("nih-cd22", fetch(EXPORT))  # type: ignore[arg-type]
    assert not list(cache.rglob("*.csv"))


def test_a_download_is_put_into_the_layout_of_the_repository(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = entry("nih-cd22").download[0]
    monkeypatch.setitem(registered, "blob", git_blob(EXPORT.encode())[:8])
    folder = download("nih-cd22", fetch(EXPORT))  # type: ignore[arg-type]
    assert folder == cache / "nih-cd22"
    assert (folder / registered["name"]).read_text() == EXPORT
    assert load("nih-cd22", folder).subjects == ("8", "7")


def test_git_digests_a_file_like_git_does() -> None:
    """The empty blob, and the example of the book Pro Git."""
    assert git_blob(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    assert git_blob(b"what is up, doc?") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
