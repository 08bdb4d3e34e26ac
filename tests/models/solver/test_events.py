"""Doses, switches and resets against closed forms: values, and gradients by everything."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from cytobayes.models.dosing import Dose, Regimen, Reset, Switch
from cytobayes.models.solver import CompiledModel, Solution, SolverOptions, Timeline, compile_model

from .closed_forms import pk_solution
from .problems import (
    METHODS,
    PK,
    PK_LOG,
    PK_TIMES,
    PK_VALUES,
    REGIMENS,
    Array,
    central_difference,
    interpreted,
    pk_timeline,
    seeds,
    tight,
    values,
)

NAMES = tuple(REGIMENS)


def bound(solution: Solution, rtol: float) -> float:
    """Largest error that the tolerance allows.

    A step may err by ``rtol |y| + atol`` in each state (times sqrt(3), as the norm is a mean over
    three states). Amounts in compartments are conserved or leave, so that errors do not grow and
    at most add up over the steps.
    """
    size = float(np.abs(solution.y).max())
    return int(solution.steps.max()) * 3**1.5 * rtol * (size + 0.01)


def test_x():
    for log in (PK, PK_LOG):
        tl = pk_timeline(log)
        for m in METHODS:
            cm = interpreted(log, m, timeline=tl)
            s = cm.solve(values(PK), tl, tight(1e-10, m))
            print(log, m, s.steps, s.status)
            for i, n in enumerate(NAMES):
                ref = pk_solution(PK_VALUES, Regimen(REGIMENS[n]), PK_TIMES)
                print(n, abs(s.y[tl.subject == i] - ref).max())
