"""The command ``trial``: a design file to a folder with a page, tables and figures."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table as Grid

from ...datasets.errors import InputError
from ...datasets.writing import whole_file
from ..checks.convergence import convergence
from ..console import say, show
from ..percent import between, percent
from ..sampling.progress import duration

if TYPE_CHECKING:
    from ..trials.choice import Choice
    from ..trials.design_file import Request
    from ..trials.trial import Trial

__all__ = ["list_what_ifs", "run_trial"]

DRAWS = 200


def run_trial(
    design: Path | None,
    *,
    run: Path | None = None,
    model: str | None = None,
    out: Path | None = None,
    n: int | None = None,
    draws: int | None = None,
    seed: int = 1,
    as_json: bool = False,
) -> None:
    """Run the trial of a design file and write what it found.

    Parameters
    ----------
    design : Path
    run : Path, optional
        Folder of a fit.
    model : str, optional
        Model of the library, from its prior; default without a run: that of the design.
    out : Path, optional
        Folder for trial.html, csv and png files; default: print only.
    n, draws : int, optional
        In place of those of the design.
    seed : int
    as_json : bool
        Print JSON in place of text.

    Raises
    ------
    InputError
        If neither a run nor a model is named, or a name or number has no meaning.
    """
    from ..trials.design_file import read_design

    if design is None:
        raise InputError("name a design file: cytobayes trial DESIGN.toml --run RUN")
    if run is not None and model is not None:
        raise InputError("give --run or --model, not both")
    check_folder(out)
    source, posterior, named = source_of(run, model, design)
    request = read_design(design, named)
    if n is not None:
        request = replace(request, design=replace(request.design, n=n))
    count = draws or request.draws or DRAWS
    begin = time.monotonic()
    doubt = convergence(posterior).doubt("results") if posterior is not None else ""
    if doubt:
        say(doubt, style="bold red")
    trial, choice = _work(request, source, posterior, count, seed)
    if doubt and trial is not None:
        trial = replace(trial, notes=(doubt, *trial.notes))
    if doubt and choice is not None:
        choice = replace(choice, notes=(doubt, *choice.notes))
    seconds = time.monotonic() - begin
    say(f"done in {duration(seconds)}")
    settings = _settings(design, run, named, request, count, seed)
    if out is not None:
        _write(out, request, trial, choice, design, settings)
    _print(trial, choice, settings, as_json)
    if out is not None and not as_json:
        show(str(out / "trial.html"))


def check_folder(out: Path | None) -> None:
    """Refuse a file in the place of a folder, before anything is computed."""
    if out is not None and out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; name a folder")


def source_of(run: Path | None, model: str | None, design: Path) -> tuple[Any, Any, str]:
    """Open what virtual patients are made of: a fit, or the prior of a model."""
    if run is not None:
        from ..run import open_run

        opened = open_run(run)
        problem = opened.analysis.to_problem(opened.study)
        return problem, opened.tree, problem.model.name
    from ...models.library import get
    from ..trials.design_file import read_model

    name = model or read_model(design)
    if not name:
        raise InputError(
            f"{design} names no model: add --run RUN (a fit), or --model NAME to run it from the "
            "prior of a model."
        )
    return get(name), None, name


def _work(
    request: Request, source: Any, posterior: Any, draws: int, seed: int
) -> tuple[Trial | None, Choice | None]:
    """Trial, and the search for a regimen if the design asks for one."""
    from ..trials.regimen import optimize_regimen
    from ..trials.virtual import virtual_trial

    grades = None
    if posterior is not None and request.design.grading is None:
        from ..trials.fitted import fitted_grades

        grades = fitted_grades(source, posterior, draws=draws, seed=seed,
                               scale=request.scale or None)  # fmt: skip
    shared: dict[str, Any] = {"draws": draws, "seed": seed, "grades": grades}
    trial = choice = None
    if request.trial:
        with Bar("virtual trial") as bar:
            trial = virtual_trial(request.design, source, posterior, done=bar, **shared)
    if request.search is not None:
        assert request.searched is not None
        with Bar("search") as bar:
            choice = optimize_regimen(
                request.searched, request.search.values, request.search.utility, source,
                posterior, design=request.design, method=request.search.method,
                rounds=request.search.rounds, done=bar, **shared,
            )  # fmt: skip
    return trial, choice


class Bar:
    """A progress bar on the error stream, if somebody watches it."""

    def __init__(self, what: str) -> None:
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)
        self._progress = Progress(console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task(what, total=None)

    def __enter__(self) -> Bar:
        """Begin to show."""
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Stop."""
        self._progress.stop()

    def __call__(self, finished: int, total: int) -> None:
        """Show how far it is."""
        self._progress.update(self._task, completed=finished, total=total)


def _settings(
    design: Path, run: Path | None, model: str, request: Request, draws: int, seed: int
) -> dict[str, str]:
    source = f"--run {run}" if run is not None else f"--model {model}"
    return {
        "command": f"cytobayes trial {design} {source} --n {request.design.n} --draws {draws} "
        f"--seed {seed}",
        "patients of each arm": str(request.design.n),
        "draws of the parameters": str(draws),
        "seed": str(seed),
    }


def _tables(trial: Trial | None, choice: Choice | None) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    if trial is not None:
        tables["characteristics"] = trial.characteristics()
        if len(trial.arms) > 1:
            tables["differences"] = trial.differences()
    if choice is not None:
        tables["candidates"] = choice.table
    return tables


def _write(
    out: Path,
    request: Request,
    trial: Trial | None,
    choice: Choice | None,
    design: Path,
    settings: dict[str, str],
) -> None:
    """Write page, tables and figures; each file whole or not at all."""
    from ..trials.page import render

    out.mkdir(parents=True, exist_ok=True)
    for name, table in _tables(trial, choice).items():
        with whole_file(out / f"{name}.csv") as part:
            table.to_csv(part, index=False, lineterminator="\n")
    for name, result in (("trial", trial), ("tradeoff", choice)):
        if result is not None:
            with whole_file(out / f"{name}.png") as part:
                result.plot().savefig(part, dpi=150, format="png")
    text = design.read_text(encoding="utf-8")
    page = render(trial, choice, text, request.design.name, settings)
    with whole_file(out / "trial.html") as part:
        part.write_text(page, encoding="utf-8")


def _print(
    trial: Trial | None, choice: Choice | None, settings: dict[str, str], as_json: bool
) -> None:
    found = [r for r in (trial, choice) if r is not None]
    if as_json:
        tables = _tables(trial, choice)
        show(json.dumps({
            "basis": found[0].label,
            "sentences": [r.sentence for r in found],
            "notes": list(dict.fromkeys(n for r in found for n in r.notes)),
            "evidence": {k: v for r in found for k, v in r.evidence.items()},
            "settings": settings,
            **{k: json.loads(t.to_json(orient="records")) for k, t in tables.items()},
        }, indent=1))  # fmt: skip
        return
    if trial is not None:
        show(_grid(trial))
    for result in found:
        show(result.sentence)
    for note in dict.fromkeys(n for r in found for n in r.notes):
        show(f"- {note}")
    for topic, text in {k: v for r in found for k, v in r.evidence.items()}.items():
        show(f"- {topic}: {text}")


def _grid(trial: Trial) -> Grid:
    """Operating characteristics as a terminal shows them."""
    grid = Grid(box=None, title=f"{trial.design.name} ({trial.label})", title_justify="left")
    for name in ("arm", "endpoint", "patients", "90 %, parameters", "90 %, one trial"):
        grid.add_column(name, justify="left" if name in ("arm", "endpoint") else "right")
    for _, row in trial.characteristics().iterrows():
        grid.add_row(
            row["arm"],
            row["endpoint"],
            percent(row["probability"], digits=1),
            between(row["lower"], row["upper"], digits=1),
            between(row["trial_lower"], row["trial_upper"], digits=1),
        )
    return grid


def list_what_ifs(*, as_json: bool = False) -> None:
    """Print the named what-ifs and the models that can express them."""
    from ..trials.whatif import WHAT_IFS

    if as_json:
        show(json.dumps([
            {"name": w.name, "title": w.title, "models": list(w.arms)} for w in WHAT_IFS.values()
        ], indent=1))  # fmt: skip
        return
    grid = Grid(box=None)
    for name in ("what_if", "what is done", "models"):
        grid.add_column(name)
    for w in WHAT_IFS.values():
        grid.add_row(w.name, w.title, ", ".join(w.arms))
    show(grid)
