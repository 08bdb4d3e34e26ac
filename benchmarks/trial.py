"""Seconds of a virtual trial of 1,000 patients, 200 draws and four arms, with its error.

    python benchmarks/trial.py [--patients 1000] [--draws 200] [--out FILE]

The reduced cascade under four timings of tocilizumab, as in docs/designs/tocilizumab_timing.toml,
from the prior of the model. Part of it is solved once more at tight tolerances: the greatest
difference between the probabilities of any arm and endpoint is the error. The peer is SciPy's LSODA
on courses of the first arm, one after another, at the same relative tolerance.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import measure
import numpy as np

HERE = Path(__file__).resolve().parent
DESIGN = HERE.parent / "docs" / "designs" / "tocilizumab_timing.toml"
PART = {"n": 100, "draws": 10}  # what is solved at tight tolerances as well
RTOL, TIGHT = 1e-5, 1e-9
COURSES = 50  # of the peer


def ours(patients: int, draws: int) -> dict[str, Any]:
    """Run the trial, and part of it at two tolerances."""
    from cytobayes.inference.trials.design_file import read_design
    from cytobayes.inference.trials.virtual import virtual_trial
    from cytobayes.models.library import get
    from cytobayes.models.solver import SolverOptions

    model, design = get("crs-cascade"), read_design(DESIGN).design
    usual, tight = (
        virtual_trial(design, model, options=SolverOptions(rtol=rtol), **PART)
        for rtol in (RTOL, TIGHT)
    )  # the first one also compiles
    error = float(np.abs(usual.expected.mean(0) - tight.expected.mean(0)).max())
    load, wall, cpu = measure.load(), time.perf_counter(), time.process_time()
    trial = virtual_trial(design, model, n=patients, draws=draws)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    courses = patients * draws * len(trial.arms)
    return {
        "engine": "ours", "patients": patients, "draws": draws, "arms": len(trial.arms),
        "error_of_probability": error, "failed_solves": int(trial.failed.sum()), "seconds": wall,
        "cpu_seconds": cpu, "cpu_milliseconds_per_course": 1e3 * cpu / courses, "load": load,
    }  # fmt: skip


def scipy() -> dict[str, Any]:
    """Solve untreated patients with SciPy, at the times that a trial looks at."""
    import sympy
    import xarray as xr
    from scipy.integrate import solve_ivp

    from cytobayes.inference.trials.virtual import STEPS
    from cytobayes.models import SolverOptions, draw_parameters, get, simulate, trace

    model = get("crs-cascade")
    theta = draw_parameters(model, COURSES, seed=1)
    times = np.linspace(0.0, model.horizon, STEPS + 1)
    exact = simulate(model, theta, times, options=SolverOptions(rtol=TIGHT))
    traced = trace(model)
    field = sympy.lambdify((traced.t, traced.y, traced.p), list(traced.rhs), "math", cse=True)
    start = sympy.lambdify((traced.p,), list(traced.initial), "math")
    cpu, solved = time.process_time(), []
    for k in range(COURSES):
        own = theta.isel(draw=k)
        p = [float(own[n]) if n in own else v for n, v in model.theta.items()]
        begin = np.array(start(p), dtype=float)
        found = solve_ivp(field, (0.0, times[-1]), begin, "LSODA", times, args=(p,), rtol=RTOL,
                          atol=RTOL * 1e-3)  # fmt: skip
        solved.append(found.y)
    cpu = time.process_time() - cpu
    known = xr.concat([exact[n] for n in model.state_names], "state")
    known = known.transpose("draw", "state", "time").to_numpy()
    scale = np.abs(known).max(axis=2, keepdims=True)
    return {
        "engine": "scipy LSODA", "courses": COURSES,
        "cpu_milliseconds_per_course": 1e3 * cpu / COURSES,
        "error_of_states": float((np.abs(np.array(solved) - known) / scale).max()),
        "load": measure.load(),
    }  # fmt: skip


def main() -> None:
    """Measure both, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "trial.json")
    options = parser.parse_args()
    begin = measure.load()
    rows = [scipy(), ours(options.patients, options.draws)]
    for row in rows:
        print(row, flush=True)
    settings = {"rtol": RTOL, "load_before": begin}
    measure.write(options.out, "trial", rows, settings)


if __name__ == "__main__":
    main()
