"""`nca`: non-compartmental analysis of measurements, with the names of PKNCA."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.errors import InputError
from ...datasets.study import Study
from ...datasets.wording import closest, letters, shown
from .areas import METHODS, above, area, terminal_phase

__all__ = ["BLOCKED", "RULES", "blockade", "nca"]

Array = npt.NDArray[Any]
RULES = (
    "A value below the limit is 0 before the first and after the last quantifiable one, and left "
    "out between them. A value above the upper limit counts as that limit, one in an interval as "
    "the middle of it."
)
BLOCKED, BLOCKER = ("il6", "interleukin6"), "tocilizumab"  # by their letters and digits


@dataclass(frozen=True, eq=False)
class Samples:
    """Measurements of one observable in one subject, by time; see `RULES`."""

    time: Array
    value: Array
    below: Array
    capped: Array

    @property
    def used(self) -> tuple[Array, Array]:
        """Times and values, without those below the limit between quantifiable ones."""
        seen = np.flatnonzero(~self.below)
        if not seen.size:
            return self.time, self.value
        inner = (np.arange(self.time.size) > seen[0]) & (np.arange(self.time.size) < seen[-1])
        keep = ~(self.below & inner)
        return self.time[keep], self.value[keep]


def nca(
    study: Study,
    observables: Sequence[str] | None = None,
    *,
    window: tuple[float, float] | None = None,
    level: float | Mapping[str, float] | None = None,
    method: str = METHODS[0],
    serum_il6: bool = False,
) -> pd.DataFrame:
    """Analyze measured curves without a model.

    Parameters
    ----------
    study : Study
        Single measurements; rows of published means are refused.
    observables : sequence of str, optional
        Default: all.
    window : (float, float), optional
        First and last time that count, in the time unit of the study: ``(0, 28)``. Samples outside
        are left out; nothing is interpolated.
    level : float or mapping of observable to float, optional
        For ``time_above``.
    method : {"lin up/log down", "linear"}
        Rule of the areas.
    serum_il6 : bool
        Keep IL-6 in serum after the first dose of tocilizumab, which is otherwise left out: the
        blocked receptor no longer clears it. Both are known by name, without regard to case and
        signs: ``IL-6``, ``Interleukin-6``; ``Tocilizumab 8 mg/kg``.

    Returns
    -------
    DataFrame
        One row per subject and observable. Columns: ``subject``, ``observable``, ``unit``,
        ``time_unit``, ``n`` (samples), ``n_below`` (below the limit), ``cmax``, ``tmax`` (first),
        ``tfirst`` (first quantifiable sample), ``tlast`` and ``clast.obs`` (last one), ``auclast``,
        ``aucall`` (with the triangle to the next sample below the limit), ``aucinf.obs``,
        ``half.life``, ``lambda.z``, ``lambda.z.n.points``, ``lambda.z.time.first``,
        ``adj.r.squared``, ``span.ratio``, ``aucpext.obs`` (percent extrapolated), ``time_above``;
        ``gap_before``, ``gap_after`` [time unit], the gaps around the peak;
        ``peak_between_visits``, ``cmax_at_limit`` (the peak is an upper limit of the assay),
        ``cut_at_blockade`` (rows left out).
        ``attrs["rules"]`` states how values outside of limits count.

    Raises
    ------
    InputError
        If an observable or method is unknown, or rows are published means.

    Notes
    -----
    Areas begin at the first sample: nothing is assumed before it. The terminal phase is that of
    `areas.terminal_phase`: at least three samples after the peak, best adjusted R2.

    A peak may have been missed between visits (``peak_between_visits``) when it is the first or the
    last sample, or when a neighbor is less than half of it: then the gap is longer than the local
    doubling time or half-life of the curve, so that between these visits it may have been more
    than twice as high.
    """
    names = _chosen(study, observables)
    if method not in METHODS:
        raise InputError(f"no rule of areas is called {shown(method)}: {', '.join(METHODS)}.")
    rows = study.to_frame()
    rows = rows[rows["observable"].isin(names)]
    if bool(np.isfinite(rows["sd"].to_numpy(dtype=float)).any()):
        raise InputError("nca needs single measurements; the study holds published means.")
    blocked = {} if serum_il6 else blockade(study)
    found = []
    for (subject, name), part in rows.groupby(["subject", "observable"], sort=False):
        until = blocked.get(str(subject), math.inf) if letters(str(name)) in BLOCKED else math.inf
        kept = part[part["time"] <= until]
        if window is not None:
            kept = kept[kept["time"].between(*window)]
        if kept.empty:
            continue
        wanted = level.get(str(name), math.nan) if isinstance(level, Mapping) else level
        head = {"subject": subject, "observable": name, "unit": study.units[str(name)]}
        head["time_unit"] = study.time_unit
        numbers = analyze(_samples(kept), math.nan if wanted is None else wanted, method)
        cut = int((part["time"] > until).sum())
        found.append({**head, **numbers, "cut_at_blockade": cut})
    if not found:
        raise InputError("no measurement lies in the window; times are in the unit of the study.")
    table = pd.DataFrame(found)
    table.attrs["rules"] = f"{RULES} Areas: {method}."
    return table


def analyze(samples: Samples, level: float, method: str) -> dict[str, Any]:
    """Numbers of one curve; see `nca`."""
    time, value = samples.used
    seen = np.flatnonzero(value > 0)
    highest = int(value.argmax())
    facts: dict[str, Any] = {
        "n": samples.time.size,
        "n_below": int(samples.below.sum()),
        "cmax": float(value[highest]),
        "tmax": float(time[highest]) if seen.size else math.nan,
        "tfirst": float(time[seen[0]]) if seen.size else math.nan,
    }
    last = int(seen[-1]) if seen.size else 0
    quantified = slice(0, last + 1)
    phase = terminal_phase(time[seen], value[seen], facts["tmax"])
    auclast = area(time[quantified], value[quantified], method)
    tail = slice(last, last + 2)
    beyond = float(value[last]) / phase.rate if seen.size else math.nan
    facts |= {
        "tlast": float(time[last]) if seen.size else math.nan,
        "clast.obs": float(value[last]) if seen.size else math.nan,
        "auclast": auclast,
        "aucall": auclast + area(time[tail], value[tail], "linear"),
        "aucinf.obs": auclast + beyond,
        "half.life": phase.half_life,
        "lambda.z": phase.rate,
        "lambda.z.n.points": phase.points,
        "lambda.z.time.first": phase.first,
        "adj.r.squared": phase.adjusted,
        "span.ratio": phase.span,
        "aucpext.obs": 100 * beyond / (auclast + beyond),
        "time_above": above(time, value, level, method) if math.isfinite(level) else math.nan,
    }
    return facts | _around_peak(samples, time, value, highest)


def _around_peak(samples: Samples, time: Array, value: Array, k: int) -> dict[str, Any]:
    """Gaps around the peak, and whether it may have been missed."""
    first, last = k == 0, k == value.size - 1
    before = math.nan if first else float(time[k] - time[k - 1])
    after = math.nan if last else float(time[k + 1] - time[k])
    steep = not first and value[k - 1] < value[k] / 2
    steep = steep or (not last and value[k + 1] < value[k] / 2)
    return {
        "gap_before": before,
        "gap_after": after,
        "peak_between_visits": bool(value[k] > 0 and (first or last or steep)),
        "cmax_at_limit": bool(samples.capped[samples.time == time[k]].any()),
    }


def _samples(rows: pd.DataFrame) -> Samples:
    """Values as `RULES` say; repeats at one time are averaged."""
    kind = rows["censoring"].to_numpy()
    value = rows["value"].to_numpy(dtype=float).copy()
    value[kind == "left"] = 0.0
    inside = kind == "interval"
    middle = (rows["lower"].to_numpy(dtype=float) + rows["upper"].to_numpy(dtype=float)) / 2
    value[inside] = middle[inside]
    table = pd.DataFrame(
        {"time": rows["time"].to_numpy(dtype=float), "value": value, "capped": kind == "right"}
    )
    each = table.groupby("time").agg(value=("value", "mean"), capped=("capped", "any"))
    values = each["value"].to_numpy()
    if (values < 0).any():
        raise InputError("nca needs values that are not negative: measure from zero, not baseline.")
    return Samples(each.index.to_numpy(), values, values == 0, each["capped"].to_numpy())


def _chosen(study: Study, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return study.observables
    for name in names:
        if name not in study.observables:
            guess = closest(name, study.observables)
            hint = f" Did you mean {guess!r}?" if guess else ""
            raise InputError(
                f"the study has no observable {shown(name)}.{hint} "
                f"There are {', '.join(study.observables)}."
            )
    return tuple(names)


def blockade(study: Study) -> dict[str, float]:
    """Time of the first dose of tocilizumab of each subject that had one."""
    doses = study.to_frame("doses")
    names = doses["target"].astype(str).map(letters)
    drug = doses[names.str.startswith(BLOCKER).to_numpy(dtype=bool)]
    return {str(s): float(t) for s, t in drug.groupby("subject")["time"].min().items()}
