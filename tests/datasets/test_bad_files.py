"""Every bad file gets one screen that names the row, the column, the value and a remedy."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cytobayes.datasets import InputError, TableError, read_table

HEAD = "subject,time,observable,value\n"
LIMITS = "subject,time,observable,value,lower,upper\n"
MEANS = "subject,time,observable,value,sd,n\n"
UNITS = "subject,time,observable,value,unit\n"
NM = "ID,TIME,DV,AMT,EVID,CMT\n"
RATES = "ID,TIME,DV,AMT,EVID,RATE,II,ADDL,SS\n"


class Bad(NamedTuple):
    """Contents; row, column and value of the first problem; words of its message and remedy."""

    text: str | bytes
    row: int | None
    column: str | None
    value: str | None
    words: str
    remedy: str


BAD = {
    "zero bytes long": Bad("", None, None, None, "empty", "header"),
    "only blank lines": Bad("\n \n\n", None, None, None, "empty", "header"),
    "only separators": Bad(",,\n,,\n", None, None, None, "only blank lines", "header"),
    "only a byte order mark": Bad(b"\xef\xbb\xbf", None, None, None, "empty", "header"),
    "header only": Bad(HEAD, None, None, None, "no row", "one row per measurement"),
    "zero bytes in text": Bad(HEAD.encode() + b"1,0,\0\n", 2, None, None, "zero bytes", "CSV"),
    "an Excel workbook": Bad(b"PK\x03\x04\0\0", None, None, None, "Excel", "CSV"),
    "UTF-16": Bad(HEAD.encode("utf-16"), None, None, None, "UTF-16", "UTF-8"),
    "Latin-1": Bad(
        (HEAD + "1,0,IL6,1\nJosé,0,IL6,1\n").encode("latin-1"),
        3,
        None,
        "José,0,IL6,1",
        "not UTF-8",
        "CSV",
    ),
    "a required column missing": Bad(
        "subject,time,observable\n1,0,IL6\n", 1, None, None, "'value' is missing", "columns="
    ),
    "a required column misspelt": Bad(
        "subject,time,observable,vlaue\n1,0,IL6,2\n", 1, None, None, "'value' is", "Is it 'vlaue'?"
    ),
    "a name of NONMEM": Bad(
        "ID,time,observable,value\n1,0,IL6,2\n", 1, None, None, "'subject'", "Is it 'ID'?"
    ),
    "limits under another name": Bad(
        "subject,time,observable,value,LLOQ\n1,0,IL6,2,3\n",
        1,
        "LLOQ",
        None,
        "may matter",
        "Rename it to 'lower'",
    ),
    "a standard error": Bad(
        "subject,time,observable,value,se\n1,0,IL6,2,3\n", 1, "se", None, "may matter", "sqrt(n)"
    ),
    "a censoring flag": Bad(
        "subject,time,observable,value,CENS\n1,0,IL6,2,1\n", 1, "CENS", None, "matter", "<LIMIT"
    ),
    "dose rows": Bad(
        "subject,time,observable,value,EVID\n1,0,IL6,2,0\n", 1, "EVID", None, "matter", "doses"
    ),
    "a column name twice": Bad(
        "subject,time,observable,value,Value\n1,0,IL6,2,3\n", 1, "Value", None, "twice", "Rename"
    ),
    "values below no name": Bad(
        "subject,time,observable,value,\n1,0,IL6,2,3\n", 1, None, None, "no name", "Name the column"
    ),
    "too many fields": Bad(
        HEAD + "1,0,IL6,2\n1,1,IL6,2,3\n", 3, None, "1,1,IL6,2,3", "more fields", "double quotes"
    ),
    "too few fields": Bad(HEAD + "1,0,IL6\n", 2, None, "1,0,IL6", "fewer fields", "Write every"),
    "an open quote": Bad(HEAD + '1,0,IL6,2\n1,1,"IL6,2\n', 3, None, None, "never closed", "Close"),
    "text behind a quote": Bad(HEAD + '1,0,"IL"6,2\n', 2, None, None, "follows", "Quote the whole"),
    "text in a number column": Bad(
        HEAD + "1,0,IL6,strange\n",
        2,
        "value",
        "strange",
        "not a number",
        "leave the value empty",
    ),
    "BLQ without a limit": Bad(
        HEAD + "1,0,IL6,BLQ\n", 2, "value", "BLQ", "below a limit", "'<1.2'"
    ),
    "ALQ without a limit": Bad(HEAD + "1,0,IL6,>ULOQ\n", 2, "value", ">ULOQ", "above", "'>1500'"),
    "a decimal comma": Bad(HEAD + '1,0,IL6,"1,5"\n', 2, "value", "1,5", "decimal comma", "point"),
    "a unit behind the number": Bad(
        HEAD + "1,0,IL6,5 pg/mL\n", 2, "value", "5 pg/mL", "unit", "column 'unit'"
    ),
    "an underscore in a number": Bad(
        HEAD + "1,0,IL6,1_000\n", 2, "value", "1_000", "note behind", "number alone"
    ),
    "infinite": Bad(HEAD + "1,0,IL6,inf\n", 2, "value", "inf", "not finite", "empty"),
    "not a number": Bad(HEAD + "1,0,IL6,NaN\n", 2, "value", "NaN", "not finite", "empty"),
    "too large": Bad(HEAD + "1,0,IL6,1e999\n", 2, "value", "1e999", "not finite", "empty"),
    "a limit too large": Bad(HEAD + "1,0,IL6,<1e999\n", 2, "value", "<1e999", "limit", "finite"),
    "a negative time": Bad(HEAD + "1,-1,IL6,2\n", 2, "time", "-1", "negative", "starts at 0"),
    "an empty time": Bad(HEAD + "1,,IL6,2\n", 2, "time", "", "empty", "number"),
    "a date": Bad(HEAD + "1,2024-03-01,IL6,2\n", 2, "time", "2024-03-01", "date", "passed since"),
    "an infinite time": Bad(HEAD + "1,inf,IL6,2\n", 2, "time", "inf", "not finite", "empty"),
    "a limit as time": Bad(HEAD + "1,<3,IL6,2\n", 2, "time", "<3", "limit", "column of values"),
    "unsorted times": Bad(
        HEAD + "1,0,IL6,2\n1,2,IL6,2\n1,1,IL6,3\n",
        4,
        "time",
        "1 (1, IL6)",
        "earlier than the row before",
        "Sort the file",
    ),
    "a duplicate row": Bad(
        HEAD + "1,0,IL6,2\n1,0,TNF,2\n1,0,IL6,3\n",
        4,
        "time",
        "0 (1, IL6, as in row 2)",
        "repeats",
        "mean of the replicates",
    ),
    "a blank subject": Bad(HEAD + " ,0,IL6,2\n", 2, "subject", "", "is empty", "name"),
    "a blank observable": Bad(HEAD + "1,0,,2\n", 2, "observable", "", "is empty", "name"),
    "a line break in a name": Bad(
        HEAD + '"a\nb",0,IL6,2\n', 2, "subject", "a\nb", "cannot be printed", "one line"
    ),
    "mixed units": Bad(
        UNITS + "1,0,IL6,2,pg/mL\n1,1,IL6,2,ng/L\n",
        3,
        "unit",
        "ng/L (pg/mL in row 2)",
        "another unit",
        "Convert",
    ),
    "a unit missing in one row": Bad(
        UNITS + "1,0,IL6,2,pg/mL\n1,1,IL6,2,\n",
        3,
        "unit",
        " (pg/mL in row 2)",
        "another",
        "one unit",
    ),
    "two time units": Bad(
        "subject,time,observable,value,time_unit\n1,0,IL6,2,h\n1,1,IL6,2,d\n",
        3,
        "time_unit",
        "d (h in row 2)",
        "same file",
        "Convert",
    ),
    "lower above upper": Bad(
        LIMITS + "1,0,IL6,2,5,3\n", 2, "lower", "5 to 3", "not below", "limits"
    ),
    "lower equal to upper": Bad(LIMITS + "1,0,IL6,2,3,3\n", 2, "lower", "3 to 3", "not", "limits"),
    "a mark against the limit": Bad(
        LIMITS + "1,0,IL6,<2,1,\n", 2, "lower", "1", "another limit", "agree"
    ),
    "a mark beyond the other limit": Bad(
        LIMITS + "1,0,IL6,<9,,5\n", 2, "value", "9", "not below the upper", "limits"
    ),
    "a mark at the other limit": Bad(
        LIMITS + "1,0,IL6,>2,2,\n", 2, "value", "2", "not above the lower", "limits"
    ),
    "text as limit": Bad(
        LIMITS + "1,0,IL6,2,LLOQ,\n", 2, "lower", "LLOQ", "below a limit", "Write"
    ),
    "a negative sd": Bad(MEANS + "g,0,IL6,2,-1,5\n", 2, "sd", "-1", "greater than 0", "sd"),
    "no sd at all": Bad(MEANS + "g,0,IL6,2,0,5\n", 2, "sd", "0", "greater than 0", "sd"),
    "n of zero": Bad(MEANS + "g,0,IL6,2,1,0\n", 2, "n", "0", "2 or more", "single measurement"),
    "n of one half": Bad(MEANS + "g,0,IL6,2,1,2.5\n", 2, "n", "2.5", "whole", "mean"),
    "sd without n": Bad(MEANS + "g,0,IL6,2,1,\n", 2, "sd", "1", "no n", "needs sd and n"),
    "n without sd": Bad(MEANS + "g,0,IL6,2,,5\n", 2, "n", "5", "no sd", "needs sd and n"),
    "sd in some rows of a group": Bad(
        MEANS + "g,0,IL6,2,1,5\ng,1,IL6,2,,\n", 3, "sd", "", "other rows", "every row"
    ),
    "a censored mean": Bad(
        MEANS + "g,0,IL6,<2,1,5\n", 2, "value", "2", "cannot be censored", "mark"
    ),
    "a value that may be either": Bad(
        HEAD + "1,0,IL6,n.d.\n", 2, "value", "n.d.", "'not detected' or 'not done'", "NA"
    ),
    "BLQ with an upper limit alone": Bad(
        LIMITS + "1,0,IL6,BLQ,,9\n", 2, "value", "BLQ", "without the limit", "limits={...}"
    ),
    **{
        f"NONMEM: {name}": bad
        for name, bad in {
            "no DV": Bad("ID,TIME,EVID\n1,0,0\n", 1, None, None, "DV is missing", "'value'"),
            "no TIME": Bad("ID,DV,EVID\n1,0,0\n", 1, None, None, "TIME is missing", "'time'"),
            "a clock": Bad(
                NM + "1,08:30,5,.,0,.\n", 2, "TIME", "08:30", "time of day", "passed since"
            ),
            "a date": Bad(
                "ID,DATE,TIME,DV\n1,2024-01-01,0,5\n",
                1,
                "DATE",
                None,
                "calendar date",
                "hours or days",
            ),
            "no time": Bad(NM + "1,.,5,.,0,.\n", 2, "TIME", ".", "empty", "number"),
            "time before zero": Bad(
                NM + "1,-1,5,.,0,.\n", 2, "TIME", "-1", "negative time", "starts at 0"
            ),
            "time going back": Bad(
                NM + "1,2,5,.,0,.\n1,1,5,.,0,.\n", 3, "TIME", "1 (1)", "earlier", "Sort"
            ),
            "time after a reset": Bad(
                NM + "1,2,5,.,0,.\n1,0,.,.,3,.\n", 3, "TIME", "0 (1)", "earlier", "reset"
            ),
            "a subject in two pieces": Bad(
                NM + "1,0,5,.,0,.\n2,0,5,.,0,.\n1,1,5,.,0,.\n",
                4,
                "ID",
                "1",
                "again after",
                "together",
            ),
            "no subject": Bad(NM + ",0,5,.,0,.\n", 2, "ID", "", "empty", "name"),
            "an unknown event": Bad(
                NM + "1,0,5,.,5,.\n", 2, "EVID", "5", "no kind of event", "0 (measurement)"
            ),
            "a code of nlmixr": Bad(
                NM + "1,0,5,1,10110,.\n", 2, "EVID", "10110", "no kind of event", "1 (dose)"
            ),
            "two compartments": Bad(
                NM + "1,0,5,1,101,2\n", 2, "EVID", "101", "another compartment", "CMT"
            ),
            "a dose without an amount": Bad(
                NM + "1,0,.,.,1,1\n1,1,5,.,0,.\n", 2, "AMT", "", "without an amount", "EVID 2"
            ),
            "a negative amount": Bad(
                NM + "1,0,.,-5,1,1\n1,1,5,.,0,.\n", 2, "AMT", "-5", "negative", "Correct"
            ),
            "an amount in a measurement": Bad(
                NM + "1,0,5,10,0,1\n", 2, "AMT", "10", "no dose", "EVID 1"
            ),
            "an amount in a reset": Bad(
                NM + "1,0,.,10,3,1\n1,1,5,.,0,.\n", 2, "AMT", "10", "only resets", "EVID 4"
            ),
            "text as an amount": Bad(
                NM + "1,0,.,5mg,1,1\n1,1,5,.,0,.\n", 2, "AMT", "5mg", "unit", "number alone"
            ),
            "a compartment that is none": Bad(
                NM + "1,0,.,5,1,-2\n1,1,5,.,0,.\n", 2, "CMT", "-2", "no compartment", "number"
            ),
            "BLQ without LLOQ": Bad(
                NM + "1,0,BLQ,.,0,.\n", 2, "DV", "BLQ", "without the limit", "'<1.2'"
            ),
            "a flag BLQ without LLOQ": Bad(
                "ID,TIME,DV,BLQ\n1,0,0,1\n", 2, "DV", "0", "without the limit", "limits={...}"
            ),
            "a rate that is none": Bad(
                RATES + "1,0,.,5,1,-3,.,.,.\n1,1,5,.,0,.,.,.,.\n", 2, "RATE", "-3", "no rate", "-2"
            ),
            "a rate without an amount": Bad(
                RATES + "1,0,.,0,1,5,.,.,.\n1,1,5,.,0,.,.,.,.\n",
                2,
                "RATE",
                "5",
                "without an amount",
                "SS 1",
            ),
            "a rate in a measurement": Bad(
                RATES + "1,0,5,.,0,5,.,.,.\n", 2, "RATE", "5", "belongs to a dose", "EVID 1"
            ),
            "further doses without an interval": Bad(
                RATES + "1,0,.,5,1,.,.,3,.\n1,1,5,.,0,.,.,.,.\n",
                2,
                "ADDL",
                "3",
                "without their interval",
                "II",
            ),
            "half a further dose": Bad(
                RATES + "1,0,.,5,1,.,9,1.5,.\n1,1,5,.,0,.,.,.,.\n",
                2,
                "ADDL",
                "1.5",
                "number",
                "none",
            ),
            "a negative interval": Bad(
                RATES + "1,0,.,5,1,.,-9,.,.\n1,1,5,.,0,.,.,.,.\n",
                2,
                "II",
                "-9",
                "negative",
                "Correct",
            ),
            "a steady state without an interval": Bad(
                RATES + "1,0,.,5,1,.,.,.,1\n1,1,5,.,0,.,.,.,.\n",
                2,
                "SS",
                "1",
                "without an interval",
                "constant infusion",
            ),
            "an unknown steady state": Bad(
                RATES + "1,0,.,5,1,.,9,.,3\n1,1,5,.,0,.,.,.,.\n", 2, "SS", "3", "no flag", "0, 1, 2"
            ),
            "a rate beside a duration": Bad(
                "ID,TIME,DV,AMT,EVID,RATE,DUR\n1,0,.,5,1,2,3\n1,1,5,.,0,.,.\n",
                2,
                "RATE",
                "2",
                "beside a duration",
                "not both",
            ),
            "a negative duration": Bad(
                "ID,TIME,DV,AMT,EVID,DUR\n1,0,.,5,1,-3\n1,1,5,.,0,.\n",
                2,
                "DUR",
                "-3",
                "negative",
                "Correct",
            ),
            "an unknown MDV": Bad("ID,TIME,DV,MDV\n1,0,5,3\n", 2, "MDV", "3", "no flag", "0, 1"),
            "MDV against EVID": Bad(
                "ID,TIME,DV,AMT,EVID,MDV\n1,0,7,5,1,0\n1,1,5,.,0,0\n",
                2,
                "MDV",
                "0",
                "EVID says another",
                "own record",
            ),
            "an unknown CENS": Bad(
                "ID,TIME,DV,CENS\n1,0,5,2\n", 2, "CENS", "2", "no flag", "-1, 0, 1"
            ),
            "CENS without DV": Bad(
                "ID,TIME,DV,CENS\n1,0,.,1\n1,1,2,0\n", 2, "CENS", "1", "not there", "limit"
            ),
            "CENS against the mark": Bad(
                "ID,TIME,DV,CENS\n1,0,<5,-1\n", 2, "CENS", "-1", "contradicts", "agree"
            ),
            "LIMIT above the limit": Bad(
                "ID,TIME,DV,CENS,LIMIT\n1,0,5,1,6\n", 2, "LIMIT", "6", "not beyond", "below DV"
            ),
            "LIMIT below an upper limit": Bad(
                "ID,TIME,DV,CENS,LIMIT\n1,0,5,-1,4\n", 2, "LIMIT", "4", "not beyond", "above it"
            ),
            "no DVID": Bad(
                "ID,TIME,DV,DVID\n1,0,5,1\n1,0,5,2\n1,1,5,.\n",
                4,
                "DVID",
                ".",
                "which observable",
                "DVID of every",
            ),
        }.items()
    },
    "wide: a column twice": Bad(
        "subject,time,IL6 (pg/mL),IL6 (ng/L)\n1,0,2,3\n",
        1,
        "IL6 (pg/mL)",
        None,
        "several columns",
        "own name",
    ),
    "wide: text in one analyte": Bad(
        "subject,time,IL6 (pg/mL),TNF_pg_mL\n1,0,2,x\n",
        2,
        "TNF_pg_mL",
        "x",
        "not a number",
        "missing=[...]",
    ),
    "wide: no time": Bad(
        "subject,day,IL6 (pg/mL)\n1,0,2\n", 1, None, None, "'time' is missing", "Is it 'day'?"
    ),
    "wide: time going back": Bad(
        "subject,time,IL6 (pg/mL)\n1,2,2\n1,1,2\n", 3, "time", "1 (1)", "earlier", "Sort"
    ),
    "no value at all": Bad(
        HEAD + "1,0,IL6,\n1,1,IL6,NA\n", None, None, None, "no row has", "column"
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def put(text: str | bytes) -> Path:
        path = tmp_path / "il6.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


def refusal(path: Path | str, **options: object) -> TableError:
    with pytest.raises(TableError) as caught:
        read_table(path, **options)  # type: ignore[arg-type]
    error = caught.value
    lines = str(error).splitlines()
    assert len(lines) <= 26 and max(map(len, lines)) <= 100
    assert len(error.problems) == error.count > 0
    return error


@pytest.mark.parametrize("case", BAD, ids=str)
def test_is_refused_with_row_column_value_and_remedy(
    case: str, write: Callable[[str | bytes], Path]
) -> None:
    bad = BAD[case]
    path = write(bad.text)
    error = refusal(path)
    first = error.problems[0]
    assert (first.row, first.column, first.value) == (bad.row, bad.column, bad.value)
    assert bad.words in first.message and bad.remedy in first.remedy
    assert first.file == str(path)
    text = " ".join(str(error).split())
    assert "il6.csv" in text and first.message in text and first.remedy in text
    if error.rows_read is not None:
        assert f"= 0 kept + {error.rows_read} refused" in text


def test_all_problems_of_a_file_are_listed_at_once(write: Callable[[str | bytes], Path]) -> None:
    rows = "1,0,IL6,BLQ,,3\n1,-1,IL6,2,,\n,2,IL6,3,,\n1,3,IL6\n1,4,IL6,strange,,\n1,5,IL6,x,5,3\n"
    error = refusal(write(LIMITS + rows))
    where = {(p.row, p.column) for p in error.problems}
    assert where >= {(2, "value"), (7, "lower"), (3, "time"), (4, "subject")}
    assert where >= {(5, None), (6, "value"), (7, "value")}
    assert error.rows_read == 6


def test_the_same_problem_in_many_rows_is_one_entry(write: Callable[[str | bytes], Path]) -> None:
    error = refusal(write(HEAD + "".join(f"1,{t},IL6,BLQ\n" for t in range(1000))))
    assert error.count == 1000 and len(error.findings) == 1
    assert "(also rows 3, 4, 5 and 996 more)" in " ".join(str(error).split())
    assert [p.row for p in error.problems[-2:]] == [1000, 1001]


def test_more_kinds_than_fit_are_counted(write: Callable[[str | bytes], Path]) -> None:
    kinds = ["BLQ", ">ULOQ", '"1,5"', "5 pg", "inf", "x", "1e999", "<1e999", "2020-01-01"]
    error = refusal(write(HEAD + "".join(f"1,{k},,{v}\n" for k, v in enumerate(kinds))))
    last = str(error).splitlines()[-1]
    assert last.startswith("  ... and ") and "more problem" in last and "rows" in last


def test_rows_are_counted_as_an_editor_does(write: Callable[[str | bytes], Path]) -> None:
    text = '\n\nsubject,time,observable,value,"two\nlines"\n1,0,IL6,2,"a\r\nb\rc"\n\n1,x,IL6,3,d\n'
    assert refusal(write(text)).problems[0].row == 9


def test_rows_are_counted_across_a_long_file(write: Callable[[str | bytes], Path]) -> None:
    rows = [f'1,{t},IL6,2,"two\nlines"\n' for t in range(50_000)]
    rows[49_990] = "1,49990,IL6,x,one\n"
    error = refusal(write("\n" * 30_000 + HEAD.replace("\n", ",note\n") + "".join(rows)))
    assert [p.row for p in error.problems] == [30_000 + 1 + 2 * 49_990 + 1]
    assert error.rows_read == 50_000


def test_rows_before_an_open_quote_are_checked_too(write: Callable[[str | bytes], Path]) -> None:
    rows = [f"1,{t},IL6,2\n" for t in range(50_000)]
    rows[30_000], rows[45_000] = "1,30000,IL6,x\n", '1,45000,"IL6,2\n'
    error = refusal(write(HEAD + "".join(rows)))
    assert [p.row for p in error.problems] == [30_002, 45_002]


def test_one_bad_cell_does_not_cause_further_problems(
    write: Callable[[str | bytes], Path],
) -> None:
    error = refusal(write(MEANS + "g,0,IL6,2,abc,5\ng,1,IL6,3,1,5\n"))
    assert [(p.row, p.column) for p in error.problems] == [(2, "sd")]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.csv", "there is no such file. -> Did you mean the file 'missing2.csv'?"),
        ("nowhere/il6.csv", "There is no folder"),
        (".", "it is a folder"),
        ("a\0b", "there is no such file"),
        ("x" * 5000, "it cannot be opened"),
        ("/dev/null", "it is not a regular file"),
    ],
)
def test_what_is_no_file_is_refused(path: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "missing2.csv").write_text(HEAD)
    error = refusal(str(tmp_path / path))
    assert words in " ".join(str(error).split())


def test_the_map_of_columns_is_checked(write: Callable[[str | bytes], Path]) -> None:
    path = write("ID,TIME,what,DV\n1,0,IL6,2\n")
    good = {"subject": "ID", "observable": "what", "value": "DV"}
    for columns, words in (
        ({**good, "vale": "DV"}, "Did you mean 'value'?"),
        ({**good, "value": "DVV"}, "Did you mean 'DV'?"),
        ({**good, "observable": "ID"}, "gives 'ID' for two columns"),
    ):
        assert words in " ".join(str(refusal(path, columns=columns)).split())


def test_a_time_unit_that_is_none_is_refused(write: Callable[[str | bytes], Path]) -> None:
    path = write("subject,time,observable,value,time_unit\n1,0,IL6,2,h\n")
    for unit, words in (("mL", "measure different things"), ("fortnote", "no unit")):
        text = " ".join(str(refusal(path, time_unit=unit)).split())
        assert words in text and "row 2, column 'time_unit': 'h'" in text


def test_control_characters_of_a_file_do_not_reach_the_terminal(
    write: Callable[[str | bytes], Path],
) -> None:
    error = refusal(write(HEAD + "1,0,IL6,\x1b[2Jx\n"))
    assert "\x1b" not in str(error) and "\\x1b" in str(error)


def test_the_error_survives_pickling(write: Callable[[str | bytes], Path]) -> None:
    error = refusal(write(HEAD + "1,0,IL6,x\n"))
    assert isinstance(error, InputError) and isinstance(error, ValueError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
