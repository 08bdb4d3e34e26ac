"""Runs on disk in a second: a closed form of the library, draws around known values, no sampler."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cytobayes.inference.analysis import Analysis
from cytobayes.inference.commands.request import compose
from cytobayes.inference.fit import attach_data, versions
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.problem import Problem
from cytobayes.inference.run import new_run, save_run
from cytobayes.models import get, simulate

MODEL = "cart-lag"
SIGMA, OMEGA = 0.3, 0.4
DAYS = np.array([1.0, 3, 5, 7, 10, 14, 21, 28])


def write_csv(path: Path, subjects: int = 6, seed: int = 1) -> Path:
    """Measurements of patients who differ in their peak."""
    rng = np.random.default_rng(seed)
    sex = np.resize(["f", "m"], subjects)
    model, rows = get(MODEL), []
    for k in range(subjects):
        peak = model.parameter("Cmax").value * np.exp(OMEGA * rng.standard_normal())
        course = simulate(model, {"Cmax": peak}, DAYS)["CAR"].to_numpy()
        values = course * np.exp(SIGMA * rng.standard_normal(DAYS.size))
        facts = {"observable": "CAR", "value": values, "unit": "copies/ug", "sex": sex[k]}
        rows.append(pd.DataFrame({"subject": f"P{k}", "time (d)": DAYS, **facts}))
    table = pd.concat(rows)
    table.to_csv(path, index=False)
    return path


def posterior(
    problem: Problem, shape: tuple[int, int], wrong: float = 1.0, seed: int = 1
) -> xr.Dataset:
    """Draws around the truth; ``wrong`` multiplies the peak."""
    rng = np.random.default_rng(seed)
    subjects = list(problem.arrangement.subjects)

    def around(value: float, *extra: int) -> npt.NDArray[np.float64]:
        return np.asarray(value * np.exp(0.03 * rng.standard_normal((*shape, *extra))))

    dims = ("chain", "draw")
    model = problem.model
    true = {n: model.parameter(n).value * (wrong if n == "Cmax" else 1.0)
            for n in problem.estimated}  # fmt: skip
    found: dict[str, Any] = {n: (dims, around(v)) for n, v in true.items()}
    for name in problem.family.priors(problem):
        base = name.removesuffix("_omega")
        found[name] = (dims, around(OMEGA))
        own = around(true[base], len(subjects))
        found[f"{base}_individual"] = ((*dims, "subject"), own)
        found[f"{base}_eta"] = ((*dims, "subject"), np.log(own / found[base][1][..., None]))
    found |= {f"{o}_sigma": (dims, around(SIGMA)) for o in problem.targets}
    coordinates = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1]), "subject": subjects}
    return xr.Dataset(found, coordinates)


def write_run(
    folder: Path,
    data: Path,
    *,
    model: str = MODEL,
    dose: list[str] | None = None,
    observable: list[str] | None = None,
    population: str = "pooled",
    wrong: float = 1.0,
    shape: tuple[int, int] = (2, 60),
    attrs: dict[str, Any] | None = None,
) -> Problem:
    """Write the run folder; its problem."""
    stated: Analysis = compose(
        model, data=str(data), dose=dose, observable=observable, population=population
    )
    problem = stated.to_problem(stated.open_data())
    draws = posterior(problem, shape, wrong)
    zeros = np.zeros(shape)
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), zeros.astype(bool)),
            "lp": (("chain", "draw"), zeros),
            "energy": (("chain", "draw"), np.random.default_rng(2).standard_normal(shape)),
            "failed_solves": (("chain", "draw", "cause"), np.zeros((*shape, 1), np.int64)),
        },
        {"cause": ["none"]},
    )
    groups = {"posterior": draws, "sample_stats": stats,
              "log_likelihood": pointwise(problem, draws)}  # fmt: skip
    tree = xr.DataTree.from_dict(groups)
    attach_data(tree, problem)
    counts: dict[str, dict[str, int]] = {"warmup": {}, "sampling": {}}
    facts = {
        "problem": problem.describe(), "versions": versions(), "failed_solves": counts,
        "gradient_evaluations": {"warmup": 0, "sampling": 0},
    }  # fmt: skip
    plain = {
        "problem_id": problem.id, "interrupted": 0, "draws": shape[1], "chains": shape[0],
        "sampler": "none: draws around known values", "seed": 1, "tune": 0, "cores": 1,
        "target_accept": 0.9, "wall_time": 1.0, "created_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    tree.attrs.update(
        plain | {name: json.dumps(fact) for name, fact in facts.items()} | (attrs or {})
    )
    with new_run(folder, force=True) as partial:
        save_run(partial, tree, problem, stated)
    return problem
