"""Ruxolitinib alone, and as a treatment of a model that reads the activity of JAK."""

from __future__ import annotations

import numpy as np
import xarray as xr

from cytobayes.models import Dose, Regimen, SolverOptions, couple, get, simulate, trace
from cytobayes.models.library.jak_inhibition import concentration
from cytobayes.models.library.ruxolitinib import activity

TREATED = couple(get("superagonist"), get("ruxolitinib"), {"jak": activity})


def treat(dose: float) -> xr.Dataset:
    """Give the antibody after five days of the drug, which go on."""
    tablets = [Dose(0.0, dose, "gut_rux", interval=12.0, count=20)]
    both = Regimen([*tablets, Dose(120.0, 7.0, "drug")])
    none = Regimen([Dose(120.0, 7.0, "drug")])
    hours = np.unique(np.concatenate([np.linspace(108, 120, 25), np.linspace(120, 240, 481)]))
    arms = {"both": both, "antibody": none}
    return simulate(TREATED, None, hours, arms, options=SolverOptions(rtol=1e-8, max_steps=50_000))


def test_a_jak_inhibitor_lowers_il6_and_leaves_interferon() -> None:
    run = treat(20.0)
    assert run.attrs["failed_solves"] == 0
    peaks = run.max("time")
    both, antibody = peaks.sel(subject="both"), peaks.sel(subject="antibody")
    np.testing.assert_allclose(both["IFNg"], antibody["IFNg"], rtol=1e-5)
    assert float(both["IL6"]) < 0.8 * float(antibody["IL6"])
    np.testing.assert_array_equal(run["JAK_rux"].sel(subject="antibody"), 1.0)
    last = run["concentration_rux"].sel(subject="both", time=slice(108.5, 120.0))
    expected = concentration(get("jak-inhibition").theta, 20.0, last.time - 108.0)
    np.testing.assert_allclose(last, expected, rtol=1e-5)


def test_it_is_the_drug_of_the_myelofibrosis_model() -> None:
    alone, whole = get("ruxolitinib"), get("jak-inhibition")
    assert {
        n.removesuffix("_rux"): v for n, v in alone.theta.items()
    }.items() <= whole.theta.items()
    rename = {s: s.name.removesuffix("_rux") for s in (*trace(alone).y, *trace(alone).p)}
    ours = [str(e.subs(rename)) for e in trace(alone).rhs]
    assert ours == [str(e) for e in trace(whole).rhs[:2]]
