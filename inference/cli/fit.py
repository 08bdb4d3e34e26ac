"""The commands that fit, and that work on a fit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Many, Number, Text, Whole, app
from .reading import (
    Columns,
    Format,
    Limits,
    Observables,
    Outcomes,
    Patients,
    Sheet,
    TimeUnit,
    Units,
)

__all__ = ["fit", "report", "resume"]

INTERRUPTED = 130
RUN, FILE, NAME = "Run folder", "Model and data", "Sampling"


@app.command()
def fit(
    what: Annotated[
        str, typer.Argument(metavar="MODEL|ANALYSIS.toml", help="A model, or an analysis file.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to make.", rich_help_panel=RUN)],
    data: Annotated[
        Text,
        typer.Option(
            help="Published set, a file (csv, xlsx, parquet, NONMEM records), or nih-cd22=COPY.",
            rich_help_panel=FILE,
        ),
    ] = None,
    columns: Columns = None,
    format: Format = "auto",
    observables: Observables = None,
    units: Units = None,
    limits: Limits = None,
    time_unit: TimeUnit = None,
    sheet: Sheet = "",
    outcomes: Outcomes = None,
    patients: Patients = None,
    error: Annotated[
        Many,
        typer.Option(
            help="lognormal (default), lognormal-t (heavy tails), additive, additive-t, "
            "proportional, combined, combined1, power, bernoulli or ordinal; for one observable: "
            "IL6=lognormal-t.",
            rich_help_panel=FILE,
        ),
    ] = None,
    censoring: Annotated[
        Many,
        typer.Option(
            help="What becomes of values below a limit: M3 (default), M1, M2, M4 to M7; for one "
            "observable: IL6=M5.",
            rich_help_panel=FILE,
        ),
    ] = None,
    offset: Annotated[
        Many,
        typer.Option(
            help="IL6=assay or IL6=source: an offset for each but the first; IL6= pools them.",
            rich_help_panel=FILE,
        ),
    ] = None,
    sigma: Annotated[
        Many,
        typer.Option(
            help="IL6=assay or IL6=source: a residual error of its own for each.",
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
    effect: Annotated[
        Many,
        typer.Option(
            help='Covariate: "CL ~ weight" (estimated), "CL ~ (weight/70)^0.75" (known), '
            '"CL ~ sex".',
            rich_help_panel=FILE,
        ),
    ] = None,
    occasion: Annotated[
        Many,
        typer.Option(
            help="A parameter that varies between the occasions of a subject.",
            rich_help_panel=FILE,
        ),
    ] = None,
    order: Annotated[
        Many,
        typer.Option(
            help='"ka > CL/V": a parameter that is greater than an expression of others.',
            rich_help_panel=FILE,
        ),
    ] = None,
    draws: Annotated[
        Whole,
        typer.Option(help="Kept draws per chain (2000; hierarchical: 700).", rich_help_panel=NAME),
    ] = None,
    max_draws: Annotated[
        Whole,
        typer.Option(
            help="Chains that have not converged go on, up to so many (twice the default of "
            "--draws; exactly --draws where that is given).",
            rich_help_panel=NAME,
        ),
    ] = None,
    tune: Annotated[
        Whole,
        typer.Option(
            help="Warm-up draws per chain (1000; hierarchical: 250).", rich_help_panel=NAME
        ),
    ] = None,
    chains: Annotated[Whole, typer.Option(help="Chains (4).", rich_help_panel=NAME)] = None,
    seed: Annotated[
        Whole, typer.Option(help="Same seed, same draws (1).", rich_help_panel=NAME)
    ] = None,
    sampler: Annotated[
        Text,
        typer.Option(help="nutpie (default), pymc, blackjax or numpyro.", rich_help_panel=NAME),
    ] = None,
    target_accept: Annotated[
        Number,
        typer.Option(
            help="Nearer to 1: smaller steps (0.95; hierarchical: 0.9).", rich_help_panel=NAME
        ),
    ] = None,
    method: Annotated[
        Text, typer.Option(help="ODE method: auto, explicit or stiff.", rich_help_panel=NAME)
    ] = None,
    rtol: Annotated[
        Number,
        typer.Option(
            help="Relative tolerance of the ODE (1e-6; hierarchical: 1e-4).", rich_help_panel=NAME
        ),
    ] = None,
    quick: Annotated[
        str,
        typer.Option(
            help="A look in seconds in place of a fit, never to be quoted: laplace, pathfinder, "
            "advi or map.",
            rich_help_panel=NAME,
        ),
    ] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a run that is in --out.", rich_help_panel=RUN),
    ] = False,
) -> None:
    """Fit a model to data: posterior, analysis file, tables and report in one folder."""
    from ...datasets.options import options_of_words
    from ..commands.request import compose
    from ..commands.session import run_fit

    analysis = compose(
        what,
        data=data,
        patients=str(patients or ""),
        reading=options_of_words(
            columns=columns,
            format=format,
            observables=observables,
            units=units,
            limits=limits,
            time_unit=time_unit,
            sheet=sheet,
            outcomes=outcomes,
        ),
        error=error,
        dose=dose,
        observable=observable,
        prior=prior,
        fix=fix,
        population=population,
        given=given,
        censoring=censoring,
        offset=offset,
        sigma=sigma,
        effect=effect,
        occasion=occasion,
        order=order,
        sampling={
            "draws": draws,
            "max_draws": max_draws,
            "tune": tune,
            "chains": chains,
            "seed": seed,
            "sampler": sampler,
            "target_accept": target_accept,
        },
        solver={"method": method, "rtol": rtol},
    )
    if not run_fit(analysis, out, force=force, quick=quick):
        raise typer.Exit(INTERRUPTED)


@app.command()
def resume(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder that was given to fit --out.")
    ],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a complete run that is there.")
    ] = False,
) -> None:
    """Go on with a fit that was killed or interrupted, from the last draws that it wrote."""
    from ..commands.session import run_resume

    if not run_resume(run, force=force):
        raise typer.Exit(INTERRUPTED)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder made by cytobayes fit.")],
    stratify: Annotated[
        Text,
        typer.Option(
            help="A covariate, dose, source, assay or occasion: panels of the visual predictive "
            "check. A number of many values is cut at its median."
        ),
    ] = None,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it to report.pdf, by Chromium or Chrome.")
    ] = False,
) -> None:
    """Write report.html and the tables of a run again."""
    from ..commands.session import run_report

    run_report(run, stratify=stratify, pdf=pdf)
