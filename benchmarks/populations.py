"""Seconds to 400 effective draws of all parameters of a population, against NumPyro and Stan.

    python benchmarks/populations.py [--problems theophylline ...] [--engines ours numpyro ...]
        [--chains 4] [--tune 300] [--draws 800] [--timeout 900] [--out FILE]

Every measurement runs in a process of its own. `ours` comes first: it writes the points at which
all engines score the log density (an error out of bounds ends the matter), and its means are what
those of the peers are compared with. Rows are kept from run to run and replaced one by one, so that
slow engines can be measured alone; each row holds its own load average. An engine that is not
finished in time is a row too.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

import measure
from population_posterior import Clock
from population_problems import FOLDERS, NAMES, folder, setup

HERE = Path(__file__).resolve().parent
# Name -> (module, variant for the closed form, variant with equations; None: not for it).
ENGINES = {
    "ours": ("population_ours", "equations", "equations"),
    "ours-closed": ("population_ours", "closed", None),
    "ours-gradient": ("population_ours", None, "gradient"),
    "numpyro": ("population_numpyro", "parallel closed", "parallel map"),
    "numpyro-vectorized": ("population_numpyro", "vectorized closed", None),
    "numpyro-gradient": ("population_numpyro", None, "gradient map"),
    "stan": ("population_stan", "closed form", "gradient"),
    "stan-sampled": ("population_stan", "closed form", "ode_rk45"),
}
DEFAULT = [e for e in ENGINES if e != "stan-sampled"]  # hours where there are equations
RTOL, ATOL = 1e-4, 1e-6  # of this package in a population; it scales the second by state


def measure_one(problem: str, engine: str, options: argparse.Namespace) -> dict[str, Any]:
    """Sample in this process and judge the draws."""
    from population_posterior import Gradient, Plan, judge

    module, closed, equations = ENGINES[engine]
    variant = closed if problem == "theophylline" else equations
    if variant is None:
        return {"status": "NotApplicable", "message": "not for problems of this kind"}
    before = measure.load()
    try:
        given, peer = setup(problem), importlib.import_module(module)
        points = points_of(problem, options)
        points.parent.mkdir(parents=True, exist_ok=True)
        if engine.startswith("ours"):
            drawn = peer.sample(given, options.seed, points, variant)
        else:
            plan = Plan(options.chains, options.tune, options.draws, RTOL, ATOL, options.seed)
            drawn = peer.sample(given, plan, variant, json.loads(points.read_text()))
    except (measure.Absent, measure.NotApplicable) as why:
        return {"status": type(why).__name__, "message": str(why)}
    row = drawn.row() if isinstance(drawn, Gradient) else judge(given, drawn)
    return row | {"load_before": before, "load_after": measure.load()}


def points_of(problem: str, options: argparse.Namespace) -> Path:
    """File of the points at which log densities are compared."""
    path: Path = options.out.parent / f"population_points_{problem}.json"
    return path


def checked(row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare means with a published posterior, or with those of `ours`."""
    from population_posterior import agreement, estimated, published

    if row["status"] == "gradient" and row["engine"] != "stan":
        return row
    if row["status"] == "gradient":
        fits = (r for r in rows if (r["problem"], r["engine"]) == (row["problem"], "numpyro"))
        return estimated(row, next(fits, None))
    if row["status"] != "ok":
        return row
    if row["engine"] == "ours":
        expected = published(row["problem"], folder() / FOLDERS[row["problem"]])
    else:
        own = [r for r in rows if (r["problem"], r["engine"]) == (row["problem"], "ours")]
        expected = own[0]["summary"] if own else {}
    return agreement(row, expected)


HEADER = (
    f"{'problem':<14}{'engine':<20}{'log p':>8}{'max |z|':>8}{'R-hat':>7}{'div':>5}{'min ESS':>9}"
    f"{'draws':>9}{'gradients':>11}{'compile':>9}{'CPU s':>8}{'s':>8}{'CPU to 400':>11}"
    f"{'s to 400':>10}{'load':>6}  note"
)


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    head = f"{row['problem']:<14}{row['engine']:<20}"
    if row["status"] in ("gradient", "estimated"):
        text = f"{row['log_density_error']:8.0e}  {row['cpu_microseconds_per_gradient']:.0f} us"
        known = row["status"] == "estimated"
        more = f", as many as numpyro: {row['cpu_seconds_to_400']:.0f} s to 400" if known else ""
        return f"{head}{text} per gradient{more}"
    if row["status"] not in ("ok", "inaccurate"):
        return f"{head}{row['status']}: {row['message']}"
    shape = "x".join(map(str, row["chains_draws"]))
    gradients = row["gradients"] + row["warmup_gradients"] + row["search_gradients"]
    text = (
        f"{head}{row['log_density_error']:8.0e}{row['max_abs_z']:8.2f}{row['max_rhat']:7.3f}"
        f"{row['divergences']:5d}{row['min_ess_bulk']:9.0f}{shape:>9}{gradients:11d}"
        f"{row['compile_cpu_seconds']:9.1f}{row['cpu_seconds']:8.1f}{row['seconds']:8.1f}"
    )
    if row["status"] == "inaccurate":
        return f"{text}  out of bounds: no time given"
    return (
        f"{text}{row['cpu_seconds_to_400']:11.1f}{row['seconds_to_400']:10.1f}"
        f"{row['load_before']:6.1f}  {row['note']}"
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=DEFAULT)
    parser.add_argument("--chains", type=int, default=4, help="of the peers")
    parser.add_argument("--tune", type=int, default=300, help="of the peers")
    parser.add_argument("--draws", type=int, default=800, help="of the peers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds per measurement")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "populations.json")
    parser.add_argument("--worker", nargs=2, metavar=("PROBLEM", "ENGINE"))
    return parser.parse_args()


def main() -> None:
    """Measure, print, write after every measurement."""
    options = parse()
    options.out = options.out.resolve()
    if options.worker:
        measure.report(measure_one(*options.worker, options))
        return
    begin, load = time.perf_counter(), measure.load()
    passed = [f"--{n}={getattr(options, n)}" for n in ("chains", "tune", "draws", "seed", "out")]
    rows = json.loads(options.out.read_text())["results"] if options.out.exists() else []
    print(HEADER, flush=True)
    for problem in options.problems:
        for engine in options.engines:
            clock = Clock.now()
            answer = measure.worker(Path(__file__), [problem, engine, *passed], options.timeout)
            if answer["status"] == "timeout":
                shape = f"{options.chains} chains of {options.tune} + {options.draws} draws"
                answer["message"] += f" ({clock.since().cpu:.0f} CPU s; {shape})"
            row = checked({"problem": problem, "engine": engine} | answer, rows)
            rows = [r for r in rows if (r["problem"], r["engine"]) != (problem, engine)] + [row]
            measure.write(options.out, "populations", rows, {"seed": options.seed, "rtol": RTOL,
                          "atol": ATOL, "load_before": load})  # fmt: skip
            print(line(row), flush=True)
    print(f"\n{time.perf_counter() - begin:.0f} s; written to {options.out}")


if __name__ == "__main__":
    main()
