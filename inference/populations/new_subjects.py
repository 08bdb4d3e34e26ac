"""Random effects of subjects that are not in the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .hierarchy import STUDENT, Hierarchical
from .scales import scale_of

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem

__all__ = ["new_effects", "vary"]

Array = npt.NDArray[np.float64]


def new_effects(problem: Problem, data: xr.Dataset, rng: np.random.Generator) -> dict[str, Array]:
    """Draw the random effects of one new subject for each draw of a posterior.

    Parameters
    ----------
    problem : Problem
        With a hierarchical population.
    data : Dataset, dims chain, draw
        With the spreads.
    rng : Generator

    Returns
    -------
    dict of parameter to float64[chain * draw]
        On the scale of the parameter, without variation between occasions.
    """
    family = problem.family
    assert isinstance(family, Hierarchical)
    names = family.of(problem)
    count = data.sizes["chain"] * data.sizes["draw"]

    def noise(name: str) -> Any:
        heavy = family.shapes.get(name) == "student"
        return rng.standard_t(STUDENT, count) if heavy else rng.standard_normal(count)

    z = {n: noise(n) for n in names}
    joint = [n for n in names if n in family.correlated]
    if joint:
        matrix = data["omega_correlation"].to_numpy().reshape(count, len(joint), len(joint))
        mixed = np.einsum("dij,jd->id", np.linalg.cholesky(matrix), np.stack([z[n] for n in joint]))
        z |= dict(zip(joint, mixed, strict=True))
    return {n: z[n] * data[f"{n}_omega"].to_numpy().reshape(count) for n in names}


def vary(
    problem: Problem,
    theta: Array,
    data: xr.Dataset,
    rng: np.random.Generator,
    first: int = 0,
    share: float = 1.0,
) -> None:
    """Give one new subject random effects, between subjects and between occasions, in place.

    Parameters
    ----------
    problem : Problem
        With a hierarchical population.
    theta : float64[draw, parameter]
        Its typical parameters, as the engine takes them.
    data, rng
        As for `new_effects`.
    first : int
        Its first occasion.
    share : float
        Factor of its effects between subjects, see `arms`.
    """
    etas, occasions = new_effects(problem, data, rng), problem.arrangement.occasions
    between = () if occasions is None else occasions.parameters
    for name in dict.fromkeys((*etas, *between)):
        scale = scale_of(*problem.bounds(name))
        place = problem.model.parameter_names.index(name)
        center = scale.forward(theta[:, place], np.log) + share * etas.get(name, 0.0)
        theta[:, place] = scale.back(center, np.exp)
        if occasions is None or name not in between:
            continue
        spread = data[f"{name}_iov"].to_numpy().reshape(-1, 1)
        kappa = spread * rng.standard_normal((len(theta), len(occasions.labels)))
        copies = occasions.places(name)
        theta[:, copies] = scale.back(center[:, None] + kappa, np.exp)
        theta[:, place] = theta[:, copies[first]]
