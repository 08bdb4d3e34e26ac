"""Join the chains into one tree, and count what happened in which phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...models.solver import FAILURES
from ..counters import FAILED, SLOTS
from ..populations.hierarchy import INTERNAL
from .samplers import COUNTS

if TYPE_CHECKING:
    from .samplers import Drawn

__all__ = ["bare", "failed_solves", "gradient_evaluations", "merge"]

Array = npt.NDArray[Any]
PHASES = {"warmup": "warmup_posterior", "sampling": "posterior"}
# Statistics of nutpie under the names of ArviZ's schema; those of PyMC have them already.
STATISTICS = {
    "acceptance_rate": "mean_tree_accept",
    "diverging": "diverging",
    "energy": "energy",
    "energy_error": "energy_error",
    "lp": "logp",
    "n_steps": "n_steps",
    "reached_max_treedepth": "maxdepth_reached",
    "step_size": "step_size",
    "step_size_bar": "step_size_bar",
    "tree_depth": "depth",
}


def merge(drawn: Drawn) -> xr.DataTree:
    """Join the chains.

    Parameters
    ----------
    drawn : Drawn

    Returns
    -------
    DataTree
        Groups ``posterior``, ``sample_stats`` and their ``warmup_`` twins. Chains that ended early
        are cut to a common length, or left out where that keeps more draws.
    """
    groups = {}
    for prefix in ("", "warmup_"):
        lengths = [length(chain, f"{prefix}posterior") for chain in drawn.chains]
        kept, draws = rectangle(lengths)
        parts = [
            (
                posterior(drawn.chains[c], f"{prefix}posterior", draws),
                statistics(drawn.chains[c], prefix, draws),
            )
            for c in kept
        ]
        names = f"{prefix}posterior", f"{prefix}sample_stats"
        for name, chains in zip(names, zip(*parts, strict=True), strict=True):
            groups[name] = joined(chains, kept)
    return xr.DataTree.from_dict(groups)


def length(chain: xr.DataTree, group: str) -> int:
    """Draws of a chain in a group."""
    return int(chain[group].sizes.get("draw", 0)) if group in chain.children else 0


def rectangle(lengths: Sequence[int]) -> tuple[list[int], int]:
    """Chains and a common length that keep most draws; all chains when nothing is kept.

    Examples
    --------
    >>> rectangle([10, 10, 1])
    ([0, 1], 10)
    >>> rectangle([10, 9, 8])
    ([0, 1, 2], 8)
    """
    order = sorted(range(len(lengths)), key=lambda c: -lengths[c])
    kept = [lengths[c] * (k + 1) for k, c in enumerate(order)]
    if not kept or max(kept) == 0:
        return list(range(len(lengths))), 0
    most = len(kept) - 1 - int(np.argmax(kept[::-1]))
    return sorted(order[: most + 1]), lengths[order[most]]


def posterior(chain: xr.DataTree, group: str, draws: int) -> xr.Dataset:
    """Draws of one chain without the counters; empty if the chain did not come so far."""
    if length(chain, group) == 0:
        other = next(g for g in PHASES.values() if length(chain, g))
        return posterior(chain, other, 1).isel(draw=slice(0, 0))
    data = chain[group].to_dataset().isel(draw=slice(0, draws))
    moved = [v for v in data.data_vars if str(v).endswith(INTERNAL)]
    data = data.drop_vars([COUNTS, *moved], errors="ignore")
    return data.drop_dims("slot", errors="ignore")


def statistics(chain: xr.DataTree, prefix: str, draws: int) -> xr.Dataset:
    """Statistics of one chain under common names, with failed solves by cause."""
    if length(chain, f"{prefix}posterior") == 0:
        other = "" if prefix else "warmup_"
        return statistics(chain, other, 1).isel(draw=slice(0, 0))
    data = chain[f"{prefix}sample_stats"].to_dataset().isel(draw=slice(0, draws))
    found = {}
    for name, of_nutpie in STATISTICS.items():
        source = name if name in data else of_nutpie
        if source in data:
            found[name] = data[source]
    steps = np.diff(counts(chain, f"{prefix}posterior"), axis=0, prepend=before(chain, prefix))
    codes = list(FAILURES)
    failed = steps[:draws, [FAILED + code for code in codes]].astype(np.int64)
    found["failed_solves"] = xr.DataArray(
        failed[None], {"cause": list(FAILURES.values())}, ("chain", "draw", "cause")
    )
    return xr.Dataset(found)


def counts(chain: xr.DataTree, group: str) -> Array:
    """Counters after each draw of a chain; int64[draw, SLOTS]."""
    if length(chain, group) == 0:
        return np.zeros((0, SLOTS), dtype=np.int64)
    return np.asarray(chain[group][COUNTS].to_numpy()[0], dtype=np.int64)


def before(chain: xr.DataTree, prefix: str) -> Array:
    """Counters before the first draw of a phase; int64[1, SLOTS]."""
    warmup = counts(chain, "warmup_posterior")
    return warmup[-1:] if not prefix and len(warmup) else np.zeros((1, SLOTS), dtype=np.int64)


def joined(chains: Sequence[xr.Dataset], numbers: Sequence[int]) -> xr.Dataset:
    """One dataset with the dims chain and draw."""
    data = xr.concat(chains, dim="chain", join="override", combine_attrs="drop")
    data = data.assign_coords(chain=list(numbers), draw=np.arange(data.sizes["draw"]))
    return bare(data)


def bare(data: xr.Dataset) -> xr.Dataset:
    """Leave out all attributes; `Dataset.drop_attrs` copies all values and indexes."""
    data = data.copy()
    data.attrs = {}
    for variable in data.variables.values():
        variable.attrs = {}
    return data


def total(drawn: Drawn, phase: str) -> Array:
    """Sum the counts of all chains in one phase; int64[SLOTS]."""
    prefix = "warmup_" if phase == "warmup" else ""
    sums = np.zeros(SLOTS, dtype=np.int64)
    for chain in drawn.chains:
        seen = counts(chain, PHASES[phase])
        if len(seen):
            sums += seen[-1] - before(chain, prefix)[0]
    return sums


def failed_solves(drawn: Drawn) -> dict[str, dict[str, int]]:
    """Count rejected proposals by phase and by cause; causes that never occurred are left out."""
    counted = {phase: total(drawn, phase) for phase in PHASES}
    return {
        phase: {
            text: int(count[FAILED + code])
            for code, text in FAILURES.items()
            if count[FAILED + code]
        }
        for phase, count in counted.items()
    }


def gradient_evaluations(drawn: Drawn, slot: int) -> dict[str, int]:
    """Count evaluations of value and gradient by phase."""
    return {phase: int(total(drawn, phase)[slot]) for phase in PHASES}
