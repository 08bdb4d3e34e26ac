"""Stress: four chains in parallel threads must equal four in sequence, bit by bit, for an hour.

    python benchmarks/stress.py --minutes 60

Every round fits the endotoxin model to the published means with a new seed, once with four chains
at a time and once with one, and compares all draws. A crash of the compiled code ends the process,
which is the other thing this looks for.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from cytobayes import Problem, fit, load
from cytobayes.models.library import get


def one_round(problem: Problem, seed: int) -> tuple[int, int]:
    """Fit twice; return the number of draws compared and of gradient evaluations."""
    settings = {"seed": seed, "draws": 200, "tune": 200, "progress": False, "log_likelihood": False}
    parallel = fit(problem, cores=4, **settings)
    sequence = fit(problem, cores=1, **settings)
    for name, draws in parallel["posterior"].data_vars.items():
        if not np.array_equal(draws.values, sequence["posterior"][name].values):
            raise SystemExit(f"seed {seed}: {name} differs between parallel and sequential chains")
    sizes = parallel["posterior"].sizes
    steps = int(parallel["sample_stats"]["n_steps"].sum())
    return sizes["chain"] * sizes["draw"], 2 * steps


def main() -> None:
    """Repeat until the time is up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    problem = Problem(get("endotoxin"), load("lps-2ng-kg"), error="lognormal")
    begun, rounds, draws, gradients = time.monotonic(), 0, 0, 0
    while time.monotonic() - begun < 60 * options.minutes:
        more = one_round(problem, options.seed + rounds)
        rounds, draws, gradients = rounds + 1, draws + more[0], gradients + more[1]
        print(
            f"{(time.monotonic() - begun) / 60:6.1f} min: {rounds} rounds, {draws} draws equal, "
            f"about {gradients} gradients in the kept draws, no crash",
            flush=True,
        )


if __name__ == "__main__":
    main()
