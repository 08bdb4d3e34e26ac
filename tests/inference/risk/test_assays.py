"""A patient's rows are scored by the offset and the residual error of the assay that they name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cytobayes.datasets import InputError, Study
from cytobayes.inference import Problem
from cytobayes.inference.risk.individual import Evidence, cut_study, individual_of
from cytobayes.inference.risk.leave_out import marginal

from ..decay import MODEL, curve, study_of

TIMES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
K = np.array([0.4, 0.5, 0.2])  # three draws
SIGMA, MSD, OFFSET = np.array([0.2, 0.3, 0.25]), np.array([0.6, 0.5, 0.7]), np.array([0.3, -0.2, 1])
FIT = study_of(
    time=TIMES, value=[7.0, 9.0, 3.0, 2.5, 2.6], lower=0.5,
    assay=["Luminex", "MSD", "Luminex", "Luminex", "MSD"],
)  # fmt: skip
# in another order than in the fit, and the reference of the fit is not that with most rows here
ASSAY = np.array(["MSD", "MSD", "Luminex", "MSD"])
VALUE = np.array([4.0, 5.0, 3.0, 0.5])  # the last below the limit
SECOND = ASSAY == "MSD"
BOTH: dict[str, Any] = {"offsets": {"C": "assay"}, "sigmas": {"C": "assay"}}
SIGMAS: dict[str, Any] = {"offsets": {"C": None}, "sigmas": {"C": "assay"}}
OFFSETS: dict[str, Any] = {"offsets": {"C": "assay"}}


def patient(assay: Any = ASSAY, **columns: Any) -> Study:
    columns = {"lower": 0.5, "censoring": ["none", "none", "none", "left"]} | columns
    return study_of(subject="new", time=TIMES[:4], value=VALUE, assay=assay, **columns)


def draws() -> xr.Dataset:
    values = {"k": K, "C_sigma": SIGMA, "C_sigma_MSD": MSD, "C_offset_MSD": OFFSET}
    return xr.Dataset({n: (("chain", "draw"), v[None]) for n, v in values.items()})


def score(problem: Problem, study: Study, since: float = -np.inf) -> tuple[Any, Any]:
    """Log likelihood of old and new rows at each draw."""
    known = cut_study(study, "new", np.inf)
    assert known is not None
    prior = individual_of(problem, draws(), study, "new")
    who = np.arange(3)
    return Evidence(problem, known, since)(
        prior.theta(who, np.empty((3, 0))),
        {name: tuple(s[who] for s in parts) for name, parts in prior.measuring.items()},
    )


def by_hand(error: str, settings: dict[str, Any]) -> Any:
    """Log densities, and the log probability below the limit; float64[draw, row]."""
    offset = np.where(SECOND, OFFSET[:, None], 0.0) if settings["offsets"]["C"] else 0.0
    sigma = np.where(SECOND, MSD[:, None], SIGMA[:, None]) if "sigmas" in settings else SIGMA
    sigma = np.broadcast_to(sigma.reshape(3, -1), (3, 4))
    f = np.stack([curve(k, TIMES[:4]) for k in K])
    law: Any = (
        stats.lognorm(sigma, scale=f * np.exp(offset))
        if error == "lognormal"
        else stats.norm(f + offset, sigma)
    )
    return np.where(np.arange(4) < 3, law.logpdf(VALUE), law.logcdf(VALUE))


@pytest.mark.parametrize("error", ["lognormal", "additive"])
@pytest.mark.parametrize("settings", [BOTH, SIGMAS, OFFSETS], ids=["both", "sigmas", "offsets"])
def test_each_row_has_the_offset_and_the_error_of_its_assay(
    error: str, settings: dict[str, Any]
) -> None:
    problem = Problem(MODEL, FIT, error=error, **settings)
    old, new = score(problem, patient(), since=2.0)
    expected = by_hand(error, settings)
    np.testing.assert_allclose(old, expected[:, :2].sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(new, expected[:, 2:].sum(axis=1), rtol=1e-9)


def test_a_patient_of_one_assay_is_no_patient_of_the_reference() -> None:
    problem = Problem(MODEL, FIT, **BOTH)
    alone, reference = (score(problem, patient(assay=a))[1] for a in ("MSD", "Luminex"))
    f = np.stack([curve(k, TIMES[:4]) for k in K])
    law = stats.lognorm(MSD[:, None], scale=f * np.exp(OFFSET[:, None]))
    expected = np.where(np.arange(4) < 3, law.logpdf(VALUE), law.logcdf(VALUE)).sum(axis=1)
    np.testing.assert_allclose(alone, expected, rtol=1e-9)
    assert (np.abs(alone - reference) > 0.1).all()


def test_assays_that_the_fit_pooled_are_pooled_in_a_patient() -> None:
    problem = Problem(MODEL, FIT, offsets={"C": None})
    _, both = score(problem, patient())
    _, one = score(problem, patient(assay="anything"))
    np.testing.assert_array_equal(both, one)


def test_a_patient_of_the_fit_leaves_it_by_its_own_assays() -> None:
    problem = Problem(MODEL, FIT, **BOTH)
    found = marginal(problem, draws(), "1", np.random.default_rng(1))
    second = np.array([False, True, False, False, True])
    sigma = np.where(second, MSD[:, None], SIGMA[:, None])
    f = np.stack([curve(k, TIMES) for k in K]) * np.exp(np.where(second, OFFSET[:, None], 0.0))
    expected = stats.lognorm(sigma, scale=f).logpdf([7.0, 9.0, 3.0, 2.5, 2.6]).sum(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("assay", "said"), [(["MSD", "MSD", "ELISA", "MSD"], "ELISA"), ("", "unstated")]
)
@pytest.mark.parametrize("settings", [BOTH, SIGMAS, OFFSETS], ids=["both", "sigmas", "offsets"])
def test_an_assay_that_the_fit_does_not_know_is_refused(
    settings: dict[str, Any], assay: Any, said: str
) -> None:
    problem = Problem(MODEL, FIT, **settings)
    words = f"C of subject 'new' has the assay '{said}', of which.*it has Luminex, MSD"
    with pytest.raises(InputError, match=words):
        score(problem, patient(assay=assay))
