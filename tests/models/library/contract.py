"""What the engine owes every model of the registry: right values, right gradients, no surprise.

Joining the registry is joining these tests. All solves of a model share one compilation. The files
`test_contract_*` run a part of the models each, so that parts can run at the same time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytensor as untyped_pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr

from cytobayes.inference.expression import evaluate
from cytobayes.models import (
    Dose,
    OdeModel,
    Regimen,
    SolverOptions,
    compile_model,
    draw_parameters,
    get,
    names,
    simulate,
    trace,
)
from cytobayes.models.solver import Timeline

from .oracle import integrate

__all__ = [
    "test_an_invariance_scales_what_it_says_and_nothing_else",
    "test_closed_forms_are_finite_with_finite_gradients",
    "test_gradients_agree_with_central_differences",
    "test_prior_draws_integrate",
    "test_values_agree_with_an_independent_solver",
]
pytensor: Any = untyped_pytensor
Array = npt.NDArray[np.float64]
PARTS = 4
DRAWS = 1000
POINTS = 9

# Models of which some prior draws cannot be integrated: the reason, and the share that may fail.
UNSOLVABLE: dict[str, tuple[str, float]] = {}


def run_part(metafunc: pytest.Metafunc, part: int) -> None:
    """Parametrize the tests of one file with every fourth model."""
    mine = names()[part::PARTS]
    cases: dict[str, list[Any]] = {
        "ode": [n for n in mine if not get(n).is_closed_form],
        "closed": [n for n in mine if get(n).is_closed_form],
        "invariant": [(n, k) for n in mine for k in range(len(get(n).invariances))],
    }
    for argument, values in cases.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, values, ids=[_label(v) for v in values])


def _label(case: Any) -> str:
    return case if isinstance(case, str) else f"{case[0]}-{case[1]}"


def times_of(model: OdeModel) -> Array:
    """Uneven times over the horizon of a model, away from its doses."""
    return model.horizon * np.linspace(0.0, 1.0, POINTS) ** 1.3 * 0.997


@lru_cache(maxsize=1)
def thetas(name: str) -> Array:
    """Typical values, then draws from the prior hints; shape (1 + DRAWS, parameter)."""
    model = get(name)
    drawn = draw_parameters(model, DRAWS, seed=20)
    typical = np.array(list(model.theta.values()))
    table = np.tile(typical, (1 + DRAWS, 1))
    for k, p in enumerate(model.parameter_names):
        if p in drawn:
            table[1:, k] = drawn[p].to_numpy()
    return table


def test_values_agree_with_an_independent_solver(ode: str) -> None:
    """Within a thousand tolerances of 1e-8: errors of some hundred steps add up."""
    model = get(ode)
    times = times_of(model)
    options = SolverOptions(rtol=1e-8)
    for theta in thetas(ode)[:3]:
        values = dict(zip(model.parameter_names, theta, strict=True))
        run = simulate(model, values, times, model.schedule, options=options)
        expected = integrate(model, values, times, model.schedule)
        for k, state in enumerate(model.states):
            size = np.abs(expected[:, k]).max() + state.scale
            found = run[state.name].to_numpy()
            np.testing.assert_allclose(found, expected[:, k], rtol=1e-5, atol=1e-5 * size)


def test_gradients_agree_with_central_differences(ode: str) -> None:
    """Along random directions, with every parameter and all states in the sum."""
    model = get(ode)
    timeline = Timeline.build(model, [model.schedule], [times_of(model)])
    compiled = compile_model(model, timeline=timeline)
    options = SolverOptions(rtol=1e-10, max_steps=100_000)
    rng = np.random.default_rng(5)
    for theta in thetas(ode)[:3]:
        theta = np.clip(theta, *bounds(model))
        size = np.abs(compiled.solve(theta, timeline, options).y).max(axis=0) + 1e-300
        weights = rng.uniform(0.5, 1.5, (timeline.n_observations, len(model.states))) / size
        _, gradient = compiled.gradient(theta, timeline, weights, options)
        for direction in directions(model, theta, rng):
            step = 1e-4 * direction
            up, down = (
                float((compiled.solve(theta + s, timeline, options).y * weights).sum())
                for s in (step, -step)
            )
            slope = float(gradient[0] @ direction)
            parts = float(np.abs(gradient[0] * direction).sum())
            # Truncation 1e-8, noise of the solver 1e-10 * steps / 1e-4.
            assert slope == pytest.approx((up - down) / 2e-4, rel=1e-3, abs=1e-4 * parts + 1e-5)


def bounds(model: OdeModel) -> tuple[Array, Array]:
    """Bounds with room for a difference."""
    low = np.array([p.lower + (1e-3 if p.upper < np.inf else 0.0) for p in model.parameters])
    high = np.array([p.upper - 1e-3 if p.upper < np.inf else np.inf for p in model.parameters])
    return low, high


def directions(model: OdeModel, theta: Array, rng: np.random.Generator) -> list[Array]:
    """Relative changes of all parameters by random amounts; zeros stay."""
    moving = theta != 0
    return [np.where(moving, theta * rng.uniform(-1, 1, theta.size), 0.0) for _ in range(2)]


def test_prior_draws_integrate(ode: str) -> None:
    model = get(ode)
    drawn = draw_parameters(model, DRAWS, seed=20)
    run = simulate(model, drawn, times_of(model), model.schedule)
    _, share = UNSOLVABLE.get(ode, ("", 0.0))
    assert run.attrs["failed_solves"] <= share * DRAWS, run.attrs["failures"]


def test_closed_forms_are_finite_with_finite_gradients(closed: str) -> None:
    """In PyTensor, at prior draws; the gradient against central differences at typical values."""
    model = get(closed)
    times = times_of(model)
    run = simulate(model, draw_parameters(model, DRAWS, seed=20), times)
    for output in model.outputs:
        assert np.isfinite(run[output].to_numpy()).all(), output
    traced = trace(model)
    vector = pt.dvector("theta")
    symbols: dict[Any, Any] = {s: vector[k] for k, s in enumerate(traced.p)}
    symbols |= {traced.t: pt.constant(times)}
    outputs = [evaluate(e, symbols, tensor=True) for e in traced.outputs.values()]
    total = sum(pt.sum(o / (1e-300 + pt.max(pt.abs(o)))) for o in outputs)
    # The size of each output counts as a constant, so that the sum is smooth.
    sizes = pytensor.function([vector], [pt.max(pt.abs(o)) for o in outputs], mode="FAST_COMPILE")
    typical = np.clip(np.array(list(model.theta.values())), *bounds(model))
    scales = [float(s) or 1.0 for s in sizes(typical)]
    total = sum(pt.sum(o) / s for o, s in zip(outputs, scales, strict=True))
    gradient = pytensor.grad(total, vector, disconnected_inputs="ignore")
    f = pytensor.function([vector], [total, gradient], mode="FAST_COMPILE")
    for theta in np.vstack([typical, thetas(closed)[1:20]]):
        value, slopes = f(theta)
        assert np.isfinite(value) and np.isfinite(slopes).all()
    _, slopes = f(typical)
    for direction in directions(model, typical, np.random.default_rng(5)):
        up, down = (f(typical + s * 1e-5 * direction)[0] for s in (1, -1))
        parts = float(np.abs(slopes * direction).sum())
        assert float(slopes @ direction) == pytest.approx(
            float(up - down) / 2e-5, rel=1e-5, abs=1e-6 * parts + 1e-9
        )


def test_an_invariance_scales_what_it_says_and_nothing_else(invariant: tuple[str, int]) -> None:
    """To the tolerance of the solver, whose steps differ between the two solves."""
    name, which = invariant
    model = get(name)
    invariance, c = model.invariances[which], 1.7
    theta = model.theta
    moved = {p: theta[p] * c**k for p, k in invariance.parameters.items()}
    assert any(v != theta[p] for p, v in moved.items())
    options = SolverOptions(rtol=1e-9)
    schedule = Regimen([_scaled(e, invariance.doses, c) for e in model.schedule.events])
    times = times_of(model)
    is_closed = model.is_closed_form
    before = simulate(model, {}, times, None if is_closed else model.schedule, options=options)
    after = simulate(model, moved, times, None if is_closed else schedule, options=options)
    for observable in model.observables:
        expected = before[observable] * c ** invariance.observables.get(observable, 0)
        _close(after[observable], expected, observable)


def _scaled(event: Any, powers: Any, c: float) -> Any:
    if isinstance(event, Dose) and event.state in powers:
        from dataclasses import replace

        assert not isinstance(event.amount, str)
        return replace(event, amount=event.amount * c ** powers[event.state])
    return event


def _close(found: xr.DataArray, expected: xr.DataArray, name: str) -> None:
    size = float(np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * size, err_msg=name)
