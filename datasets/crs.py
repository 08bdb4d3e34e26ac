"""Cytokine release syndrome: the ASTCT consensus grade of each day from what was recorded.

Table and footnotes: Lee DW et al., Biol Blood Marrow Transplant 2019;25:625-638,
doi:10.1016/j.bbmt.2018.12.758, as reprinted in PMC8021214 (Table 1) and PMC9327779 (Table 2).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .grading import Bounds, Grading, graded
from .signs import Floats, GradingError, Signs, Texts, Truth

__all__ = ["OXYGEN", "SIGNS", "grade_crs"]

FEVER = 38.0  # degC
LOW_FLOW = 6.0  # L/min: up to this, a nasal cannula is low-flow
OXYGEN = {
    "none": 0,
    "low-flow": 2,
    "blow-by": 2,
    "high-flow": 3,
    "facemask": 3,
    "non-rebreather": 3,
    "venturi": 3,
    "cpap": 4,
    "bipap": 4,
    "ventilation": 4,
}
CANNULAS = ("nasal cannula", "low-flow", "high-flow")
TREATMENTS = ("antipyretic", "tocilizumab", "steroids", "anticytokine")
SIGNS = (
    "temperature",
    "hypotension",
    "vasopressors",
    "vasopressin",
    "oxygen",
    "oxygen_flow",
    *TREATMENTS,
    "fever_other_cause",
    "hypotension_other_cause",
    "hypoxia_other_cause",
    "death",
)


def grade_crs(signs: pd.DataFrame) -> Grading:
    """Grade cytokine release syndrome by the ASTCT consensus, day by day.

    Parameters
    ----------
    signs : DataFrame
        One row per ``subject`` and ``day`` [d after the infusion]. All other columns are optional;
        yes/no columns take yes, no, 1, 0, True, False or nothing.

        - ``temperature`` [degC]: highest of the day.
        - ``hypotension`` (yes/no): present, or treated; "no" means neither.
        - ``vasopressors`` (0, 1, 2, ...): how many were needed, *without* vasopressin.
        - ``vasopressin`` (yes/no).
        - ``oxygen``: the most invasive support: none, nasal cannula (with ``oxygen_flow``),
          low-flow, blow-by, high-flow, facemask, non-rebreather, venturi, cpap, bipap or
          ventilation (intubated). ``oxygen_flow`` [L/min] decides between low-flow (<= 6) and
          high-flow of a nasal cannula.
        - ``antipyretic``, ``tocilizumab``, ``steroids``, ``anticytokine`` (yes/no): given that day.
        - ``fever_other_cause``, ``hypotension_other_cause``, ``hypoxia_other_cause`` (yes/no):
          the sign has another cause and does not count. Not recorded: it counts.
        - ``death`` (yes/no): due to CRS, on that day. Not recorded: no.

    Returns
    -------
    Grading
        Scale "ASTCT"; the parts are ``fever`` (0/1), ``waived`` (0/1), ``hypotension`` and
        ``hypoxia`` (grade that each alone would give).

    Raises
    ------
    GradingError
        If a cell cannot be read, or a column is not known.

    Notes
    -----
    The rules of the table and its footnotes:

    1. Fever is a temperature >= 38.0 degC with no other cause. Grade 1 is fever alone.
    2. Grades 2 to 4 need fever too, unless it is *waived*: once a subject with CRS (a fever up to
       then) has received an antipyretic or anti-cytokine treatment, from that day to the end of
       the table hypotension and hypoxia alone decide, and fever alone is still grade 1.
    3. Hypotension: no vasopressor 2; one vasopressor, with or without vasopressin, 3; more than
       one, not counting vasopressin, 4. Vasopressin alone is not in the table: "at least" 2.
    4. Hypoxia: low-flow nasal cannula or blow-by 2; high-flow nasal cannula, facemask,
       non-rebreather or Venturi mask 3; positive pressure 4.
    5. The more severe of the two decides. Organ toxicity does not count. Grade 5 is death.

    What was not recorded is never taken as normal: the grade is then the lowest that agrees with
    what is known, and is marked ``at_least`` if a recorded value could have made it higher. A day
    without a row is not graded (``summary`` counts them). For research; not for the care of a
    patient.

    Examples
    --------
    >>> day = {"subject": "A", "day": 3, "temperature": 38.9, "hypotension": "yes",
    ...        "vasopressors": 1, "oxygen": "low-flow"}
    >>> grade_crs(pd.DataFrame([day])).daily["grade"].tolist()
    [3]
    """
    table = Signs(signs, SIGNS)
    temperature = table.number("temperature", low=25, high=45, unit="degC")
    fever = Truth(temperature >= FEVER, temperature < FEVER) & ~_stated(table, "fever_other_cause")
    treated = _any(table, TREATMENTS)
    waived = (treated & fever.ever(table.subject)).ever(table.subject)
    hypotension = _hypotension(table)
    hypoxia = _hypoxia(table)
    feverish = Bounds.constant(len(table), 1, 1).where(fever)
    whole = feverish.worst(hypotension.worst(hypoxia).where(fever | waived))
    whole = whole.replaced(table.truth("death").yes, 5, 5)
    parts = {
        "fever": feverish,
        "waived": Bounds.constant(len(table), 1, 1).where(waived),
        "hypotension": hypotension,
        "hypoxia": hypoxia,
    }
    return graded(table, "CRS", "ASTCT", whole, parts)


def _stated(table: Signs, column: str) -> Truth:
    """Known only when stated: what is not recorded is "no"."""
    yes = table.truth(column).yes
    return Truth(yes, ~yes)


def _any(table: Signs, columns: tuple[str, ...]) -> Truth:
    """At least one of several."""
    first, *others = (table.truth(c) for c in columns)
    for other in others:
        first = first | other
    return first


def _hypotension(table: Signs) -> Bounds:
    """Grade that hypotension and its treatment give."""
    low = table.truth("hypotension")
    vasopressin = table.truth("vasopressin").yes
    count = table.number("vasopressors", low=0, high=20)
    if (whole := count % 1 > 0).any():
        at = int(whole.argmax())
        raise GradingError(
            f"subject {table.names[at]!r}, day {table.day[at]:g}, vasopressors = {count[at]:g}: "
            "expected how many drugs were given, without vasopressin."
        )
    none = np.zeros(len(table), int)
    base = Bounds(np.where(low.yes, 2, 0), np.where(low.no, 0, 2))
    base = base.replaced(vasopressin, 2, 3)
    unseen = np.isnan(count) & ~(low.no & ~vasopressin)
    counted = Bounds(none, np.where(unseen, 4, 0))
    counted = counted.replaced(count == 1, 3, 3).replaced(count > 1, 4, 4)
    counts = ~_stated(table, "hypotension_other_cause")
    return base.replaced(count >= 1, 0, 0).worst(counted).where(counts)


def _hypoxia(table: Signs) -> Bounds:
    """Grade that hypoxia and its treatment give."""
    device = table.word("oxygen", (*OXYGEN, "nasal cannula"))
    flow = table.number("oxygen_flow", low=0, high=100, unit="L/min")
    level = np.array([OXYGEN.get(str(word), 0) for word in device], int)
    support = Bounds(level, level)
    support = _unknown_device(support.replaced(device == "", 0, 4), device, flow)
    cannula = np.isin(device.astype(str), CANNULAS) & (flow > 0)
    support = support.replaced((device == "nasal cannula") & np.isnan(flow), 2, 3)
    support = support.replaced(cannula & (flow <= LOW_FLOW), 2, 2)
    support = support.replaced(cannula & (flow > LOW_FLOW), 3, 3)
    return support.where(~_stated(table, "hypoxia_other_cause"))


def _unknown_device(support: Bounds, device: Texts, flow: Floats) -> Bounds:
    """Flow alone: 0 is no oxygen; more may be a cannula, a mask or positive pressure."""
    unknown = device == ""
    support = support.replaced(unknown & (flow == 0), 0, 0)
    support = support.replaced(unknown & (flow > 0) & (flow <= LOW_FLOW), 2, 4)
    return support.replaced(unknown & (flow > LOW_FLOW), 3, 4)
