"""The embedded cohort ``crs-cohort``: 40 virtual CAR-T patients (scripts/make_crs_cohort.py).

Each table of the study is a csv file in the folder ``data``. The truth behind it, the parameters of
each patient and the probability of each grade, is ``load_table("crs-cohort-truth")``.
"""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd

from .provenance import Provenance
from .registry import entry
from .study import Study

__all__ = ["read"]

NAME = "crs-cohort"


def read(path: str | Path | None = None) -> Study:
    """Return the cohort; ``path`` has no meaning here."""
    known = entry(NAME)
    tables = {
        part.removeprefix("crs_cohort_").removesuffix(".csv"): pd.read_csv(
            io.BytesIO(known.read(part)), keep_default_na=False, na_values=[""]
        )
        for part in known.parts
    }
    rows = tables["observations"]
    wide = tables["covariates"]
    long = wide.melt("subject", var_name="name", value_name="value")
    long["unit"] = long["name"].map({"cells_infused": "1e6/kg"}).fillna("")
    return Study(
        rows,
        name=NAME,
        units=known.units,
        time_unit=known.time_unit,
        doses=tables["doses"],
        covariates=long,
        outcomes=tables["outcomes"],
        provenance=[
            Provenance(
                file="crs_cohort_*.csv",
                source=known.source,
                licence=known.licence,
                rows_read=len(rows),
                rows_kept=len(rows),
                steps=tuple(known.obtained),
            )
        ],
    )
