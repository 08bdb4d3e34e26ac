"""A run of the embedded cohort whose posterior is its known truth with a little noise: no sampler.

It has the groups and attributes of a real hierarchical fit, so that everything that follows a fit
can be shown without half an hour of sampling.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from cytobayes.datasets import load_table
from cytobayes.inference.analysis import Analysis
from cytobayes.inference.fit import attach_data, versions
from cytobayes.inference.pointwise import pointwise
from cytobayes.inference.problem import Problem
from cytobayes.inference.run import new_run, save_run

SPREAD = 0.05  # of logarithms
SIGMAS = {"IFNg": 0.4, "IL6": 0.5, "CRP": 0.3, "ferritin": 0.3, "CAR": 0.5}  # of the cohort


def analysis(seed: int = 1) -> Analysis:
    """As the command line makes it from ``fit crs-cascade --data crs-cohort``."""
    from cytobayes.inference.commands.request import compose

    made: Analysis = compose(
        "crs-cascade", data="crs-cohort", given=["B0rel=burden"], population="hierarchical",
        sampling={"seed": seed},
    )  # fmt: skip
    return made


def posterior(problem: Problem, shape: tuple[int, int], seed: int = 1) -> xr.Dataset:
    """Draws around the truth of the cohort."""
    rng = np.random.default_rng(seed)
    truth = load_table("crs-cohort-truth").set_index("subject")
    subjects = list(problem.arrangement.subjects)

    def around(value: Any, *extra: int) -> npt.NDArray[np.float64]:
        return np.asarray(value * np.exp(SPREAD * rng.standard_normal((*shape, *extra))))

    dims = ("chain", "draw")
    found: dict[str, Any] = {n: (dims, around(problem.model.parameter(n).value))
                             for n in problem.estimated}  # fmt: skip
    for name in problem.family.priors(problem):
        base = name.removesuffix("_omega")
        true = truth.loc[subjects, base].to_numpy()
        found[base] = (dims, around(np.exp(np.log(true).mean())))
        found[name] = (dims, around(np.log(true).std(ddof=1)))
        own = around(true, len(subjects))
        found[f"{base}_individual"] = ((*dims, "subject"), own)
        found[f"{base}_eta"] = ((*dims, "subject"), np.log(own / found[base][1][..., None]))
    found |= {f"{o}_sigma": (dims, around(s)) for o, s in SIGMAS.items()}
    coordinates = {"chain": np.arange(shape[0]), "draw": np.arange(shape[1]), "subject": subjects}
    return xr.Dataset(found, coordinates)


def tree_of(problem: Problem, shape: tuple[int, int], seed: int = 1) -> xr.DataTree:
    """Groups and attributes of a fit."""
    data = posterior(problem, shape, seed)
    rng = np.random.default_rng(seed)
    density = pointwise(problem, data)
    rows = (density[str(n)] for n in density.data_vars)
    total = np.sum([values.to_numpy().sum(axis=2) for values in rows], axis=0)
    stats = xr.Dataset(
        {
            "diverging": (("chain", "draw"), np.zeros(shape, bool)),
            "lp": (("chain", "draw"), total),
            "energy": (("chain", "draw"), rng.standard_normal(shape)),
            "failed_solves": (("chain", "draw", "cause"), np.zeros((*shape, 1), np.int64)),
        },
        {"cause": ["the number of steps exceeded max_steps"]},
    )
    groups = {"posterior": data, "sample_stats": stats, "log_likelihood": density}
    tree = xr.DataTree.from_dict(groups)
    attach_data(tree, problem)
    counts: dict[str, dict[str, int]] = {"warmup": {}, "sampling": {}}
    facts = {
        "problem": problem.describe(), "centering": {}, "versions": versions(),
        "starts": {"optima": [0.0], "kept": 1}, "failed_solves": counts,
        "gradient_evaluations": {"warmup": 0, "sampling": 0},
    }  # fmt: skip
    plain = {
        "problem_id": problem.id, "sampler": "none: draws around known values", "seed": seed,
        "draws": shape[1], "tune": 0, "chains": shape[0], "cores": 1, "target_accept": 0.95,
        "adaptation": "diag", "interrupted": 0, "resumed": 0, "engine": "", "wall_time": 1.0,
        "sampling_time": 1.0, "created_at": "2026-01-01T00:00:00+00:00",
    }  # fmt: skip
    tree.attrs.update(plain | {name: json.dumps(fact) for name, fact in facts.items()})
    return tree


def write_run(folder: Path, shape: tuple[int, int] = (4, 250)) -> Problem:
    """Write the run folder; its problem."""
    stated = analysis()
    problem = stated.to_problem(stated.open_data())
    with new_run(folder, force=True) as partial:
        save_run(partial, tree_of(problem, shape), problem, stated)
    return problem
