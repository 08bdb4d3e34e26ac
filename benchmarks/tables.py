"""Write the measured results into README.md, from the JSON files in ``results``.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import population_table

HERE = Path(__file__).resolve().parent
START, END = "<!-- results: written by tables.py -->", "<!-- end of results -->"
BUSY = 0.7  # load average; a benchmark starts from about zero
TITLES = {
    "lotka_volterra": "(a) Lotka-Volterra, posteriordb",
    "population": "(b) 30 subjects, five states, eight rates",
    "sneyd": "(c) stiff: IP3 receptor, nine experiments, six states, 14 rates",
}
Row = dict[str, Any]


def main() -> None:
    """Replace what stands between the two marks."""
    path = HERE / "README.md"
    before, rest = path.read_text().split(START)
    after = rest.split(END)[1]
    parts = [make(load(name)) for name, make in (("gradient", gradient), ("nuts", nuts))]
    parts.append(goals(load("gradient"), load("nuts")))
    populations = load("populations")
    parts.append(population_table.section(populations, machine(populations), table))
    parts.append(trial(load("trial")))
    path.write_text(f"{before}{START}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}")


def load(name: str) -> Row:
    """Read one file of results; an empty record when it is not there."""
    path = HERE / "results" / f"{name}.json"
    content: Row = json.loads(path.read_text()) if path.exists() else {"results": []}
    return content


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine(content: Row) -> str:
    """One sentence about where and with what."""
    if "machine" not in content:
        return "Not measured yet."
    m = content["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in m["versions"].items() if v != "absent")
    load = content["settings"].get("load_before")
    busy = load is None or load > BUSY
    return (
        f"{m['date']}: {m['processor']}, {m['cores']} cores, {m['system']}, Python {m['python']}; "
        f"{versions}. Load average before the first measurement: "
        f"{'not recorded' if load is None else f'{load:.1f}'}."
        + (" **The machine was busy with other work: take times and ratios as rough.**" * busy)
    )


def gradient(content: Row) -> str:
    """One table per problem."""
    parts = ["### Value and gradient", machine(content)]
    heads = ("engine", "cores", "error of value", "error of gradient", "us per subject", "least",
             "compile, s", "steps", "method")  # fmt: skip
    for problem, title in TITLES.items():
        rows = [gradient_row(r) for r in content["results"] if r["problem"] == problem]
        rows = [r for r in rows if r]
        if rows:
            parts.append(f"**{title}**\n\n{table(heads, rows)}")
    return "\n\n".join(parts)


def gradient_row(r: Row) -> list[str]:
    """Cells of one measurement; nothing for combinations that mean nothing."""
    if r["status"] == "NotApplicable":
        return []
    head = [r["engine"], str(r["cores"])]
    if r["status"] not in ("ok", "inaccurate"):
        return [*head, f"{r['status']}: {r['message']}", *[""] * 6]
    head += [f"{r['value_error']:.0e}", f"{r['gradient_error']:.0e}"]
    if r["status"] == "inaccurate":
        return [*head, "error out of bounds", "", "", "", r["note"]]
    return [
        *head,
        number(r["microseconds_per_subject"]),
        number(r["least_microseconds_per_subject"]),
        f"{r['compile_seconds']:.1f}",
        f"{r['steps']:.0f}" if r["steps"] else "",
        r["note"],
    ]


def trial(content: Row) -> str:
    """The virtual trial, and the peer."""
    heads = ("engine", "what", "error", "CPU ms per course", "CPU s", "wall s", "load")
    rows = []
    for r in content["results"]:
        if r["engine"] == "ours":
            what = f"{r['patients']} patients x {r['draws']} draws x {r['arms']} arms"
            error = f"{r['error_of_probability']:.0e} (probability of an endpoint)"
            times = [f"{r['cpu_seconds']:.0f}", f"{r['seconds']:.0f}"]
        else:
            what, times = f"{r['courses']} courses", ["", ""]
            error = f"{r['error_of_states']:.0e} (states)"
        one = number(r["cpu_milliseconds_per_course"])
        rows.append([r["engine"], what, error, one, *times, f"{r['load']:.1f}"])
    return f"### A virtual trial\n\n{machine(content)}\n\n{table(heads, rows)}"


def nuts(content: Row) -> str:
    """Table of the samplers."""
    heads = ("engine", "max abs z", "R-hat", "divergences", "min bulk ESS", "chains x draws",
             "gradients", "seconds with warm-up", "compile, s", "ESS/s", "ESS/s without warm-up",
             "method")  # fmt: skip
    rows = []
    for r in content["results"]:
        if r["status"] not in ("ok", "inaccurate"):
            rows.append([r["engine"], f"{r['status']}: {r['message']}", *[""] * 10])
            continue
        speed = [number(r["ess_per_second"]), number(r["ess_per_second_without_warmup"])]
        rows.append([
            r["engine"], f"{r['max_abs_z']:.1f}", f"{r['max_rhat']:.3f}", str(r["divergences"]),
            f"{r['min_ess_bulk']:.0f}", " x ".join(map(str, r["chains_draws"])),
            str(r["gradients"]), f"{r['seconds']:.1f}", f"{r['compile_seconds']:.1f}",
            *(speed if r["status"] == "ok" else ["out of bounds", ""]), r["note"],
        ])  # fmt: skip
    head = "### NUTS on (a), against the reference draws of posteriordb"
    return "\n\n".join([head, machine(content), table(heads, rows)])


def goals(gradients: Row, samplers: Row) -> str:
    """What was aimed at, and what was measured."""

    def time(problem: str, cores: int, *engines: str) -> float:
        """Shortest time of these engines on at most this many cores."""
        found = [
            r["microseconds_per_subject"]
            for r in gradients["results"]
            if (r["problem"], r["status"]) == (problem, "ok")
            and r["cores"] <= cores
            and r["engine"] in engines
        ]
        return min(found, default=float("nan"))

    def comparison(problem: str, *engines: str) -> str:
        """Errors of the gradients of these engines, in words."""
        errors = [
            min(
                (
                    r["gradient_error"]
                    for r in gradients["results"]
                    if (r["problem"], r["engine"], r["status"]) == (problem, e, "ok")
                ),
                default=float("nan"),
            )
            for e in engines
        ]
        return "errors " + " and ".join(f"{e:.0e}" for e in errors)

    def speed(*engines: str) -> float:
        found = [
            r["ess_per_second"]
            for r in samplers["results"]
            if r["status"] == "ok" and r["engine"] in engines
        ]
        return max(found, default=float("nan"))

    own = ("ours", "ours-arrays")
    one, both = time("population", 1, *own), time("population", 99, *own)
    stiff = time("sneyd", 99, *own)
    ess = speed("ours")
    checks = [
        ("(b) us per subject, one core", one, "at most", 40),
        ("(b) diffrax / ours, all cores", time("population", 99, "diffrax") / both, "at least", 7),
        (
            "(b) diffrax-tuned / ours, all cores",
            time("population", 99, "diffrax-tuned") / both,
            "",
            0,
        ),
        ("(c) diffrax / ours, all cores", time("sneyd", 99, "diffrax") / stiff, "at least", 50),
        (
            f"(c) diffrax / ours-loose ({comparison('sneyd', 'diffrax', 'ours-loose')})",
            time("sneyd", 99, "diffrax") / time("sneyd", 99, "ours-loose"),
            "",
            0,
        ),
        ("(c) diffrax-tuned / ours, all cores", time("sneyd", 99, "diffrax-tuned") / stiff, "", 0),
        (
            "(b) Stan ode_rk45 / ours, one core",
            time("population", 1, "stan") / one,
            "at least",
            100,
        ),
        (
            "(b) pm.ode as shipped / ours, one core",
            time("population", 1, "pm.ode") / one,
            "at least",
            500,
        ),
        (
            "(b) pm.ode at equal tolerances / ours, one core",
            time("population", 1, "pm.ode-loose") / one,
            "",
            0,
        ),
        (
            "(a) ESS/s, ours / PyMC with pm.ode",
            ess / speed("pm.ode", "pm.ode-loose"),
            "at least",
            10,
        ),
        ("(a) ESS/s, ours / Stan", ess / speed("stan"), "at least", 1),
        (
            "(a) ESS/s, ours / numpyro + diffrax",
            ess / speed("numpyro", "numpyro-parallel"),
            "at least",
            1,
        ),
    ]
    rows = []
    for what, value, direction, goal in checks:
        reached = value >= goal if direction == "at least" else value <= goal
        met = ("yes" if reached else "no") if direction and value == value else ""
        rows.append([what, number(value), f"{direction} {goal}" if direction else "", met])
    return "### Goals\n\n" + table(("quantity", "measured", "goal", "reached"), rows)


def number(value: float) -> str:
    """Three digits, without exponents."""
    if value != value:
        return "not measured"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
