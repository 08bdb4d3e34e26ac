"""The command ``nca``: non-compartmental analysis of measurements, as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ...datasets.errors import InputError
from ...datasets.options import options_of_words
from ...datasets.wording import counted, shown
from ...datasets.writing import whole_file
from ..analysis import DataSource
from ..console import say, show
from ..response.nca import nca

__all__ = ["notes", "run_nca"]

SHOWN = ("subject", "observable", "unit", "n", "cmax", "tmax", "tlast", "auclast", "half.life")
BETWEEN, LIMIT = "peak may lie between visits", "peak is at the upper limit"


def run_nca(
    data: str,
    *,
    only: Sequence[str] = (),
    window: str | None = None,
    level: float | None = None,
    method: str = "lin up/log down",
    serum_il6: bool = False,
    out: Path | None = None,
    force: bool = False,
    as_json: bool = False,
    patients: str = "",
    **words: Any,
) -> pd.DataFrame:
    """Read a file, analyze every curve, print the table, and write all its columns.

    Parameters
    ----------
    data : str
        File of measurements, or name of a published set.
    only : sequence of str
        Observables; default: all.
    level, method, serum_il6
        As in `nca`.
    window : str, optional
        First and last time, ``"0:28"``, in the time unit of the data.
    out : Path, optional
        csv to write: the columns of `nca`, and ``note``.
    force : bool
        Replace it.
    as_json : bool
        Print for programs.
    patients, **words
        How the files are read, as in `options_of_words`.

    Raises
    ------
    InputError
        If the data or an option cannot be used, or ``out`` exists.
    """
    if out is not None:
        _refuse(out, force)
    between = None if window is None else _window(window)
    study = DataSource.of(data, patients, options_of_words(**words)).open(Path())
    table = nca(
        study, list(only) or None, window=between, level=level, method=method,
        serum_il6=serum_il6,
    )  # fmt: skip
    rules, unit = str(table.attrs["rules"]), study.time_unit
    table["note"] = [notes(row) for _, row in table.iterrows()]
    missed = int(table["peak_between_visits"].sum())
    say(f"{study.name}: {counted(len(table), 'curve')}; times in {unit}, areas in unit*{unit}.")
    say(rules)
    if missed:
        say(
            f"{counted(missed, 'peak')} of {len(table)} may lie between visits: the sample before "
            "or after is less than half as high, or there is none, and cmax is a lower bound.",
            style="yellow",
        )
    if as_json:
        rows = json.loads(table.to_json(orient="records"))
        print(json.dumps({"time_unit": unit, "rules": rules, "curves": rows}, indent=1))
    else:
        columns = [*SHOWN, *(["time_above"] if level is not None else []), "note"]
        text = table[columns].to_string(index=False, na_rep="-", float_format=lambda v: f"{v:.4g}")
        show(text)
    if out is not None:
        with whole_file(out) as part:
            table.to_csv(part, index=False, lineterminator="\n")
        say(f"written to {out}")
    return table


def notes(row: Mapping[str, Any] | pd.Series[Any]) -> str:
    """Say in words what is special about a curve.

    Examples
    --------
    >>> notes({"peak_between_visits": True, "cmax_at_limit": False, "cut_at_blockade": 2})
    'peak may lie between visits; 2 rows after tocilizumab left out'
    """
    said = [t for t, n in ((BETWEEN, "peak_between_visits"), (LIMIT, "cmax_at_limit")) if row[n]]
    if cut := int(row["cut_at_blockade"]):
        said.append(f"{counted(cut, 'row')} after tocilizumab left out")
    return "; ".join(said)


def _window(text: str) -> tuple[float, float]:
    try:
        begin, end = (float(part) for part in text.split(":"))
    except ValueError:
        raise InputError(f"--window {shown(text)}: write first and last time, as 0:28.") from None
    if not begin < end:
        raise InputError(f"--window {shown(text)} is empty: the first time comes first.")
    return begin, end


def _refuse(out: Path, force: bool) -> None:
    """Refuse to replace a file, or to write where no folder is, before anything is read."""
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    if out.is_dir():
        raise InputError(f"--out {out} is a folder; name a csv file")
    if out.exists() and not force:
        raise InputError(f"{out} exists; name another file with --out, or replace it with --force")
