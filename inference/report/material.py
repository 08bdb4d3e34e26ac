"""What a report is made of: the numbers of one fit, gathered before a word is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...datasets.study import Study
from ...models.dosing import Regimen
from ...models.ode import OdeModel
from .assessment import Entry, absent, failing, findings
from .numbers import base, learned, ties
from .prior import Prior
from .verdict import Coverage, Evidence

__all__ = ["Material"]


@dataclass(frozen=True)
class Material:
    """The numbers of one fit.

    Parameters
    ----------
    model : OdeModel
    study : Study
        The data, in their own units.
    targets : mapping of observable of the data to its name in the model
    draws : mapping of name to float64[chain, draw]
        Every scalar of the posterior.
    priors : mapping of parameter to Prior
    units : mapping of parameter to unit
        Also of the residual standard deviations.
    fixed : mapping of parameter to float
    errors : mapping of observable to str
        Error model of each, in writing.
    population : str
        In writing.
    regimens : mapping of subject to Regimen
        What each subject got in the fit, in units of the model.
    bands : DataFrame
        In units of the model. Columns group, observable, time, median, q5, q25, q75, q95
        (curves), p5, p95 (new values).
    rows : DataFrame
        Rows of the study with group, median, p5, p95 (predictive) and inside.
    converged : bool
    convergence : str
        Sentence.
    few_draws : tuple of str
        Subjects whose effects alone have not converged.
    diagnostics : DataFrame
        Columns parameter, r_hat, ess_bulk, ess_tail.
    sampler : DataFrame
        One row per chain: divergences, energy statistic, step size, gradients.
    failures : DataFrame
        Columns cause, phase, count.
    settings : mapping
        How the posterior was drawn, as label and text.
    analysis : str
        Text of ``analysis.toml``.
    interrupted : bool
    blind : tuple of str
        Directions that no fitted observable can see.
    treated : mapping of observable to tuple of str
        What was done with rows beyond a limit, with published means, and between assays.
    meanings : mapping of parameter to str
        Of measurement and of the population.
    modes : str
        Sentence on chains that sit apart; empty if none do.
    approximation : str
        Method of a quick look; empty for a fit.
    scales : mapping of parameter to str
        Scale on which it varies between subjects, of those that do: log, logit or natural; with
        Student's t followed by its degrees of freedom, "log, t4".
    inputs : mapping of parameter to str
        Covariate that it is, in each subject.
    outcomes : tuple of str
        Observables that are no quantities: a yes or no, a grade.
    checks : mapping of section to tuple of Check or Absent
        As from `assess`.
    """

    model: OdeModel
    study: Study
    targets: Mapping[str, str]
    draws: Mapping[str, npt.NDArray[np.float64]]
    priors: Mapping[str, Prior]
    units: Mapping[str, str]
    fixed: Mapping[str, float]
    errors: Mapping[str, str]
    population: str
    regimens: Mapping[str, Regimen]
    bands: pd.DataFrame
    rows: pd.DataFrame
    converged: bool
    convergence: str
    diagnostics: pd.DataFrame
    sampler: pd.DataFrame
    failures: pd.DataFrame
    few_draws: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    analysis: str = ""
    interrupted: bool = False
    blind: tuple[str, ...] = ()
    treated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    modes: str = ""
    approximation: str = ""
    scales: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outcomes: tuple[str, ...] = ()
    checks: Mapping[str, tuple[Entry, ...]] = field(default_factory=dict)

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """Measured values inside their 90 % predictive interval, by observable."""
        counts = self.rows.groupby("observable", sort=False)["inside"].agg(["sum", "size"])
        return tuple(
            Coverage(str(k), int(row["sum"]), int(row["size"])) for k, row in counts.iterrows()
        )

    @property
    def unpublished(self) -> tuple[str, ...]:
        """Parameters held at values that are calibrated or assumed."""
        weak = ("calibrated", "assumed")
        return tuple(
            p.name for p in self.model.parameters if p.name in self.fixed and p.status in weak
        )

    @property
    def estimated(self) -> dict[str, npt.NDArray[np.float64]]:
        """Draws of the parameters of the model, without residual standard deviations."""
        return {k: v for k, v in self.draws.items() if base(k) in self.model.parameter_names}

    def meaning(self, name: str) -> str:
        """Say what a parameter is; nothing where that is not known."""
        own = {p.name: p.description for p in self.model.parameters} | dict(self.meanings)
        return own.get(base(name), "residual error" if name.endswith("_sigma") else "")

    def evidence(self) -> Evidence:
        """Numbers for the verdict."""
        size = next((v.size for v in self.draws.values()), 0)
        return Evidence(
            converged=self.converged,
            convergence=self.convergence,
            few_draws=self.few_draws,
            draws=size,
            interrupted=self.interrupted,
            coverage=self.coverage,
            learned=learned(self.estimated, self.priors),
            ties=ties(self.estimated),
            unpublished=self.unpublished,
            blind=self.blind,
            modes=self.modes,
            approximation=self.approximation,
            findings=findings(self.checks),
            failed=failing(self.checks),
            unchecked=absent(self.checks),
        )
