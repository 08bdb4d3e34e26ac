"""Time of one value-and-gradient, next to its error, for every engine and problem.

    python benchmarks/gradient.py [--problems lotka_volterra population sneyd]
        [--engines ours diffrax ...] [--cores 1 2] [--rtol 1e-6] [--quick] [--out FILE]

Every measurement runs in a process of its own that is confined to the stated number of cores. The
error against the reference is looked at first: where it is out of bounds no time is given.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path
from typing import Any

import measure

HERE = Path(__file__).resolve().parent
PROBLEM_NAMES = ("lotka_volterra", "population", "sneyd")
# Name -> (module, variant). What each means stands at the top of the module.
ENGINES = {
    "ours": ("ours", "pymc"),
    "ours-arrays": ("ours", "arrays"),
    "ours-loose": ("ours", "loose"),
    "diffrax": ("peer_diffrax", "vmap"),
    "diffrax-tuned": ("peer_diffrax", "tuned"),
    "pm.ode": ("peer_pymc_ode", "shipped"),
    "pm.ode-loose": ("peer_pymc_ode", "loose"),
    "stan": ("peer_stan", ""),
}
# A step may err by the tolerance, and errors add up over the 50 to 150 steps of these problems.
# Sensitivities are not step-size controlled by every engine and get a factor of 10 more.
VALUE_STEPS, GRADIENT_STEPS = 150, 1500


def measure_one(problem_name: str, engine_name: str, cores: int, options: Any) -> dict[str, Any]:
    """Measure in this process: error first, then time."""
    measure.confine(cores)
    from problems import PROBLEMS
    from reference import errors

    problem = PROBLEMS[problem_name]()
    module, variant = ENGINES[engine_name]
    rtol, atol = options.rtol, options.rtol * 1e-2
    try:
        engine = importlib.import_module(module).build(problem, variant, rtol, atol)
    except (measure.Absent, measure.NotApplicable) as why:
        return {"status": type(why).__name__, "message": str(why)}
    value, gradient = engine.evaluate()
    value_error, gradient_error = errors(problem, value, gradient)
    row = {
        "status": "ok",
        "value_error": value_error,
        "gradient_error": gradient_error,
        "compile_seconds": engine.compile_seconds,
        "steps": engine.steps() if engine.steps else None,
        "note": engine.note,
    }
    bounds = {"value": VALUE_STEPS * rtol, "gradient": GRADIENT_STEPS * rtol}
    if not (value_error <= bounds["value"] and gradient_error <= bounds["gradient"]):
        return row | {"status": "inaccurate", "message": f"out of bounds {bounds}: no time given"}
    median, least, repeats = measure.seconds(engine.evaluate, options.budget)
    overhead = 0.0
    if engine.overhead:
        overhead = measure.seconds(engine.overhead, options.budget / 4)[0]
    scale = 1e6 / problem.subjects
    return row | {
        "microseconds_per_subject": (median - overhead) * scale,
        "least_microseconds_per_subject": (least - overhead) * scale,
        "repeats": repeats,
        "subtracted_microseconds_per_subject": overhead * scale,
    }


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    head = f"{row['problem']:<15}{row['engine']:<15}{row['cores']:>2}"
    if row["status"] not in ("ok", "inaccurate"):
        return f"{head}  {row['status']}: {row['message']}"
    text = f"{head}  {row['value_error']:8.1e} {row['gradient_error']:8.1e}"
    if row["status"] == "inaccurate":
        return f"{text}  {row['message']}"
    steps = f"{row['steps']:.0f}" if row["steps"] else "-"
    return (
        f"{text} {row['microseconds_per_subject']:11.1f} "
        f"{row['least_microseconds_per_subject']:11.1f} "
        f"{row['compile_seconds']:8.1f} {steps:>6}  {row['note']}"
    )


HEADER = (
    f"{'problem':<15}{'engine':<15}{'co':>2}  {'value':>8} {'gradient':>8} "
    f"{'us/subject':>11} {'least':>11} {'compile':>8} {'steps':>6}  note\n"
    f"{'':<15}{'':<15}{'re':>2}  {'error':>8} {'error':>8} "
    f"{'(median)':>11} {'':>11} {'s':>8}"
)


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Start one worker per problem, engine and number of cores, and print as they finish."""
    from problems import PROBLEMS
    from reference import reference

    rows = []
    for name in options.problems:
        problem = PROBLEMS[name]()
        reference(problem)
        print(f"\n{problem.title}\n{HEADER}", flush=True)
        for engine in options.engines:
            for cores in options.cores:
                if cores > 1 and ENGINES[engine][0] in ("peer_pymc_ode", "peer_stan"):
                    continue  # these compute one gradient on one core
                arguments = [name, engine, str(cores), f"--rtol={options.rtol}"]
                arguments.append(f"--budget={options.budget}")
                answer = measure.worker(Path(__file__), arguments, options.timeout)
                rows.append({"problem": name, "engine": engine, "cores": cores} | answer)
                print(line(rows[-1]), flush=True)
    return rows


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=PROBLEM_NAMES, default=PROBLEM_NAMES)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--cores", nargs="+", type=int, default=None)
    parser.add_argument("--rtol", type=float, default=1e-6, help="atol is a hundredth of it")
    parser.add_argument("--budget", type=float, default=4.0, help="seconds of repeats per row")
    parser.add_argument("--timeout", type=float, default=240.0, help="seconds per row, in all")
    parser.add_argument("--quick", action="store_true", help="short repeats")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "gradient.json")
    parser.add_argument("--worker", nargs=3, metavar=("PROBLEM", "ENGINE", "CORES"))
    options = parser.parse_args()
    if options.quick:
        options.budget = 0.5
    if options.cores is None:
        options.cores = sorted({1, measure.cores_here()})
    return options


def main() -> None:
    """Measure, print, write."""
    options = parse()
    if options.worker:
        problem, engine, cores = options.worker
        measure.report(measure_one(problem, engine, int(cores), options))
        return
    start = time.perf_counter()
    settings = {"rtol": options.rtol, "atol": options.rtol * 1e-2, "budget": options.budget}
    settings["load_before"] = measure.load()
    rows = run(options)
    measure.write(options.out, "gradient", rows, settings)
    print(f"\n{time.perf_counter() - start:.0f} s; written to {options.out}")


if __name__ == "__main__":
    main()
