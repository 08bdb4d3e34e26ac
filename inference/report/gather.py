"""From a run to the numbers of its report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.wording import counted
from ..analysis_file import write_text
from ..checks.convergence import convergence, scalars
from ..checks.modes import modes
from ..fit import read_facts
from ..measuring.sigmas import sigma_settings
from ..populations.hierarchy import STUDENT, Hierarchical
from ..populations.scales import scale_of
from ..sampling.progress import duration
from .assessment import Told, assess
from .curves import predict_curves
from .material import Material
from .prior import Prior

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem
    from ..run import Run

__all__ = ["gather"]

MEANINGS = {
    "power": "power of the residual error",
    "intercept": "log odds where the transformed value is 0",
    "slope": "log odds per unit of the transformed value",
    "cut": "cut-point of grade {}",
    "step": "distance of cut-point {} from the one below",
}
PHASES = {"warmup": "warm-up", "sampling": "sampling"}


def gather(
    run: Run,
    problem: Problem,
    told: Told = lambda text: None,
    *,
    stratify: str | None = None,
) -> Material:
    """Compute everything that the report of a run states.

    Parameters
    ----------
    run : Run
    problem : Problem
        What was fitted.
    told : callable
        Told what is being done.
    stratify : str, optional
        In place of what the analysis asks for; empty: no strata.

    Returns
    -------
    Material
    """
    facts = read_facts(run.tree)
    verdict, places = convergence(run.tree), modes(run.tree)
    posterior = run.tree["posterior"].to_dataset()
    if isinstance(problem.family, Hierarchical):
        posterior = posterior.drop_dims("subject", errors="ignore")
    draws = scalars(posterior)
    names = [*problem.estimated, *problem.family.priors(problem), *problem.error_parameters]
    told("computing the curves of the fit")
    curves = predict_curves(problem, run.tree, seed=int(facts["seed"]))
    return Material(
        model=problem.model,
        study=problem.data,
        targets=problem.targets,
        draws=draws,
        priors={n: Prior(d, *problem.bounds(n)) for n, d in problem.all_priors.items()},
        units={name: problem.unit(name) for name in names},
        fixed={n: v for n, v in problem.constants.items() if n not in problem.inputs},
        errors={name: error.formula for name, error in problem.errors.items()},
        population=problem.family.text,
        regimens=dict(zip(problem.data.subjects, problem.arrangement.regimens, strict=True)),
        bands=curves.bands,
        rows=curves.rows,
        converged=verdict.ok or bool(verdict.few_draws),
        few_draws=verdict.few_draws,
        convergence=verdict.sentence,
        diagnostics=verdict.table[verdict.table["parameter"].isin(list(draws))],
        sampler=by_chain(run.tree, verdict.e_bfmi),
        failures=failures(facts["failed_solves"]),
        settings=settings(facts, int(posterior.sizes.get("draw", 0))),
        analysis=write_text(run.analysis),
        interrupted=bool(facts["interrupted"]),
        blind=problem.blind_directions,
        treated=treated(problem),
        meanings=meanings(problem),
        outcomes=tuple(n for n, error in problem.errors.items() if not error.is_quantity),
        modes=places.sentence if places.good is False else "",
        approximation=str(facts.get("approximation", "")),
        scales=scales(problem),
        inputs={str(n): str(c) for n, c in problem.inputs.items()},
        checks=assess(
            problem,
            run.tree,
            seed=int(facts["seed"]),
            stated=run.analysis.credibility,
            stratify=run.analysis.report.stratify if stratify is None else stratify,
            told=told,
        ),
    )


def scales(problem: Problem) -> dict[str, str]:
    """Scale of each parameter that varies between subjects; ``log, t4`` with Student's t."""
    family = problem.family
    if not isinstance(family, Hierarchical):
        return {}
    heavy = {n for n, shape in family.shapes.items() if shape == "student"}
    return {
        n: scale_of(*problem.bounds(n)).name + (f", t{STUDENT:g}" if n in heavy else "")
        for n in family.of(problem)
    }


def treated(problem: Problem) -> dict[str, tuple[str, ...]]:
    """Sentences on rows beyond a limit, published values and assays, by observable."""
    facts = problem.describe()["observables"]
    return {
        o["name"]: tuple(t for t in (*o["treated"], o["offsets"], o["sigmas"]) if t) for o in facts
    }


def meanings(problem: Problem) -> dict[str, str]:
    """Say what the parameters of measurement and of the population are."""
    known = of_population(problem)
    for observed in problem.arrangement.observed:
        name, groups = observed.name, observed.groups
        settings = sigma_settings(problem.errors[name], name, observed.sigmas)
        for parameter, like in settings.items():
            kind, _, number = like.removeprefix(f"{name}_").rpartition("_")
            known[parameter] = MEANINGS.get(kind or number, "residual error").format(number)
            if parameter != like:
                label = parameter.removeprefix(f"{like}_")
                known[parameter] += f" of {observed.sigmas.by} {label}"
        for label, parameter in zip(groups.labels[1:], groups.names(name), strict=True):
            known[parameter] = f"offset of {groups.by} {label} from {groups.labels[0]}"
    return known


def of_population(problem: Problem) -> dict[str, str]:
    """Say what spreads between subjects and occasions are, and effects of covariates."""
    family, known = problem.family, dict[str, str]()
    if not isinstance(family, Hierarchical):
        return known
    for name, text in scales(problem).items():
        scale, _, heavy = text.partition(", ")
        of = name if scale == "natural" else f"{scale} {name}"
        known[f"{name}_omega"] = f"{'scale (t)' if heavy else 'sd'} of {of} between subjects"
        known[f"{name}_iov"] = f"sd of {of} between occasions"
    for effect in family.effects:
        for coefficient in effect.coefficients(problem.data):
            label = coefficient.removeprefix(effect.name).removeprefix("_")
            what = f"{effect.covariate} {label}".rstrip()
            known[coefficient] = f"effect of {what} on {effect.parameter}"
    return known | {"omega_correlation": "correlation between subjects"}


def by_chain(tree: xr.DataTree, e_bfmi: npt.NDArray[np.float64]) -> pd.DataFrame:
    """Tell what the sampler did, one row per chain."""
    stats = tree["sample_stats"].to_dataset()
    table = pd.DataFrame({"chain": stats["chain"].to_numpy()})
    table["divergences"] = stats["diverging"].sum("draw").to_numpy().astype(int)
    table["E-BFMI"] = e_bfmi
    for name, label in (("step_size", "step size"), ("n_steps", "gradients per draw")):
        if name in stats:
            table[label] = stats[name].mean("draw").to_numpy()
    return table


def failures(counts: Mapping[str, Mapping[str, int]]) -> pd.DataFrame:
    """Failed solves by cause and phase."""
    rows = [
        {"cause": cause, "phase": PHASES.get(phase, phase), "count": int(count)}
        for phase, causes in counts.items()
        for cause, count in causes.items()
    ]
    return pd.DataFrame(rows, columns=["cause", "phase", "count"]).astype({"count": int})


def settings(facts: Mapping[str, Any], kept: int) -> dict[str, str]:
    """How the posterior was drawn, as labels and texts; ``kept`` draws of each chain."""
    solver = facts["problem"]["solver"]
    gradients = facts["gradient_evaluations"]
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    return {
        "Problem": str(facts["problem_id"]),
        "Seed": str(facts["seed"]),
        "Sampler": f"{facts['sampler']}, an approximation: {facts['draws']} draws"
        if facts.get("approximation")
        else (
            f"{facts['sampler']}: {facts['chains']} chains of {facts['tune']} warm-up and "
            f"{kept} kept draws, target acceptance {facts['target_accept']:g}"
            f"{resumed(int(facts.get('resumed', 0)))}"
        ),
        "Solver": (
            f"method {solver['method']}, relative tolerance {solver['rtol']:g}, "
            f"at most {solver['max_steps']:,} steps"
        ),
        **began(facts),
        "Gradients": f"{gradients['warmup']:,} in warm-up, {gradients['sampling']:,} after it",
        "Time": f"{duration(facts['wall_time'])} on {facts['cores']} cores",
        "Made": str(facts["created_at"]),
        "Versions": versions,
        "Data": f"sha256 {facts['problem']['data_sha256']}",
    }


def began(facts: Mapping[str, Any]) -> dict[str, str]:
    """Where the chains began, and how far the effects of subjects are centered."""
    rows = {}
    starts = facts.get("starts") or {}
    if optima := starts.get("optima"):
        rows["Starts"] = (
            f"{counted(len(optima), 'path')} of an optimizer; {starts['kept']} led near the best "
            "log density, and the chains began there"
        )
    if degrees := facts.get("centering"):
        named = ", ".join(f"{name} {float(degree):.2f}" for name, degree in degrees.items())
        rows["Centering"] = f"{named} (mean over subjects; 0: non-centered, 1: centered)"
    return rows


def resumed(times: int) -> str:
    """Say that the draws come from several processes."""
    if not times:
        return ""
    often = "once" if times == 1 else f"{times} times"
    return f"; resumed {often}, so that the seed alone does not give the same draws again"
