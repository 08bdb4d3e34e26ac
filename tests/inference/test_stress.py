"""Threads do not disturb each other, for as long as one cares to wait."""

from __future__ import annotations

import os
import time

import pytest

from cytobayes.inference import Problem, fit

SECONDS = float(os.environ.get("CYTOBAYES_STRESS_SECONDS", "3600"))


@pytest.mark.hour
@pytest.mark.mcmc
def test_parallel_chains_draw_the_same_bits_for_an_hour_without_a_crash(problem: Problem) -> None:
    begun, seed = time.monotonic(), 0
    while time.monotonic() - begun < SECONDS:
        seed += 1
        trees = [
            fit(
                problem,
                seed=seed,
                draws=300,
                tune=300,
                chains=4,
                cores=cores,
                log_likelihood=False,
                progress=False,
            )  # fmt: skip
            for cores in (4, 1)
        ]
        first, second = (t["posterior"].to_dataset() for t in trees)
        assert first.identical(second), f"seed {seed}"
