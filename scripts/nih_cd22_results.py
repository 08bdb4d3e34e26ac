"""Numbers of a fit of the CD22 patients, without any patient's: for `docs/analyses/nih_cd22`.

    cytobayes fit docs/analyses/nih_cd22.toml --data nih-cd22=COPY --out RUN
    python scripts/nih_cd22_results.py RUN docs/analyses/nih_cd22

Writes ``population.csv`` (posterior, R-hat and ESS of what is common to all patients),
``checks.csv`` (a sentence each), ``vpc.csv`` (percentiles outside their bands), ``scores.csv``
(grades of held-out patients, on both scales) and ``run.csv`` (what it cost).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cytobayes.inference import (
    convergence,
    cross_validate,
    identifiability,
    npde,
    shrinkage,
    vpc,
)
from cytobayes.inference.checks.tolerance import tolerance
from cytobayes.inference.fit import read_facts
from cytobayes.inference.risk.leave_out import LIMIT
from cytobayes.inference.run import Run, open_run

if TYPE_CHECKING:
    from cytobayes.inference import Problem
    from cytobayes.inference.checks.check import Check

DRAWS = 200
SEED = 22
SIGNALS = ("signal", "IFNg")
QUANTILES = {"q05": 0.05, "median": 0.5, "q95": 0.95}


def population(run: Run, problem: Problem) -> pd.DataFrame:
    """Posterior of what is common to all patients, with its convergence."""
    table = convergence(run.tree).table.set_index("parameter")
    names = list(problem.all_priors)
    values = run.tree["posterior"].to_dataset()
    found = table.loc[names, ["mean", "sd", "r_hat", "ess_bulk", "ess_tail"]]
    for column, q in QUANTILES.items():
        found[column] = [float(values[n].quantile(q)) for n in names]
    found["unit"] = [problem.unit(n) for n in names]
    found["prior"] = [str(problem.all_priors[n]) for n in names]
    return found.rename_axis("parameter").reset_index()


def checks(run: Run, problem: Problem) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sentence of each check, and the table of the visual predictive check."""
    made: dict[str, Callable[[], Check]] = {
        "tolerance": lambda: tolerance(problem, run.tree, draws=50),
        "vpc": lambda: vpc(problem, run.tree, draws=DRAWS, seed=SEED),
        "npde": lambda: npde(problem, run.tree, draws=DRAWS, seed=SEED),
        "shrinkage": lambda: shrinkage(problem, run.tree, draws=DRAWS),
        "identifiability": lambda: identifiability(problem, run.tree),
    }
    converged = convergence(run.tree)
    rows = [("convergence", not converged.faults, converged.sentence)]
    tables = {}
    for name, make in made.items():
        check = make()
        tables[name] = check.table
        rows.append((name, check.good, check.sentence))
        print(name, check.sentence, flush=True)
    found = pd.DataFrame(rows, columns=["check", "good", "sentence"])
    said = found["sentence"].str.replace(r"\[[^\]]*\]", " of a patient", regex=True)
    named = r"effects of subjects? .*? have not"  # nor are patients named in sentences
    found["sentence"] = said.str.replace(named, "effects of few patients have not", regex=True)
    return found, tables["vpc"]


def scores(run: Run, problem: Problem) -> Iterator[pd.DataFrame]:
    """Scores of held-out grades so far: both scales, two signals, all rows known or none."""
    parts = []
    for given, signal, scale in product(("course", "baseline"), SIGNALS, ("ASTCT", "Lee")):
        found = cross_validate(
            problem, run.tree, seed=SEED, given=given, at_least=2, scale=scale, signal=signal,
            draws=DRAWS,
        )  # fmt: skip
        high = sum(k > LIMIT for k in found.pareto_k.values())
        about = {"scale": scale, "signal": signal, "given": given, "high_k": high}
        parts.append(found.scores.assign(**about))
        print(scale, signal, found.verdict, flush=True)
        yield pd.concat(parts, ignore_index=True)


def cost(run: Run) -> pd.DataFrame:
    """Say what the run cost, and how it was made."""
    facts, chains = read_facts(run.tree), convergence(run.tree)
    rows = {
        "chains": facts["chains"],
        "warm-up draws": facts["tune"],
        "kept draws": run.tree["posterior"].sizes["draw"],
        "target acceptance": facts["target_accept"],
        "divergences": chains.divergences,
        "draws with a failed solve": chains.failed_draws,
        "gradients": sum(facts["gradient_evaluations"].values()),
        "seconds of sampling": round(float(facts["sampling_time"])),
        "interrupted": facts["interrupted"],
        "problem": facts["problem_id"],
        "release": facts["versions"]["cytobayes"],
    }
    return pd.DataFrame(rows.items(), columns=["what", "value"])


def main() -> None:
    """Write the tables one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    run = open_run(given.run)
    problem = run.analysis.to_problem(run.study)
    given.out.mkdir(parents=True, exist_ok=True)

    def write(name: str, table: pd.DataFrame) -> None:
        table.to_csv(given.out / f"{name}.csv", index=False, float_format="%.4g")

    write("run", cost(run))
    write("population", population(run, problem))
    sentences, bands = checks(run, problem)
    write("checks", sentences)
    write("vpc", bands)
    for so_far in scores(run, problem):
        write("scores", so_far)


if __name__ == "__main__":
    main()
