"""Populations against published estimates and posteriors, by the criteria of their descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cytobayes.inference import Problem, convergence, fit

from .reference_populations import (
    endotoxin,
    theophylline,
    two_compartments,
    two_compartments_population,
    warfarin,
)

pytestmark = [pytest.mark.mcmc, pytest.mark.reference]
# Of a fit by maximum likelihood: medians within one standard error, standard deviations between
# 0.75 and 1.5 of it, spreads between 0.85 and 1.4 of the estimate.
OF_SE, SD_RATIO, SPREAD_RATIO = 1.0, (0.75, 1.5), (0.85, 1.4)


def reference(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reference.json").read_text())
    return found


def sampled(problem: Problem, **settings: Any) -> xr.Dataset:
    """Draw, and require that the chains agree."""
    tree = fit(problem, progress=False, **settings)
    verdict = convergence(tree)
    assert verdict.ok, verdict.sentence
    return tree["posterior"].to_dataset()


def agrees_with_estimate(draws: Any, estimate: float, se: float) -> bool:
    ratio = float(np.std(draws)) / se
    return (
        abs(float(np.median(draws)) - estimate) < OF_SE * se and SD_RATIO[0] <= ratio <= SD_RATIO[1]
    )


def z_of_mean(draws: Any, expected: dict[str, float]) -> float:
    error = np.hypot(float(az.mcse(draws.to_numpy())), expected["mcse_mean"])
    return float(abs(float(draws.mean()) - expected["mean"]) / error)


def test_theophylline_agrees_with_maximum_likelihood(reference_dir: Path) -> None:
    posterior = sampled(theophylline(reference_dir), seed=31, draws=500, tune=400)
    exact = reference(reference_dir / "nlme_theo_sd")["exact_ml"]
    for name in ("ka", "cl", "v"):
        expected = exact[f"log_{name}"]
        logs = np.log(posterior[name.upper()])
        assert agrees_with_estimate(logs, expected["estimate"], expected["se"]), name
        spread = float(posterior[f"{name.upper()}_omega"].median())
        ratio = spread / np.exp(exact[f"log_omega_{name}"]["estimate"])
        assert SPREAD_RATIO[0] <= ratio <= SPREAD_RATIO[1], name
    sigma = exact["log_add_sd"]
    assert agrees_with_estimate(np.log(posterior["DV_sigma"]), sigma["estimate"], sigma["se"])


def test_two_compartments_agree_with_the_published_posterior(reference_dir: Path) -> None:
    posterior = sampled(two_compartments(reference_dir), seed=32, draws=1000, tune=500)
    agree_with_posterior(posterior, reference(reference_dir / "torsten_twocpt_single"), {})


@pytest.mark.slow
def test_a_population_of_two_compartments_agrees_with_the_published_posterior(
    reference_dir: Path,
) -> None:
    problem = two_compartments_population(reference_dir)
    posterior = sampled(problem, seed=33, draws=1500, tune=500)
    wide = dict.fromkeys(("ka_pop", *(f"omega[{k}]" for k in range(1, 6))), 0.2)
    agree_with_posterior(posterior, reference(reference_dir / "torsten_twocpt_pop"), wide)


def agree_with_posterior(
    posterior: xr.Dataset, published: dict[str, Any], wide: dict[str, float]
) -> None:
    """Means within 0.1 sd (or as ``wide`` says) and 4 standard errors, sds within 10 %."""
    order = ("CL", "Q", "VC", "VP", "KA")
    names = {f"omega[{k + 1}]": f"{name}_omega" for k, name in enumerate(order)}
    sigma = next(str(v) for v in posterior.data_vars if str(v).endswith("_sigma"))
    for key, expected in published["parameters"].items():
        stem = key.removesuffix("_pop")
        name = names.get(key, sigma if key == "sigma" else "KA" if stem == "ka" else stem)
        draws = posterior[name]
        assert z_of_mean(draws, expected) < 4, key
        gap = abs(float(draws.mean()) - expected["mean"]) / expected["sd"]
        assert gap < wide.get(key, 0.1), key
        assert 0.9 < float(draws.std()) / expected["sd"] < 1.1, key


@pytest.mark.slow
def test_volunteers_after_endotoxin_agree_with_the_computed_posterior(reference_dir: Path) -> None:
    """Means within 0.15 sd plus 3 standard errors, sds within 10 %, of each volunteer as of all."""
    posterior = sampled(endotoxin(reference_dir), seed=35, draws=1000, tune=400)
    computed = reference(reference_dir / "cytokine_lps_bolus_endotoxin")
    assert [len(computed[part]) for part in ("parameters", "individual")] == [18, 120]
    off = [
        f"{key}: {fault}"
        for part, draws_of in (("parameters", shared_draws), ("individual", draws_of_volunteer))
        for key, expected in computed[part].items()
        for fault in disagreements(draws_of(posterior, key), expected)
    ]
    assert not off, "\n".join(off)


def shared_draws(posterior: xr.Dataset, key: str) -> Any:
    """Draws of what the volunteers share, by the name in the description."""
    kind, _, rest = key.partition("_")
    rate = rest.removeprefix("log_").lower()
    name = {"omega": f"{rate}_omega", "sigma": f"{rest}_sigma"}.get(kind, rate)
    return posterior[name] if kind in ("omega", "sigma") else np.log(posterior[name])


def draws_of_volunteer(posterior: xr.Dataset, key: str) -> Any:
    """Draws of the logarithm of a volunteer's own rate: ``log_k6M[3]``."""
    name, _, subject = key.removeprefix("log_").removesuffix("]").partition("[")
    return np.log(posterior[f"{name.lower()}_individual"].sel(subject=subject))


def disagreements(draws: Any, expected: dict[str, float]) -> list[str]:
    """Where mean or sd lies too far off; where no standard error is told, the ESS gives it."""
    gap = float(draws.mean()) - expected["mean"]
    theirs = expected.get("mcse_mean", expected["sd"] / np.sqrt(expected["ess"]))
    room = 0.15 * expected["sd"] + 3 * np.hypot(float(az.mcse(draws.to_numpy())), theirs)
    ratio = float(draws.std()) / expected["sd"]
    found = [] if abs(gap) < room else [f"mean {gap:+.3g} off, {room:.3g} allowed"]
    return found if 0.9 < ratio < 1.1 else [*found, f"sd {ratio:.3f} of the computed one"]


@pytest.mark.slow
def test_warfarin_agrees_with_maximum_likelihood(reference_dir: Path) -> None:
    posterior = sampled(warfarin(reference_dir), seed=34, draws=2000, tune=1000)
    published = reference(reference_dir / "nlme_warfarin_pkpd")["monolix"]
    for key, name in {"cl": "CL", "v": "V", "ec50": "IC50", "kout": "kout", "e0": "E0"}.items():
        expected = published[f"{key}_pop"]
        assert agrees_with_estimate(posterior[name], expected["estimate"], expected["se"]), name
        ratio = float(posterior[f"{name}_omega"].median()) / published[f"omega_{key}"]["estimate"]
        assert SPREAD_RATIO[0] <= ratio <= SPREAD_RATIO[1], name
    labels = [published["ktr_pop"]["estimate"], published["ka_pop"]["estimate"]]
    product: Any = np.log(posterior["KTR"] * posterior["KA"])  # does not know which is which
    assert float(product.quantile(0.05)) < np.log(np.prod(labels)) < float(product.quantile(0.95))
