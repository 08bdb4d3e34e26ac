"""What the generated part of a compiled module provides to `stiff` and `driver`.

These stand-ins are never called: the source of the integrator is copied into the module of each
model, where `codegen` has written functions of these names. They document that contract.
"""

# mypy: disable-error-code="no-untyped-def"
from __future__ import annotations

import numpy as np

N = 0  # states
M = 0  # parameters
RATES = 0  # states that receive infusions; their rates follow the parameters in ``c``
CONSTANTS = 0  # length of ``c``
ADJOINTS = 0  # length of ``cbar``
WIDTH = 0  # numbers on the tape for each step: time, size, stages
EXPLICIT = True  # start with the explicit method
STIFF = True  # the stiff method is there
INFUSED = np.zeros(1, dtype=np.int64)  # state of each infusion rate
LOG = np.zeros(1, dtype=np.bool_)  # states integrated as logarithms
SAVED = 0  # numbers saved per item, N + 2


def prepare(c):
    """Fill the part of ``c`` that is computed from the parameters."""
    raise NotImplementedError


def fold(c, cbar):
    """Pass adjoints of computed constants on to the parameters, and clear them."""
    raise NotImplementedError


def initial(c, y):
    """Fill ``y`` with the initial state."""
    raise NotImplementedError


def initial_vjp(c, ybar, cbar):
    """Add the adjoint of `initial` to ``cbar``."""
    raise NotImplementedError


def rhs_into(t, y, c, out):
    """Right-hand side."""
    raise NotImplementedError


def vjp_into(t, y, g, c, out, cbar):
    """``out = J' g``; the adjoint of the constants is added to ``cbar``."""
    raise NotImplementedError


def jacobian_of(t, y, c, J, ft):
    """Nonzero entries of df/dy and df/dt."""
    raise NotImplementedError


def curvature_into(t, y, M, w, c, out, cbar):
    """Gradient of ``sum(M * df/dy) + w . df/dt``: by ``y`` in ``out``, by constants on ``cbar``."""
    raise NotImplementedError


def explicit_step(t, h, y, k, c, atol, rtol, tape, slot, ynew, knew):
    """Try one step; return squared norms of the error, and of df and dy over the last stages."""
    raise NotImplementedError


def explicit_adjoint(t, h, tape, slot, lam, c, cbar):
    """Carry ``lam`` from the end of a recorded step to its beginning."""
    raise NotImplementedError
