"""Rodas5P: the stiff method, a Rosenbrock method with an exact discrete adjoint.

Tableau: Steinebach, BIT Numer. Math. 63 (2023) 27, doi:10.1007/s10543-023-00967-x. Order 5(4),
8 stages, stiffly accurate, L-stable; one LU decomposition per step and no iterations, so that a
step either works or does not, and its adjoint is exact (an implicit Runge-Kutta step is known
only up to the tolerance of its Newton iteration).

Step. With ``W = I/(h gamma) - J(t, y)``, for s = 1..8::

    Y_s = y + sum_j a_sj u_j
    W u_s = f(t + c_s h, Y_s) + sum_j (C_sj / h) u_j + h d_s df/dt
    y+ = Y_8 + u_8,  error = u_8

Adjoint. With ``W' v_s = ubar_s``, the stage passes ``J(Y_s)' v_s`` to ``y`` and, times ``a_sj``,
to the earlier ``u_j``, together with ``(C_sj / h) v_s``. How ``W`` depends on ``y`` and parameters
enters through the one scalar ``sum_ab M_ab J_ab + w . df/dt`` with ``M = sum_s v_s u_s'`` and
``w = h sum_s d_s v_s``, whose gradient is the generated function ``curvature``.

The functions below are copied into each compiled module; see `driver` for the names they use.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, var-annotated"
from __future__ import annotations

import math

from .generated import N, curvature_into, jacobian_of, rhs_into, vjp_into
from .pointers import at

__all__ = ["ALPHA", "BETA", "FUNCTIONS", "GAMMA", "NODES", "SLOPES"]

GAMMA = 0.21193756319429014
NODES = (
    0.0,
    0.6358126895828704,
    0.4095798393397535,
    0.9769306725060716,
    0.4288403609558664,
    1.0,
    1.0,
    1.0,
)
SLOPES = (
    0.21193756319429014,
    -0.42387512638858027,
    -0.3384627126235924,
    1.8046452872882734,
    2.325825639765069,
    0.0,
    0.0,
    0.0,
)
_A6 = (
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
)
ALPHA = (
    (0.0,) * 8,
    (3.0, *(0.0,) * 7),
    (2.849394379747939, 0.45842242204463923, *(0.0,) * 6),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584, *(0.0,) * 5),
    (
        2.8029986275628964,
        0.5072464736228206,
        -0.3988312541770524,
        -0.04721187230404641,
        *(0.0,) * 4,
    ),
    (*_A6, 0.0, 0.0, 0.0),
    (*_A6, 1.0, 0.0, 0.0),
    (*_A6, 1.0, 1.0, 0.0),
)
BETA = (
    (0.0,) * 8,
    (-14.155112264123755, *(0.0,) * 7),
    (-17.97296035885952, -2.859693295451294, *(0.0,) * 6),
    (147.12150275711716, -1.41221402718213, 71.68940251302358, *(0.0,) * 5),
    (
        165.43517024871676,
        -0.4592823456491126,
        42.90938336958603,
        -5.961986721573306,
        *(0.0,) * 4,
    ),
    (
        24.854864614690072,
        -3.0009227002832186,
        47.4931110020768,
        5.5814197821558125,
        -0.6610691825249471,
        *(0.0,) * 3,
    ),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
        0.0,
        0.0,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
        0.0,
    ),
)


def factor(h, J, W, pivot):
    """LU of ``W = I/(h gamma) - J`` with row exchanges; False if singular or not finite.

    The diagonal of the result holds reciprocals.
    """
    for a in range(N):
        for b in range(N):
            W[a * N + b] = -J[a * N + b]
        W[a * N + a] += 1.0 / (h * GAMMA)
    for a in range(N):
        best = a
        for b in range(a + 1, N):
            if abs(W[b * N + a]) > abs(W[best * N + a]):
                best = b
        pivot[a] = best
        if best != a:
            for b in range(N):
                kept = W[a * N + b]
                W[a * N + b] = W[best * N + b]
                W[best * N + b] = kept
        if not (abs(W[a * N + a]) > 0.0 and abs(W[a * N + a]) < 1e300):
            return False
        W[a * N + a] = 1.0 / W[a * N + a]
        for b in range(a + 1, N):
            ratio = W[b * N + a] * W[a * N + a]
            W[b * N + a] = ratio
            for d in range(a + 1, N):
                W[b * N + d] -= ratio * W[a * N + d]
    return True


def solve_factored(W, pivot, x):
    """Replace ``x`` by the solution of ``W u = x``."""
    for a in range(N):
        kept = x[a]
        x[a] = x[pivot[a]]
        x[pivot[a]] = kept
    for a in range(1, N):
        for b in range(a):
            x[a] -= W[a * N + b] * x[b]
    for a in range(N - 1, -1, -1):
        for b in range(a + 1, N):
            x[a] -= W[a * N + b] * x[b]
        x[a] *= W[a * N + a]


def solve_transposed(W, pivot, x):
    """Replace ``x`` by the solution of ``W' u = x``."""
    for a in range(N):
        for b in range(a):
            x[a] -= W[b * N + a] * x[b]
        x[a] *= W[a * N + a]
    for a in range(N - 2, -1, -1):
        for b in range(a + 1, N):
            x[a] -= W[b * N + a] * x[b]
    for a in range(N - 1, -1, -1):
        kept = x[a]
        x[a] = x[pivot[a]]
        x[pivot[a]] = kept


def stiff_stage(s, y, u, stage):
    """Argument of stage ``s``: ``y + sum_j a_sj u_j``."""
    for i in range(N):
        stage[i] = y[i]
    for j in range(s):
        a = ALPHA[s][j]
        for i in range(N):
            stage[i] += a * u[j * N + i]


def stiff_step(t, h, y, c, atol, rtol, tape, slot, ynew, work):
    """Try one step, stages on ``tape[slot:]``; return the squared error (nan if singular)."""
    J, W, _, ft, stage, _, _, _, pivot = work
    start, u = at(tape, slot), at(tape, slot + N)
    jacobian_of(t, y, c, J, ft)
    if not factor(h, J, W, pivot):
        return math.nan
    for i in range(N):
        start[i] = y[i]
    for s in range(8):
        stiff_stage(s, start, u, stage)
        v = at(u, s * N)
        rhs_into(t + NODES[s] * h, stage, c, v)
        for i in range(N):
            v[i] += h * SLOPES[s] * ft[i]
        for j in range(s):
            b = BETA[s][j] / h
            for i in range(N):
                v[i] += b * u[j * N + i]
        solve_factored(W, pivot, v)
    error = 0.0
    for i in range(N):
        ynew[i] = stage[i] + u[7 * N + i]
        e = u[7 * N + i] / (atol[i] + rtol * max(abs(y[i]), abs(ynew[i])))
        error += e * e
    return error / N


def stiff_adjoint(t, h, tape, slot, lam, c, cbar, work):
    """Carry ``lam`` from the end of a recorded step to its beginning."""
    J, W, outer, ft, stage, back, weight, ubar, pivot = work
    y, u = at(tape, slot), at(tape, slot + N)
    jacobian_of(t, y, c, J, ft)
    factor(h, J, W, pivot)
    for a in range(N):
        weight[a] = 0.0
        ubar[7 * N + a] = lam[a]
        for b in range(N):
            outer[a * N + b] = 0.0
        for j in range(7):
            ubar[j * N + a] = ALPHA[7][j] * lam[a]
    for s in range(7, -1, -1):
        v = at(ubar, s * N)
        solve_transposed(W, pivot, v)
        stiff_stage(s, y, u, stage)
        vjp_into(t + NODES[s] * h, stage, v, c, back, cbar)
        for i in range(N):
            lam[i] += back[i]
            weight[i] += h * SLOPES[s] * v[i]
        for j in range(s):
            a, b = ALPHA[s][j], BETA[s][j] / h
            for i in range(N):
                ubar[j * N + i] += a * back[i] + b * v[i]
        for a in range(N):
            for b in range(N):
                outer[a * N + b] += v[a] * u[s * N + b]
    curvature_into(t, y, outer, weight, c, back, cbar)
    for i in range(N):
        lam[i] += back[i]


FUNCTIONS = (factor, solve_factored, solve_transposed, stiff_stage, stiff_step, stiff_adjoint)
