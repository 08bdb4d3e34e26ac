"""Gradients of every method against those of diffrax, an independent implementation."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from cytobayes.models.dosing import Regimen
from cytobayes.models.solver import Timeline

from . import diffrax_numbers
from .diffrax_numbers import CASES
from .problems import LV_REGIMEN, METHODS, interpreted, scaled_error, tight

STIFF = ("robertson", "sneyd")  # too stiff for an explicit method
NUMBERS = json.loads(diffrax_numbers.FILE.read_text())


@pytest.mark.reference
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_those_of_diffrax(name: str, method: str) -> None:
    model, theta, times, _ = CASES[name]
    regimen = LV_REGIMEN if name == "doses" else Regimen()
    timeline = Timeline.build(model, [regimen], [times])
    compiled, bar = interpreted(model, method, timeline=timeline), diffrax_numbers.weights(name)
    if method == "explicit" and name in STIFF:
        bounded = compiled.solve(theta, timeline, tight(1e-9, method, max_steps=2000))
        assert bounded.status[0] == 1
        return
    solution, gradient = compiled.gradient(theta, timeline, bar, tight(1e-9, method))
    assert solution.ok
    expected = NUMBERS[name]
    # A thousand tolerances of 1e-9, as errors of the steps (hundreds) add up.
    scale = float(np.sum(np.abs(bar * solution.y)))
    assert float(np.sum(bar * solution.y)) == pytest.approx(expected["value"], abs=1e-6 * scale)
    assert scaled_error(gradient[0], np.array(expected["gradient"]), theta) < 1e-6


@pytest.mark.slow
@pytest.mark.skipif(find_spec("diffrax") is None, reason="diffrax is not installed (extra bench)")
@pytest.mark.parametrize("name", CASES)
def test_the_numbers_are_those_of_diffrax(name: str) -> None:
    found, kept = diffrax_numbers.by_diffrax(name), NUMBERS[name]
    assert found["value"] == pytest.approx(kept["value"], rel=1e-9)
    theta = CASES[name][1]
    error = scaled_error(np.array(found["gradient"]), np.array(kept["gradient"]), theta)
    assert error < 1e-8
