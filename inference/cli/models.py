"""The commands about models: ``models``, ``simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..console import say, show
from .app import SETTINGS, AsJson, Many, Number, Whole, app

__all__ = ["models", "show_one_model", "simulate"]

models_app = typer.Typer(context_settings=SETTINGS)
app.add_typer(models_app, name="models", help="List the models, or show one.")


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
        Path | None, typer.Option(help="TOML file of regimen tables: doses, switches.")
    ] = None,
    until: Annotated[Number, typer.Option(help="Last time, in the model's unit.")] = None,
    points: Annotated[int, typer.Option(help="How many times.")] = 201,
    draws: Annotated[
        Whole, typer.Option(min=1, help="Draws from the priors; default: typical values, once.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same draws.")] = 1,
) -> None:
    """Simulate a model at its typical values, or over draws from its priors."""
    from ..commands.simulating import run_simulation, write_simulation

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
        from ..commands.listing import list_models

        list_models(as_json=as_json)


@models_app.command("show")
def show_one_model(
    name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False
) -> None:
    """Show the equations, parameters, priors and sources of a model."""
    from ..commands.listing import show_model

    show_model(name, as_json=as_json)
