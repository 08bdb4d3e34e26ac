"""The command ``trial --fitted``: the arms of a design in the patients of a fit themselves."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.table import Table as Grid

from ...datasets.errors import InputError
from ...datasets.writing import whole_file
from ..checks.convergence import convergence
from ..console import say, show
from ..trials.counterfactual import counterfactual
from ..trials.design_file import read_design
from ..trials.grading import AssumedGrades
from .trial import DRAWS, Bar, check_folder, source_of

if TYPE_CHECKING:
    from ..trials.counterfactual import Counterfactual

__all__ = ["run_fitted"]


def run_fitted(
    design: Path | None,
    *,
    run: Path | None,
    model: str | None = None,
    n: int | None = None,
    out: Path | None = None,
    draws: int | None = None,
    seed: int = 1,
    as_json: bool = False,
) -> None:
    """Give the patients of a fit what each arm gives, in place of what they got.

    Parameters
    ----------
    design : Path
        Arms and endpoints; numbers to choose and numbers of patients have no meaning here.
    run : Path
        Folder of a fit.
    model, n
        Of a trial in virtual patients; refused here.
    out : Path, optional
        Folder for patients.csv, average.csv and a picture of each arm.
    draws, seed, as_json
        As in `run_trial`.

    Raises
    ------
    InputError
        If no run is named, if a number of patients or a model is, or if an arm cannot be given to
        fitted patients.
    """
    if design is None or run is None:
        raise InputError(
            "--fitted is about the patients of a fit: name the design and the run "
            "(cytobayes trial DESIGN.toml --run RUN --fitted)"
        )
    if model is not None or n is not None:
        raise InputError(
            "--fitted takes the patients of the run, as many as they are: leave out "
            + ("--model" if model is not None else "--n")
        )
    check_folder(out)
    problem, tree, named = source_of(run, None, design)
    request = read_design(design, named)
    if doubt := convergence(tree).doubt("results"):
        say(doubt, style="bold red")
    grading = request.design.grading
    found: dict[str, Counterfactual] = {}
    for arm in request.design.arms:
        with Bar(arm.name) as bar:
            found[arm.name] = counterfactual(
                problem, tree, change=arm, add=False, endpoints=request.design.endpoints,
                until=request.design.until, every=request.design.every,
                draws=draws or request.draws or DRAWS, seed=seed, scale=request.scale or None,
                grades=None if grading is None else AssumedGrades(grading), done=bar,
            )  # fmt: skip
    tables = {
        "average": pd.concat([c.population.assign(arm=n) for n, c in found.items()]),
        "patients": pd.concat([c.table.assign(arm=n) for n, c in found.items()]),
    }
    if out is not None:
        _write(out, found, tables)
    if as_json:
        parts = {k: json.loads(t.to_json(orient="records")) for k, t in tables.items()}
        said = {"sentences": [c.sentence for c in found.values()], "doubt": doubt}
        show(json.dumps(said | parts, indent=1))
        return
    show(_grid(tables["average"]))
    for result in found.values():
        show(result.sentence)
    for topic, text in {k: v for c in found.values() for k, v in c.evidence.items()}.items():
        show(f"- {topic}: {text}")


def _write(out: Path, found: dict[str, Counterfactual], tables: dict[str, pd.DataFrame]) -> None:
    """Write tables and pictures; each file whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        with whole_file(out / f"{name}.csv") as part:
            table.to_csv(part, index=False, lineterminator="\n")
    for number, (name, result) in enumerate(found.items(), 1):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        with whole_file(out / f"{number}-{plain}.png") as part:
            result.plot().savefig(part, dpi=150, format="png")


def _grid(table: pd.DataFrame) -> Grid:
    """Averages over the patients as a terminal shows them."""
    grid = Grid(box=None, title="the fitted patients, as treated and otherwise",
                title_justify="left")  # fmt: skip
    for name in ("arm", "what", "as treated", "otherwise", "change", "90 %"):
        grid.add_column(name, justify="left" if name in ("arm", "what") else "right")
    for row in table.to_dict("records"):
        sign = "x" if row["change_is"] == "ratio" else ""
        grid.add_row(
            str(row["arm"]), str(row["what"]), f"{row['before']:.3g}", f"{row['after']:.3g}",
            f"{sign}{row['change']:.3g}", f"{row['lower']:.3g} to {row['upper']:.3g}",
        )  # fmt: skip
    return grid
