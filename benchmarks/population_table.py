"""The section of README.md on `populations.py`: a table for each problem, and what was aimed at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Row = dict[str, Any]
Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]
TITLES = {
    "theophylline": "Theophylline: 12 subjects, one compartment, a solution in closed form",
    "endotoxin": "Endotoxin: 20 volunteers, four cytokines, 7 states",
    "warfarin": "Warfarin: 32 subjects, concentrations and a response, 4 states",
}
GOALS = {"theophylline": 1.0, "endotoxin": 5.0, "warfarin": 5.0}
HEADS = (
    "engine", "log density error", "max abs z", "R-hat", "divergences", "min bulk ESS",
    "chains x draws", "gradients to ESS 400", "CPU us per gradient", "compile, CPU s",
    "CPU s to ESS 400", "wall s to ESS 400", "load", "method",
)  # fmt: skip


def section(content: Row, machine: str, table: Table) -> str:
    """Write everything that was measured."""
    parts = ["### Populations: time to 400 effective draws", machine]
    rows = content["results"]
    for problem, title in TITLES.items():
        found = [r for r in rows if r["problem"] == problem and r["status"] != "NotApplicable"]
        if found:
            parts.append(f"**{title}**\n\n{table(HEADS, [cells(r) for r in found])}")
    if rows:
        parts.append(table(("comparison", "CPU", "wall", "goal", "reached"), goals(rows)))
    return "\n\n".join(parts)


def cells(r: Row) -> list[str]:
    """Cells of one measurement."""
    if r["status"] in ("gradient", "estimated"):
        known = r["status"] == "estimated"
        return [
            r["engine"], f"{r['log_density_error']:.0e}", *["not sampled", "", "", "", ""],
            f"{r['gradients_to_400']:.0f} (of numpyro)" if known else "",
            f"{r['cpu_microseconds_per_gradient']:.0f}",
            f"{r['compile_cpu_seconds']:.1f}",
            f"about {r['cpu_seconds_to_400']:.0f}" if known else "", "",
            f"{r['load_before']:.1f}", r["note"],
        ]  # fmt: skip
    if r["status"] not in ("ok", "inaccurate"):
        return [r["engine"], f"{r['status']}: {r['message']}", *[""] * (len(HEADS) - 2)]
    times = [f"{r['cpu_seconds_to_400']:.1f}", f"{r['seconds_to_400']:.1f}"]
    z = r["max_abs_z"]
    return [
        r["engine"], f"{r['log_density_error']:.0e}", "" if z != z else f"{z:.1f}",
        f"{r['max_rhat']:.3f}", str(r["divergences"]), f"{r['min_ess_bulk']:.0f}",
        " x ".join(map(str, r["chains_draws"])), f"{r['gradients_to_400']:.0f}",
        f"{r['cpu_microseconds_per_gradient']:.0f}", f"{r['compile_cpu_seconds']:.1f}",
        *(times if r["status"] == "ok" else ["out of bounds", ""]), f"{r['load_before']:.1f}",
        r["note"],
    ]  # fmt: skip


def per_gradient(problem: str, r: Row, best: Row) -> list[str]:
    """Compare what was not sampled by the gradient alone."""
    ratio = r["cpu_microseconds_per_gradient"] / best["cpu_microseconds_per_gradient"]
    what = f"{problem}: one gradient, {r['engine']} / {best['engine']}"
    return [what, f"{ratio:.2g}", "", "", ""]


def goals(rows: Sequence[Row]) -> list[list[str]]:
    """One line for each pair of a peer and one of our own rows."""
    lines = []
    for problem, goal in GOALS.items():
        these = [r for r in rows if r["problem"] == problem]
        own = [r for r in these if r["engine"].startswith("ours")]
        peers = [r for r in these if r not in own]
        for mine in own:
            if mine["status"] == "ok":
                sampled = [r for r in peers if r["status"] in ("ok", "estimated")]
                lines += [by_time(problem, r, mine, goal) for r in sampled]
            if mine["status"] == "gradient":
                known = [r for r in peers if r["status"] in ("gradient", "estimated")]
                lines += [by_gradient(problem, r, mine) for r in known]
    return lines


def by_time(problem: str, r: Row, own: Row, goal: float) -> list[str]:
    """Compare the times to 400 effective draws."""
    cpu = r["cpu_seconds_to_400"] / own["cpu_seconds_to_400"]
    wall = r.get("seconds_to_400", float("nan")) / own["seconds_to_400"]
    return [
        f"{problem}: time to ESS 400, {r['engine']} / {own['engine']}", f"{cpu:.2g}",
        "" if wall != wall else f"{wall:.2g}", f"at least {goal:g}", "yes" if cpu >= goal else "no",
    ]  # fmt: skip


def by_gradient(problem: str, r: Row, own: Row) -> list[str]:
    """Compare the gradients."""
    ratio = r["cpu_microseconds_per_gradient"] / own["cpu_microseconds_per_gradient"]
    what = f"{problem}: one gradient, {r['engine']} / {own['engine']}"
    return [what, f"{ratio:.2g}", "", "", ""]
