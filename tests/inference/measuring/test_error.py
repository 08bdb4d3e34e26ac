"""Error models against scipy.stats, row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor as untyped_pytensor
import pytensor.tensor as untyped_tensor
import pytest
from scipy import stats

from cytobayes.datasets.errors import InputError
from cytobayes.inference.measuring.error import (
    KINDS,
    Additive,
    AdditiveT,
    Combined,
    Combined1,
    ErrorModel,
    LogNormalError,
    LogNormalT,
    Power,
    Proportional,
    Rows,
    error_model,
)
from cytobayes.inference.measuring.measurement import Drawing

pytensor: Any = untyped_pytensor
pt: Any = untyped_tensor

F = np.array([0.8, 2.0, 5.0, 0.3, 4.0, 1.5])
VALUE = np.array([1.0, 1.7, 6.0, 0.5, 3.0, 2.0])
KIND = np.array([KINDS.index(k) for k in ("none", "none", "right", "left", "interval", "none")])
LOWER, UPPER = np.full(6, np.nan), np.full(6, np.nan)
LOWER[4], UPPER[4] = 2.5, 4.5
SE = np.array([0.0, 0.4, 0.0, 0.0, 0.0, 0.1])
ROWS = Rows(VALUE, KIND, LOWER, UPPER, SE)
ALL: list[tuple[ErrorModel, tuple[float, ...]]] = [
    (Additive(), (0.7,)),
    (Proportional(), (0.3,)),
    (Combined(), (0.2, 0.3)),
    (Combined1(), (0.2, 0.3)),
    (LogNormalError(), (0.4,)),
    (LogNormalT(), (0.4,)),
    (LogNormalT(nu=7.5), (0.4,)),
    (AdditiveT(), (0.7,)),
    (Power(), (0.3, 0.6)),
]
LOGARITHMIC = (LogNormalError, LogNormalT)
EACH = pytest.mark.parametrize(("error", "sigma"), ALL, ids=[e.spec for e, _ in ALL])


def rows(value: Any, kind: str = "none", lower: Any = np.nan, upper: Any = np.nan) -> Rows:
    value = np.atleast_1d(np.asarray(value, dtype=float))
    return Rows(
        value,
        np.full(value.size, KINDS.index(kind)),
        np.broadcast_to(np.asarray(lower, dtype=float), value.shape),
        np.broadcast_to(np.asarray(upper, dtype=float), value.shape),
        np.zeros(value.size),
    )


def evaluator(error: ErrorModel, these: Rows, mode: str = "FAST_COMPILE") -> Any:
    """Function (f, *sigma) -> log density of each row, gradient of the sum by f and by sigma."""
    x = pt.dvector("f")
    s = [pt.dscalar(name) for name in error.parameters("sigma")]
    value = error.log_density(pt.constant(these.value), x, tuple(s), these)
    gradients = pt.grad(value.sum(), [x, *s])
    return pytensor.function([x, *s], [value, *gradients], mode=mode)


def evaluated(error: ErrorModel, sigma: Any, f: Any, these: Rows) -> tuple[Any, Any, Any]:
    found, by_f, *by_sigma = evaluator(error, these)(
        np.broadcast_to(np.asarray(f, dtype=float), these.value.shape), *sigma
    )
    return found, by_f, np.array(by_sigma)


def of_logarithm(
    error: Any, sigma: float, f: float, value: float, kind: str, lower: float, upper: float,
    se: float,
) -> float:  # fmt: skip
    """One row whose logarithm is normal or Student's t."""
    spread = np.hypot(sigma, se / value)
    law: Any = stats.norm(np.log(f), spread)
    if isinstance(error, LogNormalT):
        law = stats.t(error.nu, np.log(f), spread)
    if kind == "interval":
        return float(np.log(law.cdf(np.log(upper)) - law.cdf(np.log(lower))))
    if kind == "none":
        return float(law.logpdf(np.log(value)) - np.log(value))
    return float({"left": law.logcdf, "right": law.logsf}[kind](np.log(value)))


def by_scipy(error: ErrorModel, sigma: tuple[float, ...]) -> Any:
    """The same six rows, written out with frozen distributions."""
    expected = []
    for f, value, kind, lower, upper, se in zip(F, VALUE, KIND, LOWER, UPPER, SE, strict=True):
        dist: Any
        if isinstance(error, LOGARITHMIC):
            expected.append(of_logarithm(error, sigma[0], f, value, KINDS[kind], lower, upper, se))
            continue
        if isinstance(error, AdditiveT):
            dist = stats.t(error.nu, f, np.hypot(sigma[0], se))
        elif isinstance(error, Additive):
            dist = stats.norm(f, np.hypot(sigma[0], se))
        elif isinstance(error, Power):
            dist = stats.norm(f, np.hypot(sigma[0] * f ** sigma[1], se))
        elif isinstance(error, Proportional):
            dist = stats.norm(f, np.hypot(sigma[0] * f, se))
        elif isinstance(error, Combined1):
            dist = stats.norm(f, np.hypot(sigma[0] + sigma[1] * f, se))
        else:
            dist = stats.norm(f, np.sqrt(sigma[0] ** 2 + (sigma[1] * f) ** 2 + se**2))
        name = KINDS[kind]
        if name == "none":
            expected.append(dist.logpdf(value))
        elif name == "left":
            expected.append(dist.logcdf(value))
        elif name == "right":
            expected.append(dist.logsf(value))
        else:
            expected.append(np.log(dist.cdf(upper) - dist.cdf(lower)))
    return np.array(expected)


@EACH
def test_densities_limits_intervals_and_means_are_those_of_scipy(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    found, _, _ = evaluated(error, sigma, F, ROWS)
    np.testing.assert_allclose(found, by_scipy(error, sigma), rtol=1e-10)


@EACH
def test_gradient_is_that_of_central_differences(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    function, h = evaluator(error, ROWS), 1e-6
    _, by_f, *by_sigma = function(F, *sigma)
    for k in range(F.size):
        step = h * (np.arange(F.size) == k)
        up, down = (function(F + d, *sigma)[0].sum() for d in (step, -step))
        assert by_f[k] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)
    for k in range(len(sigma)):
        shift = h * (np.arange(len(sigma)) == k)
        up, down = (function(F, *(np.array(sigma) + d))[0].sum() for d in (shift, -shift))
        assert by_sigma[k] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


@EACH
@pytest.mark.parametrize("mode", ["FAST_COMPILE", "NUMBA"])
def test_density_and_gradient_are_finite_far_in_the_tails(
    error: ErrorModel, sigma: tuple[float, ...], mode: str
) -> None:
    f, kind = map(np.ravel, np.meshgrid([1e-12, 1e-3, 1.0, 1e6, 1e12], range(len(KINDS))))
    one = np.ones(f.size)
    these = Rows(one, kind.astype(int), 0.5 * one, 2.0 * one, 0.0 * one)
    for values in evaluator(error, these, mode)(f, *sigma):
        assert np.isfinite(values).all()


@EACH
def test_zero_and_slightly_negative_model_values_are_no_accident(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    for f in (0.0, -1e-9):
        for values in evaluated(error, sigma, f, rows(1.0)):
            assert np.isfinite(values).all()


def test_log_normal_pulls_a_model_value_up_from_zero() -> None:
    for f in (-1e-6, 0.0, 1e-12, 1e-6):
        assert evaluated(LogNormalError(), (0.3,), f, rows(1.0))[1][0] > 0


@EACH
def test_censoring_at_a_limit_that_says_nothing_costs_nothing(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    # A t with four degrees of freedom has 3 / z^4 beyond z; here z = log(1e9 / 10.5) / 0.4 = 46.
    allowed = 1e-6 if isinstance(error, LogNormalT) else 1e-12
    found = evaluated(error, sigma, 1.0, rows(1e9, "left"))[0][0]
    assert found == pytest.approx(0, abs=allowed)


@EACH
def test_a_narrow_interval_is_a_measurement(error: ErrorModel, sigma: tuple[float, ...]) -> None:
    width = 1e-5
    narrow = evaluated(error, sigma, 1.2, rows(1.0, "interval", 1 - width / 2, 1 + width / 2))
    exact = evaluated(error, sigma, 1.2, rows(1.0))
    assert narrow[0][0] - np.log(width) == pytest.approx(exact[0][0], abs=1e-6)
    assert narrow[1][0] == pytest.approx(exact[1][0], rel=1e-5)


def test_an_interval_from_zero_is_a_left_limit_under_a_log_normal_error() -> None:
    interval = evaluated(LogNormalError(), (0.5,), 1.0, rows(1.0, "interval", 0.0, 2.0))
    left = evaluated(LogNormalError(), (0.5,), 1.0, rows(2.0, "left"))
    assert interval[0][0] == pytest.approx(left[0][0], abs=1e-12)


@EACH
def test_random_draws_have_the_distribution_that_is_scored(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    f, n = 2.0, 20_000
    draws = error.random(np.random.default_rng(3), np.full(n, f), sigma)
    scored = rows(np.sort(draws)[n // 10 :: n // 5], "left")
    levels = np.exp(evaluated(error, sigma, np.full(scored.value.size, f), scored)[0])
    # Order statistics of a uniform sample scatter by sqrt(q (1 - q) / n).
    np.testing.assert_allclose(levels, [0.1, 0.3, 0.5, 0.7, 0.9], atol=5 * 0.5 / np.sqrt(n))


@EACH
def test_random_means_scatter_more(error: ErrorModel, sigma: tuple[float, ...]) -> None:
    rng = np.random.default_rng(4)
    f = np.full(4000, 2.0)
    plain, mean = error.random(rng, f, sigma), error.random(rng, f, sigma, Drawing(se=2.0))
    assert np.ptp(np.quantile(mean, [0.1, 0.9])) > 1.5 * np.ptp(np.quantile(plain, [0.1, 0.9]))


@pytest.mark.parametrize(
    "these", [rows(0.0), rows([1.0, -2.0]), rows(0.0, "left"), rows(0.0, "interval", -2.0, 0.0)]
)
def test_a_log_normal_error_refuses_what_it_cannot_produce(these: Rows) -> None:
    with pytest.raises(InputError, match=r"IL6: .*left-censored"):
        LogNormalError().check("IL6", these)


@EACH
def test_default_priors_cover_the_parameters_in_their_units(
    error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    names = error.parameters("IL6")
    assert tuple(error.priors("IL6", ROWS)) == names == tuple(error.units("IL6", "pg/mL"))
    assert len(names) == len(sigma)


def test_additive_prior_follows_the_unit_of_the_data() -> None:
    small, large = (Additive().priors("C", rows(np.array([1.0, 2.0, 4.0]) * s)) for s in (1, 1000))
    assert large["C_sigma"].sd == 1000 * small["C_sigma"].sd  # type: ignore[attr-defined]


def test_error_models_are_found_by_name_with_a_guess() -> None:
    assert error_model("combined") == Combined()
    assert error_model("combined1") == Combined1()
    assert error_model(Additive()) == Additive()
    with pytest.raises(InputError, match="mean 'proportional'"):
        error_model("proprotional")


def test_settings_are_written_behind_the_name_and_read_back() -> None:
    assert LogNormalT().spec == "lognormal-t"
    for model in (LogNormalT(nu=7.0), AdditiveT(nu=2.5), LogNormalT(), Combined(), Combined1()):
        assert error_model(model.spec) == model
    with pytest.raises(InputError, match="no setting 'mu'; it has nu"):
        error_model("lognormal-t(mu=3)")
    with pytest.raises(InputError, match="'four' cannot be read"):
        error_model("lognormal-t(nu=four)")
    with pytest.raises(InputError, match="must be positive"):
        error_model("lognormal-t(nu=0)")
    with pytest.raises(InputError, match="no setting 'nu'"):
        error_model("additive(nu=3)")


def test_an_outlier_pulls_a_heavy_tail_less_and_less() -> None:
    """The pull of Student's t falls as 1 / distance; that of a normal grows."""
    far = rows(np.exp([1.0, 10.0, 100.0]))
    by_t = evaluated(LogNormalT(), (0.3,), 1.0, far)[1]
    assert by_t[0] > 5 * by_t[1] > 25 * by_t[2] > 0
    by_normal = evaluated(LogNormalError(), (0.3,), 1.0, far)[1]
    assert by_normal[2] > by_normal[1] > by_normal[0]
