"""Trees like those of fit_response, with draws that are chosen and not sampled."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from cytobayes.inference.response.form import Form

CHAINS, DRAWS = 2, 250


def made_tree(
    form: Form, theta: dict[str, Any], x: npt.ArrayLike, y: npt.ArrayLike, z: Any = None
) -> xr.DataTree:
    """Tree whose posterior holds ``theta``: numbers, or float64[CHAINS * DRAWS] each."""
    exposure, outcome = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    columns = np.zeros((exposure.size, 0)) if z is None else np.asarray(z, dtype=float)
    subjects = [f"S{k}" for k in range(exposure.size)]
    dims = ("chain", "draw")
    draws = {n: np.broadcast_to(v, CHAINS * DRAWS).reshape(CHAINS, DRAWS) for n, v in theta.items()}
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
    posterior = xr.Dataset({n: (dims, v) for n, v in draws.items()}, coords)
    flat = {n: v.reshape(-1, 1) for n, v in draws.items()}
    centered = columns - np.array(form.means)
    density = form.log_density(outcome, form.curve.forward(exposure), centered, flat)
    labels = {"subject": subjects}
    tree = xr.DataTree.from_dict(
        {
            "posterior": form.derived(posterior),
            "log_likelihood": xr.Dataset(
                {"outcome": ((*dims, "subject"), density.reshape(CHAINS, DRAWS, -1))},
                {**coords, **labels},
            ),
            "observed_data": xr.Dataset({"outcome": ("subject", outcome)}, labels),
            "constant_data": xr.Dataset(
                {
                    "exposure": ("subject", exposure, {"units": "copies/ug"}),
                    "covariates": (("subject", "term"), columns),
                },
                {**labels, "term": list(form.terms)},
            ),
        }
    )
    tree.attrs |= {
        "response": form.to_json(),
        "kind": form.kind.name,
        "scale": "ASTCT",
        "exposure_name": "Cmax",
        "outcome_name": "grade",
    }
    return tree
