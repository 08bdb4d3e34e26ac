"""Did the chains converge? Numbers, one sentence computed from them, and a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import arviz as az
import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import named_subjects
from ..sampling.approximate import caution

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Convergence", "convergence"]

Array = npt.NDArray[np.float64]
R_HAT, ESS, E_BFMI = 1.01, 400.0, 0.3
NEARLY = 1.05  # R-hat of chains that sample the same mode, and have not come around often enough
FEW_DIVERGENCES = 0.001  # of the draws
FEW_FAILURES = 0.01  # of the draws
FEW_SUBJECTS = 0.1  # whose effects may be short of draws while the rest of a fit is of use
LISTED = 3
TAILS = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Convergence:
    """Verdict on the chains of a fit.

    Parameters
    ----------
    table : DataFrame
        One row per scalar parameter: parameter, subject (empty for what subjects share), mean, sd,
        r_hat, ess_bulk, ess_tail, mcse_mean, ok.
    chains, draws : int
        Chains, and kept draws of each.
    divergences : int
        Divergent draws after warm-up that are not due to a failed solve.
    e_bfmi : float64[chain]
        Energy fraction of missing information; low values mean slow exploration of the tails.
    failed_draws : int
        Draws after warm-up in which a proposal was rejected because a solve failed.
    failed_solves : dict of cause to int
        After warm-up.
    interrupted : bool
    approximation : str
        What an approximation is worth, if the draws are those of one (`quick`); else empty.
    """

    table: pd.DataFrame
    chains: int
    draws: int
    divergences: int
    e_bfmi: Array
    failed_draws: int
    failed_solves: dict[str, int]
    interrupted: bool
    approximation: str = ""

    @property
    def faults(self) -> tuple[str, ...]:
        """What speaks against the chains; empty when nothing does."""
        if self.approximation:
            return ("no chain has run",)
        total = self.chains * self.draws
        found = []
        if total == 0:
            return ("there is no draw after warm-up",)
        if self.chains < 2:
            found.append("one chain alone cannot show that it has converged")
        found += self._slow()
        if self.divergences > FEW_DIVERGENCES * total:
            found.append(f"{self.divergences} of {total} draws diverged")
        low = int((~(self.e_bfmi > E_BFMI)).sum())
        if low:
            found.append(f"{low} of {self.chains} chains have an E-BFMI of {E_BFMI:g} or less")
        if self.failed_draws > FEW_FAILURES * total:
            found.append(f"a solve failed in {self.failed_draws} of {total} draws")
        if self.interrupted:
            found.append("the run was interrupted")
        return tuple(found)

    @property
    def wants_draws(self) -> bool:
        """Whether all that speaks against the chains is that they are short."""
        return bool(
            self.faults and list(self.faults) == self._slow() and self.table["r_hat"].max() < NEARLY
        )

    @property
    def few_draws(self) -> tuple[str, ...]:
        """Subjects whose effects have too few effective draws, if nothing else is wrong.

        Empty also where they are more than a tenth of the subjects.
        """
        bad = self.table[~self.table["ok"]]
        if not self.wants_draws or not bad["subject"].all() or bad["r_hat"].isna().any():
            return ()
        subjects = tuple(dict.fromkeys(bad["subject"]))
        everyone = self.table["subject"].replace("", np.nan).nunique()
        return subjects if len(subjects) <= max(1, FEW_SUBJECTS * everyone) else ()

    def _slow(self) -> list[str]:
        return [
            *self._beyond("r_hat", f"R-hat of {R_HAT:g} or more", lambda v: ~(v < R_HAT)),
            *self._beyond("ess_bulk", f"bulk ESS of {ESS:g} or less", lambda v: ~(v > ESS)),
            *self._beyond("ess_tail", f"tail ESS of {ESS:g} or less", lambda v: ~(v > ESS)),
        ]

    def _beyond(self, column: str, what: str, bad: Any) -> list[str]:
        names = list(self.table["parameter"][bad(self.table[column].to_numpy())])
        if not names:
            return []
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        return [f"{what} for {', '.join(names[:LISTED])}{more}"]

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the chains."""
        return not self.faults

    @property
    def sentence(self) -> str:
        """Verdict in words."""
        if self.approximation:
            return self.approximation
        if few := self.few_draws:
            return (
                "Everything that the subjects share has converged; the effects of "
                f"{named_subjects(few)} have not: {'; '.join(self.faults)}."
            )
        if not self.ok:
            return f"The chains have not converged: {'; '.join(self.faults)}."
        worst, least = self.table["r_hat"].max(), self.table[["ess_bulk", "ess_tail"]].min().min()
        extras = []
        if self.divergences:
            extras.append(f"{self.divergences} draws diverged, too few to matter")
        if self.failed_draws:
            extras.append(f"a solve failed in {self.failed_draws} draws, too few to matter")
        tail = f"; {'; '.join(extras)}" if extras else ", no divergences"
        return (
            f"The {self.chains} chains agree: R-hat at most {worst:.3f}, at least {least:.0f} "
            f"effective draws for every parameter{tail}."
        )

    def doubt(self, results: str) -> str:
        """Why results of these draws cannot be used yet; empty where nothing is against it.

        Parameters
        ----------
        results : str
            What they are, such as "risks".
        """
        if self.approximation:
            return f"This is a quick look, not a fit: its {results} are no more than a sketch."
        if few := self.few_draws:
            return (
                f"The effects of {named_subjects(few)} have not converged: do not use {results} of "
                f"{'this subject' if len(few) == 1 else 'these subjects'} yet."
            )
        if not self.ok:
            return f"The chains of this fit have not converged: do not use these {results} yet."
        return ""

    def plot(self) -> Figure:
        """R-hat and effective draws of each parameter, with the limits they are judged by.

        Returns
        -------
        Figure
        """
        from matplotlib.figure import Figure

        names = list(self.table["parameter"])
        height = 1.2 + 0.28 * len(names)
        figure = Figure(figsize=(8, height), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        rows = np.arange(len(names))[::-1]
        left.plot(self.table["r_hat"], rows, "o", color="C0")
        left.axvline(R_HAT, color="C3", lw=1)
        left.set(xlabel="R-hat", yticks=rows, yticklabels=names)
        for column, marker, color in (("ess_bulk", "o", "C0"), ("ess_tail", "s", "C1")):
            label = column.removeprefix("ess_")
            right.plot(self.table[column], rows, marker, color=color, label=label, fillstyle="none")
        right.axvline(ESS, color="C3", lw=1)
        right.set(xlabel="effective draws", xlim=(0, None))
        right.legend(frameon=False)
        return figure


def convergence(tree: xr.DataTree) -> Convergence:
    """Judge the chains of a fit.

    Parameters
    ----------
    tree : DataTree
        With the groups ``posterior`` and ``sample_stats``, from `fit` or any other source.

    Returns
    -------
    Convergence
        The chains pass with R-hat below 1.01, bulk and tail ESS above 400, E-BFMI above 0.3, at
        most one divergence in 1000 draws and a failed solve in at most one draw in 100.

    Raises
    ------
    InputError
        If a group is missing.

    Notes
    -----
    Individual values are not judged: they follow from what is. Of a correlation matrix each entry
    below the diagonal is. R-hat and ESS are the rank-normalized ones of Vehtari et al. (2021), as
    ArviZ computes them.
    """
    for group in ("posterior", "sample_stats"):
        if group not in tree.children:
            raise InputError(f"the tree has no group {group!r}: is it a fit?")
    posterior, stats = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    failed, causes = failures(stats)
    diverging = stats["diverging"].transpose("chain", "draw").to_numpy().astype(bool)
    return Convergence(
        table=table_of(posterior),
        chains=int(posterior.sizes.get("chain", 0)),
        draws=int(posterior.sizes.get("draw", 0)),
        divergences=int((diverging & ~failed).sum()),
        e_bfmi=e_bfmi(stats),
        failed_draws=int(failed.sum()),
        failed_solves=causes,
        interrupted=bool(tree.attrs.get("interrupted", 0)),
        approximation=approximation(tree),
    )


def approximation(tree: xr.DataTree) -> str:
    """Say what an approximation is worth; empty for a fit."""
    method = str(tree.attrs.get("approximation", ""))
    return caution(method, float(tree.attrs["pareto_k"])) if method else ""


def failures(stats: xr.Dataset) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """Draws with a failed solve, and failed solves by cause."""
    if "failed_solves" not in stats:
        return np.zeros((stats.sizes["chain"], stats.sizes["draw"]), dtype=bool), {}
    solves = stats["failed_solves"].transpose("chain", "draw", "cause")
    sums = solves.sum(("chain", "draw"))
    causes = {
        str(c): int(n) for c, n in zip(sums["cause"].to_numpy(), sums.to_numpy(), strict=True)
    }
    return solves.to_numpy().any(axis=-1), {c: n for c, n in causes.items() if n}


def e_bfmi(stats: xr.Dataset) -> Array:
    """Energy fraction of missing information of each chain; NaN when there are too few draws."""
    energy = stats["energy"].transpose("chain", "draw").to_numpy().astype(np.float64)
    if energy.shape[1] < 2:
        return np.full(energy.shape[0], np.nan)
    return np.asarray((np.diff(energy, axis=1) ** 2).mean(axis=1) / energy.var(axis=1, ddof=1))


def table_of(posterior: xr.Dataset) -> pd.DataFrame:
    """Diagnostics of every scalar parameter."""
    rows = []
    derived = [v for v in posterior.data_vars if str(v).endswith("_individual")]
    for (name, subject), values in labelled(posterior.drop_vars(derived)).items():
        enough = values.shape[1] >= 4 and np.isfinite(values).all() and np.ptp(values) > 0
        many = enough and values.shape[0] > 1
        sd = float(values.std(ddof=1)) if values.size > 1 else np.nan
        r_hat = diagnostic("rhat", values) if many else np.nan
        bulk = diagnostic("ess", values, method="bulk") if enough else np.nan
        tail = diagnostic("ess", values, method="tail", prob=TAILS) if enough else np.nan
        rows.append(
            {
                "parameter": name,
                "subject": subject,
                "mean": values.mean() if values.size else np.nan,
                "sd": sd,
                "r_hat": r_hat,
                "ess_bulk": bulk,
                "ess_tail": tail,
                "mcse_mean": sd / np.sqrt(bulk),
                "ok": bool(r_hat < R_HAT and bulk > ESS and tail > ESS),
            }
        )
    return pd.DataFrame(rows)


def diagnostic(which: str, values: Array, **options: object) -> float:
    """One of ArviZ's diagnostics of float64[chain, draw]."""
    return float(getattr(az, which)(values, chain_axis=0, draw_axis=1, **options))


def scalars(posterior: xr.Dataset) -> dict[str, Array]:
    """Split parameters into float64[chain, draw]; ``ka[007]`` where there is one per subject.

    A correlation matrix gives its entries below the diagonal, ``omega_correlation[1,0]``: the
    others are the same ones again, or 1.
    """
    return {name: values for (name, _), values in labelled(posterior).items()}


def labelled(posterior: xr.Dataset) -> dict[tuple[str, str], Array]:
    """As `scalars`, by name and subject; the latter is empty for what subjects share."""
    found: dict[tuple[str, str], Array] = {}
    for name, variable in posterior.data_vars.items():
        rest = [str(d) for d in variable.dims if d not in ("chain", "draw")]
        array = variable.transpose("chain", "draw", *rest).to_numpy().astype(np.float64)
        shape = array.shape[2:]
        matrix = str(name).endswith("_correlation") and len(shape) == 2 and shape[0] == shape[1]
        for index in np.ndindex(*shape):
            if matrix and index[0] <= index[1]:
                continue
            labels = {
                d: str(variable.coords[d].to_numpy()[i]) if d in variable.coords else str(i)
                for d, i in zip(rest, index, strict=True)
            }
            suffix = f"[{','.join(labels.values())}]" if rest else ""
            found[f"{name}{suffix}", labels.get("subject", "")] = array[(..., *index)]
    return found
