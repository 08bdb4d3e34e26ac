"""Effective draws per second of NUTS on the Lotka-Volterra posterior of posteriordb.

    python benchmarks/nuts.py [--engines ours stan numpyro pm.ode ...] [--chains 4] [--tune 1000]
        [--draws 1000] [--slow-draws 100] [--quick] [--out FILE]

Every engine runs in a process of its own, from the same start points, with the same tolerances,
target acceptance and length of warm-up. First the distance to the reference posterior is looked at:
where it is out of bounds (z, R-hat, effective draws) no speed is given. Times are wall times on all
cores without compilation. `pm.ode` is slow and draws fewer (``--slow-draws``, and as many to warm
up); nothing is extrapolated.
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path
from typing import Any

import measure

HERE = Path(__file__).resolve().parent
# Name -> (module, variant, slow).
ENGINES = {
    "ours": ("ours", "", False),
    "stan": ("peer_stan", "", False),
    "numpyro": ("peer_numpyro", "vectorized", False),
    "numpyro-parallel": ("peer_numpyro", "parallel", False),
    "pm.ode": ("peer_pymc_ode", "shipped", True),
    "pm.ode-loose": ("peer_pymc_ode", "loose", True),
}
DEFAULT = [e for e in ENGINES if e != "pm.ode"]  # as shipped it takes twice as long, for the same


def measure_one(engine: str, options: argparse.Namespace) -> dict[str, Any]:
    """Sample in this process and judge the draws."""
    from posterior import Plan, judge

    module, variant, slow = ENGINES[engine]
    draws = options.slow_draws if slow else options.draws
    tune = options.slow_draws if slow else options.tune
    plan = Plan(options.chains, tune, draws, options.rtol, options.rtol * 1e-2, options.seed)
    try:
        chains = importlib.import_module(module).sample(plan, variant)
    except (measure.Absent, measure.NotApplicable) as why:
        return {"status": type(why).__name__, "message": str(why)}
    return judge(chains)


HEADER = (
    f"{'engine':<17}{'max |z|':>8}{'R-hat':>7}{'div':>5}{'min ESS':>9}{'draws':>9}{'gradients':>11}"
    f"{'us/grad':>9}{'compile':>9}{'seconds':>9}{'ESS/s':>9}{'no warm-up':>11}  note"
)


def line(row: dict[str, Any]) -> str:
    """One row of the table."""
    if row["status"] not in ("ok", "inaccurate"):
        return f"{row['engine']:<17}{row['status']}: {row['message']}"
    shape = "x".join(map(str, row["chains_draws"]))
    text = (
        f"{row['engine']:<17}{row['max_abs_z']:8.2f}{row['max_rhat']:7.3f}{row['divergences']:5d}"
        f"{row['min_ess_bulk']:9.0f}{shape:>9}{row['gradients']:11d}"
    )
    if row["status"] == "inaccurate":
        return f"{text}  out of bounds (z, R-hat or effective draws): no speed given"
    return (
        f"{text}{row['microseconds_per_gradient']:9.0f}{row['compile_seconds']:9.1f}"
        f"{row['seconds']:9.1f}{row['ess_per_second']:9.1f}"
        f"{row['ess_per_second_without_warmup']:11.1f}  {row['note']}"
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=DEFAULT)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--tune", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--slow-draws", type=int, default=100, help="for pm.ode, draws and warm-up")
    parser.add_argument("--rtol", type=float, default=1e-6, help="atol is a hundredth of it")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=500.0, help="seconds per engine")
    parser.add_argument("--quick", action="store_true", help="without pm.ode, fewer draws")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "nuts.json")
    parser.add_argument("--worker", nargs=1, metavar="ENGINE")
    options = parser.parse_args()
    if options.quick:
        options.tune = options.draws = 400
        options.engines = [e for e in options.engines if not ENGINES[e][2]]
    return options


def main() -> None:
    """Measure, print, write."""
    options = parse()
    if options.worker:
        measure.report(measure_one(options.worker[0], options))
        return
    start, load = time.perf_counter(), measure.load()
    names = ("chains", "tune", "draws", "slow_draws", "rtol", "seed")
    settings = {n: getattr(options, n) for n in names}
    passed = [f"--{n.replace('_', '-')}={v}" for n, v in settings.items()]
    rows = []
    print(HEADER, flush=True)
    for engine in options.engines:
        answer = measure.worker(Path(__file__), [engine, *passed], options.timeout)
        rows.append({"engine": engine} | answer)
        print(line(rows[-1]), flush=True)
    measure.write(options.out, "nuts", rows, settings | {"load_before": load})
    print(f"\n{time.perf_counter() - start:.0f} s; written to {options.out}")


if __name__ == "__main__":
    main()
