"""Virtual patients: a draw of population parameters, and new effects for every patient.

All arms of a trial see the same patients: the same effects, the same covariates. So arms differ by
what was done and not by chance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...models.ode import OdeModel
from ...models.prior_draws import draw_parameters
from ..populations.covariates import new_shift
from ..populations.hierarchy import Hierarchical
from ..populations.new_subjects import new_effects
from ..populations.population import Independent, Pooled
from ..populations.scales import scale_of
from ..predict import draws_of, thinned

if TYPE_CHECKING:
    from ..populations.covariates import Effect
    from ..problem import Problem

__all__ = ["FromPosterior", "FromPrior", "Patients"]

Array = npt.NDArray[Any]
EFFECTS, WHO = 1, 2  # streams of random numbers


class Patients(ABC):
    """A source of virtual patients (abstract).

    Attributes
    ----------
    model : OdeModel
    draws : int
        Draws of population parameters.
    label : str
        What the numbers rest on.
    notes : tuple of str
        What a reader has to know about the patients.
    """

    model: OdeModel
    draws: int
    label: str
    notes: tuple[str, ...]

    @abstractmethod
    def theta(self, draw: int, n: int, covariates: Mapping[str, float | str]) -> Array:
        """Parameters of the patients of one draw.

        Parameters
        ----------
        draw : int
        n : int
        covariates : mapping of covariate to value
            The same for all patients, in place of their own.

        Returns
        -------
        float64[patient, parameter]
            In the order of ``model.parameters``. The same for every call.
        """


def _rng(seed: int, stream: int, draw: int) -> np.random.Generator:
    """Random numbers of one draw: they do not depend on which thread makes them, or when."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, draw)))


def _moved(model: OdeModel, theta: Array, name: str, effect: Array) -> None:
    """Add effects to a column of parameters on the parameter's scale, which keeps its bounds."""
    p, k = model.parameter(name), model.parameter_names.index(name)
    scale = scale_of(p.lower, p.upper)
    with np.errstate(divide="ignore", over="ignore"):
        theta[:, k] = scale.back(scale.forward(theta[:, k], np.log) + effect, np.exp)


def _check_spread(model: OdeModel, spread: Mapping[str, float]) -> None:
    for name in spread:
        if name not in model.parameter_names:
            raise InputError(
                f"[spread]: model {model.name} has no parameter {name!r}; it has "
                f"{', '.join(model.parameter_names)}."
            )


@final
class FromPrior(Patients):
    """Virtual patients of a model that was not fitted.

    Parameters
    ----------
    model : OdeModel
    draws : int
    seed : int
    spread : mapping of parameter to float
        In place of the spreads that the model states (`Parameter.iiv`).
    fixed : mapping of parameter to float
        Parameters held at a value.
    """

    label = "prior, not fitted"

    def __init__(
        self,
        model: OdeModel,
        draws: int,
        seed: int,
        spread: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
    ) -> None:
        _check_spread(model, spread or {})
        self.model, self.draws, self.seed = model, draws, seed
        self.spread = {p.name: p.iiv for p in model.parameters if p.iiv > 0} | dict(spread or {})
        drawn = draw_parameters(model, draws, seed=seed, fixed=fixed)
        self.typical = np.tile(np.array(list(model.theta.values())), (draws, 1))
        for name in drawn:
            self.typical[:, model.parameter_names.index(str(name))] = drawn[name].to_numpy()
        spreads = ", ".join(f"{n} {s:g}" for n, s in self.spread.items() if s > 0)
        self.notes = (
            f"Patients differ by the spreads that the model states: {spreads}."
            if spreads
            else "The model states no spread between patients: within a draw they are identical.",
        )

    def theta(self, draw: int, n: int, covariates: Mapping[str, float | str]) -> Array:
        """Parameters of the patients of one draw; float64[patient, parameter]."""
        if covariates:
            raise InputError(
                f"covariate {min(covariates)!r}: a model that was not fitted has no covariates; "
                "set parameters or factors instead."
            )
        theta = np.tile(self.typical[draw], (n, 1))
        rng = _rng(self.seed, EFFECTS, draw)
        for name, sd in self.spread.items():
            _moved(self.model, theta, name, sd * rng.standard_normal(n))
        return theta


@final
class FromPosterior(Patients):
    """Virtual patients of a fit: new effects around each posterior draw.

    Their covariates are those of patients of the study, drawn with replacement; the covariates of
    one patient stay together.

    Parameters
    ----------
    problem : Problem
        Pooled or hierarchical.
    posterior : DataTree or Dataset
    draws : int, optional
        Use about this many draws; default: all.
    seed : int
    spread : mapping of parameter to float
        For parameters whose spread was not fitted.
    """

    def __init__(
        self,
        problem: Problem,
        posterior: xr.DataTree | xr.Dataset,
        draws: int | None,
        seed: int,
        spread: Mapping[str, float] | None = None,
    ) -> None:
        if isinstance(problem.family, Independent):
            raise InputError(
                "subjects with independent parameters say nothing about another patient: a "
                "virtual trial needs a pooled or a hierarchical fit."
            )
        data = thinned(draws_of(problem, posterior, "population"), draws)
        self.problem, self.model, self.seed = problem, problem.model, seed
        _check_spread(self.model, spread or {})
        self.spread = dict(spread or {})
        fitted = problem.family.of(problem) if isinstance(problem.family, Hierarchical) else ()
        if both := sorted(set(fitted) & set(self.spread)):
            raise InputError(f"[spread]: that of {both[0]} was fitted; leave it out.")
        by_subject = [v for v in data.data_vars if "subject" in data[v].dims]
        data = data.drop_vars(by_subject)
        self.data = data.stack(sample=("chain", "draw"), create_index=False)
        self.draws = self.data.sizes["sample"]
        self.label = f"posterior of {problem.model.name} on {problem.data.name}"
        self.notes = _notes(problem, self.spread)

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """Covariate effects of the fit."""
        family = self.problem.family
        return family.effects if isinstance(family, Hierarchical) else ()

    def theta(self, draw: int, n: int, covariates: Mapping[str, float | str]) -> Array:
        """Parameters of the patients of one draw; float64[patient, parameter]."""
        self._check(covariates)
        one = self.data.isel(sample=draw)
        row = [
            float(one[p]) if p in self.problem.estimated else self.problem.constants.get(p, np.nan)
            for p in self.model.parameter_names
        ]
        theta = np.tile(np.array(row), (n, 1))
        subjects = len(self.problem.arrangement.subjects)
        who = _rng(self.seed, WHO, draw).integers(0, subjects, n)
        self._fill_inputs(theta, who, covariates)
        for name, shift in self._shifts(one, who, covariates, draw).items():
            _moved(self.model, theta, name, shift)
        return theta

    def _fill_inputs(self, theta: Array, who: Array, covariates: Mapping[str, float | str]) -> None:
        for parameter, covariate in self.problem.inputs.items():
            own = self.problem.inputs_by_subject[parameter][who]
            value = covariates.get(covariate, own)
            theta[:, self.model.parameter_names.index(parameter)] = value

    def _shifts(
        self, one: xr.Dataset, who: Array, covariates: Mapping[str, float | str], draw: int
    ) -> dict[str, Array]:
        """Compute what is added to each parameter, on its scale; float64[patient] each."""
        rng = _rng(self.seed, EFFECTS, draw)
        shifts: dict[str, Array] = {}
        if isinstance(self.problem.family, Hierarchical):
            copies = one.drop_vars(["chain", "draw"], errors="ignore")
            copies = copies.expand_dims(chain=1, draw=len(who))
            shifts = dict(new_effects(self.problem, copies, rng))
        for name, sd in self.spread.items():
            shifts[name] = sd * rng.standard_normal(len(who))
        occasions = self.problem.arrangement.occasions
        for name in () if occasions is None else occasions.parameters:
            kappa = float(one[f"{name}_iov"]) * rng.standard_normal(len(who))
            shifts[name] = shifts.get(name, 0.0) + kappa
        for effect in self.effects:
            betas = {b: float(one[b]) for b in effect.coefficients(self.problem.data)}
            own = np.asarray(effect.shift(self.problem.data, betas, np.log), dtype=float)[who]
            given = covariates.get(effect.covariate)
            shift = own if given is None else self._given(effect, given)[draw]
            shifts[effect.parameter] = shifts.get(effect.parameter, 0.0) + shift
        return shifts

    def _given(self, effect: Effect, value: float | str) -> Array:
        """Shift by a covariate that an arm gives to all its patients; float64[draw].

        All draws are looked at, so that an effect which does not reach so far is refused at once.
        """
        study = self.problem.data
        betas = {b: self.data[b].to_numpy() for b in effect.coefficients(study)}
        shift = new_shift(effect, study, betas, np.array([value]))[:, 0]
        return np.broadcast_to(shift, (self.draws,))

    def _check(self, covariates: Mapping[str, float | str]) -> None:
        known = {e.covariate for e in self.effects} | set(self.problem.inputs.values())
        for name in covariates:
            if name not in known:
                raise InputError(
                    f"covariate {name!r} has no effect in this fit; those that have one: "
                    f"{', '.join(sorted(known)) or 'none'}."
                )


def _notes(problem: Problem, spread: Mapping[str, float]) -> tuple[str, ...]:
    notes = []
    if isinstance(problem.family, Pooled) and not spread:
        notes.append(
            "The fit is pooled: it says nothing about differences between patients, so the "
            "patients of a draw are identical but for covariates. State a [spread] to change that."
        )
    if problem.arrangement.occasions is not None:
        notes.append("The course of a virtual patient is one occasion.")
    if spread:
        stated = ", ".join(f"{n} {s:g}" for n, s in spread.items())
        notes.append(f"Spread between patients that was stated and not fitted: {stated}.")
    if problem.inputs or (isinstance(problem.family, Hierarchical) and problem.family.effects):
        notes.append("Covariates are those of patients of the study, drawn with replacement.")
    return tuple(notes)
