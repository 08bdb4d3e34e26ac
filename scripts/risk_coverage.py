"""Do the stated intervals hold the truth? Over repeated cohorts of `crs-cohort`'s design.

    python scripts/risk_coverage.py [--cohorts 20] [--fits FOLDER] [--truth-known] [--out FILE]

Each cohort is simulated anew (other patients, other grades) and fitted. Asked are the risk of each
patient, the exposure-response curve, and the differences between the arms of a virtual trial; the
truth of all three is known. With ``--truth-known`` nothing is fitted: the posterior is the truth
itself, repeated, so that what is tested is the ordinal model and all that follows from it. Cohorts
that are in the file already are not computed again. ``--fits`` names a folder where fits are kept
and looked for, so that what follows from them can be computed anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from make_crs_cohort import DESIGN, PATIENTS, SPREAD
from scipy.special import expit

from cytobayes.datasets.synthetic import Cohort, simulate_cohort
from cytobayes.inference import Problem, convergence, fit, risk
from cytobayes.inference.response.fit_response import fit_response
from cytobayes.inference.response.predicted import response_curve
from cytobayes.inference.trials.design import Arm, Design, Endpoint
from cytobayes.inference.trials.fitted import fitted_grades
from cytobayes.inference.trials.virtual import virtual_trial
from cytobayes.models import Dose, OdeModel, Regimen, get, simulate
from cytobayes.models.library.interventions import with_corticosteroid, with_tocilizumab

OUT = Path(__file__).parents[1] / "benchmarks" / "results" / "risk_coverage.csv"
DRAWS = 100
SIGMAS = {a.observable: a.sigma for a in DESIGN.assays}
APART = 1.1  # R-hat of two chains, beyond which four longer ones are drawn
QUIET: dict[str, Any] = {"log_likelihood": False, "progress": False}
PEAKS = (0.1, 0.3, 0.5, 0.7, 0.9)  # quantiles of the true peaks, at which the curve is looked at
HARMFUL = (1, 2, 3)  # grades of the endpoints
CROWD = 4000  # patients of the true trial
ARMS = {
    "untreated": Regimen(),
    "tocilizumab on day 3": Regimen([Dose(3.0, 560.0, "tocilizumab", duration=1 / 24)]),
    "steroid from day 5": Regimen([Dose(d, 4.0, "steroid") for d in (5.0, 6.0, 7.0, 8.0)]),
}


def true_model() -> OdeModel:
    """Model that the cohorts are simulated with."""
    return with_corticosteroid(with_tocilizumab(get("crs-cascade")))


def problem_of(cohort: Cohort) -> Problem:
    """Hierarchical fit of the cascade, with the burden as an input."""
    return Problem(
        get("crs-cascade"), cohort.study, population="hierarchical", inputs={"B0rel": "burden"}
    )


def truth_as_posterior(problem: Problem, cohort: Cohort) -> xr.Dataset:
    """Repeat the true parameters as if they were draws."""
    shape, dims = (2, DRAWS // 2), ("chain", "draw")
    values = {n: problem.model.parameter(n).value for n in problem.estimated}
    values |= {f"{n}_omega": SPREAD.get(n, 1e-6) for n in problem.family.of(problem)}  # type: ignore[attr-defined]
    values |= {f"{o}_sigma": SIGMAS[o] for o in problem.targets}
    found = {n: (dims, np.full(shape, v)) for n, v in values.items()}
    for n in problem.family.of(problem):  # type: ignore[attr-defined]
        own = cohort.truth[n].to_numpy()
        found[f"{n}_individual"] = ((*dims, "subject"), np.broadcast_to(own, (*shape, own.size)))
    return xr.Dataset(found, {"subject": list(cohort.study.subjects)})


def of_patients(
    problem: Problem, tree: xr.DataTree | xr.Dataset, cohort: Cohort, seed: int
) -> tuple[pd.DataFrame, xr.DataArray]:
    """Risks of the patients beside the true ones; and the draws of their peaks."""
    found = risk(problem, tree, seed=seed, draws=DRAWS).patients
    flat = found["risk"].stack(sample=("chain", "draw")).transpose("subject", "grade", "sample")
    truth = cohort.truth["risk"].sel(subject=flat["subject"]).transpose("subject", "grade")
    names = [f"{s} grade {k}" for s in flat["subject"].values for k in flat["grade"].values]
    table = judged("risk", names, truth.to_numpy().ravel(), flat.to_numpy().reshape(len(names), -1))
    return table, found["peak"]


def of_curve(peak: xr.DataArray, cohort: Cohort, seed: int) -> pd.DataFrame:
    """Compare the curve of `fit_response`, plug-in, with that which the grades were drawn from."""
    grading = DESIGN.grading
    assert grading is not None
    tree = fit_response(
        peak, cohort.study.outcome("crs"), kind="ordinal", levels=len(grading.cuts), seed=seed,
        draws=500, tune=500, chains=2, cores=1,
    )  # fmt: skip
    at = np.quantile(cohort.truth["signal"].max("time"), PEAKS)
    parts = []
    for k, cut in enumerate(grading.cuts, 1):
        truth = expit(grading.slope * np.log10(at / grading.reference) - cut)
        curve = response_curve(tree, at, at_least=k).transpose("exposure", "chain", "draw")
        names = [f"grade {k} at quantile {q:g}" for q in PEAKS]
        parts.append(judged("curve", names, truth, curve.to_numpy().reshape(at.size, -1)))
    return pd.concat(parts, ignore_index=True)


def of_arms(
    problem: Problem, tree: xr.DataTree | xr.Dataset, cohort: Cohort, seed: int
) -> pd.DataFrame:
    """Differences between arms beside those of the true model in patients as in this cohort."""
    ends = tuple(Endpoint(f"grade {k}", "grade", at_least=k) for k in HARMFUL)
    arms = tuple(Arm(name, regimen) for name, regimen in ARMS.items())
    grades = fitted_grades(problem, tree, draws=DRAWS, seed=seed)
    trial = virtual_trial(
        Design(arms, ends, n=200), problem, tree, draws=DRAWS, seed=seed, grades=grades
    )
    true = true_probabilities(cohort, seed)
    differences = true - true[0]
    names = [f"{arm}: {e.name}" for arm in trial.arms[1:] for e in ends]
    draws = trial.difference[:, 1:].transpose(1, 2, 0).reshape(len(names), -1)
    return judged("difference", names, differences[1:].ravel(), draws)


def true_probabilities(cohort: Cohort, seed: int) -> np.ndarray:
    """P(grade >= k) in each arm; float64[arm, grade].

    Patients have the covariates of patients of the cohort, as those of a virtual trial have, and
    effects of their own.
    """
    model, grading = true_model(), DESIGN.grading
    assert grading is not None
    rng = np.random.default_rng([seed, CROWD])
    known = cohort.study.covariates.isel(subject=rng.integers(PATIENTS, size=CROWD))
    theta = {}
    for p in model.parameters:
        value = p.value * np.exp(SPREAD.get(p.name, 0.0) * rng.standard_normal(CROWD))
        for c in DESIGN.covariates:
            own = known[c.name].to_numpy()
            if p.name in c.powers:
                value = value * (own.astype(float) / c.median) ** c.powers[p.name]
            if p.name in c.factors:
                value = value * np.array([c.factors[p.name][label] for label in own])
        theta[p.name] = ("subject", np.clip(value, p.lower, p.upper))
    people = xr.Dataset(theta, {"subject": np.arange(CROWD)})
    grid = np.linspace(0.0, model.horizon, 225)
    found = []
    for regimen in ARMS.values():
        course = simulate(model, people, grid, regimen)
        assert not course.attrs["failed_solves"]
        eta = grading.slope * np.log10(course["signal"].max("time").to_numpy() / grading.reference)
        found.append(expit(eta[:, None] - np.array(grading.cuts[: len(HARMFUL)])).mean(axis=0))
    return np.stack(found)


def judged(quantity: str, names: list[str], truth: np.ndarray, draws: np.ndarray) -> pd.DataFrame:
    """Truth, mean and 90 % interval of values with draws float64[value, draw]."""
    low, high = np.nanquantile(draws, [0.05, 0.95], axis=1)
    columns = {"truth": truth, "mean": np.nanmean(draws, axis=1), "low": low, "high": high}
    return pd.DataFrame({"quantity": quantity, "of": names, **columns})


def fit_of(problem: Problem, seed: int, fits: Path | None) -> xr.DataTree:
    """Fit, or read the fit that is kept."""
    path = fits / f"{seed}.nc" if fits else None
    if path and path.exists():
        return xr.open_datatree(path)
    tree = fit(problem, seed=seed, draws=500, chains=2, **QUIET)
    if convergence(tree).table["r_hat"].max() > APART:
        tree = fit(problem, seed=seed, draws=1000, chains=4, **QUIET)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        tree.to_netcdf(path)
    return tree


def rows_of(seed: int, *, fits: Path | None = None, truth_known: bool = False) -> pd.DataFrame:
    """Everything that is asked of one cohort."""
    cohort = simulate_cohort(true_model(), PATIENTS, DESIGN, seed=seed, iiv=SPREAD)
    problem = problem_of(cohort)
    tree: xr.DataTree | xr.Dataset = truth_as_posterior(problem, cohort)
    r_hat = 1.0
    if not truth_known:
        tree = fit_of(problem, seed, fits)
        verdict = convergence(tree)
        r_hat = float(verdict.table["r_hat"].max())
        print(verdict.sentence, flush=True)
    risks, peak = of_patients(problem, tree, cohort, seed)
    parts = [risks, of_curve(peak, cohort, seed), of_arms(problem, tree, cohort, seed)]
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "cohort", seed)
    return table.assign(worst_r_hat=r_hat)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """Share of intervals that hold the truth, with its standard error over cohorts; and the bias.

    Parameters
    ----------
    table : DataFrame
        Columns cohort, quantity, truth, mean, low, high.

    Returns
    -------
    DataFrame
        A row per quantity: ``coverage``, ``standard_error`` (values of one cohort belong
        together), ``bias`` (mean of estimate - truth), ``cohorts``.
    """
    inside = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    shares = inside.groupby([table["quantity"], table["cohort"]]).mean().groupby("quantity")
    error = (table["mean"] - table["truth"]).groupby(table["quantity"]).mean()
    size = shares.size()
    return pd.DataFrame(
        {
            "coverage": shares.mean(),
            "standard_error": shares.std() / np.sqrt(size),
            "bias": error,
            "cohorts": size,
        }
    )


def main() -> None:
    """Compute the cohorts that are missing and state the coverage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--fits", type=Path)
    parser.add_argument("--truth-known", action="store_true")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame({"cohort": []})
    for seed in range(1, options.cohorts + 1):
        if seed in set(done["cohort"]):
            continue
        made = rows_of(seed, fits=options.fits, truth_known=options.truth_known)
        done = pd.concat([done, made], ignore_index=True)
        done.to_csv(options.out, index=False, float_format="%.4g", lineterminator="\n")
        print(f"cohort {seed} of {options.cohorts}", flush=True)
    print(coverage(done).round(3).to_string())


if __name__ == "__main__":
    main()
