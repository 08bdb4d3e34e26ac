"""What the engine owes every model of the registry: right values, right gradients, no surprise.

Joining the registry is joining these tests. All solves of a model share one compilation.
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

pytensor: Any = untyped_pytensor
Array = npt.NDArray[np.float64]
ODES = [n for n in names() if not get(n).is_closed_form]
CLOSED = [n for n in names() if get(n).is_closed_form]
DRAWS = 1000
POINTS = 9

# Models of which some prior draws cannot be integrated: the reason, and the share that may fail.
UNSOLVABLE: dict[str, tuple[str, float]] = {}


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


@pytest.mark.parametrize("name", ODES)
def test_values_agree_with_an_independent_solver(name: str) -> None:
    """Within a thousand tolerances of 1e-8: errors of some hundred steps add up."""
    model = get(name)
    times = times_of(model)
    options = SolverOptions(rtol=1e-8)
    for theta in thetas(name)[:3]:
        values = dict(zip(model.parameter_names, theta, strict=True))
        run = simulate(model, values, times, model.schedule, options=options)
        expected = integrate(model, values, times, model.schedule)
        for k, state in enumerate(model.states):
            size = np.abs(expected[:, k]).max() + state.scale
            found = run[state.name].to_numpy()
            np.testing.assert_allclose(found, expected[:, k], rtol=1e-5, atol=1e-5 * size)


@pytest.mark.parametrize("name", ODES)
def test_gradients_agree_with_central_differences(name: str) -> None:
    """Along random directions, with every parameter and all states in the sum."""
    model = get(name)
    timeline = Timeline.build(model, [model.schedule], [times_of(model)])
    compiled = compile_model(model, timeline=timeline)
    options = SolverOptions(rtol=1e-10, max_steps=100_000)
    rng = np.random.default_rng(5)
    for theta in thetas(name)[:3]:
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


@pytest.mark.parametrize("name", ODES)
def test_prior_draws_integrate(name: str) -> None:
    model = get(name)
    drawn = draw_parameters(model, DRAWS, seed=20)
    run = simulate(model, drawn, times_of(model), model.schedule)
    _, share = UNSOLVABLE.get(name, ("", 0.0))
    assert run.attrs["failed_solves"] <= share * DRAWS, run.attrs["failures"]


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_are_finite_with_finite_gradients(name: str) -> None:
    """In PyTensor, at prior draws; the gradient against central differences at typical values."""
    model = get(name)
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
    for theta in np.vstack([typical, thetas(name)[1:20]]):
        value, slopes = f(theta)
        assert np.isfinite(value) and np.isfinite(slopes).all()
    _, slopes = f(typical)
    for direction in directions(model, typical, np.random.default_rng(5)):
        up, down = (f(typical + s * 1e-5 * direction)[0] for s in (1, -1))
        parts = float(np.abs(slopes * direction).sum())
        assert float(slopes @ direction) == pytest.approx(
            float(up - down) / 2e-5, rel=1e-5, abs=1e-6 * parts + 1e-9
        )


INVARIANT = [(n, k) for n in names() for k in range(len(get(n).invariances))]


@pytest.mark.parametrize(("name", "which"), INVARIANT)
def test_an_invariance_scales_what_it_says_and_nothing_else(name: str, which: int) -> None:
    """To the tolerance of the solver, whose steps differ between the two solves."""
    model = get(name)
    invariance, c = model.invariances[which], 1.7
    theta = model.theta
    moved = {p: theta[p] * c**k for p, k in invariance.parameters.items()}
    assert any(v != theta[p] for p, v in moved.items())
    options = SolverOptions(rtol=1e-9)
    schedule = Regimen([_scaled(e, invariance.doses, c) for e in model.schedule.events])
    times = times_of(model)
    closed = model.is_closed_form
    before = simulate(model, {}, times, None if closed else model.schedule, options=options)
    after = simulate(model, moved, times, None if closed else schedule, options=options)
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
