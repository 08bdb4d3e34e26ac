"""No bytes and no table give anything but a study or a `TableError` of one screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cytobayes.datasets import InputError, Study, TableError, open_study
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


def judge(raw: bytes, columns: dict[str, str] | None = None, unit: str | None = None) -> None:
    """Read, and check that every row is accounted for and every message fits."""
    try:
        study = parse_table(raw, "fuzz.csv", columns, time_unit=unit)
    except TableError as error:
        text = str(error)
        assert error.count == len(error.problems) > 0
        assert len(text.splitlines()) <= 26 and max(map(len, text.splitlines())) <= 100
        assert all(line.isprintable() for line in text.split("\n"))
        return
    (record,) = study.provenance
    assert record.rows_read is not None and record.rows_kept is not None
    counted = [s for s in record.steps if s.endswith("without a value left out")]
    left = sum(int(s.rsplit(": ", 1)[1].split()[0]) for s in counted)
    assert record.rows_kept == study.observations.sizes["row"] == record.rows_read - left
    assert np.isfinite(study.observations["value"]).all()
    assert (study.observations["time"] >= 0).all()
    assert len(str(study).splitlines()) <= 60
    assert Study.from_tree(study.tree).tree.identical(study.tree)


@given(raw=st.one_of(st.binary(), st.text().map(lambda text: HEAD + text.encode())))
@example(raw=b",")
@example(raw=HEAD + b'1,0,"IL6\n')
@example(raw=HEAD + b"1,0,IL6," + b"9" * 200_000)
@example(raw=b"\xef\xbb\xbf\xef\xbb\xbf" + HEAD)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    judge(raw)


@settings(max_examples=400)
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
