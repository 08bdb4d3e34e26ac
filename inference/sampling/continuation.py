"""How a chain goes on in a new process, from the draws that an earlier one left.

A chain that was sampling goes on as if nothing had happened: from its last kept draw, with its
step size, and with its metric, which the pairs of positions in both of nutpie's coordinates give
exactly. Only where they are too few for that (the first draws of a model with many parameters) it
tunes again for `RETUNED` draws that are not kept. A chain that was warming up goes on warming up
from its last draw, in coordinates in which the later half of its draws has unit covariance, for
the draws that were left and at least `RETUNED`. Draws before and after come from kernels that
leave the posterior as it is; so does the joined chain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import sparse

from .coordinates import Affine, affine_between, covariance_map, scaled_to_gradient
from .merge import STATISTICS, bare, length
from .samplers import COUNTS

if TYPE_CHECKING:
    from .checkpoint import Begun
    from .samplers import Settings

__all__ = ["OPTIONS", "Plan", "first_plan", "join", "next_plan", "segment_of"]

Array = npt.NDArray[np.float64]
RETUNED = 200  # draws of warm-up after the process was killed, at least, if as many were asked for
OPTIONS = {"store_unconstrained": True, "store_transformed": True}  # what nutpie has to keep
KEPT = (*STATISTICS.values(), "transformation_index", "transformed_position")
WARMUP, SAMPLING = "warmup_", ""


@dataclass(frozen=True, eq=False)
class Plan:
    """What nutpie has to do for a chain.

    Parameters
    ----------
    start : float64[n]
        In the unconstrained space.
    seed, tune, draws : int
    counts_tuning : bool
        Whether the draws of warm-up belong to the chain's warm-up; else they are dropped.
    before : int
        Draws of the chain that earlier processes made.
    seconds : float
        That they took.
    coordinates : Affine, optional
        In which the chain moves; default: those of the unconstrained space.
    step : float, optional
        Fixed step size; the metric of the coordinates is kept too.
    """

    start: Array
    seed: int
    tune: int
    draws: int
    counts_tuning: bool = True
    before: int = 0
    seconds: float = 0.0
    coordinates: Affine | None = None
    step: float | None = None

    def moved(self, gradient: Callable[[Array], Array]) -> Affine | None:
        """Coordinates to hand to nutpie."""
        if self.coordinates is None:
            return None
        return scaled_to_gradient(self.coordinates, gradient(self.start))

    @property
    def total(self) -> int:
        """Draws of the chain when it is done."""
        return self.before + self.draws + (self.tune if self.counts_tuning else 0)

    def finished(self, made: int) -> int:
        """Draws of the chain so far, of which nutpie has made some."""
        return self.before + max(0, made if self.counts_tuning else made - self.tune)


def first_plan(settings: Settings, begun: Begun, seed: int, chain: int) -> Plan:
    """Plan of a chain that begins."""
    start = begun.starts.points[chain]
    return Plan(start, seed, settings.tune, settings.draws, coordinates=begun.coordinates)


def next_plan(
    segments: Sequence[xr.DataTree], settings: Settings, begun: Begun, seed: int, chain: int
) -> Plan | None:
    """Plan of a chain that goes on.

    Parameters
    ----------
    segments : sequence of DataTree
        Of `segment_of`, oldest first; those without a draw count for nothing.
    settings : Settings
    begun : Begun
        Where chains start, and in which coordinates.
    seed : int
        Of the chain when it began.
    chain : int

    Returns
    -------
    Plan or None
        None when nothing is left to do.
    """
    drawn = [s for s in segments if contributes(s)]
    joined = join(segments)
    if joined is None:
        return first_plan(settings, begun, seed, chain)
    warm, kept = length(joined, "warmup_posterior"), length(joined, "posterior")
    if kept >= settings.draws:
        return None
    last = drawn[-1]
    sequence = np.random.SeedSequence([settings.seed, chain, len(segments), warm, kept])
    plan = Plan(
        start=positions(last)[-1],
        seed=int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1)),
        tune=1,
        draws=settings.draws - kept,
        counts_tuning=False,
        before=warm + kept,
        seconds=sum(float(s.attrs["seconds"]) for s in segments),
    )
    again = min(settings.tune, RETUNED)
    if kept or warm >= settings.tune:
        found = kernel(last)
        if found is not None:
            return replace(plan, coordinates=found[0], step=found[1])
        near = positions(joined)[-max(kept, settings.tune // 2) :]
        return replace(plan, tune=again, coordinates=covariance_map(near))
    left = max(settings.tune - warm, again)
    near = positions(joined)[-(warm // 2) :]
    return replace(plan, tune=left, counts_tuning=True, coordinates=covariance_map(near))


def contributes(segment: xr.DataTree) -> bool:
    """Whether draws of it belong to the chain."""
    warm = length(segment, "warmup_posterior") if segment.attrs["counts_tuning"] else 0
    return warm + length(segment, "posterior") > 0


def positions(tree: xr.DataTree) -> Array:
    """Points in the unconstrained space, warm-up first; float64[draw, n]."""
    return stacked(tree, "position")


def stacked(tree: xr.DataTree, name: str) -> Array:
    """Statistic of one chain over both phases; float64[draw, ...]."""
    groups = [f"{p}sample_stats" for p in (WARMUP, SAMPLING) if length(tree, f"{p}posterior")]
    return np.concatenate([tree[g][name].to_numpy()[0] for g in groups])


def kernel(segment: xr.DataTree) -> tuple[Affine, float] | None:
    """Metric and step size of the last draw, if nutpie had ended to tune them."""
    if not length(segment, "posterior"):
        return None
    stats = segment["sample_stats"]
    step = float(stats["step_size_bar"].to_numpy()[0, -1])
    if "coordinates" in segment.children:
        kept = segment["coordinates"]
        factor = sparse.csr_array(kept["factor"].to_numpy())
        return Affine(kept["center"].to_numpy(), factor), step
    version = stacked(segment, "transformation_index")
    same = version == version[-1]
    found = affine_between(stacked(segment, "transformed_position")[same], positions(segment)[same])
    return None if found is None else (found, step)


def segment_of(tree: xr.DataTree, plan: Plan, moved: Affine | None, seconds: float) -> xr.DataTree:
    """Bring what nutpie has drawn into the form that is kept.

    Parameters
    ----------
    tree : DataTree
        Of nutpie, with `OPTIONS`.
    plan : Plan
    moved : Affine or None
        Coordinates in which the chain moved.
    seconds : float
        Since this process began the chain.

    Returns
    -------
    DataTree
    """
    groups: dict[str, xr.Dataset] = {}
    for prefix in (WARMUP, SAMPLING):
        if not length(tree, f"{prefix}posterior"):
            continue
        groups[f"{prefix}posterior"] = bare(tree[f"{prefix}posterior"].to_dataset())
        stats = tree[f"{prefix}sample_stats"].to_dataset()
        point = stats["unconstrained_draw"]
        chosen = bare(stats[[n for n in KEPT if n in stats]])
        at = point.to_numpy() if moved is None else moved.forward(point.to_numpy())
        chosen["position"] = point.dims, at
        groups[f"{prefix}sample_stats"] = chosen.drop_vars("unconstrained_parameter")
    if plan.step is not None and plan.coordinates is not None:
        kept = {"center": ("row", plan.coordinates.center)}
        groups["coordinates"] = xr.Dataset(
            kept | {"factor": (("row", "column"), plan.coordinates.factor.toarray())}
        )
    made = xr.DataTree.from_dict(groups)
    made.attrs.update(seconds=seconds, counts_tuning=int(plan.counts_tuning))
    return made


def join(segments: Sequence[xr.DataTree]) -> xr.DataTree | None:
    """Put the parts of one chain together, as if one process had drawn them.

    Parameters
    ----------
    segments : sequence of DataTree
        Of `segment_of`, oldest first.

    Returns
    -------
    DataTree or None
        Counters go on from part to part; those of dropped draws are left out. None if there is no
        draw.
    """
    parts: dict[str, list[xr.Dataset]] = {}
    base: Any = 0
    for segment in segments:
        counts_tuning = bool(segment.attrs["counts_tuning"])
        if not counts_tuning:
            base = base - last_count(segment, WARMUP)
        for prefix in (WARMUP, SAMPLING) if counts_tuning else (SAMPLING,):
            if not length(segment, f"{prefix}posterior"):
                continue
            draws = segment[f"{prefix}posterior"].to_dataset().drop_vars("draw", errors="ignore")
            draws[COUNTS] = draws[COUNTS] + base
            stats = segment[f"{prefix}sample_stats"].to_dataset().drop_vars("draw", errors="ignore")
            parts.setdefault(f"{prefix}posterior", []).append(draws)
            parts.setdefault(f"{prefix}sample_stats", []).append(stats)
        last = SAMPLING if length(segment, "posterior") else WARMUP
        base = base + last_count(segment, last)
    if not parts:
        return None
    level(parts.get("sample_stats", []))
    return xr.DataTree.from_dict({name: concatenated(found) for name, found in parts.items()})


def level(parts: Sequence[xr.Dataset]) -> None:
    """Count energies from one level, in place.

    nutpie adds the logarithm of the volume of its coordinates, another one in each process; what
    is left of the energy without the potential is kinetic, with the same mean in all.
    """
    kinetic = [float((p["energy"] + p["logp"]).mean()) for p in parts]
    for part, own in zip(parts[1:], kinetic[1:], strict=True):
        part["energy"] = part["energy"] - (own - kinetic[0])


def last_count(segment: xr.DataTree, prefix: str) -> Any:
    """Counters after the last draw of a phase."""
    if not length(segment, f"{prefix}posterior"):
        return 0
    return segment[f"{prefix}posterior"][COUNTS].to_numpy()[0, -1].astype(np.int64)


def concatenated(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """Draws of one chain, one after another."""
    options: Any = {"data_vars": "minimal", "coords": "minimal", "compat": "override"}
    return xr.concat(parts, dim="draw", join="override", combine_attrs="drop", **options)
