"""Neurotoxicity (ICANS): ICE score and the ASTCT consensus grade of adults.

Table and footnotes: Lee DW et al., Biol Blood Marrow Transplant 2019;25:625-638,
doi:10.1016/j.bbmt.2018.12.758, as reprinted in PMC9327779 (Table 2).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .grading import Bounds, Grading, graded
from .signs import Floats, GradingError, Signs

__all__ = ["ICE", "SIGNS", "grade_icans", "ice_score"]

ICE = {"orientation": 4, "naming": 3, "commands": 1, "writing": 1, "attention": 1}
CONSCIOUSNESS = {"awake": 0, "spontaneous": 1, "voice": 2, "tactile": 3, "unarousable": 4}
SEIZURE = {"none": 0, "brief": 3, "prolonged": 4}
MOTOR = {"none": 0, "weakness": 4}
EDEMA = {"none": 0, "focal": 3, "diffuse": 4}
SIGNS = (
    "ice",
    *ICE,
    "consciousness",
    "seizure",
    "motor",
    "edema",
    "consciousness_other_cause",
    "death",
)


def ice_score(signs: pd.DataFrame) -> pd.DataFrame:
    """Sum the Immune Effector Cell-Associated Encephalopathy (ICE) score.

    Parameters
    ----------
    signs : DataFrame
        ``subject``, ``day`` and points: ``orientation`` (0 to 4: year, month, city, hospital),
        ``naming`` (0 to 3 objects), ``commands`` (0 or 1), ``writing`` (0 or 1), ``attention``
        (0 or 1: backwards from 100 by ten). Or ``ice``, the sum itself. Other columns of
        `grade_icans` may be there.

    Returns
    -------
    DataFrame
        ``subject``, ``day``, ``lowest`` and ``highest`` sum (0 to 10); they differ by the points
        of the items that were not recorded.

    Raises
    ------
    GradingError
        If points are out of range, not whole, or contradict a given sum.

    Examples
    --------
    >>> items = {"orientation": 3, "naming": 3, "commands": 1, "writing": 0, "attention": 1}
    >>> ice_score(pd.DataFrame([{"subject": "A", "day": 5, **items}]))["lowest"].tolist()
    [8.0]
    """
    table = Signs(signs, SIGNS)
    low, high = _ice(table)
    return pd.DataFrame(
        {"subject": table.names, "day": table.day, "lowest": low, "highest": high},
    )


def grade_icans(signs: pd.DataFrame) -> Grading:
    """Grade neurotoxicity (ICANS) of adults by the ASTCT consensus, day by day.

    Parameters
    ----------
    signs : DataFrame
        One row per ``subject`` and ``day`` [d]; all other columns are optional.

        - ``ice`` (0 to 10), or the five items of `ice_score`.
        - ``consciousness``: awake; spontaneous (depressed, awakens by itself); voice; tactile
          (awakens only to touch); unarousable (or only to vigorous or repeated touch; stupor,
          coma). ``consciousness_other_cause`` (yes/no): sedation or the like; then it does not
          count.
        - ``seizure``: none; brief (resolves rapidly, or non-convulsive on EEG and resolves with
          intervention); prolonged (> 5 min, or repeated without return to baseline).
        - ``motor``: none; weakness (deep focal weakness such as hemiparesis). Tremor and myoclonus
          do not count.
        - ``edema``: none; focal (on imaging, not with hemorrhage); diffuse (on imaging, or
          posturing, sixth-nerve palsy, papilledema or Cushing's triad).
        - ``death`` (yes/no): due to ICANS, on that day.

    Returns
    -------
    Grading
        Scale "ASTCT"; the parts are the grades that each domain alone would give.

    Raises
    ------
    GradingError
        If a cell cannot be read, or a column is not known.

    Notes
    -----
    ICE 10 is grade 0, 7 to 9 grade 1, 3 to 6 grade 2, 0 to 2 grade 3. ICE 0 in a patient who is
    unarousable is grade 4; the domain of consciousness says so. The most severe domain decides.
    A domain that was not recorded is never taken as normal: the grade is marked ``at_least``.
    Children under 12 are graded with CAPD instead of ICE, which is not done here.

    Examples
    --------
    >>> day = {"subject": "A", "day": 6, "ice": 8, "consciousness": "voice", "seizure": "none",
    ...        "motor": "none", "edema": "none"}
    >>> grade_icans(pd.DataFrame([day])).daily["grade"].tolist()
    [2]
    """
    table = Signs(signs, SIGNS)
    low, high = _ice(table)
    other = table.truth("consciousness_other_cause").yes
    parts = {
        "ice_grade": Bounds(_of_ice(high), _of_ice(low)),
        "consciousness": _domain(table, "consciousness", CONSCIOUSNESS).replaced(other, 0, 0),
        "seizure": _domain(table, "seizure", SEIZURE),
        "motor": _domain(table, "motor", MOTOR),
        "edema": _domain(table, "edema", EDEMA),
    }
    first, *others = parts.values()
    whole = first.worst(*others).replaced(table.truth("death").yes, 5, 5)
    return graded(table, "ICANS", "ASTCT", whole, parts)


def _ice(table: Signs) -> tuple[Floats, Floats]:
    """Lowest and highest ICE sum."""
    items = {name: _points(table, name, most) for name, most in ICE.items()}
    low = np.sum([np.nan_to_num(points) for points in items.values()], axis=0)
    high = np.sum([np.where(np.isnan(p), ICE[n], p) for n, p in items.items()], axis=0)
    total = _points(table, "ice", 10)
    if (wrong := (total < low) | (total > high)).any():
        at = int(wrong.argmax())
        raise GradingError(
            f"subject {table.names[at]!r}, day {table.day[at]:g}: ice = {total[at]:g}, but its "
            f"items give {low[at]:g} to {high[at]:g}. Correct one, or leave it empty."
        )
    given = ~np.isnan(total)
    return np.where(given, total, low), np.where(given, total, high)


def _points(table: Signs, name: str, most: int) -> Floats:
    """Whole points from 0 to ``most``."""
    points = table.number(name, low=0, high=most, unit="points")
    if (wrong := points % 1 > 0).any():
        at = int(wrong.argmax())
        raise GradingError(
            f"subject {table.names[at]!r}, day {table.day[at]:g}, {name} = {points[at]:g}: "
            "points are whole."
        )
    return points


def _of_ice(score: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Grade of an ICE sum."""
    return np.select([score >= 10, score >= 7, score >= 3], [0, 1, 2], 3)


def _domain(table: Signs, column: str, words: dict[str, int]) -> Bounds:
    """Grade of a word; what is not recorded may be anything up to 4."""
    given = table.word(column, tuple(words))
    level = np.array([words.get(str(word), 0) for word in given], int)
    return Bounds(level, level).replaced(given == "", 0, 4)
