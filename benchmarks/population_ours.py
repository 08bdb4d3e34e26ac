"""This package's `fit` with its defaults on a population.

The first, short fit compiles everything and is timed apart. In the second one the work of the main
thread (the search for start points, degrees of centering and coordinates; the making of the result)
is told from that of the chains, because it does not shrink with fewer draws. Then the points are
made at which the log density of every engine is looked at: three draws, scored at tight tolerances.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ours import find
from population_posterior import REPEATS, Clock, Drawn, Gradient
from population_problems import Setup, problem
from problems import Array

TIGHT = 1e-9  # relative tolerance of the log densities that others are compared with
POINTS = 3


def sample(setup: Setup, seed: int, points: Path, variant: str) -> Drawn | Gradient:
    """Fit; the variant ``equations`` also writes the points, ``closed`` is a solved model.

    ``gradient`` only times the gradient at the points.
    """
    find()
    if variant == "gradient":
        return gradient(setup, json.loads(points.read_text()))
    from cytobayes.inference.fit import fit, read_facts

    given = problem(setup.name + ("-closed" if variant == "closed" else ""))
    quiet: dict[str, Any] = {"progress": False, "log_likelihood": False}
    begin = Clock.now()
    fit(given, seed=seed + 1, chains=1, draws=10, tune=10, **quiet)
    compiled = begin.since()
    with watched() as watch:
        begin, main = Clock.now(), time.thread_time()
        tree = fit(given, seed=seed, **quiet)
        total, main = begin.since(), time.thread_time() - main
    facts = read_facts(tree)
    posterior = tree["posterior"].to_dataset()
    sampling = facts["sampling_time"]
    if variant != "closed":
        write_points(setup, posterior, points)
    stored = json.loads(points.read_text())
    errors = log_densities(setup, given, stored["points"]) - np.array(stored["log_densities"])
    counts = facts["gradient_evaluations"]
    if not any(counts.values()):  # of solves; a solved model has none
        groups = {"sampling": "sample_stats", "warmup": "warmup_sample_stats"}
        counts = {phase: int(tree[group]["n_steps"].sum()) for phase, group in groups.items()}
    return Drawn(
        {n: posterior[n].to_numpy() for n in setup.names}, compiled,
        Clock(total.wall - sampling, main), Clock(sampling, total.cpu - main), counts["sampling"],
        counts["warmup"], watch["evaluations"], int(tree["sample_stats"]["diverging"].sum()),
        errors, f"{variant}, defaults of fit",
    )  # fmt: skip


def gradient(setup: Setup, stored: dict[str, Any]) -> Gradient:
    """Processor time of what the sampler evaluates, mean over the points; the least of repeats."""
    from cytobayes.inference.populations.hierarchy import CENTERING
    from cytobayes.inference.sampling.with_nutpie import prepared

    begin, given = Clock.now(), problem(setup.name)
    joint, made = prepared(given, replaceable=False)
    centering = joint.model[CENTERING]
    centering.set_value(np.zeros(centering.get_value().shape))
    compiled, least = begin.since(), []
    for point in stored["points"]:
        moved = unconstrained(setup, point)
        x = np.concatenate([np.ravel(moved[rv.name]) for rv in joint.model.free_RVs])
        made.logp_func(x)
        times = []
        for _ in range(REPEATS):
            clock = time.process_time()
            made.logp_func(x)
            times.append(time.process_time() - clock)
        least.append(min(times))
    errors = log_densities(setup, given, stored["points"]) - np.array(stored["log_densities"])
    return Gradient(compiled, errors, float(np.mean(least)), "equations, non-centered")


def write_points(setup: Setup, posterior: Any, path: Path) -> None:
    """Write some draws, their log densities at tight tolerances, and the posterior means."""
    chosen = natural_points(setup, posterior)
    exact = log_densities(setup, problem(setup.name, solver=tight()), chosen)
    means = {n: float(posterior[n].mean()) for n in setup.names}
    content = {"points": chosen, "log_densities": exact.tolist(), "means": means}
    path.write_text(json.dumps(content, indent=None) + "\n")


@contextlib.contextmanager
def watched() -> Iterator[dict[str, Any]]:
    """Count the evaluations before the chains."""
    from cytobayes.inference.sampling import with_nutpie

    original, seen = with_nutpie.begun_at, {"evaluations": 0}

    def begun_at(problem: Any, settings: Any, joint: Any, compiled: Any, *rest: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            seen["evaluations"] += 1
            return compiled.logp_func(*arguments, **named)

        watching = dataclasses.replace(compiled, logp_func=counted)
        return original(problem, settings, joint, watching, *rest)

    with_nutpie.begun_at = begun_at
    try:
        yield seen
    finally:
        with_nutpie.begun_at = original


def tight() -> Any:
    """Solver options of the comparison."""
    from cytobayes.models.solver import SolverOptions

    return SolverOptions(rtol=TIGHT)


def natural_points(setup: Setup, posterior: Any) -> list[dict[str, Any]]:
    """Last draws of some chains by name, effects as ``<parameter>_z`` in units of their spread.

    Six digits, so that the file stays small; everyone scores these numbers as they are.
    """
    found = []
    for chain in range(POINTS):
        last = posterior.isel(chain=chain, draw=-1)
        point: dict[str, Any] = {n: rounded(last[n].to_numpy()) for n in setup.names}
        for n in setup.varying:
            effect = last[f"{n}_eta"].to_numpy() / float(last[f"{n}_omega"])
            point[f"{n}_z"] = rounded(effect)
        found.append(point)
    return found


def rounded(x: Array) -> Any:
    """Six digits."""
    return np.vectorize(lambda v: float(f"{v:.6g}"))(x).tolist()


def log_densities(setup: Setup, given: Any, points: list[dict[str, Any]]) -> Array:
    """Log density of the natural parameters and standard effects, float64[point]."""
    from cytobayes.inference.joint import build_joint
    from cytobayes.inference.populations.hierarchy import CENTERING

    model = build_joint(given).model
    model[CENTERING].set_value(np.zeros(model[CENTERING].get_value().shape))
    density = model.compile_logp(jacobian=False)
    names = {model.rvs_to_values[rv].name: rv.name for rv in model.free_RVs}
    found = []
    for point in points:
        moved = unconstrained(setup, point)
        found.append(float(density({value: moved[name] for value, name in names.items()})))
    return np.array(found)


def unconstrained(setup: Setup, point: Mapping[str, Any]) -> dict[str, Array]:
    """Values that PyMC moves: logarithms, logits, and effects as they are."""
    found = {n: np.asarray(v, dtype=np.float64) for n, v in point.items()}
    moved = {}
    for n in setup.names:
        low = setup.floor(n, found)
        rest = 1 - found[n] if setup.is_bounded(n) else 1.0
        moved[n] = np.log((found[n] - low) / rest)
    return found | moved
