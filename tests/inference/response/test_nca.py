"""Non-compartmental numbers agree with closed forms and with sums done by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from cytobayes.datasets import load
from cytobayes.datasets.errors import InputError
from cytobayes.datasets.study import Study
from cytobayes.inference.response.nca import nca


def study(
    time: npt.ArrayLike, value: npt.ArrayLike, doses: Any = None, name: str = "IL6", **more: Any
) -> Study:
    rows = pd.DataFrame({"subject": "1", "time": time, "observable": name, "value": value, **more})
    return Study(rows, name="one", units={name: "pg/mL"}, time_unit="d", doses=doses)


def one(*arguments: Any, level: float | None = None, **more: Any) -> Any:
    return nca(study(*arguments, **more), level=level).iloc[0]


def test_a_falling_exponential_has_its_closed_form() -> None:
    time = np.array([0.0, 1.0, 2.0, 5.0, 9.0])
    found = one(time, 80 * np.exp(-0.3 * time), level=20.0)
    assert found["lambda.z"] == pytest.approx(0.3, rel=1e-12)
    assert found["half.life"] == pytest.approx(math.log(2) / 0.3, rel=1e-12)
    assert found["lambda.z.n.points"] == 4  # the peak itself takes no part
    assert found["auclast"] == pytest.approx(80 / 0.3 * (1 - math.exp(-2.7)), rel=1e-12)
    assert found["aucinf.obs"] == pytest.approx(80 / 0.3, rel=1e-12)
    assert found["aucpext.obs"] == pytest.approx(100 * math.exp(-2.7), rel=1e-12)
    assert found["time_above"] == pytest.approx(math.log(4) / 0.3, rel=1e-12)
    assert found["span.ratio"] == pytest.approx(8 * 0.3 / math.log(2), rel=1e-12)


def test_areas_agree_with_sums_by_hand() -> None:
    time, value = [0.0, 1.0, 3.0, 4.0, 6.0], [0.0, 4.0, 8.0, 4.0, 1.0]
    found = one(time, value)
    by_hand = 2.0 + 12.0 + 4 / math.log(2) + 2 * 3 / math.log(4)
    assert found["auclast"] == pytest.approx(by_hand, rel=1e-14)
    straight = nca(study(time, value), method="linear").iloc[0]
    assert straight["auclast"] == pytest.approx(2.0 + 12.0 + 6.0 + 5.0, rel=1e-14)
    assert (found["cmax"], found["tmax"], found["tlast"], found["clast.obs"]) == (8, 3, 6, 1)
    assert math.isnan(found["half.life"])  # two samples after the peak


def test_values_below_the_limit_are_dropped_inside_and_close_the_curve_outside() -> None:
    kind = ["left", "none", "left", "none", "left", "left"]
    found = one([0.0, 1.0, 2.0, 3.0, 5.0, 7.0], [0.5, 4.0, 0.5, 2.0, 0.5, 0.5], censoring=kind)
    dropped = 2.0 + 2 * 2 / math.log(2)  # 0 to 4 straight, then 4 to 2 in two days
    assert found["auclast"] == pytest.approx(dropped, rel=1e-14)
    assert found["aucall"] == pytest.approx(dropped + 2.0, rel=1e-14)  # 2 to 0 in two days
    assert found["n_below"] == 4 and found["tlast"] == 3.0


def test_nothing_above_the_limit_leaves_no_peak() -> None:
    found = one([0.0, 1.0], [0.5, 0.5], censoring=["left", "left"])
    assert found["cmax"] == 0 and found["auclast"] == 0 and math.isnan(found["tmax"])
    assert not found["peak_between_visits"]


def test_the_terminal_phase_is_the_straightest() -> None:
    time = np.array([0.0, 1, 2, 3, 6, 12, 18, 24])
    value = 100 * np.exp(-1.5 * time) + 5 * np.exp(-0.1 * time)
    found = one(time, value)
    points = int(found["lambda.z.n.points"])
    fits = {}
    for n in range(3, 8):
        r = np.corrcoef(time[-n:], np.log(value[-n:]))[0, 1]
        fits[n] = 1 - (1 - r**2) * (n - 1) / (n - 2)
    good = [n for n, f in fits.items() if f > max(fits.values()) - 1e-4]
    assert points == max(good)
    slope = np.polyfit(time[-points:], np.log(value[-points:]), 1)[0]
    assert found["lambda.z"] == pytest.approx(-slope, rel=1e-10)
    assert found["adj.r.squared"] == pytest.approx(fits[points], rel=1e-10)


@pytest.mark.parametrize(
    ("value", "missed"),
    [
        ([1.0, 6.0, 10.0, 6.0, 1.0], False),
        ([1.0, 4.9, 10.0, 6.0, 1.0], True),  # doubled since the visit before
        ([1.0, 6.0, 10.0, 4.9, 1.0], True),  # halved until the next
        ([10.0, 6.0, 4.0, 2.0, 1.0], True),  # the first sample
        ([1.0, 2.0, 4.0, 6.0, 10.0], True),  # the last sample
    ],
)
def test_a_peak_between_visits_is_marked(value: list[float], missed: bool) -> None:
    found = one([0.0, 1, 2, 3, 4], value)
    assert bool(found["peak_between_visits"]) is missed


def test_il6_after_tocilizumab_is_left_out() -> None:
    doses = pd.DataFrame(
        {"subject": ["1"], "time": [2.5], "amount": [560.0], "target": "tocilizumab"}
    )
    time, value = [0.0, 1, 2, 3, 4], [5.0, 100, 200, 900, 800]
    found = one(time, value, doses)
    assert found["cmax"] == 200 and found["cut_at_blockade"] == 2
    assert nca(study(time, value, doses), serum_il6=True).iloc[0]["cmax"] == 900


@pytest.mark.parametrize(
    ("observable", "drug", "cut"),
    [
        ("IL-6", "tocilizumab", True),
        ("il_6", "Tocilizumab", True),
        ("IL6", "TOCILIZUMAB 8 mg/kg", True),
        ("Interleukin-6", "tocilizumab", True),
        ("IL-8", "Tocilizumab", False),
        ("IL-6", "dexamethasone", False),
    ],
)
def test_il6_and_tocilizumab_are_known_by_their_letters(
    observable: str, drug: str, cut: bool
) -> None:
    doses = pd.DataFrame({"subject": ["1"], "time": [2.5], "amount": [560.0], "target": drug})
    time, value = [0.0, 1, 2, 3, 4], [5.0, 100, 200, 900, 800]
    found = one(time, value, doses, name=observable)
    assert found["cmax"] == (200 if cut else 900)
    assert found["cut_at_blockade"] == (2 if cut else 0)


def test_the_first_time_is_that_of_the_first_measurable_value() -> None:
    found = one(
        [0.0, 1.0, 2.0, 3.0], [0.5, 0.5, 4.0, 2.0], censoring=["left", "left", *2 * ["none"]]
    )
    assert found["tfirst"] == 2.0  # as PKNCA: above the limit
    assert one([0.0, 1.0], [3.0, 2.0])["tfirst"] == 0.0
    assert math.isnan(one([0.0, 1.0], [0.5, 0.5], censoring=["left", "left"])["tfirst"])


def test_a_peak_at_the_upper_limit_is_marked() -> None:
    kind = ["none", "right", "none"]
    assert one([0.0, 1, 2], [5.0, 1500, 900], censoring=kind)["cmax_at_limit"]


def test_the_embedded_cohort_has_a_row_per_subject_and_observable() -> None:
    cohort = load("crs-cohort")
    table = nca(cohort, window=(0, 28))
    assert len(table) == len(cohort.subjects) * len(cohort.observables)
    assert (table["auclast"] >= 0).all() and (table["tmax"].dropna() <= 28).all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"observables": ["IL-6"]}, "Did you mean 'IL6'"),
        ({"method": "log"}, "no rule of areas"),
        ({"window": (50, 60)}, "no measurement lies in the window"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        nca(study([0.0, 1.0], [1.0, 2.0]), **options)
