"""What `nuts.py` and its engines share: the reference posterior, the plan, and the judgement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from problems import LV_LOG_DATA, LV_NAMES, Array

# Mean, standard deviation and Monte-Carlo error of the mean of posteriordb's reference draws of
# hudson_lynx_hare-lotka_volterra (stan-dev/posteriordb 28f8d3d6, BSD-3-Clause).
REFERENCE = {
    "alpha": (0.5468645, 0.063054789, 0.000626),
    "beta": (0.027747288, 0.0041547179, 4.12e-05),
    "gamma": (0.80009536, 0.089370177, 0.000885),
    "delta": (0.024085915, 0.0035280897, 3.5e-05),
    "hare0": (34.035222, 2.9168988, 0.0293),
    "lynx0": (5.9358971, 0.53055204, 0.00534),
    "sigma_hare": (0.24805686, 0.043262677, 0.000439),
    "sigma_lynx": (0.25101691, 0.043590337, 0.00044),
}
# Loose enough for the short chains of slow engines; four chains of 1000 stay below 1.01.
MOST_Z, MOST_RHAT, LEAST_ESS = 4.0, 1.05, 100.0


@dataclass(frozen=True)
class Plan:
    """How every engine samples: same start points, same acceptance, a diagonal mass matrix."""

    chains: int
    tune: int
    draws: int
    rtol: float
    atol: float
    seed: int = 1
    accept: float = 0.8

    def starts(self) -> Array:
        """Logarithms of the start points, shape (chain, parameter): near the posterior.

        Chains that start far away can stick in spurious modes, which would compare luck.
        """
        center = np.log([REFERENCE[n][0] for n in LV_NAMES])
        noise = np.random.default_rng(self.seed).standard_normal((self.chains, len(LV_NAMES)))
        return np.asarray(center + 0.1 * noise)


@dataclass(frozen=True)
class Chains:
    """What an engine returns."""

    draws: Mapping[str, Array]  # name -> (chain, draw)
    compile_seconds: float
    seconds: float  # warm-up and sampling together, without compilation
    gradients: int  # in sampling
    warmup_gradients: int
    divergences: int
    note: str = ""


def judge(chains: Chains) -> dict[str, Any]:
    """Convergence and agreement with the reference first, then speed."""
    import arviz as az

    tree = az.from_dict({"posterior": {n: np.asarray(v) for n, v in chains.draws.items()}})
    posterior = tree["posterior"].to_dataset()
    ess = {n: float(az.ess(posterior, method="bulk")[n]) for n in LV_NAMES}
    rhat = {n: float(az.rhat(posterior)[n]) for n in LV_NAMES}
    mcse = {n: float(az.mcse(posterior, method="mean")[n]) for n in LV_NAMES}
    z = {
        n: (float(posterior[n].mean()) - mean) / float(np.hypot(mcse[n], error))
        for n, (mean, _, error) in REFERENCE.items()
    }
    least = min(ess.values())
    share = chains.gradients / (chains.gradients + chains.warmup_gradients)
    worst_z, worst_rhat = max(map(abs, z.values())), max(rhat.values())
    agrees = worst_z < MOST_Z and worst_rhat < MOST_RHAT and least > LEAST_ESS
    return {
        "status": "ok" if agrees else "inaccurate",
        "max_abs_z": worst_z,
        "max_rhat": worst_rhat,
        "divergences": chains.divergences,
        "min_ess_bulk": least,
        "chains_draws": list(np.asarray(chains.draws["alpha"]).shape),
        "gradients": chains.gradients,
        "warmup_gradients": chains.warmup_gradients,
        "compile_seconds": chains.compile_seconds,
        "seconds": chains.seconds,
        "ess_per_second": least / chains.seconds,
        "ess_per_second_without_warmup": least / (chains.seconds * share),
        "ess_per_gradient": least / chains.gradients,
        "microseconds_per_gradient": 1e6
        * chains.seconds
        / (chains.gradients + chains.warmup_gradients),
        "z": z,
        "note": chains.note,
    }


def pymc_model(trajectory: Callable[[Any, Any], Any]) -> Any:
    """posteriordb's model in PyMC; ``trajectory(rates, initial)`` gives a tensor (time, state)."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model() as model:
        means = {"alpha": 1.0, "beta": 0.05, "gamma": 1.0, "delta": 0.05}
        spread = {"alpha": 0.5, "beta": 0.05, "gamma": 0.5, "delta": 0.05}
        rates = [pm.TruncatedNormal(n, m, spread[n], lower=0.0) for n, m in means.items()]
        initial = pt.stack([pm.LogNormal(n, np.log(10.0), 1.0) for n in ("hare0", "lynx0")])
        sigma = pt.stack([pm.LogNormal(n, -1.0, 1.0) for n in ("sigma_hare", "sigma_lynx")])
        y = trajectory(pt.stack(rates), initial)
        data = np.exp(LV_LOG_DATA)
        pm.LogNormal("first", pt.log(initial), sigma, observed=data[0])
        pm.LogNormal("later", pt.log(y), sigma, observed=data[1:])
    return model
