"""Machine code: kept on disk, safe in threads, the same as the interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import cytobayes
from cytobayes.models.solver import CompiledModel, Timeline, compile_model

from .problems import LOTKA_VOLTERRA, LV_REGIMEN, LV_TIMES, Array, interpreted, seeds, tight, values

RNG = np.random.default_rng(5)
THETAS = values(LOTKA_VOLTERRA) * np.exp(0.05 * RNG.standard_normal((40, 9)))


@lru_cache
def compiled() -> tuple[CompiledModel, Timeline]:
    """Lotka-Volterra under doses; forty subjects, half of them observed longer."""
    times = [LV_TIMES if i % 2 else LV_TIMES[:4] for i in range(len(THETAS))]
    timeline = Timeline.build(LOTKA_VOLTERRA, [LV_REGIMEN] * len(THETAS), times)
    return compile_model(LOTKA_VOLTERRA, timeline=timeline), timeline


def gradients(thetas: Array) -> tuple[Array, Array]:
    model, timeline = compiled()
    solution, gradient = model.gradient(thetas, timeline, seeds(timeline, 2), tight(1e-8))
    assert solution.ok
    return solution.y, gradient


def test_the_interpreter_gives_the_same() -> None:
    model, timeline = compiled()
    y, gradient = gradients(THETAS)
    by_python = interpreted(LOTKA_VOLTERRA, timeline=timeline)
    solution, again = by_python.gradient(THETAS, timeline, seeds(timeline, 2), tight(1e-8))
    # Rounding only: sums in another order, fused multiplications.
    np.testing.assert_allclose(solution.y, y, rtol=1e-9)
    scale = np.abs(gradient).max(axis=1, keepdims=True)
    np.testing.assert_allclose(again / scale, gradient / scale, rtol=0, atol=1e-9)


def test_one_call_is_many_calls() -> None:
    model, timeline = compiled()
    y, gradient = gradients(THETAS)
    for i in (0, 1, 17, 39):
        alone = Timeline.build(LOTKA_VOLTERRA, [LV_REGIMEN], [timeline.time[timeline.subject == i]])
        bar = seeds(timeline, 2)[timeline.subject == i]
        solution, slopes = model.gradient(THETAS[i], alone, bar, tight(1e-8))
        np.testing.assert_array_equal(solution.y, y[timeline.subject == i])
        np.testing.assert_array_equal(slopes[0], gradient[i])


def test_four_threads_give_what_one_gives() -> None:
    work = [THETAS * np.exp(0.02 * RNG.standard_normal(THETAS.shape)) for _ in range(48)]
    one = [gradients(thetas) for thetas in work]
    with ThreadPoolExecutor(4) as pool:
        four = list(pool.map(gradients, work))
    for a, b in zip(one, four, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])


def test_a_tape_that_grows_gives_the_same_gradient() -> None:
    """A run of thousands of steps begins with room for some hundreds."""
    model, _ = compiled()
    whole = np.linspace(0.5, 400.0, 40)
    timeline = Timeline.build(LOTKA_VOLTERRA, [LV_REGIMEN] * 2, [whole, whole[:2]])
    bar = np.zeros((42, 2))
    bar[[1, 41]] = 1.0  # observed early, though the tape is long
    solution, gradient = model.gradient(THETAS[[0, 0]], timeline, bar, tight(1e-11))
    assert solution.ok and solution.steps[0] > 3000
    np.testing.assert_allclose(gradient[0], gradient[1], rtol=1e-9)


SCRIPT = """
import sys, time
start = time.perf_counter()
sys.path.insert(0, sys.argv[1])
from problems import LOTKA_VOLTERRA, LV_REGIMEN, LV_TIMES, seeds, tight, values
from cytobayes.models.solver import Timeline, compile_model
loaded = time.perf_counter()
timeline = Timeline.build(LOTKA_VOLTERRA, [LV_REGIMEN], [LV_TIMES])
model = compile_model(LOTKA_VOLTERRA, timeline=timeline)
theta = values(LOTKA_VOLTERRA)
solution, gradient = model.gradient(theta, timeline, seeds(timeline, 2), tight(1e-8))
assert solution.ok
print(f"import {loaded - start:.2f} s, first gradient {time.perf_counter() - loaded:.2f} s")
for part in (model.forward, model.backward):
    print(sum(part.stats.cache_hits.values()), sum(part.stats.cache_misses.values()))
"""


def test_a_second_process_compiles_nothing() -> None:
    gradients(THETAS)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)],
        env=os.environ | {"PYTHONPATH": str(Path(cytobayes.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    times, *hits_and_misses = done.stdout.splitlines()
    print(f"second process: {times}")
    assert hits_and_misses == ["1 0", "1 0"]


def test_another_equation_is_another_module() -> None:
    model, timeline = compiled()
    assert compile_model(LOTKA_VOLTERRA, timeline=timeline) is model
    copy = compile_model(LOTKA_VOLTERRA.with_values(a=0.6), timeline=timeline)
    assert copy.source_hash == model.source_hash and copy.forward is model.forward
    others = [
        compile_model(LOTKA_VOLTERRA, "stiff", timeline=timeline),
        compile_model(LOTKA_VOLTERRA),
        compile_model(LOTKA_VOLTERRA, timeline=timeline, wrt=["b"]),
    ]
    assert len({m.source_hash for m in (model, *others)}) == 4


@pytest.mark.parametrize("folder", ["made", "not to be made"])
def test_the_cache_stands_where_it_is_asked_for(folder: str, tmp_path: Path) -> None:
    """And in a temporary folder, where it cannot."""
    place = tmp_path / folder
    if folder == "not to be made":
        (tmp_path / "file").write_text("")
        place = tmp_path / "file" / folder
    script = "from cytobayes.models.solver.build import cache_folder as f; print(f().is_dir(), f())"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ
        | {"PYTHONPATH": str(Path(cytobayes.__file__).parents[1]), "CYTOBAYES_CACHE": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = done.stdout.split()
    assert found[0] == "True"
    assert (found[1] == str(place)) == (folder == "made")
