"""The command ``response``: from a table of patients to an exposure-response page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import closest, counted, shown
from ...datasets.writing import whole_file, write_netcdf
from ..checks.convergence import convergence
from ..console import say, show
from ..response.anchors import anchor_for, check_anchor
from ..response.bins import binned
from ..response.fit_response import ASSOCIATION, fit_response
from ..response.form import read_form
from ..response.page import render_response
from ..response.plot_response import curve_table, plot_response
from ..response.predicted import shown_grades
from ..response.products import compare_products
from ..response.select_response import select_response
from ..response.side_by_side import adjusted

__all__ = ["Answer", "run_response"]

READERS: dict[str, Callable[..., pd.DataFrame]] = {
    ".csv": pd.read_csv,
    ".xlsx": pd.read_excel,
    ".parquet": pd.read_parquet,
}
FILES = ("response.csv", "curve.csv", "bins.csv", "response.png", "posterior.nc", "response.html")
INTERVAL = (0.025, 0.5, 0.975)


@dataclass(frozen=True, eq=False)
class Answer:
    """Everything that a page says.

    Parameters
    ----------
    tree : DataTree
        The fit that is shown.
    steps : tuple of str
        What was done, in sentences.
    tables : dict of name to DataFrame
        ``coefficients``, ``bins``, and where asked ``selection``, ``adjusted``, ``products``.
    groups : array of str or None
        Product of each subject of the fit.
    at_least : int or None
        Grade of an ordinal outcome; None: a curve for each.
    anchor : Dataset or None
        Published curve to lay over.
    """

    tree: xr.DataTree
    steps: tuple[str, ...]
    tables: dict[str, pd.DataFrame]
    groups: Any = None
    at_least: int | None = None
    anchor: xr.Dataset | None = None
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)


def run_response(
    path: Path,
    *,
    exposures: Sequence[str],
    outcome: str,
    curves: Sequence[str],
    covariates: Sequence[str] = (),
    ordinal: bool | None = None,
    at_least: int | None = None,
    scale: str | None = None,
    by: str | None = None,
    partial: Sequence[str] = (),
    anchor: str | None = None,
    out: Path | None = None,
    draws: int = 1000,
    seed: int = 1,
    force: bool = False,
) -> Answer:
    """Read the table, fit, print, and write the folder.

    Raises
    ------
    InputError
        If the file, a column or a value cannot be used, or ``out`` holds files.
    """
    if out is not None:
        _refuse(out, force)
    if anchor is not None:
        check_anchor(anchor, at_least)
    rows, steps = read_rows(path, scale)
    for name in (*exposures, outcome, *covariates, *([by] if by else [])):
        _check_column(path, rows, name)
    y, kind = _outcome(rows, outcome, ordinal, at_least)
    whole = rows[[*exposures, *covariates, *([by] if by else [])]].notna().all(axis=1) & y.notna()
    if (lost := int((~whole).sum())) > 0:
        steps.append(f"{counted(lost, 'patient')} with gaps left out.")
    rows, y = rows[whole], y[whole]
    options: dict[str, Any] = {"kind": kind, "scale": _scale(rows, scale)}
    options |= {"draws": draws, "seed": seed, "partial": tuple(partial)}
    tables: dict[str, pd.DataFrame] = {}
    exposure, curve = exposures[0], curves[0]
    z = rows[list(covariates)] if covariates else None
    if len(exposures) * len(curves) > 1:
        chosen = select_response(rows[list(exposures)], y, curves=curves, covariates=z, **options)
        tables["selection"] = chosen.table
        exposure, curve = chosen.best.rsplit(", ", 1)  # no curve has a comma
        steps.append(chosen.sentence)
    options["curve"] = curve
    if z is None:
        tree = fit_response(rows[exposure], y, **options)
    else:
        tables["adjusted"], both = adjusted(rows[exposure], y, z, **options)
        tree = both["with"]
        steps.append(tables["adjusted"].attrs["sentence"])
    done = str(tree.attrs["what_was_done"])
    steps.insert(0, done[:1].upper() + done[1:])
    grade = None if kind == "binary" else at_least
    published = _published(tree, anchor, at_least, steps)
    groups = None
    if by:
        groups = rows[by].astype(str).to_numpy()
        tables["products"] = compare_products(tree, groups, at_least=grade)
        counts = "" if tree.attrs["kind"] != "ordinal" else f" Risks: grade {grade or 1} or higher."
        steps.append(tables["products"].attrs["sentence"] + counts)
    if z is None:
        steps.append(ASSOCIATION)
    verdict = convergence(tree)
    steps.append(verdict.sentence)
    tables = {"coefficients": coefficients(tree, verdict.table), **tables}
    tables["bins"] = observed(tree, grade)
    curves_shown = curve_table(tree, at_least=grade)
    answer = Answer(tree, tuple(steps), tables, groups, grade, published, curves_shown)
    for step in answer.steps:
        say(step)
    for table in (t for n, t in tables.items() if n != "bins"):
        show(table.to_string(index=False, float_format=lambda v: f"{v:.3g}"))
    if out is not None:
        _write(out, answer)
        say(f"written to {out}: {', '.join(FILES)}")
    return answer


def read_rows(path: Path, scale: str | None) -> tuple[pd.DataFrame, list[str]]:
    """Read the table, one row per patient, of one scale.

    Returns
    -------
    DataFrame
        Indexed by subject where there is such a column.
    list of str
        What was done.
    """
    ending = path.suffix.lower()
    if ending not in READERS:
        raise InputError(f"{path}: the name must end in {', '.join(READERS)}")
    try:
        rows = READERS[ending](path)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, pd.errors.ParserError) as error:
        raise InputError(f"{path} cannot be read as {ending[1:]}: {error}") from None
    steps = []
    if scale is not None and "scale" in rows:
        known = [str(s) for s in pd.unique(rows["scale"].dropna())]
        if scale not in known:
            raise InputError(
                f"{path}: no row has the scale {shown(scale)}, but {', '.join(known)}."
            )
        kept = rows["scale"].astype(str) == scale
        steps.append(f"{int(kept.sum())} of {counted(len(rows), 'row')} are on the scale {scale}.")
        rows = rows[kept]
    if "subject" in rows:
        twice = rows["subject"][rows["subject"].duplicated()]
        if not twice.empty and rows.get("scale", pd.Series(dtype=str)).nunique() < 2:
            line = int(twice.index[0]) + 2
            raise InputError(
                f"{path}, row {line}, column subject: {shown(str(twice.iloc[0]))} occurs twice; "
                "the table needs one row per patient."
            )
        rows = rows.set_index(rows["subject"].astype(str))
    return rows, steps


def coefficients(tree: xr.DataTree, checks: pd.DataFrame) -> pd.DataFrame:
    """Median, 95 % interval and checks of every parameter."""
    known = checks.set_index("parameter")
    rows = []
    for name, draws in tree["posterior"].to_dataset().data_vars.items():
        if "subject" in draws.dims:
            continue
        low, median, high = np.quantile(draws.to_numpy(), INTERVAL)
        values = {"median": median, "low": low, "high": high}
        row = known.loc[str(name)]
        rows.append({"parameter": name, **values, "r_hat": row["r_hat"], "ess": row["ess_bulk"]})
    return pd.DataFrame(rows)


def observed(tree: xr.DataTree, at_least: int | None) -> pd.DataFrame:
    """Outcomes in bins of exposure; of each grade where none is asked for."""
    x = tree["constant_data"]["exposure"].to_numpy()
    y = tree["observed_data"]["outcome"].to_numpy()
    if tree.attrs["kind"] == "continuous":
        return binned(x, y, proportion=False)
    grades = shown_grades(read_form(tree), at_least)
    each = {k: binned(x, (y >= k).astype(float)) for k in grades}
    if len(each) == 1:
        return each[grades[0]]
    return pd.concat(each, names=["at_least"]).reset_index(level=0).reset_index(drop=True)


def _published(
    tree: xr.DataTree, name: str | None, at_least: int | None, steps: list[str]
) -> xr.Dataset | None:
    """Evaluate a published curve over these exposures, and say what it is."""
    if name is None:
        return None
    found = anchor_for(tree, name, at_least=at_least)
    steps.append(
        f"Published curve: {found.attrs['name']}, of any CRS at low burden, for exposures in "
        f"{found['exposure'].attrs['units']}, as those of this table have to be. "
        f"{found.attrs['note']} {found.attrs['source']}"
    )
    return found


def _outcome(
    rows: pd.DataFrame, name: str, ordinal: bool | None, at_least: int | None
) -> tuple[pd.Series[Any], str | None]:
    """Outcomes, and their kind where it was asked for."""
    y = pd.to_numeric(rows[name], errors="coerce")
    bad = rows[name].notna() & y.isna()
    if bad.any():
        first = rows[name][bad].iloc[0]
        raise InputError(f"column {name}: {shown(str(first))} is not a number.")
    if ordinal is not False:
        return y, "ordinal" if ordinal else None
    if at_least is None:
        return y, "binary"
    return (y >= at_least).astype(float).where(y.notna()).rename(f"{name} >= {at_least}"), "binary"


def _scale(rows: pd.DataFrame, scale: str | None) -> Any:
    """Scale of all rows, or of each."""
    if scale is not None:
        return scale
    return rows["scale"].astype(str).to_list() if "scale" in rows else ""


def _check_column(path: Path, rows: pd.DataFrame, name: str) -> None:
    if name in rows:
        return
    known = list(map(str, rows.columns))
    guess = closest(name, known)
    hint = f" Did you mean {guess!r}?" if guess else ""
    raise InputError(f"{path} has no column {shown(name)}.{hint} It has {', '.join(known)}.")


def _refuse(out: Path, force: bool) -> None:
    """Keep what is there, before anything is fitted."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; choose a folder with --out")
    there = [n for n in FILES if (out / n).exists()]
    if there and not force:
        raise InputError(f"{out} already holds {there[0]}; choose another folder, or use --force")


def _write(out: Path, answer: Answer) -> None:
    """Write every file, each whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    shown_as: dict[str, Any] = {"groups": answer.groups, "at_least": answer.at_least}
    figure = plot_response(answer.tree, **shown_as, anchor=answer.anchor)
    tables = {"response.csv": answer.tables["coefficients"], "curve.csv": answer.curve}
    tables |= {"bins.csv": answer.tables["bins"]}
    tables |= {f"{n}.csv": t for n, t in answer.tables.items() if n not in ("coefficients", "bins")}
    for name, table in tables.items():
        with whole_file(out / name) as part:
            table.to_csv(part, index=False, lineterminator="\n")
    with whole_file(out / "response.png") as part:
        figure.savefig(part, dpi=150)
    write_netcdf(answer.tree, out / "posterior.nc")
    with whole_file(out / "response.html") as part:
        part.write_text(render_response(answer.tree, answer.steps, answer.tables, figure), "utf-8")
