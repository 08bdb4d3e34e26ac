"""Tsit5: the explicit method, written out as straight-line code for one model.

Tableau: Tsitouras, Comput. Math. Appl. 62 (2011) 770-775, doi:10.1016/j.camwa.2011.06.002, as
printed to 16 digits. Order 5 with an embedded order 4; the last stage of a step is the first of
the next one.

Adjoint. A step is ``Y_s = y + h sum_r a_sr k_r``, ``k_s = f(Y_s)``, ``y+ = Y_7``. Walking the
stages backwards with ``g_s = h (a_7s lam + sum_{r>s} a_rs mu_r)``, ``mu_s = J(Y_s)' g_s``, the
adjoint of ``y`` is ``lam + sum_s mu_s``. Step sizes are held, so this is the exact gradient of the
numerical solution on its grid.
"""

from __future__ import annotations

__all__ = ["A", "C", "E", "explicit_source"]

C = (0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0)
A = (
    (),
    (0.161,),
    (-0.008480655492356989, 0.335480655492357),
    (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
    (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
    (
        5.86145544294642,
        -12.92096931784711,
        8.159367898576159,
        -0.071584973281401,
        -0.028269050394068383,
    ),
    (
        0.09646076681806523,
        0.01,
        0.4798896504144996,
        1.379008574103742,
        -3.290069515436081,
        2.324710524099774,
    ),
)
E = (
    -0.00178001105222577714,
    -0.0008164344596567469,
    0.007880878010261995,
    -0.1447110071732629,
    0.5823571654525552,
    -0.45808210592918697,
    0.015151515151515152,
)


def _sum(terms: list[str]) -> str:
    return " + ".join(terms) or "0.0"


def _tuple(name: str, n: int) -> str:
    return "".join(f"{name}_{i}, " for i in range(n))


def explicit_source(n: int) -> str:
    """Source of ``explicit_step`` and ``explicit_adjoint`` for ``n`` states."""
    return f"{_forward(n)}\n\n{_backward(n)}"


def _forward(n: int) -> str:
    """One step. The newest slope enters each stage last: it is the one that is waited for."""
    lines = [f"y{i} = y[{i}]; k0_{i} = k[{i}]" for i in range(n)]
    lines += [f"tape[slot + {i}] = y{i}" for i in range(n)]
    lines += [f"a{s}{r} = h * ({A[s][r]!r})" for s in range(1, 7) for r in range(s)]
    for s in range(1, 7):
        for i in range(n):
            early = _sum([f"y{i}", *(f"a{s}{r} * k{r}_{i}" for r in range(s - 1))])
            lines.append(f"s{s}_{i} = ({early}) + a{s}{s - 1} * k{s - 1}_{i}")
            if s < 6:
                lines.append(f"tape[slot + {s * n + i}] = s{s}_{i}")
        stage = ", ".join(f"s{s}_{i}" for i in range(n))
        lines.append(f"{_tuple(f'k{s}', n)} = rhs(t + {C[s]!r} * h, {stage}, c)")
    lines.append("error = 0.0; rough = 0.0; width = 0.0")
    for i in range(n):
        estimate = _sum([f"({e!r}) * k{s}_{i}" for s, e in enumerate(E)])
        lines.append(f"ynew[{i}] = s6_{i}; knew[{i}] = k6_{i}")
        lines.append(f"w = 1.0 / (atol[{i}] + rtol * max(abs(y{i}), abs(s6_{i})))")
        lines.append(f"e = h * w * ({estimate}); error += e * e")
        lines.append(f"e = w * (k6_{i} - k5_{i}); rough += e * e")
        lines.append(f"e = w * (s6_{i} - s5_{i}); width += e * e")
    lines.append(f"return error * {1 / n!r}, rough, width")
    head = "@compiled\ndef explicit_step(t, h, y, k, c, atol, rtol, tape, slot, ynew, knew):"
    return head + "\n    " + "\n    ".join(lines) + "\n"


def _backward(n: int) -> str:
    lines = [f"l{i} = lam[{i}]" for i in range(n)]
    lines += [f"a{r}{s} = h * ({A[r][s]!r})" for r in range(1, 7) for s in range(r)]
    for s in range(5, -1, -1):
        for i in range(n):
            early = _sum([f"a6{s} * l{i}", *(f"a{r}{s} * m{r}_{i}" for r in range(s + 2, 6))])
            last = f" + a{s + 1}{s} * m{s + 1}_{i}" if s < 5 else ""
            lines.append(f"g{s}_{i} = ({early}){last}")
        stage = ", ".join(f"tape[slot + {s * n + i}]" for i in range(n))
        seeds = ", ".join(f"g{s}_{i}" for i in range(n))
        lines.append(f"{_tuple(f'm{s}', n)} = vjp(t + {C[s]!r} * h, {stage}, {seeds}, c, cbar)")
    for i in range(n):
        lines.append(f"lam[{i}] = l{i} + {_sum([f'm{s}_{i}' for s in range(6)])}")
    head = "@compiled\ndef explicit_adjoint(t, h, tape, slot, lam, c, cbar):"
    return head + "\n    " + "\n    ".join(lines) + "\n"
