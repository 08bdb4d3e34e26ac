"""`quick`: a look at a posterior in seconds, by an approximation that is never trusted as a fit."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..datasets.errors import InputError
from .fit import JSON, attach_data, versions
from .populations.hierarchy import CENTERING, Hierarchical
from .problem import Problem
from .sampling.approximate import advi, laplace, pareto_k, pathfinder, summit
from .sampling.expansion import variables_at
from .sampling.samplers import Settings
from .sampling.starts import checked
from .sampling.with_nutpie import begun_at, centered, prepared
from .specification import plain

if TYPE_CHECKING:
    from .joint import Joint
    from .sampling.checkpoint import Begun
    from .sampling.starts import Evaluate

__all__ = ["METHODS", "quick"]

Array = npt.NDArray[np.float64]
METHODS = ("map", "laplace", "advi", "pathfinder")
AT_MODE = ("map", "laplace")
PATHS = 4


def quick(
    problem: Problem, method: str = "laplace", *, seed: int, draws: int = 1000
) -> xr.DataTree:
    """Approximate the posterior, for a quick look and never for a conclusion.

    Parameters
    ----------
    problem : Problem
    method : {"map", "laplace", "advi", "pathfinder"}
        The mode alone (one draw), a normal at the mode, independent normals by variational
        inference, or the best normal along an optimizer's path; all in the unconstrained space.
    seed : int
    draws : int
        Draws of the approximation.

    Returns
    -------
    DataTree
        As `fit` returns it, with one chain and without warm-up. The attributes ``approximation``
        (the method) and ``pareto_k`` label it: `convergence` and the report say so first and never
        call it trusted.

    Raises
    ------
    InputError
        If there is no such method, or the mode of a hierarchical population is asked for: it lies
        where spreads vanish or run away, far from the posterior.
    FitError
        If no start point is found.
    """
    if method not in METHODS:
        raise InputError(f"no quick method is called {method!r}; there are {', '.join(METHODS)}.")
    if method in AT_MODE and isinstance(problem.family, Hierarchical):
        raise InputError(
            f"{method}: the mode of a hierarchical population says little about its posterior; "
            "take pathfinder or advi, or fit"
        )
    if draws < 1 or seed < 0:
        raise InputError(f"draws must be at least 1 and seed not negative, got {draws} and {seed}.")
    begun = time.perf_counter()
    settings = Settings(1 if method == "map" else draws, 0, PATHS, 1, seed, 0.0, "")
    joint, compiled = prepared(problem, replaceable=False)
    found = begun_at(problem, settings, joint, compiled)
    if isinstance(problem.family, Hierarchical):
        joint.model[CENTERING].set_value(found.degrees)
    rng = np.random.default_rng(np.random.SeedSequence([seed, METHODS.index(method)]))
    points, k = approximated(method, found, compiled.logp_func, settings.draws, rng)
    tree = tree_of(joint, centered(problem, joint, compiled, found.degrees)[0], points)
    attach_data(tree, problem)
    facts = facts_of(problem, settings, method, found)
    spent = {"sampling_time": 0.0, "wall_time": time.perf_counter() - begun}
    tree.attrs.update(facts | spent | {"approximation": method, "pareto_k": k})
    return tree


def approximated(
    method: str, found: Begun, evaluate: Evaluate, draws: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Draws of an approximation, float64[draw, n], and their Pareto k (NaN for the mode)."""
    points = found.starts.points
    if method == "pathfinder":
        normal = pathfinder(points, evaluate, rng)
    else:
        top = summit(points, evaluate) if method in AT_MODE else points[0]
        if method == "map":
            return top[None], float("nan")
        normal = laplace(top, evaluate) if method == "laplace" else advi(top, evaluate, rng)
    drawn, own = normal.draw(rng, draws)
    return drawn, pareto_k(drawn, own, lambda x: checked(x, evaluate)[0])


def tree_of(joint: Joint, compiled: Any, points: Array) -> xr.DataTree:
    """All variables of the model at points of the unconstrained space."""
    posterior = variables_at(joint, compiled, points)
    density = np.array([float(compiled.logp_func(x)[0]) for x in points])[None]
    grid = ("chain", "draw")
    stats = {"lp": (grid, density), "energy": (grid, -density)}
    none = {"diverging": (grid, np.zeros(density.shape, dtype=bool))}
    index = {"chain": [0], "draw": np.arange(len(points))}
    groups = {"posterior": xr.Dataset(posterior), "sample_stats": xr.Dataset(stats | none)}
    return xr.DataTree.from_dict({n: g.assign_coords(index) for n, g in groups.items()})


def facts_of(problem: Problem, settings: Settings, method: str, found: Begun) -> dict[str, Any]:
    """Attributes as those of a fit."""
    facts: dict[str, Any] = {
        "problem_id": problem.id,
        "problem": problem.describe(),
        "sampler": method,
        "seed": settings.seed,
        "draws": settings.draws,
        "tune": 0,
        "chains": 1,
        "cores": 1,
        "target_accept": 0.0,
        "adaptation": "",
        "centering": {},
        "starts": {"optima": found.starts.optima, "kept": found.starts.kept},
        "interrupted": 0,
        "resumed": 0,
        "failed_solves": {"warmup": {}, "sampling": {}},
        "gradient_evaluations": {"warmup": 0, "sampling": 0},
        "engine": "" if problem.model.is_closed_form else problem.compiled.source_hash,
        "versions": versions(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return facts | {name: json.dumps(plain(facts[name])) for name in JSON}
