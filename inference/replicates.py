"""Simulated data sets with exactly the rows of the real one, for every check that compares both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ..datasets.errors import InputError
from .measuring.arms import effect_shares
from .measuring.limits import Seen, seen
from .measuring.offsets import measured
from .measuring.sigmas import spreads_at
from .populations.hierarchy import Hierarchical
from .populations.new_subjects import vary
from .populations.population import Independent, individual_name
from .populations.scales import scale_of
from .predict import draws_of, parameters_of
from .solving import values_at_rows

if TYPE_CHECKING:
    from .arrangement import Observed
    from .problem import Problem

__all__ = [
    "KINDS",
    "Replicated",
    "expected",
    "predictions",
    "replicated",
    "replicates",
    "value_unit",
]

Array = npt.NDArray[Any]
KINDS = ("population", "individual")


@dataclass(frozen=True, eq=False)
class Replicated:
    """One observable with its simulated copies, in the unit of the model.

    Parameters
    ----------
    observed : Observed
        The rows.
    seen : Seen
        Their values and limits of quantification.
    simulated : float64[sample, n]
        Uncensored; samples whose equations could not be solved are left out.
    pred : float64[n]
        PRED: the model's value at random effects of zero, median over the samples.
    failed : int
        Samples that were left out.
    """

    observed: Observed
    seen: Seen = field(repr=False)
    simulated: Array = field(repr=False)
    pred: Array = field(repr=False)
    failed: int = 0

    @property
    def name(self) -> str:
        """Name of the observable in the data."""
        return self.observed.name


def replicates(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    kind: str | None = None,
    draws: int = 500,
    seed: int = 0,
) -> xr.Dataset:
    """Simulate measurements at the rows of the data.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
        From `fit`, or its group ``posterior``.
    kind : {"population", "individual"}, optional
        ``"population"``: each sample is a fresh set of subjects, with the covariates, doses and
        times of the real ones. ``"individual"``: the subjects of the data, measured again.
        Default: ``"population"``, except for subjects with independent parameters.
    draws : int
        Number of simulated data sets. Posterior draws are taken evenly from all chains; when there
        are fewer, each is used several times, with new effects and errors.
    seed : int

    Returns
    -------
    Dataset, dims (sample, <observable>_observation)
        One variable per observable of the data [unit of the model], uncensored; for each also
        ``<observable>_lower`` and ``<observable>_upper``, the limits of quantification (infinite
        where there is none). NaN where the equations could not be solved. The coordinates
        ``chain`` and ``draw`` of each sample name the posterior draw.

    Raises
    ------
    InputError
        If the posterior belongs to another problem, or a population is asked of subjects that
        have nothing in common.
    """
    data = chosen(problem, posterior, draws)
    kind = kind_of(problem, kind)
    rng = np.random.default_rng(seed)
    theta = parameters(problem, data, kind, rng)
    made = simulate_rows(problem, data, values_at_rows(problem, theta), rng)
    variables: dict[str, Any] = {}
    for observed in problem.arrangement.observed:
        name, dim = observed.name, f"{observed.name}_observation"
        known, unit = seen(problem, observed), {"units": value_unit(problem, observed)}
        variables[name] = (("sample", dim), made[name], unit)
        variables[f"{name}_lower"] = ((dim,), known.lower, unit)
        variables[f"{name}_upper"] = ((dim,), known.upper, unit)
    rows = {f"{o.name}_observation": o.row for o in problem.arrangement.observed}
    origin = {c: ("sample", data[f"original_{c}"].to_numpy()) for c in ("chain", "draw")}
    facts = {"kind": kind, "seed": seed, "problem_id": problem.id}
    return xr.Dataset(variables, {"sample": np.arange(draws), **origin, **rows}, facts)


def predictions(
    problem: Problem, posterior: xr.DataTree | xr.Dataset, *, draws: int = 500
) -> xr.Dataset:
    """Compute PRED and IPRED of every row.

    Parameters
    ----------
    problem : Problem
    posterior : DataTree or Dataset
    draws : int
        Posterior draws to take the median over, at most; evenly from all chains.

    Returns
    -------
    Dataset, dims (<observable>_observation,)
        ``<observable>_pred`` (random effects of zero, covariates as they are) and
        ``<observable>_ipred`` (the subject's own parameters) [unit of the model]: medians over
        posterior draws. Without subjects in common, PRED is IPRED.
    """
    given = draws_of(problem, posterior, "observed")
    data = chosen(problem, given, min(draws, given.sizes["chain"] * given.sizes["draw"]))
    typical = values_at_rows(problem, typical_parameters(problem, data))
    own = values_at_rows(problem, parameters_of(problem, data, len(problem.arrangement.subjects)))
    variables: dict[str, Any] = {}
    for label, values in (("pred", typical), ("ipred", own)):
        for observed in problem.arrangement.observed:
            middle = np.nanmedian(expected(problem, observed, values, data), axis=0)
            unit = {"units": value_unit(problem, observed)}
            variables[f"{observed.name}_{label}"] = (f"{observed.name}_observation", middle, unit)
    rows = {f"{o.name}_observation": o.row for o in problem.arrangement.observed}
    return xr.Dataset(variables, rows, {"problem_id": problem.id})


def replicated(
    problem: Problem,
    posterior: xr.DataTree | xr.Dataset,
    *,
    kind: str | None = None,
    draws: int,
    seed: int,
) -> list[Replicated]:
    """Simulate as `replicates`, one record per observable with all that a check compares.

    Raises
    ------
    InputError
        Also if the equations could not be solved in half of the samples or more.
    """
    data = chosen(problem, posterior, draws)
    kind = kind_of(problem, kind)
    rng = np.random.default_rng(seed)
    f = values_at_rows(problem, parameters(problem, data, kind, rng))
    made = simulate_rows(problem, data, f, rng)
    typical = values_at_rows(problem, typical_parameters(problem, data))
    solved = np.all([np.isfinite(v).all(axis=1) for v in made.values()], axis=0)
    failed = int((~solved).sum())
    if failed * 2 >= draws:
        raise InputError(
            f"the equations could not be solved, or gave no number, in {failed} of {draws} "
            "simulated data sets: a check would say nothing."
        )
    return [
        Replicated(
            observed,
            seen(problem, observed),
            made[observed.name][solved],
            np.nanmedian(expected(problem, observed, typical, data), axis=0),
            failed,
        )
        for observed in problem.arrangement.observed
    ]


def value_unit(problem: Problem, observed: Observed) -> str:
    """Look up the unit of measured values."""
    return problem.errors[observed.name].value_unit(problem.model.unit(observed.target))


def expected(
    problem: Problem, observed: Observed, f: Mapping[str, Array], data: xr.Dataset
) -> Array:
    """Bring the model's values to what is measured: by this assay, or the mean of an outcome.

    Returns
    -------
    float64[draw, row]
    """
    sigma = spreads_at(problem, observed, data)
    moved = measured(problem, observed, f[observed.name], data)
    return np.asarray(problem.errors[observed.name].typical(moved, sigma))


def kind_of(problem: Problem, kind: str | None) -> str:
    """Check the kind of replicates, or choose it."""
    lonely = isinstance(problem.family, Independent)
    if kind is None:
        return "individual" if lonely else "population"
    if kind not in KINDS:
        raise InputError(f"no replicates are of kind {kind!r}; there are {', '.join(KINDS)}.")
    if kind == "population" and lonely:
        raise InputError(
            "subjects with independent parameters say nothing about another subject: use "
            "kind='individual', or fit a hierarchical population."
        )
    return kind


def chosen(problem: Problem, posterior: xr.DataTree | xr.Dataset, draws: int) -> xr.Dataset:
    """So many draws, evenly from all chains, repeated when there are fewer; dims chain = 1, draw.

    The variables ``original_chain`` and ``original_draw`` tell where each came from.
    """
    if draws < 1:
        raise InputError(f"draws must be at least 1, got {draws}.")
    data = draws_of(problem, posterior, "observed")
    length = data.sizes["draw"]
    total = data.sizes["chain"] * length
    at = np.linspace(0, total, draws, endpoint=False).astype(int)
    chain, draw = (xr.DataArray(k, dims="draw") for k in np.divmod(at, length))
    origin = {
        f"original_{c}": ("draw", data[c].to_numpy()[k])
        for c, k in (("chain", chain.to_numpy()), ("draw", draw.to_numpy()))
    }
    picked = data.isel(chain=chain, draw=draw).drop_vars(("chain", "draw"))
    picked = picked.expand_dims(chain=[0]).assign_coords(draw=np.arange(draws))
    return picked.assign(origin)


def parameters(problem: Problem, data: xr.Dataset, kind: str, rng: np.random.Generator) -> Array:
    """Parameters of the subjects of each sample; float64[sample, subject, parameter]."""
    if kind == "individual":
        return parameters_of(problem, data, len(problem.arrangement.subjects))
    theta = typical_parameters(problem, data)
    if not isinstance(problem.family, Hierarchical):
        return theta
    occasions, shares = problem.arrangement.occasions, effect_shares(problem)
    for subject in range(theta.shape[1]):
        first = 0 if occasions is None else int(occasions.first[subject])
        vary(problem, theta[:, subject], data, rng, first, float(shares[subject]))
    return theta


def typical_parameters(problem: Problem, data: xr.Dataset) -> Array:
    """Parameters at random effects of zero, with the covariates of each subject.

    Returns
    -------
    float64[draw, subject, parameter]
    """
    theta = parameters_of(problem, data, len(problem.arrangement.subjects))
    if not isinstance(problem.family, Hierarchical):
        return theta
    occasions = problem.arrangement.occasions
    between = () if occasions is None else occasions.parameters
    for name in dict.fromkeys((*problem.family.of(problem), *between)):
        if f"{name}_eta" not in data:
            raise InputError(
                f"the posterior has no draws of {name}_eta: it belongs to another problem."
            )
        k, scale = problem.model.parameter_names.index(name), scale_of(*problem.bounds(name))
        own, eta = (
            data[n].transpose("chain", "draw", "subject").to_numpy().reshape(theta.shape[:2])
            for n in (individual_name(name), f"{name}_eta")
        )
        copies = [] if occasions is None else occasions.places(name)
        typical = scale.back(scale.forward(own, np.log) - eta, np.exp)
        theta[..., [k, *copies]] = typical[..., None]
    return theta


def simulate_rows(
    problem: Problem, data: xr.Dataset, f: Mapping[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """Add residual errors to the model's values; float64[sample, row] by observable."""
    made = {}
    for observed in problem.arrangement.observed:
        error, rows = problem.errors[observed.name], observed.rows
        sigma = spreads_at(problem, observed, data)
        values = measured(problem, observed, f[observed.name], data)
        made[observed.name] = error.replicate(rng, values, sigma, rows)
    return made
