"""One replication of a calibration: truth from the prior, data from the truth, a fit, ranks.

If parameters come from the prior and data from the model, the rank of the true value among
independent posterior draws is uniform, for every parameter and every function of parameters and
data (Talts et al., arXiv 1804.06788; Modrak et al., Bayesian Analysis 20 (2025) 461-488). What is
not uniform shows a fault in density, gradient, sampler or settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytensor.tensor as pt
import xarray as xr
from pytensor.compile.maker import function as compiled_function

from .checks.convergence import diagnostic, failures, scalars
from .counters import SOLVES
from .exchange import kind_name, limits_of, replaceable_density, value_name
from .measuring.limits import Seen
from .measuring.sigmas import residual_spreads, sigma_by_row, sigma_names
from .populations.hierarchy import CENTERING, INTERNAL
from .populations.order import draw_ordered
from .populations.population import individual_name
from .predict import parameters_of
from .replicates import simulate_rows
from .sampling.layout import Layout
from .sampling.merge import gradient_evaluations, merge
from .sampling.progress import Progress
from .sampling.samplers import COUNTS, Settings
from .sampling.starts import FitError
from .sampling.with_nutpie import prepared, sample_nutpie
from .solving import values_at_rows

if TYPE_CHECKING:
    from .arrangement import Observed
    from .joint import Joint
    from .problem import Problem

__all__ = ["LOG_LIKELIHOOD", "Plan", "replicate"]

Array = npt.NDArray[Any]
LOG_LIKELIHOOD = "log_likelihood"  # the test quantity that sees ignored data
REDRAWS = 1000  # prior draws in a row at which the equations cannot be solved
LONGER = 4  # times the draws, where the first fit has too few effective ones
INDEPENDENT = 0.5  # least effective draws per rank


@dataclass(frozen=True, eq=False)
class Plan:
    """What every replication does.

    Parameters
    ----------
    problem : Problem
        Its data are the design: subjects, times, doses, limits. Their values do not matter.
    settings : Settings
        Of each fit; the seed is that of the whole calibration.
    ranks : int
        Draws among which the truth is ranked.
    """

    problem: Problem
    settings: Settings
    ranks: int


@dataclass(frozen=True, eq=False)
class Workshop:
    """What a process compiles once and uses for every replication.

    Parameters
    ----------
    problem : Problem
    start : callable seed -> float64[n]
        Prior draw in the space of the sampler; of parameters with an order, one after another.
    order : callable (float64[n], Generator) -> None
        Puts draws from the joint prior in the place of those, see `order.draw_ordered`.
    back : callable float64[n] -> dict of name to array
        From there to parameters and what is derived from them.
    dims : mapping of name to dims
    limits : mapping of observable to Seen
    scores : mapping of observable to callable
        ``(value, kind, f, *sigma)`` to the log likelihood of all rows.
    """

    problem: Problem
    start: Callable[[int], Array] = field(repr=False)
    order: Callable[[Array, np.random.Generator], None] = field(repr=False)
    back: Callable[[Array], dict[str, Array]] = field(repr=False)
    dims: Mapping[str, tuple[str, ...]] = field(repr=False)
    limits: Mapping[str, Seen] = field(repr=False)
    scores: Mapping[str, Callable[..., Any]] = field(repr=False)


@lru_cache(maxsize=2)
def workshop(problem: Problem) -> Workshop:
    """Compile what replications of a problem share."""
    joint, compiled = prepared(problem, replaceable=True)
    model = joint.model
    if CENTERING in model.named_vars:  # degrees do not matter to a truth; the pilot leaves zeros
        model[CENTERING].set_value(np.zeros_like(model[CENTERING].get_value()))
    limits = {o.name: limits_of(problem, o) for o in problem.arrangement.observed}
    return Workshop(
        problem,
        compiled.initial_point_func,
        ordering(problem, joint),
        way_back(model),
        {n: tuple(map(str, d)) for n, d in model.named_vars_to_dims.items()},
        limits,
        {o.name: score(problem, o, limits[o.name]) for o in problem.arrangement.observed},
    )


def ordering(problem: Problem, joint: Joint) -> Callable[[Array, np.random.Generator], None]:
    """Compile the way of ordered parameters into the vector of the sampler."""
    layout, model = Layout.of(joint), joint.model
    names = list(draw_ordered(problem, 1, np.random.default_rng(0)))
    if not names:
        return lambda x, rng: None
    rvs = [model[n] for n in names]
    moved = [model.rvs_to_transforms[rv].forward(rv, *rv.owner.inputs) for rv in rvs]
    function = compiled_function(rvs, moved, mode="FAST_COMPILE", on_unused_input="ignore")

    def order(x: Array, rng: np.random.Generator) -> None:
        drawn = draw_ordered(problem, 1, rng)
        for name, value in zip(names, function(*(drawn[n][0] for n in names)), strict=True):
            layout.part(x, name)[:] = value

    return order


def way_back(model: Any) -> Callable[[Array], dict[str, Array]]:
    """Compile the way from the vector of the sampler to named values."""
    kept = [
        v
        for v in (*model.free_RVs, *model.deterministics)
        if v.name != COUNTS and not v.name.endswith(INTERNAL)
    ]
    function = model.compile_fn(
        model.replace_rvs_by_values(kept), inputs=model.value_vars, on_unused_input="ignore"
    )
    example = model.initial_point()
    order = [model.rvs_to_values[rv].name for rv in model.free_RVs]
    ends = np.cumsum([example[name].size for name in order])

    def back(x: Array) -> dict[str, Array]:
        parts = np.split(x, ends[:-1])
        point = {n: p.reshape(example[n].shape) for n, p in zip(order, parts, strict=True)}
        found = zip(kept, function(point), strict=True)
        return {v.name: np.asarray(value) for v, value in found}

    return back


def score(problem: Problem, observed: Observed, limits: Seen) -> Callable[..., Any]:
    """Compile the log likelihood of all rows of an observable."""
    error = problem.errors[observed.name]
    value, kind, f = (pt.dvector(name) for name in ("value", "kind", "f"))
    sigma = [pt.dscalar(name) for name in sigma_names(error, observed)]
    se = pt.constant(error.working_se(observed.rows))
    density = replaceable_density(error, observed, kind, limits)
    total = density(value, f, se, pt.constant(0.0), *sigma_by_row(error, observed, sigma)).sum()
    made: Callable[..., Any] = compiled_function(
        [value, kind, f, *sigma], total, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    return made


@dataclass(frozen=True, eq=False)
class Truth:
    """Parameters from the prior, and data that they gave.

    Parameters
    ----------
    values : mapping of name to array
        Parameters and what is derived from them.
    data : mapping of name to array
        Measured values and their censoring, as `sample_nutpie` takes them.
    redraws : int
        Prior draws before it at which the equations could not be solved. Such parameters have
        density zero in the model too, so that leaving them out is part of the prior.
    """

    values: Mapping[str, Array]
    data: Mapping[str, Array]
    redraws: int


def imagine(shop: Workshop, sequence: np.random.SeedSequence) -> Truth:
    """Draw a truth and its data at the design of the problem.

    Raises
    ------
    FitError
        If `REDRAWS` prior draws in a row cannot be solved.
    """
    rng = np.random.default_rng(sequence)
    for redraws in range(REDRAWS):
        x = np.array(shop.start(int(rng.integers(2**32))), dtype=np.float64)
        shop.order(x, rng)
        values = shop.back(x)
        one = as_dataset(shop, values)
        predicted = predictions(shop.problem, one)
        if all(np.isfinite(f).all() for f in predicted.values()):
            return Truth(values, measured(shop, one, predicted, rng), redraws)
    raise FitError(f"the equations cannot be solved at any of {REDRAWS} draws from the prior.")


def as_dataset(shop: Workshop, values: Mapping[str, Array]) -> xr.Dataset:
    """One truth as a posterior of one draw: what has no dims of the model is left out."""
    named = {
        name: (("chain", "draw", *shop.dims.get(name, ())), array[None, None])
        for name, array in values.items()
        if array.ndim == len(shop.dims.get(name, ()))
    }
    return xr.Dataset(named)


def predictions(problem: Problem, posterior: xr.Dataset) -> dict[str, Array]:
    """Model's value at each row of each observable; float64[draw, row]."""
    theta = parameters_of(problem, posterior, len(problem.arrangement.subjects))
    found = values_at_rows(problem, theta)
    return {name: np.ascontiguousarray(f, dtype=np.float64) for name, f in found.items()}


def measured(
    shop: Workshop, one: xr.Dataset, predicted: Mapping[str, Array], rng: np.random.Generator
) -> dict[str, Array]:
    """Measurements of one truth, as the assay would report them."""
    data: dict[str, Array] = {}
    for name, values in simulate_rows(shop.problem, one, dict(predicted), rng).items():
        data[value_name(name)], data[kind_name(name)] = shop.limits[name].reported(values[0])
    return data


def log_likelihood(shop: Workshop, posterior: xr.Dataset, data: Mapping[str, Array]) -> Array:
    """Joint log likelihood of the data at each draw; float64[chain, draw]."""
    total = np.zeros(posterior.sizes["chain"] * posterior.sizes["draw"])
    predicted = predictions(shop.problem, posterior)
    for o in shop.problem.arrangement.observed:
        value, kind = data[value_name(o.name)], data[kind_name(o.name)].astype(np.float64)
        sigma = residual_spreads(shop.problem, o, posterior)
        rows = zip(predicted[o.name], *sigma, strict=True)
        total += [float(shop.scores[o.name](value, kind, f, *s)) for f, *s in rows]
    return total.reshape(posterior.sizes["chain"], posterior.sizes["draw"])


def replicate(plan: Plan, number: int) -> pd.DataFrame:
    """Run one replication.

    Parameters
    ----------
    plan : Plan
    number : int
        Its number; with the seed of the plan it decides every random number.

    Returns
    -------
    DataFrame
        One row per test quantity: replication, quantity, truth, rank (0 to ``of``), of, mean, sd
        and ess of the posterior, and of the whole fit: r_hat (highest), divergences,
        failed_solves, gradients, draws, redraws, seconds, failure (text). A fit that failed has
        one row without a quantity.
    """
    begun = time.perf_counter()
    seeds = np.random.SeedSequence(plan.settings.seed, spawn_key=(number,)).spawn(3)
    shop = workshop(plan.problem)
    try:
        truth = imagine(shop, seeds[0])
        rows = fitted(plan, shop, truth, seeds[1], np.random.default_rng(seeds[2]))
    except (FitError, RuntimeError, ValueError, ArithmeticError) as error:
        first = (str(error).splitlines() or [""])[0]
        rows = pd.DataFrame([{"failure": f"{type(error).__name__}: {first}"}])
    rows.insert(0, "replication", number)
    return rows.assign(seconds=round(time.perf_counter() - begun, 1))


def fitted(
    plan: Plan,
    shop: Workshop,
    truth: Truth,
    sequence: np.random.SeedSequence,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Fit, a second time with more draws if the first gives too few effective ones, and rank."""
    first, second = (int(s) for s in sequence.generate_state(2))
    for seed, longer in ((first, 1), (second, LONGER)):
        draws = longer * plan.settings.draws
        settings = replace(plan.settings, seed=seed, cores=1, draws=draws)
        posterior, facts = sampled(shop, settings, truth)
        table = ranked(posterior, truth_of(posterior, shop, truth), plan.ranks, rng)
        slow = int(table["ess"].to_numpy().argmin())
        if table["ess"].iloc[slow] >= INDEPENDENT * plan.ranks:
            break
    else:
        worst = f"{table['ess'].iloc[slow]:.0f} for {table['quantity'].iloc[slow]}"
        return pd.DataFrame([{"failure": f"too few effective draws: {worst}", **facts}])
    return table.assign(**facts, draws=draws, redraws=truth.redraws)


def sampled(shop: Workshop, settings: Settings, truth: Truth) -> tuple[xr.Dataset, dict[str, int]]:
    """Posterior with the joint log likelihood, and facts of the fit."""
    with Progress(settings.chains, 1, wanted=False) as display:
        drawn = sample_nutpie(shop.problem, settings, display, truth.data)
    if drawn.interrupted:
        raise KeyboardInterrupt
    tree = merge(drawn)
    posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    posterior[LOG_LIKELIHOOD] = ("chain", "draw"), log_likelihood(shop, posterior, truth.data)
    failed, _ = failures(stats)
    facts = {
        "divergences": int((stats["diverging"].to_numpy().astype(bool) & ~failed).sum()),
        "failed_solves": int(failed.sum()),
        "gradients": sum(gradient_evaluations(drawn, SOLVES).values()),
    }
    return posterior, facts


def truth_of(posterior: xr.Dataset, shop: Workshop, truth: Truth) -> xr.Dataset:
    """Truth in the form of a posterior of one draw."""
    score = log_likelihood(shop, as_dataset(shop, truth.values), truth.data)
    values = {**truth.values, LOG_LIKELIHOOD: score[0, 0]}
    form = posterior.isel(chain=[0], draw=[0])
    return form.map(lambda v: v.copy(data=np.asarray(values[str(v.name)])[None, None]))


def quantities(posterior: xr.Dataset) -> dict[str, Array]:
    """Test quantities: everything but the effects of subjects, of whom the first stands for all."""
    derived = [v for v in posterior.data_vars if str(v).endswith("_eta")]
    data = posterior.drop_vars(derived)
    for name in map(str, data.data_vars):
        if name.endswith(individual_name("")):
            data[name] = data[name].isel(subject=[0]).rename(subject="first")
            data = data.assign_coords(first=posterior["subject"].to_numpy()[:1])
    return scalars(data)


def ranked(
    posterior: xr.Dataset, truth: xr.Dataset, ranks: int, rng: np.random.Generator
) -> pd.DataFrame:
    """Rank the truth among evenly spaced draws of all chains; ties are broken at random.

    Returns
    -------
    DataFrame
        One row per test quantity, as in `replicate`.
    """
    true, rows = quantities(truth), []
    for name, draws in quantities(posterior).items():
        flat, value = draws.reshape(-1), float(true[name][0, 0])
        moved = bool(np.ptp(flat) > 0)
        chosen = flat[np.linspace(0, flat.size - 1, ranks).round().astype(int)]
        ties = int((chosen == value).sum())
        rows.append(
            {
                "quantity": name,
                "truth": value,
                "rank": int((chosen < value).sum() + rng.integers(ties + 1)),
                "of": ranks,
                "mean": flat.mean(),
                "sd": flat.std(ddof=1),
                "ess": diagnostic("ess", draws, method="bulk") if moved else 0.0,
                "r_hat": diagnostic("rhat", draws) if moved and len(draws) > 1 else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    return table.assign(r_hat=table["r_hat"].max())
