"""The command line: ``cytobayes fit endotoxin --data lps-2ng-kg --out runs/lps``.

Heavy packages are imported inside the commands, so that ``--help`` answers at once. Results go to
stdout, progress and messages to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from .._version import __version__
from .console import fail, say, show

__all__ = ["app", "main"]

BAD_INPUT, INTERRUPTED = 2, 130

WORKFLOW = """\
[bold]A first fit[/], on published data; it leaves a folder with report.html:

[cyan]  cytobayes fit endotoxin --data lps-2ng-kg --out runs/lps[/]

[bold]Your own data[/]: a csv file with the columns subject, time, observable, value;
if you have them also unit, lower and upper (limits), sd and n (means):

[cyan]  cytobayes check my.csv[/]              [dim]what is in it, or what is wrong with it[/]
[cyan]  cytobayes models show endotoxin[/]     [dim]equations, parameters, priors, sources[/]
[cyan]  cytobayes simulate endotoxin -o e.png[/] [dim]what it does, before any data[/]
[cyan]  cytobayes fit endotoxin --data my.csv --dose E=2@0 --out runs/mine[/]

[bold]Again, or a little different[/]: each run keeps the file that reproduces it:

[cyan]  cytobayes fit runs/mine/analysis.toml --draws 4000 --out runs/longer[/]
[cyan]  cytobayes report runs/longer[/]        [dim]write its report again[/]

[bold]Exit codes[/]: 0 done (also when a fit did not converge: read its verdict),
2 bad input, 130 interrupted (what was drawn is kept), 1 a defect of this program.
"""

SETTINGS = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(
    name="cytobayes",
    help="Bayesian parameter inference for cytokine kinetics and CAR-T expansion.",
    epilog=WORKFLOW,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
)
models_app = typer.Typer(context_settings=SETTINGS)
datasets_app = typer.Typer(context_settings=SETTINGS)
app.add_typer(models_app, name="models", help="List the models, or show one.")
app.add_typer(datasets_app, name="datasets", help="List the published data, or show one set.")

Text = str | None
Number = float | None
Whole = int | None
Many = list[str] | None
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]

RUN, FILE, NAME = "Run folder", "Model and data", "Sampling"


def print_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        show(f"cytobayes {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and leave.", callback=print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Bayesian parameter inference for cytokine kinetics and CAR-T expansion."""


@app.command()
def fit(
    what: Annotated[
        str, typer.Argument(metavar="MODEL|ANALYSIS.toml", help="A model, or an analysis file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to make.", rich_help_panel=RUN)],
    data: Annotated[
        Text, typer.Option(help="Published set, or csv file.", rich_help_panel=FILE)
    ] = None,
    error: Annotated[
        Many,
        typer.Option(
            help="lognormal (default), additive, proportional or combined; "
            "for one observable: IL6=lognormal.",
            rich_help_panel=FILE,
        ),
    ] = None,
    dose: Annotated[
        Many,
        typer.Option(
            help="STATE=AMOUNT@TIME, given to every subject, in place of doses in the data.",
            rich_help_panel=FILE,
        ),
    ] = None,
    observable: Annotated[
        Many,
        typer.Option(
            help="DATA=MODEL, where a name in the data differs: IL-6=IL6; IL-4= leaves it out.",
            rich_help_panel=FILE,
        ),
    ] = None,
    prior: Annotated[
        Many,
        typer.Option(
            help='"ka=LogNormal(0.1, 0.5)" (median, log-sd), Normal, HalfNormal, Uniform, ...',
            rich_help_panel=FILE,
        ),
    ] = None,
    fix: Annotated[
        Many, typer.Option(help="ka=0.1: hold at a value.", rich_help_panel=FILE)
    ] = None,
    population: Annotated[
        Text,
        typer.Option(
            help="pooled, hierarchical or independent; default: hierarchical where the data hold "
            "measurements of several subjects.",
            rich_help_panel=FILE,
        ),
    ] = None,
    given: Annotated[
        Many,
        typer.Option(
            "--input", help="B0rel=burden: a parameter that is a covariate.", rich_help_panel=FILE
        ),
    ] = None,
    draws: Annotated[
        Whole, typer.Option(help="Kept draws per chain (2000).", rich_help_panel=NAME)
    ] = None,
    tune: Annotated[
        Whole, typer.Option(help="Warm-up draws per chain (1000).", rich_help_panel=NAME)
    ] = None,
    chains: Annotated[Whole, typer.Option(help="Chains (4).", rich_help_panel=NAME)] = None,
    seed: Annotated[
        Whole, typer.Option(help="Same seed, same draws (1).", rich_help_panel=NAME)
    ] = None,
    sampler: Annotated[
        Text, typer.Option(help="nutpie (default) or pymc.", rich_help_panel=NAME)
    ] = None,
    target_accept: Annotated[
        Number, typer.Option(help="Nearer to 1: smaller steps (0.95).", rich_help_panel=NAME)
    ] = None,
    method: Annotated[
        Text, typer.Option(help="ODE method: auto, explicit or stiff.", rich_help_panel=NAME)
    ] = None,
    rtol: Annotated[
        Number, typer.Option(help="Relative tolerance of the ODE (1e-6).", rich_help_panel=NAME)
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a run that is in --out.", rich_help_panel=RUN),
    ] = False,
) -> None:
    """Fit a model to data: posterior, analysis file, tables and report in one folder."""
    from .request import compose
    from .session import run_fit

    analysis = compose(
        what,
        data=data,
        error=error,
        dose=dose,
        observable=observable,
        prior=prior,
        fix=fix,
        population=population,
        given=given,
        sampling={
            "draws": draws,
            "tune": tune,
            "chains": chains,
            "seed": seed,
            "sampler": sampler,
            "target_accept": target_accept,
        },
        solver={"method": method, "rtol": rtol},
    )
    if not run_fit(analysis, out, force=force):
        raise typer.Exit(INTERRUPTED)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder made by cytobayes fit.")],
) -> None:
    """Write report.html and the tables of a run again."""
    from .session import run_report

    run_report(run)


@app.command()
def check(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Measurements: csv, xlsx or parquet.")
    ],
    columns: Annotated[
        Text, typer.Option(help="Where names differ: value=conc,subject=patient.")
    ] = None,
    format: Annotated[
        str, typer.Option(help="tidy, wide or nonmem; by the header if not given.")
    ] = "auto",
    observables: Annotated[
        Text, typer.Option(help="NONMEM: 1=CP,2=PD; wide: columns, IL6,CRP.")
    ] = None,
    units: Annotated[Text, typer.Option(help="Convert: IL6=pg/mL,CRP=mg/L.")] = None,
    time_unit: Annotated[Text, typer.Option(help="Convert times, to h or d.")] = None,
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print for machines.")] = False,
) -> None:
    """Read a data file: what is in it, or what is wrong with it, by row and column."""
    from ..datasets.check import check_file

    report = check_file(
        file,
        columns=columns,
        format=format,
        observables=observables,
        units=units,
        time_unit=time_unit,
        sheet=sheet,
    )
    if json:
        print(report.json)
    elif report.good:
        show(report.text)
    else:
        fail(report.text)
    if not report.good:
        raise typer.Exit(BAD_INPUT)


@app.command()
def grade(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Daily signs: csv, xlsx, parquet.")],
    toxicity: Annotated[str, typer.Option(help="crs or icans.")] = "crs",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the grade of each day (csv).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grade daily signs by the ASTCT consensus: maximum, onset and duration per subject."""
    from .grade_file import grade_file, summary_text, write_daily

    grading = grade_file(file, toxicity)
    if out is not None:
        write_daily(grading, out)
    show(summary_text(grading, as_json=as_json))


@app.command()
def simulate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of the library.")],
    out: Annotated[
        list[Path], typer.Option("--out", "-o", help="File to write: .csv, .nc, .png, .svg, .pdf.")
    ],
    value: Annotated[Many, typer.Option("--set", help="rho=1.2: a parameter.")] = None,
    prior: Annotated[Many, typer.Option(help='"rho=LogNormal(1, 0.3)", with --draws.')] = None,
    dose: Annotated[
        Many, typer.Option(help="STATE=AMOUNT@TIME, in place of the typical schedule.")
    ] = None,
    regimen: Annotated[
        Path | None, typer.Option(help="TOML file of [[regimen]] tables: doses, switches.")
    ] = None,
    until: Annotated[Number, typer.Option(help="Last time, in the model's unit.")] = None,
    points: Annotated[int, typer.Option(help="How many times.")] = 201,
    draws: Annotated[
        Whole, typer.Option(min=1, help="Draws from the priors; default: typical values, once.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same draws.")] = 1,
) -> None:
    """Simulate a model at its typical values, or over draws from its priors."""
    from .simulating import run_simulation, write_simulation

    run = run_simulation(
        model,
        values=value or (),
        priors=prior or (),
        doses=dose or (),
        regimen=regimen,
        until=until,
        points=points,
        draws=draws,
        seed=seed,
    )
    if run.attrs["failed_solves"]:
        say(f"{run.attrs['failed_solves']} of {run.attrs['solves']} solves failed: "
            f"{run.attrs['failures']}", style="yellow")  # fmt: skip
    for file in out:
        write_simulation(run, file)
        show(str(file))


@models_app.callback(invoke_without_command=True)
def models(context: typer.Context, as_json: AsJson = False) -> None:
    """List the models, or show one."""
    if context.invoked_subcommand is None:
        from .listing import list_models

        list_models(as_json=as_json)


@models_app.command("show")
def show_one_model(
    name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False
) -> None:
    """Show the equations, parameters, priors and sources of a model."""
    from .listing import show_model

    show_model(name, as_json=as_json)


@datasets_app.callback(invoke_without_command=True)
def datasets(context: typer.Context, as_json: AsJson = False) -> None:
    """List the published data, or show one set."""
    if context.invoked_subcommand is None:
        from .listing import list_datasets

        list_datasets(as_json)


@datasets_app.command("show")
def show_one_dataset(
    name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False
) -> None:
    """Show what is in a data set, and how to cite it."""
    from .listing import show_dataset

    show_dataset(name, as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="cytobayes")
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_users(error):
            raise
        fail(str(error))
        sys.exit(BAD_INPUT)


def _is_users(error: Exception) -> bool:
    """Whether the user can do something about it; all else is a defect and shows its traceback."""
    if isinstance(error, RuntimeError):
        from .starts import FitError

        return isinstance(error, FitError)
    from ..datasets.errors import InputError
    from ..models.errors import ModelError

    return isinstance(error, InputError | ModelError | OSError)
