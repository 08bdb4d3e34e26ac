"""Exact posteriors pass, broken ones are caught, and chance alone is what the band says it is."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from cytobayes.datasets import InputError
from cytobayes.inference.calibration import read_calibration
from cytobayes.inference.checks.sbc import sbc
from cytobayes.inference.checks.uniform import central_coverage, chi2_p, envelope
from cytobayes.inference.populations.hierarchy import Hierarchical

Array = npt.NDArray[np.float64]
ROOT = Path(__file__).parents[3]
L = 99
TIMES = np.array([0.5, 1.0, 2.0, 4.0, 6.0, 8.0])
QUANTITIES = ("log_C0", "k", "sigma2")


def ranks(pit: Array, seed: int = 1) -> npt.NDArray[np.int64]:
    """Ranks of a sampler whose draws are independent and exact: binomial, given the exact PIT."""
    return np.random.default_rng(seed).binomial(L, np.clip(pit, 0.0, 1.0))


def table(pits: dict[str, Array]) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"replication": range(p.size), "quantity": q, "rank": ranks(p, k), "of": L})
        for k, (q, p) in enumerate(pits.items())
    ]
    return pd.concat(parts, ignore_index=True)


class Inference:
    """Normal-inverse-gamma posterior of log y = log C0 - k t + N(0, s2), possibly a wrong one."""

    def __init__(
        self, y: Array, mean_k: float = 0.3, scale: float = 0.2, shift: float = 0.0,
        copies: int = 1, used: int = 6,
    ) -> None:  # fmt: skip
        x = np.column_stack([np.ones(used), -(TIMES[:used] + shift)])
        y = y[:, :used]
        prior = np.diag([1.0, 1 / 0.15])
        m0 = np.array([np.log(10), mean_k])
        self.v = np.linalg.inv(prior + copies * x.T @ x)
        self.m = (prior @ m0 + copies * y @ x) @ self.v
        quadratic = copies * (y**2).sum(1) + m0 @ prior @ m0
        self.d = scale + 0.5 * (
            quadratic - np.einsum("si,ij,sj->s", self.m, np.linalg.inv(self.v), self.m)
        )
        self.a = 5.0 + copies * used / 2

    def pits(self, truth: Array) -> dict[str, Array]:
        sd = np.sqrt(self.d[:, None] / self.a * np.diag(self.v))
        t = stats.t.cdf((truth[:, :2] - self.m) / sd, 2 * self.a)
        s2 = stats.invgamma.cdf(truth[:, 2], self.a, scale=self.d)
        return dict(zip(QUANTITIES, (*t.T, s2), strict=True))

    def draws(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Coefficients (simulation, L, 2) and variances (simulation, L)."""
        s2 = self.d[:, None] / rng.gamma(self.a, size=(self.d.size, L))
        noise = rng.standard_normal((self.d.size, L, 2)) @ np.linalg.cholesky(self.v).T
        return self.m[:, None] + np.sqrt(s2)[..., None] * noise, s2


def score(y: Array, beta: Array, s2: Array) -> Array:
    """Joint log likelihood of all six data."""
    f = beta @ np.column_stack([np.ones(6), -TIMES]).T
    return np.asarray(stats.norm.logpdf(y, f, np.sqrt(s2)[..., None])).sum(-1)


@pytest.fixture(scope="module")
def reference(reference_dir: Path) -> pd.DataFrame:
    return pd.read_csv(reference_dir / "sbc_reference" / "data.csv")


@pytest.fixture(scope="module")
def data(reference: pd.DataFrame) -> Array:
    return reference[[f"S2_logy{k}" for k in range(1, 7)]].to_numpy()


@pytest.fixture(scope="module")
def truth(reference: pd.DataFrame) -> Array:
    return reference[["S2_logC0", "S2_k", "S2_sigma2"]].to_numpy()


@pytest.mark.reference
def test_exact_posteriors_pass(reference: pd.DataFrame) -> None:
    columns = {"S1_C0": "S1_pit"} | {q: f"S2_pit_{q}" for q in ("logC0", "k", "sigma2")}
    check = sbc(table({q: reference[c].to_numpy() for q, c in columns.items()}))
    assert check.good and not check.table["flagged"].any()
    assert check.sentence.startswith("In 400 replications the ranks of all 4 quantities pass as")


@pytest.mark.reference
def test_the_oracle_of_these_tests_is_that_of_the_reference(
    reference: pd.DataFrame, data: Array, truth: Array
) -> None:
    mine = Inference(data).pits(truth)
    for name, column in zip(QUANTITIES, ("logC0", "k", "sigma2"), strict=True):
        np.testing.assert_allclose(mine[name], reference[f"S2_pit_{column}"], atol=2e-6)


BROKEN: dict[str, tuple[dict[str, Any], set[str]]] = {
    "each datum twice": ({"copies": 2}, {"log_C0", "k", "sigma2"}),
    "prior mean of k": ({"mean_k": 0.4}, {"log_C0", "k", "sigma2"}),
    "prior scale of s2": ({"scale": 0.8}, {"log_C0", "k", "sigma2"}),
    "shifted times": ({"shift": 0.5}, {"log_C0", "k"}),
}


@pytest.mark.reference
@pytest.mark.parametrize("fault", BROKEN)
def test_broken_inferences_are_caught(fault: str, data: Array, truth: Array) -> None:
    settings, expected = BROKEN[fault]
    check = sbc(table(Inference(data, **settings).pits(truth)))
    assert not check.good
    assert set(check.table.loc[check.table["flagged"], "quantity"]) == expected
    assert check.sentence.startswith("Posteriors are not calibrated: log_C0 is ")


@pytest.mark.reference
def test_words_tell_in_which_way(data: Array, truth: Array) -> None:
    def words(**settings: Any) -> dict[str, str]:
        found = sbc(table(Inference(data, **settings).pits(truth))).table
        return dict(zip(found["quantity"], found["how"], strict=True))

    assert words(copies=2)["k"] == "too narrow"
    assert words(scale=0.8)["log_C0"] == "too wide"
    assert words(mean_k=0.4)["k"] == "too high"
    assert words(shift=0.5)["log_C0"] == "too high and too narrow"


@pytest.mark.reference
def test_ignored_data_are_seen_by_the_likelihood_alone(data: Array, truth: Array) -> None:
    rng = np.random.default_rng(5)
    for used, caught in ((6, False), (3, True)):
        inference = Inference(data, used=used)
        beta, s2 = inference.draws(rng)
        mine = score(data, truth[:, :2], truth[:, 2])
        rank = (score(data[:, None], beta, s2) < mine[:, None]).sum(1)
        rows = table(inference.pits(truth))
        extra = pd.DataFrame({"rank": rank, "quantity": "log_likelihood", "of": L})
        check = sbc(pd.concat([rows, extra.assign(replication=range(rank.size))]))
        flagged = set(check.table.loc[check.table["flagged"], "quantity"])
        assert flagged == ({"log_likelihood"} if caught else set())


def test_false_alarms_of_the_band_are_as_frequent_as_stated() -> None:
    rng, sets, size = np.random.default_rng(2), 2000, 100
    null = envelope(size, L)
    p = np.array([null.p_value(rng.integers(L + 1, size=size)) for _ in range(sets)])
    for level in (0.01, 0.06, 0.5):
        error = np.sqrt(level * (1 - level) / sets)
        assert (p < level).mean() < level + 4 * error  # counts are whole: never more than stated
    assert (p < 0.06).mean() > 0.03


def test_the_rule_of_coverage_adds_as_many_false_alarms_as_stated() -> None:
    for size in (*range(100, 600), 1000, 2000):
        counts = np.arange(size + 1)
        off = np.abs(counts / size - 0.9) > 3 * np.sqrt(0.09 / size)
        assert stats.binom.pmf(counts[off], size, 0.9).sum() < 0.005


def test_correct_runs_of_ten_quantities_fail_as_seldom_as_stated() -> None:
    rng, runs = np.random.default_rng(8), 300
    failed = 0
    for _ in range(runs):
        rows = [
            pd.DataFrame({"replication": range(100), "quantity": f"q{k}", "of": L})
            for k in range(10)
        ]
        every = pd.concat(rows).assign(rank=rng.integers(L + 1, size=1000))
        failed += not sbc(every).good
    assert failed <= stats.binom.ppf(0.9999, runs, 0.05 + 10 * 0.005)
    assert failed > 0


@pytest.mark.parametrize(("width", "bias"), [(0.5, 0.0), (1.0, 1.0)])
def test_a_hundred_replications_find_gross_faults(width: float, bias: float) -> None:
    rng = np.random.default_rng(3)
    caught = 0
    for _ in range(50):
        z = rng.standard_normal(100)  # truth under an exact posterior of mean 0 and sd 1
        caught += not sbc(table({"x": stats.norm.cdf((z - bias) / width)})).good
    assert caught >= 48  # power 1.000 and 0.98 or more, by the table of the reference


def test_the_band_holds_every_curve_that_passes() -> None:
    rng, null = np.random.default_rng(4), envelope(50, L)
    low, high = null.band(0.95)
    for _ in range(300):
        sample = rng.integers(L + 1, size=50)
        share = np.bincount(sample, minlength=L + 1).cumsum()[:-1] / 50
        inside = ((share >= low) & (share <= high)).all()
        assert inside == (null.p_value(sample) > 0.05) or abs(null.p_value(sample) - 0.05) < 0.01


def test_coverage_counts_whole_ranks() -> None:
    assert central_coverage(np.arange(100), 99, 0.9) == (0.9, 0.9)
    assert central_coverage(np.array([0, 99, 50, 50]), 99, 0.9)[0] == 0.5
    assert central_coverage(np.arange(10), 9, 0.5) == (0.6, 0.6)


def test_chi_square_of_equal_counts_is_one_and_of_one_bin_nothing() -> None:
    assert chi2_p(np.tile(np.arange(100), 2), 99) == pytest.approx(1.0)
    assert chi2_p(np.zeros(200, dtype=np.int64), 99) < 1e-100


def test_failed_fits_are_counted_and_too_many_invalidate() -> None:
    rng = np.random.default_rng(6)
    good = table({"x": rng.uniform(size=98)})
    lost = pd.DataFrame({"replication": [98, 99], "failure": "FitError: none"})
    few = sbc(pd.concat([good, lost]))
    assert few.good and few.sentence.endswith("; 2 of 100 fits failed.")
    many = sbc(pd.concat([good, lost, lost.assign(replication=[100, 101])]))
    assert not many.good
    assert many.sentence == (
        "This calibration says nothing: 4 of 102 fits failed, more than 2 %."
    )  # fmt: skip


def test_few_replications_are_called_few() -> None:
    check = sbc(table({"x": np.linspace(0.01, 0.99, 40)}))
    assert check.sentence.endswith("This many show gross faults only.")


def test_figure_has_a_panel_for_each_quantity_and_marks_the_flagged() -> None:
    rng = np.random.default_rng(7)
    check = sbc(table({"x": rng.uniform(size=100), "y": rng.uniform(size=100) ** 3}))
    titles = [axis.get_title() for axis in check.plot().axes if axis.get_visible()]
    assert titles == ["x", "y (flagged)"]


def test_ranks_that_are_none_are_refused() -> None:
    rows = table({"x": np.full(5, 0.5)})
    with pytest.raises(InputError, match="x: rank 100.0 of replication 2 is no whole number"):
        sbc(rows.assign(rank=[1.0, 2.0, 100.0, 3.0, 4.0]))
    with pytest.raises(InputError, match="no column of"):
        sbc(rows.drop(columns="of"))
    with pytest.raises(InputError, match="has no ranks"):
        sbc(rows.assign(rank=np.nan))


def test_the_committed_calibration_of_a_hierarchical_censored_model_passes() -> None:
    found = read_calibration(ROOT / "benchmarks" / "results" / "sbc_hierarchical.csv")
    check = sbc(found)
    assert check.good, check.sentence
    assert check.table["replications"].min() >= 0.98 * found["replication"].nunique()
    assert found["replication"].nunique() >= 400
    assert set(check.table["quantity"]) >= {"CL_omega", "V_omega", "ka", "CL", "V", "C_sigma"}


def test_the_committed_calibration_is_of_the_problem_of_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its id is of the time before `Hierarchical` said that nothing varies between occasions."""
    spec = importlib.util.spec_from_file_location("run_sbc", ROOT / "scripts" / "run_sbc.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    today = Hierarchical.describe

    def then(self: Hierarchical) -> dict[str, Any]:
        said = today(self)
        assert said["settings"].endswith(", occasions=())")
        return said | {"settings": said["settings"].replace(", occasions=()", "")}

    monkeypatch.setattr(Hierarchical, "describe", then)
    found = read_calibration(script.TABLE)
    assert found.attrs["problem_id"] == script.problem().id
    assert found.attrs["seed"] == script.SEED
