"""Chains are joined without the attributes of the sampler."""

from __future__ import annotations

import numpy as np
import xarray as xr

from cytobayes.inference.sampling.merge import bare


def test_attributes_go_and_those_of_the_source_stay() -> None:
    values = {"CL": (("chain", "draw"), np.arange(6.0).reshape(2, 3), {"units": "L/h"})}
    data = xr.Dataset(values, {"draw": ("draw", [0, 1, 2], {"from": "nutpie"})}, {"seed": 1})
    before = data.copy(deep=True)
    assert bare(data).identical(data.drop_attrs())
    assert data.identical(before) and data["CL"].attrs
