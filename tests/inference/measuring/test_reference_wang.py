"""Marginal likelihoods of Wang (2007) under eight error models, by quadrature over the effect.

The values were validated against another engine by the authors of the reference; see its README.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytensor as untyped_pytensor
import pytensor.tensor as untyped_tensor
import pytest

from cytobayes.inference import ScaledError
from cytobayes.inference.measuring.error import (
    Additive,
    Combined,
    Combined1,
    ErrorModel,
    LogNormalError,
    Power,
    Proportional,
    Rows,
)
from cytobayes.inference.measuring.measurement import Value

pytestmark = pytest.mark.reference
pytensor: Any = untyped_pytensor
pt: Any = untyped_tensor
S = math.sqrt(0.1)


@dataclass(frozen=True)
class Saturating(ScaledError):
    """An error of one's own: ``sigma f^power f2`` with ``f2 = f / (f + 5)``."""

    name: ClassVar[str] = "saturating"
    text: ClassVar[str] = "value ~ Normal(f, sigma f^power f / (f + 5))"
    power: float = 0.0

    def spread(self, f: Value, sigma: tuple[Value, ...], se: Value, floor: float) -> Value:
        """Whatever the model's value and the parameters say."""
        return sigma[0] * f**self.power * f / (f + 5)


CASES: list[tuple[str, ErrorModel, tuple[float, ...]]] = [
    ("prop: sd=f*sqrt(.1)", Proportional(), (S,)),
    ("add: sd=sqrt(.1)", Additive(), (S,)),
    ("lnorm: sd(log)=sqrt(.1)", LogNormalError(), (S,)),
    ("add+prop combined2: var=.1+.1 f^2", Combined(), (S, S)),
    ("add+prop combined1: sd=sqrt(.1)(1+f)", Combined1(), (S, S)),
    ("propMod: sd=f*f2", Saturating(1.0), (1.0,)),
    ("propF: sd=f2*sqrt(.1)", Saturating(), (S,)),
    ("addMod: sd=f2", Saturating(), (1.0,)),
    ("prop: sd=f*sqrt(.1)", Power(), (S, 1.0)),
    ("add: sd=sqrt(.1)", Power(), (S, 0.0)),
]


@pytest.mark.parametrize(("row", "error", "sigma"), CASES, ids=lambda v: getattr(v, "name", None))
def test_marginal_likelihood_is_that_of_the_reference(
    reference_dir: Path, row: str, error: ErrorModel, sigma: tuple[float, ...]
) -> None:
    folder = reference_dir / "nlme_wang2007_likelihood"
    known = json.loads((folder / "reference.json").read_text())["rows"][row]["exact_m2ll"]
    table = pd.read_csv(folder / "data.csv")
    y, t = table["Y"].to_numpy(), table["Time"].to_numpy()
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    f, s = pt.dvector("f"), [pt.dscalar() for _ in sigma]
    nothing = np.full(y.size, np.nan)
    rows = Rows(y, np.zeros(y.size, int), nothing, nothing, np.zeros(y.size))
    score = pytensor.function(
        [f, *s], error.log_density(pt.constant(y), f, tuple(s), rows), mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    each = np.array([score(10 * np.exp(-0.5 * np.exp(0.2 * z) * t), *sigma) for z in nodes])
    assert {row for row, *_ in CASES} == set(
        json.loads((folder / "reference.json").read_text())["rows"]
    )
    codes = pd.factorize(table["ID"])[0]
    by_subject = np.array([each[:, codes == k].sum(axis=1) for k in range(codes.max() + 1)])
    marginal = np.exp(by_subject) @ weights / math.sqrt(2 * math.pi)
    assert -2 * np.log(marginal).sum() == pytest.approx(known, abs=1e-3)
