"""The same analysis gives the same draws in every process, whatever the seed of its hashes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.mcmc, pytest.mark.slow]
PROGRAM = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from straight_line import population_of_lines
from cytobayes.inference import fit
tree = fit(population_of_lines(5, 4), seed=3, draws=50, tune=100, chains=2, progress=False)
posterior = tree["posterior"].to_dataset()
draws = b"".join(posterior[name].to_numpy().tobytes() for name in sorted(posterior))
print(hashlib.sha256(draws).hexdigest())
"""


def test_the_seed_of_python_s_hashes_does_not_change_a_draw_of_a_hierarchy() -> None:
    program = PROGRAM.format(tests=str(Path(__file__).parents[1]))
    digests = set()
    for seed in ("0", "1", "7"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1
