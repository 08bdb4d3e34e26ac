"""No bytes and no table give anything but a study or a `TableError` of one screen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from cytobayes.datasets import InputError, Study, TableError, open_study, write_nonmem
from cytobayes.datasets.table import parse_table
from cytobayes.datasets.vocabulary import COLUMNS

HEAD = b"subject,time,observable,value\n"
PIECES = (
    "0 1 2 -1 1.5 1,5 <1.2 >9 <=2 < <> 1e9 1e999 <1e999 nan inf NA . BLQ >ULOQ x pg/mL ng/L A 007 "
    '1_0 \u0663 5pg 2020-01-01 1. .5 +3 0x10 1e \' " "" \ufeff \u2028 \xa0 \xb5'
)
CELLS = st.one_of(
    st.sampled_from(["", *PIECES.split(" ")]),
    st.text(max_size=6),
    st.floats().map(repr),
    st.integers(-3, 5).map(str),
)
NAMES = st.one_of(
    st.sampled_from([*COLUMNS, "VALUE", "vlaue", "LLOQ", "se", "ID", "comment", "EVID", ""]),
    st.text(max_size=5),
)


@st.composite
def tables(draw: st.DrawFn) -> bytes:
    """Almost tables: mostly the right columns, mostly the right number of fields."""
    head = draw(
        st.one_of(
            st.just(["subject", "time", "observable", "value"]),
            st.permutations(COLUMNS).map(list),
            st.lists(NAMES, max_size=8),
        )
    )
    width = st.just(len(head)) if draw(st.booleans()) else st.integers(0, len(head) + 2)
    rows = draw(st.lists(width.flatmap(lambda n: st.lists(CELLS, min_size=n, max_size=n))))
    quote = draw(st.sampled_from(["", '"']))
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    lines = [separator.join(quote + cell + quote for cell in row) for row in [head, *rows]]
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    return text.encode(
        draw(st.sampled_from(["utf-8"] * 8 + ["utf-8-sig", "utf-16"])), "surrogatepass"
    )


def judge(
    raw: bytes,
    columns: dict[str, str] | None = None,
    unit: str | None = None,
    **options: Any,
) -> Study | None:
    """Read, and check that every row is accounted for and every message fits."""
    try:
        study = parse_table(raw, "fuzz.csv", columns, time_unit=unit, **options)
    except TableError as error:
        text = str(error)
        assert error.count == len(error.problems) > 0
        assert len(text.splitlines()) <= 26 and max(map(len, text.splitlines())) <= 100
        assert all(line.isprintable() for line in text.split("\n"))
        return None
    (record,) = study.provenance
    assert record.rows_read is not None and record.rows_kept is not None
    read, _, parts = record.steps[0].partition(" read = ")
    counts = [int(part.split()[0]) for part in parts.split(" + ")]
    assert int(read.split()[0]) == record.rows_read == sum(counts)
    assert record.rows_kept == study.observations.sizes["row"] == counts[0]
    silent = [s for s in record.steps if s.endswith("without a value left out")]
    left = sum(int(s.rsplit(": ", 1)[1].split()[0]) for s in silent)
    blank = [p for p in parts.split(" + ") if p.endswith(("left out", "without a value"))]
    assert left >= sum(int(p.split()[0]) for p in blank)
    assert np.isfinite(study.observations["value"]).all()
    assert (study.observations["time"] >= 0).all()
    assert len(str(study).splitlines()) <= 60
    assert Study.from_tree(study.tree).tree.identical(study.tree)
    return study


@given(raw=st.one_of(st.binary(), st.text().map(lambda text: HEAD + text.encode())))
@example(raw=b",")
@example(raw=HEAD + b'1,0,"IL6\n')
@example(raw=HEAD + b"1,0,IL6," + b"9" * 200_000)
@example(raw=b"\xef\xbb\xbf\xef\xbb\xbf" + HEAD)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    judge(raw)


@settings(max_examples=150)
@given(raw=tables())
def test_any_almost_table_is_read_or_refused(raw: bytes) -> None:
    judge(raw)


@given(
    raw=tables(),
    columns=st.dictionaries(NAMES, NAMES, max_size=4),
    unit=st.one_of(st.none(), st.text(max_size=3)),
)
def test_any_map_of_columns_is_obeyed_or_refused(
    raw: bytes, columns: dict[str, str], unit: str | None
) -> None:
    judge(raw, columns, unit)


@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(["0", "1", "2.5"]),
            st.sampled_from(["IL6", "TNF"]),
            st.sampled_from(["1", "<2", ">3", "", "7"]),
            st.sampled_from(["", "", "1", "2"]),
            st.sampled_from(["", "", "9", "3"]),
            st.sampled_from([",", ",", ",", ",", "1,4", "1,"]),  # sd and n
        ),
        unique_by=lambda row: row[:3],
        min_size=1,
    )
)
def test_sorted_tables_with_limits_and_sd_are_read_or_refused(
    cells: list[tuple[str, ...]],
) -> None:
    head = "subject,time,observable,value,lower,upper,sd,n"
    judge("\n".join([head, *(",".join(row) for row in sorted(cells))]).encode())


RECORDS = {
    "ID": ["1", "1", "1", "2", "C", ""],
    "TIME": ["0", "1", "1", "2", "3.5", ".", "08:00", "-1"],
    "DV": ["1", "2.5", ".", "<0.5", ">9", "BLQ", "0", "hemolyzed", "x"],
    "AMT": [".", ".", "0", "100", "5", "-1"],
    "EVID": ["0", "0", "0", "1", "2", "3", "4", "101", "9", "."],
    "MDV": ["0", "0", "1", "."],
    "CMT": ["1", "2", ".", "depot", "-1", "0"],
    "RATE": [".", "0", "0", "5", "-1", "-2", "-3"],
    "DUR": [".", "0", "2"],
    "II": [".", "12", "12", "0"],
    "ADDL": [".", "0", "3", "1.5"],
    "SS": [".", "0", "1", "2"],
    "DVID": ["1", "1", "2", "cp", "."],
    "CENS": ["0", "0", "1", "-1"],
    "LIMIT": [".", "0.1", "50"],
    "LLOQ": [".", "0.5"],
    "ULOQ": [".", "9"],
    "BLQ": ["0", "0", "1"],
    "OCC": ["1", "2", "."],
    "WT": ["70", "70", "71", "."],
    "SEX": ["m", "f", "."],
    "DATE": ["1"],
}
GOOD = {
    "TIME": ["0", "1", "2", "3.5"],
    "DV": ["1", "2.5", ".", "0.25"],
    "AMT": ["100", "5", "0"],
    "EVID": ["0", "0", "0", "1", "2", "3", "4"],
    "CMT": ["1", "2", "depot"],
    "II": ["12", "24"],
    "ADDL": ["0", "3"],
    "SS": ["0", "1"],
    "RATE": ["0", "5", "-2"],
    "CENS": ["0", "1", "-1"],
    "LIMIT": [".", "."],
}


@st.composite
def records(draw: st.DrawFn) -> bytes:
    """Almost NONMEM files: the usual columns, cells that mostly make sense."""
    names = draw(st.permutations([n for n in RECORDS if n != "DATE" or draw(st.booleans())]))
    names = list(dict.fromkeys(["ID", "TIME", "DV", *names[: draw(st.integers(0, len(names)))]]))
    cells = st.tuples(*(st.one_of(st.sampled_from(RECORDS[n])) for n in names))
    rows = draw(st.lists(cells, max_size=8))
    if draw(st.booleans()):
        place = names.index("TIME")
        rows = sorted(rows, key=lambda row: (row[0], row[place].rjust(6)))
    return "\n".join([",".join(names), *(",".join(row) for row in rows)]).encode()


@settings(max_examples=200)
@given(raw=records(), names=st.sampled_from([{}, {}, {1: "CP", 2: "PD"}, {"cp": "A"}]))
def test_any_almost_nonmem_file_is_read_or_refused(raw: bytes, names: dict[object, str]) -> None:
    judge(raw, format="nonmem", observables=names)


@given(
    raw=records(),
    columns=st.dictionaries(
        st.sampled_from(["value", "DV", "subject", "cens", "x", "lower", "observable"]),
        st.sampled_from(["DV", "WT", "id", "SEX", "Q", "", "LLOQ"]),
    ),
    unit=st.sampled_from(["", "h", "mL"]),
    units=st.dictionaries(
        st.sampled_from(["DV", "AMT", "DV_1", "cp"]), st.sampled_from(["mg", ""])
    ),
)
def test_any_options_for_a_nonmem_file_are_obeyed_or_refused(
    raw: bytes, columns: dict[str, str], unit: str, units: dict[str, str]
) -> None:
    raw = raw.replace(b"TIME", b"TIME (d)")
    judge(raw, columns, unit, format="nonmem", units=units, limits={"DV": (0.1, 5.0)})
    judge(raw, columns, unit, format="nonmem", units=units)


@st.composite
def sound_records(draw: st.DrawFn) -> bytes:
    """NONMEM files that make sense, most of them."""
    names = ["ID", "TIME", "DV", "EVID", "AMT", "CMT", "II", "ADDL", "SS", "RATE"]
    names += draw(st.sampled_from([[], ["DVID"], ["CENS", "LIMIT"], ["LLOQ", "ULOQ"]]))
    names += draw(st.sampled_from([[], ["WT"], ["OCC", "SEX", "WT"]]))
    lines = [",".join(names)]
    for subject in draw(st.lists(st.sampled_from(["1", "2", "A-3"]), min_size=1, unique=True)):
        for time in sorted(draw(st.lists(st.sampled_from(GOOD["TIME"]), min_size=1, max_size=6))):
            row = {n: draw(st.sampled_from(GOOD.get(n, RECORDS[n]))) for n in names}
            row |= {"ID": subject, "TIME": time}
            if row["EVID"] in "023":
                row |= dict.fromkeys(["AMT", "CMT", "II", "ADDL", "SS", "RATE"], ".")
            if row["EVID"] != "0":
                row |= {n: "." for n in ("DV", "DVID", "CENS", "LIMIT", "LLOQ", "ULOQ") if n in row}
            lines.append(",".join(row[n] for n in names))
    return "\n".join(lines).encode()


@settings(max_examples=60)
@given(raw=sound_records())
def test_what_is_read_from_nonmem_is_written_and_read_without_a_loss(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    study = judge(raw)
    if study is None:
        return
    event("a study")
    path = tmp_path_factory.getbasetemp() / "again.csv"
    write_nonmem(study, path)
    again = parse_table(path.read_bytes(), "again.csv", name=study.name)
    for node in ("observations", "doses", "covariates"):
        one, other = study.to_frame(node), again.to_frame(node)
        pd.testing.assert_frame_equal(one, other)


@settings(max_examples=100)
@given(raw=tables(), names=st.lists(NAMES, max_size=3))
def test_any_almost_table_is_read_or_refused_as_a_wide_one(raw: bytes, names: list[str]) -> None:
    judge(raw.replace(b"value", b"x (pg/mL)"), format="wide", observables=names)


def stored(kind: str) -> bytes:
    frame = pd.DataFrame({"subject": ["1", "2"], "time": [0, 1.5], "observable": "x", "value": 2})
    out = io.BytesIO()
    if kind == "xlsx":
        frame.to_excel(out, index=False)
    else:
        frame.to_parquet(out)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["xlsx", "parquet"])
@given(data=st.data())
def test_any_damage_to_a_stored_table_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    raw = bytearray(STORED[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] = data.draw(st.integers(0, 255))
    judge(bytes(raw[: data.draw(st.integers(0, len(raw)))] if data.draw(st.booleans()) else raw))


STORED = {kind: stored(kind) for kind in ("xlsx", "parquet")}


@given(name=st.text())
@example(name="\0")
@example(name="a" * 5000)
@example(name="..")
def test_any_name_is_opened_or_refused(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = tmp_path_factory.getbasetemp() / "empty"
    empty.mkdir(exist_ok=True)
    for path in (name, str(empty / name), Path(name)):
        try:
            open_study(path)
        except InputError as error:
            assert len(str(error).splitlines()) <= 26
