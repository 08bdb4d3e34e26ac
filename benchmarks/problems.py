"""The three problems of the benchmarks, as data.

Every problem is a batch of independent subjects with the same equations. The point at which value
and gradient are compared is ``z``, the logarithm of everything that is estimated: row by row the
rate constants, then (only in `lotka_volterra`) initial values and error parameters. Equations and
losses are written once, with operators and a handful of functions that NumPy, JAX, PyTensor and
SymPy share, so that every engine solves the same text (Stan has its own in ``stan_programs/``).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]

# Hudson's Bay Company pelts, thousands, 1900-1920 (Hewitt 1921; tabulated by Howard 2009), as in
# posteriordb `hudson_lynx_hare`.
HARE = (30, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22, 25.4, 27.1, 40.3, 57, 76.6, 52.3, 19.5,
        11.2, 7.6, 14.6, 16.2, 24.7)  # fmt: skip
LYNX = (4, 6.1, 9.8, 35.2, 59.4, 41.7, 19, 13, 8.3, 9.1, 7.4, 8, 12.3, 19.5, 45.7, 51.1, 29.7,
        15.8, 9.7, 10.1, 8.6)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """Equations, a point, and a scalar loss of the trajectories."""

    name: str
    title: str
    states: tuple[str, ...]
    parameters: tuple[str, ...]  # columns of z
    rates: int  # the first columns of z are what `rhs` receives as p
    rhs: Callable[[Any, Any, Any, Any], list[Any]]  # (t, y, p, x), sequences of scalars
    z: Array  # (subject, parameter)
    times: Array
    data: Array  # (subject, ...): what the loss compares with
    loss: Callable[[Any, Any, Any, Any], Any]  # one subject: (y[time, state], z, data, module)
    loss_gradient: Callable[[Array, Array], tuple[float, Array, Array]]  # (y, z): sum, d/dy, d/dz
    y0: Array = field(default_factory=lambda: np.zeros(0))
    initial: slice | None = None  # columns of z that are log initial values, instead of y0
    inputs: tuple[str, ...] = ()
    x: Array = field(default_factory=lambda: np.zeros((0, 0)))  # (subject, input): known constants
    stiff: bool = False

    @property
    def subjects(self) -> int:
        """Count the independent subjects."""
        return len(self.z)

    def start(self, subject: int) -> Array:
        """Give the initial state of one subject."""
        if self.initial is None:
            return self.y0
        return np.exp(self.z[subject, self.initial])

    def known(self, subject: int) -> Array:
        """Give the known constants of one subject."""
        return self.x[subject] if self.inputs else np.zeros(0)


# (a) ------------------------------------------------------------------------------------------
def _lv_rhs(t: Any, y: Any, p: Any, x: Any) -> list[Any]:
    hare, lynx = y
    alpha, beta, gamma, delta = p
    return [(alpha - beta * lynx) * hare, (-gamma + delta * hare) * lynx]


LV_NAMES = ("alpha", "beta", "gamma", "delta", "hare0", "lynx0", "sigma_hare", "sigma_lynx")
LV_LOG_DATA = np.log(np.stack([HARE, LYNX], axis=-1))
# Priors of posteriordb's model. Normal (truncated at zero) on the rates, log-normal on the rest.
LV_PRIOR_MEAN = np.array([1.0, 0.05, 1.0, 0.05, np.log(10), np.log(10), -1.0, -1.0])
LV_PRIOR_SD = np.array([0.5, 0.05, 0.5, 0.05, 1.0, 1.0, 1.0, 1.0])


def _lv_loss(y: Any, z: Any, data: Any, xp: Any) -> Any:
    """Log posterior density of z, without constants, with the Jacobian of the logarithm."""
    sigma = xp.exp(z[6:8])
    rates = xp.sum(-0.5 * ((xp.exp(z[:4]) - LV_PRIOR_MEAN[:4]) / LV_PRIOR_SD[:4]) ** 2 + z[:4])
    others = xp.sum(-0.5 * ((z[4:] - LV_PRIOR_MEAN[4:]) / LV_PRIOR_SD[4:]) ** 2)
    first = xp.sum(-0.5 * ((data[0] - z[4:6]) / sigma) ** 2)
    later = xp.sum(-0.5 * ((data[1:] - xp.log(y)) / sigma) ** 2)
    return rates + others + first + later - len(HARE) * xp.sum(z[6:8])


def _lv_loss_gradient(y: Array, z: Array) -> tuple[float, Array, Array]:
    z0 = z[0]
    sigma, p = np.exp(z0[6:8]), np.exp(z0[:4])
    first = (LV_LOG_DATA[0] - z0[4:6]) / sigma
    later = (LV_LOG_DATA[1:] - np.log(y[0])) / sigma
    direct = np.empty_like(z)
    direct[0, :4] = -(p - LV_PRIOR_MEAN[:4]) / LV_PRIOR_SD[:4] ** 2 * p + 1
    direct[0, 4:] = -(z0[4:] - LV_PRIOR_MEAN[4:]) / LV_PRIOR_SD[4:] ** 2
    direct[0, 4:6] += first / sigma
    direct[0, 6:8] += first**2 + np.sum(later**2, axis=0) - len(HARE)
    return float(_lv_loss(y[0], z0, LV_LOG_DATA, np)), (later / sigma / y[0])[None], direct


def lotka_volterra() -> Problem:
    """Hudson Bay lynx and hare with the model of posteriordb; the point is off the mode."""
    mode = np.array([0.547, 0.0277, 0.80, 0.0241, 34.0, 5.94, 0.248, 0.252])
    shift = 0.1 * np.random.default_rng(0).standard_normal((1, 8))
    return Problem(
        name="lotka_volterra",
        title="Lotka-Volterra, posteriordb hudson_lynx_hare: log posterior of 8 parameters",
        states=("hare", "lynx"),
        parameters=LV_NAMES,
        rates=4,
        rhs=_lv_rhs,
        z=np.log(mode) + shift,
        times=np.arange(1.0, 21.0),
        data=LV_LOG_DATA[None],
        loss=_lv_loss,
        loss_gradient=_lv_loss_gradient,
        initial=slice(4, 6),
    )


# (b) ------------------------------------------------------------------------------------------
def _population_rhs(t: Any, y: Any, p: Any, x: Any) -> list[Any]:
    b, e, m, f, c = y
    active = b / (p[2] + b)
    return [
        0.02 * b - p[1] * e * b / (1 + e),
        p[0] * active * e - p[3] * e - p[4] * e,
        p[4] * e - 0.01 * m,
        p[5] * e * active - 5.0 * f,
        p[6] * f / (1 + f) * (1 + 2 * c / (5 + c)) - p[7] * c,
    ]


def population(subjects: int = 30) -> Problem:
    """Target, effector, memory, IFN-gamma and IL-6 in 30 subjects over 28 days."""
    rng = np.random.default_rng(0)
    base = np.array([1.0, 0.6, 2.0, 0.15, 0.05, 3.0, 4.0, 2.0])
    theta = base * np.exp(0.2 * rng.standard_normal((subjects, 8)))
    weights = rng.standard_normal((subjects, 15, 5))

    def loss_gradient(y: Array, z: Array) -> tuple[float, Array, Array]:
        value = float(np.sum(np.log1p(np.abs(y)) * weights))
        return value, weights * np.sign(y) / (1 + np.abs(y)), np.zeros_like(z)

    return Problem(
        name="population",
        title="Five states, eight rates, 30 subjects: sum of weighted log1p of the trajectories",
        states=("target", "effector", "memory", "ifng", "il6"),
        parameters=tuple(f"p{i}" for i in range(8)),
        rates=8,
        rhs=_population_rhs,
        z=np.log(theta),
        times=np.linspace(0.5, 28, 15),
        data=weights,
        loss=lambda y, z, data, xp: xp.sum(xp.log1p(xp.abs(y)) * data),
        loss_gradient=loss_gradient,
        y0=np.array([10.0, 0.05, 0.0, 0.0, 0.02]),
    )


# (c) ------------------------------------------------------------------------------------------
SNEYD_NAMES = ("k1", "k2", "k3", "k4", "k_1", "k_2", "k_3", "k_4",
               "l2", "l4", "l6", "l_2", "l_4", "l_6")  # fmt: skip
SNEYD_NOMINAL = np.array([
    3.72721095730996, 99999.9999999908, 15.7453406923706, 99938.2576283144, 0.923924728172173,
    0.001002494725324, 1.91463005974811, 3079.20732487903, 0.940077018858089, 2.85837713545253,
    99999.9999999908, 0.347664459128102, 0.01388020361713, 0.001,
])  # fmt: skip
SNEYD_SIGMA = 0.022665679544462
# (IP3, Ca) in micromolar, per experiment.
SNEYD_CONDITIONS = np.array([
    (10.0, 0.1), (10.0, 0.2), (10.0, 0.4), (10.0, 1.0), (10.0, 3.0), (10.0, 10.0),
    (3.0, 0.4), (5.0, 0.4), (10.0, 0.4),
])  # fmt: skip


def _sneyd_rhs(t: Any, y: Any, p: Any, x: Any) -> list[Any]:
    """IP3 receptor of Sneyd and Dufour (PNAS 2002): open, resting, inactive 1, shut, active, 2."""
    o, r, i1, s, a, i2 = y
    k1, k2, k3, k4, k_1, k_2, k_3, k_4, l2, l4, l6, l_2, l_4, l_6 = p
    ip3, ca = x
    big1, big3, big5 = k_1 * l2 / (k1 * l_2), k_2 * l4 / (k2 * l_4), k_4 * l6 / (k4 * l_6)
    open_rest = (k_2 + l_4 * ca) / (1 + ca / big5) * o
    rest_open = (k2 * big3 + l4 * ca) / (big3 + ca * (1 + big3 / big1)) * ip3 * r
    open_active = (k4 * big5 + l6) * ca / (big5 + ca) * o
    active_open = big1 * (k_4 + l_6) / (big1 + ca) * a
    open_shut = k3 * big5 / (big5 + ca) * o
    rest_first = (k1 * big1 + l2) * ca / (big1 + ca * (1 + big1 / big3)) * r
    active_second = (k1 * big1 + l2) * ca / (big1 + ca) * a
    first_rest, second_active = (k_1 + l_2) * i1, (k_1 + l_2) * i2
    return [
        -open_rest + rest_open - open_active + active_open - open_shut + k_3 * s,
        open_rest - rest_open - rest_first + first_rest,
        rest_first - first_rest,
        open_shut - k_3 * s,
        open_active - active_open - active_second + second_active,
        active_second - second_active,
    ]


def sneyd_data() -> Array | None:
    """Open probabilities of the nine experiments, or None without the reference folder."""
    default = Path(__file__).resolve().parents[2] / "shared" / "reference"
    path = Path(os.environ.get("CYTOBAYES_REFERENCE", default)) / "petab_sneyd_stiff" / "data.csv"
    if not path.exists():
        return None
    with path.open() as lines:
        rows = list(csv.DictReader(lines))
    return np.array([float(row["measurement"]) for row in rows]).reshape(9, 15)


def _sneyd_loss(y: Any, z: Any, data: Any, xp: Any) -> Any:
    gate = 0.9 * y[..., 4] + 0.1 * y[..., 0]  # the open probability is its fourth power
    return xp.sum(-0.5 * ((gate**4 - data) / SNEYD_SIGMA) ** 2)


def sneyd() -> Problem:
    """IP3 receptor gating, nine experiments, rates from 1e-3 to 1e5.

    Without the measured data the loss uses zeros in their place; times are the same.
    """
    measured = sneyd_data()
    data = np.zeros((9, 14)) if measured is None else measured[:, 1:]
    shift = 0.1 * np.random.default_rng(0).standard_normal(14)

    def loss_gradient(y: Array, z: Array) -> tuple[float, Array, Array]:
        gate = 0.9 * y[..., 4] + 0.1 * y[..., 0]
        by_gate = -(gate**4 - data) / SNEYD_SIGMA**2 * 4 * gate**3
        by_y = np.zeros_like(y)
        by_y[..., 4], by_y[..., 0] = 0.9 * by_gate, 0.1 * by_gate
        return float(_sneyd_loss(y, z, data, np)), by_y, np.zeros_like(z)

    return Problem(
        name="sneyd",
        title="IP3 receptor (Sneyd, stiff), six states, 14 rates, 9 experiments: log-likelihood"
        + ("" if measured is not None else " against zeros (data not found)"),
        states=("open", "resting", "inactive1", "shut", "active", "inactive2"),
        parameters=SNEYD_NAMES,
        rates=14,
        rhs=_sneyd_rhs,
        z=np.tile(np.log(SNEYD_NOMINAL) + shift, (9, 1)),
        times=np.round(0.07 * np.arange(1, 15), 2),
        data=data,
        loss=_sneyd_loss,
        loss_gradient=loss_gradient,
        y0=np.array([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
        inputs=("ip3", "ca"),
        x=SNEYD_CONDITIONS,
        stiff=True,
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "lotka_volterra": lotka_volterra,
    "population": population,
    "sneyd": sneyd,
}
