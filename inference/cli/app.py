"""The program ``cytobayes``: its name, its help, its version."""

from __future__ import annotations

from typing import Annotated

import typer

from ..._version import __version__
from ..console import show

__all__ = ["SETTINGS", "AsJson", "Many", "Number", "Text", "Whole", "app"]

WORKFLOW = """\
[bold]A first fit[/], on published data; it leaves a folder with report.html:

[cyan]  cytobayes fit endotoxin --data lps-2ng-kg --out runs/lps[/]

[bold]Your own data[/]: a csv file with the columns subject, time, observable, value, or a
column per analyte ("IL-6 (pg/mL)"); a grade in "crs (ASTCT)"; options where names differ:

[cyan]  cytobayes check my.csv[/]              [dim]what is in it, or what is wrong with it[/]
[cyan]  cytobayes nca my.csv[/]                [dim]peak, area, half-life, without a model[/]
[cyan]  cytobayes init my.csv[/]               [dim]a commented analysis.toml, models proposed[/]
[cyan]  cytobayes models show endotoxin[/]     [dim]equations, parameters, priors, sources[/]
[cyan]  cytobayes simulate endotoxin -o e.png[/] [dim]what it does, before any data[/]
[cyan]  cytobayes fit analysis.toml --out runs/mine[/]

[bold]Again, or a little different[/]: each run keeps the file that reproduces it:

[cyan]  cytobayes fit runs/mine/analysis.toml --draws 4000 --out runs/longer[/]
[cyan]  cytobayes resume runs/longer[/]        [dim]go on after Ctrl-C or a crash[/]
[cyan]  cytobayes report runs/longer[/]        [dim]write its report again[/]

[bold]After the fit[/]: what it expects, and what to expect of other treatments:

[cyan]  cytobayes predict runs/mine --out p.csv[/] [dim]courses with intervals, other doses[/]
[cyan]  cytobayes compare runs/mine runs/b[/]  [dim]which of several fits predicts better[/]
[cyan]  cytobayes risk runs/mine[/]            [dim]of each grade, in held-out patients[/]
[cyan]  cytobayes trial design.toml --run runs/mine --out trial[/]

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

Text = str | None
Number = float | None
Whole = int | None
Many = list[str] | None
AsJson = Annotated[bool, typer.Option("--json", help="For a program.")]


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
