"""`fit`: draw from the posterior of a problem, and keep with the draws what made them."""

from __future__ import annotations

import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .._version import __version__
from ..datasets.errors import InputError
from ..datasets.writing import write_netcdf
from .analysis import ADAPTATIONS
from .counters import SOLVES
from .pointwise import pointwise
from .problem import Problem
from .sampling.checkpoint import Checkpoint
from .sampling.merge import failed_solves, gradient_evaluations, merge
from .sampling.progress import Progress
from .sampling.samplers import Settings
from .sampling.starts import FitError
from .sampling.with_jax import sample_blackjax, sample_numpyro
from .sampling.with_nutpie import sample_nutpie
from .sampling.with_pymc import sample_pymc
from .specification import plain

if TYPE_CHECKING:
    from .sampling.samplers import Drawn

__all__ = ["FitError", "fit", "read_facts"]

SAMPLERS: dict[str, Callable[[Problem, Settings, Progress], Drawn]] = {
    "nutpie": sample_nutpie,
    "pymc": sample_pymc,
    "blackjax": sample_blackjax,
    "numpyro": sample_numpyro,
}
PACKAGES = {"blackjax": ("jax", "blackjax"), "numpyro": ("jax", "numpyro")}  # of some samplers
JSON = (
    "centering",
    "problem",
    "versions",
    "failed_solves",
    "gradient_evaluations",
    "starts",
)  # attributes written as JSON


def fit(
    problem: Problem,
    *,
    seed: int,
    draws: int | None = None,
    tune: int | None = None,
    chains: int = 4,
    cores: int | None = None,
    sampler: str = "nutpie",
    target_accept: float | None = None,
    adaptation: str = "low_rank",
    max_draws: int | None = None,
    log_likelihood: bool = True,
    out: str | Path | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
) -> xr.DataTree:
    """Draw from the posterior.

    Parameters
    ----------
    problem : Problem
    seed : int
        Same seed, same draws, on any number of cores.
    draws, tune : int, optional
        Kept draws and warm-up draws of each chain. Default: 2000 and 1000; 700 and 250 in a
        hierarchical population.
    chains : int
    cores : int, optional
        Chains that run at a time; default: as many as the machine has processors.
    sampler : {"nutpie", "pymc", "blackjax", "numpyro"}
        All are NUTS on the same compiled density. nutpie is the fastest and the only one whose
        chains run side by side; the others are there for comparison and adapt a diagonal metric.
        blackjax and numpyro need ``pip install 'cytobayes[jax]'``.
    target_accept : float, optional
        Mean acceptance that the step size is tuned to. Default: 0.95; 0.9 in a hierarchical
        population.
    adaptation : {"low_rank", "diag", "draw_diag"}
        Metric that nutpie tunes. Parameters of ODEs are correlated, which ``"low_rank"`` learns:
        on the Lotka-Volterra posterior of posteriordb it gives 15 times more effective draws per
        gradient than ``"diag"``.
    max_draws : int, optional
        Chains that nearly agree after ``draws``, but not to the limits of `convergence`, go on with
        half as many draws at a time, up to so many kept (nutpie only). Default: twice the default
        of ``draws``; exactly ``draws`` where they are given.
    log_likelihood : bool
        Also keep the log likelihood of each row, for cross-validation.
    out : path, optional
        Write the result to this netCDF file as well. A place that cannot be written is refused
        before the first draw; if the disk is full in the end, a warning says so and the result is
        returned.
    checkpoint : path, optional
        Folder that follows the run, written twice a minute (nutpie only). The same call with the
        same folder goes on where a killed or interrupted one was, with fewer chains to do when
        some had ended, and gives the draws at once when all had; delete it when it has served.
    progress : bool
        Show a line per chain, when the error stream is a terminal.

    Returns
    -------
    DataTree
        Groups ``posterior`` (chain, draw, ...), ``sample_stats`` (with ``failed_solves`` (chain,
        draw, cause)), ``warmup_posterior``, ``warmup_sample_stats``, ``log_likelihood``,
        ``observed_data``, ``constant_data`` (subject, time, censoring, limits and standard error of
        each row, and ``above`` where rows are conditional on lying above a value) and ``study``.
        Attributes: `read_facts` tells them. After Ctrl-C the tree holds what was drawn so far and
        ``interrupted`` is 1.

    Raises
    ------
    InputError
        If a setting has no meaning.
    FitError
        If no chain can start; the message names the solver failure or the observable at fault.

    Notes
    -----
    A proposal whose solve fails is rejected (a divergence, in the sampler's words) and counted
    once, under the cause of its first failed subject. Each chain counts for itself and each draw
    carries the count, so the numbers by cause, chain and phase are exact; evaluations while a
    chain looks for its first step size count as warm-up, those that choose start points do not
    count.

    A resumed chain keeps all draws that were written. One that was sampling goes on from the last
    of them with the same metric and step size; one that was warming up warms up again for the
    draws that were left, at least 200. Nothing else is lost but what was drawn since the last
    writing, and start points if they had not been found yet. Its draws are another sample of the
    same posterior than those of an uninterrupted run: the generator of random numbers begins anew.
    """
    effort = problem.family.effort
    wanted, most = effort.draws_between(draws, max_draws)
    settings = Settings(
        draws=wanted,
        tune=effort.tune if tune is None else tune,
        chains=chains,
        cores=cores or 0,
        seed=seed,
        target_accept=effort.target_accept if target_accept is None else target_accept,
        adaptation=adaptation,
        max_draws=most,
    )
    settings = checked(settings, sampler)
    if out is not None:
        writable(Path(out))
    begun = time.perf_counter()
    with Progress(settings.chains, settings.cores, wanted=progress) as display:
        drawn = draw(problem, settings, sampler, display, checkpoint)
    tree = merge(drawn)
    if log_likelihood and tree["posterior"].sizes.get("draw", 0):
        tree["log_likelihood"] = pointwise(problem, tree["posterior"].to_dataset())
    attach_data(tree, problem)
    times = {"sampling_time": drawn.seconds, "wall_time": time.perf_counter() - begun}
    tree.attrs.update(facts_of(problem, settings, sampler, drawn) | times)
    if out is not None:
        keep(tree, Path(out))
    return tree


def draw(
    problem: Problem,
    settings: Settings,
    sampler: str,
    display: Progress,
    folder: str | Path | None,
) -> Drawn:
    """Run the sampler, with a checkpoint where one is wanted."""
    if sampler != "nutpie":
        if folder is not None:
            raise InputError(
                f"only nutpie can be resumed, not {sampler}: leave out the checkpoint."
            )
        return SAMPLERS[sampler](problem, settings, display)
    enough = partial(are_enough, tell=display.note)
    if folder is None:
        return sample_nutpie(problem, settings, display, enough=enough)
    state = Checkpoint(Path(folder), problem, settings)
    try:
        return sample_nutpie(problem, settings, display, checkpoint=state, enough=enough)
    finally:
        state.close()


def are_enough(drawn: Drawn, tell: Callable[[str], None]) -> bool:
    """Whether more draws would mend nothing."""
    from .checks.convergence import convergence

    verdict = convergence(merge(drawn))
    if verdict.wants_draws:
        tell(f"not settled after {verdict.draws} draws: {'; '.join(verdict.faults)}; going on")
    return not verdict.wants_draws


def facts_of(problem: Problem, settings: Settings, sampler: str, drawn: Drawn) -> dict[str, Any]:
    """Attributes of a fit, in types that netCDF can hold."""
    facts = {
        "problem_id": problem.id,
        "problem": problem.describe(),
        "sampler": sampler,
        **asdict(settings),
        "centering": dict(drawn.centering),
        "starts": {"optima": drawn.starts.optima, "kept": drawn.starts.kept},
        "interrupted": int(drawn.interrupted),
        "resumed": drawn.resumed,
        "failed_solves": failed_solves(drawn),
        "gradient_evaluations": gradient_evaluations(drawn, SOLVES),
        "engine": "" if problem.model.is_closed_form else problem.compiled.source_hash,
        "versions": versions(*PACKAGES.get(sampler, ())),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return facts | {name: json.dumps(plain(facts[name])) for name in JSON}


def checked(given: Settings, sampler: str) -> Settings:
    """Refuse settings that have no meaning, and find out how many chains may run at a time."""
    if sampler not in SAMPLERS:
        raise InputError(f"no sampler is called {sampler!r}; there are {', '.join(SAMPLERS)}.")
    if given.adaptation not in ADAPTATIONS:
        known = ", ".join(ADAPTATIONS)
        raise InputError(f"no adaptation is called {given.adaptation!r}; there are {known}.")
    for name in ("draws", "tune", "chains"):
        if getattr(given, name) < 1:
            raise InputError(f"{name} must be at least 1, got {getattr(given, name)}.")
    if given.cores < 0:
        raise InputError(f"cores must be at least 1, got {given.cores}.")
    if given.seed < 0:
        raise InputError(f"seed must be 0 or a positive whole number, got {given.seed}.")
    if not 0 < given.target_accept < 1:
        raise InputError(f"target_accept must lie between 0 and 1, got {given.target_accept:g}.")
    if sampler != "nutpie":
        return replace(given, cores=1, adaptation="draw_diag", max_draws=given.draws)
    return replace(given, cores=min(given.chains, given.cores or os.cpu_count() or 1))


def attach_data(tree: xr.DataTree, problem: Problem) -> None:
    """Add what was fitted: values, what is known about each row, and the study itself."""
    values, known = {}, {}
    for o in problem.arrangement.observed:
        dim = f"{o.name}_observation"
        unit = {"units": problem.model.unit(o.target)}
        coordinate = (dim, o.row)
        values[o.name] = xr.DataArray(o.rows.value, {dim: coordinate}, (dim,), attrs=unit)
        subjects = np.array(problem.arrangement.subjects, dtype=object)[o.subject]
        columns: dict[str, Any] = {
            "subject": (subjects, {}),
            "time": (o.time, {"units": problem.model.time_unit}),
            "censoring": (o.rows.kind, {}),
            "lower": (o.rows.lower, unit),
            "upper": (o.rows.upper, unit),
            "se": (o.rows.se, unit),
        }
        above = np.broadcast_to(o.rows.above, o.rows.value.shape)
        if np.isfinite(above).any():
            columns["above"] = above, unit
        for column, (array, attributes) in columns.items():
            known[f"{o.name}_{column}"] = xr.DataArray(
                array, {dim: coordinate}, (dim,), attrs=attributes
            )
    tree["observed_data"] = xr.Dataset(values)
    tree["constant_data"] = xr.Dataset(known)
    tree["study"] = problem.data.tree


def versions(*more: str) -> dict[str, str]:
    """Releases that the draws depend on."""
    packages = ("pymc", "pytensor", "nutpie", "numba", "numpy", "scipy", "xarray", "arviz", *more)
    return {
        "cytobayes": __version__,
        "python": platform.python_version(),
        **{p: version(p) for p in packages},
    }


def read_facts(tree: xr.DataTree) -> dict[str, Any]:
    """Attributes of a fit, with those that are stored as JSON decoded.

    Parameters
    ----------
    tree : DataTree
        From `fit`, or read back from its file.

    Returns
    -------
    dict
        ``problem_id``; ``problem`` (as `Problem.describe`); ``seed``, ``sampler``, ``draws``,
        ``tune``, ``chains``, ``cores``, ``target_accept``, ``adaptation``; ``starts`` {"optima":
        log densities at the end of all optimizer paths, best first; "kept": how many of them led
        near the best}; ``interrupted`` (0 or 1);
        ``resumed`` (how often a new process took over after an interruption);
        ``failed_solves`` {"warmup": {cause: count}, "sampling": {...}}; ``gradient_evaluations``
        {"warmup": count, "sampling": count}; ``sampling_time`` of the chains alone and
        ``wall_time`` of everything [s]; ``engine``
        (hash of the compiled integrator); ``versions``; ``created_at``.
    """
    facts = {str(name): value for name, value in tree.attrs.items()}
    for name in JSON:
        if name in facts and not isinstance(facts[name], Mapping):
            facts[name] = json.loads(facts[name])
    return facts


def writable(path: Path) -> None:
    """Refuse a place that cannot be written, before hours are spent."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place.") from None
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder; name a file, as posterior.nc.")


def keep(tree: xr.DataTree, path: Path) -> None:
    """Write the result; where that fails it is still returned, with a warning."""
    try:
        write_netcdf(tree, path)
    except InputError as error:
        warnings.warn(
            f"{error}. The result is returned all the same: write it with "
            "tree.to_netcdf(PATH) before the process ends.",
            stacklevel=3,
        )
