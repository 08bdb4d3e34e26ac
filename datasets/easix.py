"""EASIX, m-EASIX and s-EASIX: endothelial stress from routine labs, with their units.

Pennisi M et al., Blood Adv 2021;5(17):3397-3406, doi:10.1182/bloodadvances.2020003885.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from .signs import GradingError
from .wording import closest, shown

__all__ = ["UNITS", "easix"]

CREATININE = 113.12  # g/mol
UNITS: Mapping[str, Mapping[str, float]] = {
    "LDH": {"U/L": 1.0, "IU/L": 1.0, "ukat/L": 60.0},
    "creatinine": {"mg/dL": 1.0, "mg/L": 0.1, "umol/L": CREATININE / 1e4},
    "CRP": {"mg/dL": 1.0, "mg/L": 0.1, "ug/mL": 0.1},
    "platelets": {"10^9/L": 1.0, "10^3/uL": 1.0, "1/uL": 1e-3},
}
"""Units that are accepted, and the factor to the first one of each lab."""
LIKELY = {"LDH": (10, 50_000), "creatinine": (0.05, 30), "CRP": (0, 100), "platelets": (1, 3000)}


def easix(labs: pd.DataFrame, units: Mapping[str, str]) -> pd.DataFrame:
    """Compute the Endothelial Activation and Stress Index and its two modifications.

    Parameters
    ----------
    labs : DataFrame
        Any of ``LDH``, ``creatinine``, ``CRP`` and ``platelets``, one column each; all other
        columns (subject, day) are passed on. An empty cell gives an empty score.
    units : mapping
        Unit of each of these columns, one of `UNITS`. There is no default: a CRP in mg/L taken
        for mg/dL would make m-EASIX ten times too large.

    Returns
    -------
    DataFrame
        The other columns, and as far as the labs are there: ``EASIX`` = LDH [U/L] x creatinine
        [mg/dL] / platelets [10^9/L]; ``m-EASIX`` = LDH x CRP [mg/dL] / platelets; ``s-EASIX`` =
        LDH / platelets.

    Raises
    ------
    GradingError
        If a unit is missing or not known, or a number is impossible in its unit.

    Examples
    --------
    >>> labs = pd.DataFrame({"LDH": [250], "creatinine": [0.8], "CRP": [50], "platelets": [100]})
    >>> units = {"LDH": "U/L", "creatinine": "mg/dL", "CRP": "mg/L", "platelets": "10^9/L"}
    >>> easix(labs, units).round(3).to_dict("list")
    {'EASIX': [2.0], 'm-EASIX': [12.5], 's-EASIX': [2.5]}
    """
    if strange := [u for u in units if u not in UNITS or u not in labs]:
        raise GradingError(f"units: there is no lab {shown(strange[0])} in the table.")
    values = {lab: _standard(labs, lab, units) for lab in UNITS if lab in labs}
    if missing := [lab for lab in ("LDH", "platelets") if lab not in values]:
        raise GradingError(f"every one of these scores needs {missing[0]}: add the column.")
    ratio = values["LDH"] / values["platelets"]
    scores = labs.drop(columns=list(values)).copy()
    if "creatinine" in values:
        scores["EASIX"] = ratio * values["creatinine"]
    if "CRP" in values:
        scores["m-EASIX"] = ratio * values["CRP"]
    scores["s-EASIX"] = ratio
    return scores


def _standard(labs: pd.DataFrame, lab: str, units: Mapping[str, str]) -> npt.NDArray[np.float64]:
    """Values of a lab in the unit of the formula."""
    known = UNITS[lab]
    given = units.get(lab, "")
    if given not in known:
        guess = closest(given, known) if given else None
        hint = f" Did you mean {guess!r}?" if guess else ""
        state = f"unit {shown(given)} is not known" if given else "has no unit"
        raise GradingError(f"{lab}: {state}.{hint} Accepted: {', '.join(known)}.")
    cells = labs[lab]
    values = pd.to_numeric(cells, errors="coerce").to_numpy(float) * known[given]
    low, high = LIKELY[lab]
    wrong = (np.isnan(values) & cells.notna().to_numpy(bool)) | (values < low) | (values > high)
    if wrong.any():
        at = int(wrong.argmax())
        factor = known[given]
        raise GradingError(
            f"{lab}, row {at}: {shown(str(cells.iloc[at]))} {given} cannot be right (expected a "
            f"number from {low / factor:g} to {high / factor:g} {given}). Is the unit another one?"
        )
    return values
