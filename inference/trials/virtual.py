"""`virtual_trial`: the same virtual patients through every arm, for every posterior draw."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ...datasets.errors import InputError
from ...models.dosing import Dose, Regimen
from ...models.library.interventions import with_treatments
from ...models.ode import OdeModel
from ...models.solver import SolverOptions
from .design import Arm, Design
from .endpoints import answers, check_endpoints, default_endpoints
from .evidence import evidence_of
from .grading import AssumedGrades, Grades, default_grades
from .patients import FromPosterior, FromPrior, Patients
from .plan import BLOCK, Plan, extended
from .resolution import resolution_note
from .trial import Trial

if TYPE_CHECKING:
    from ..problem import Problem

__all__ = ["Bench", "drug_targets", "virtual_trial"]

Array = npt.NDArray[Any]
Done = Callable[[int, int], None]  # draws finished, draws in all
STEPS = 112  # of the grid: six hours in four weeks
OPTIONS = SolverOptions(rtol=1e-5)


def virtual_trial(
    design: Design,
    source: Problem | OdeModel,
    posterior: xr.DataTree | xr.Dataset | None = None,
    *,
    n: int | None = None,
    draws: int | None = 200,
    seed: int = 1,
    grades: Grades | None = None,
    options: SolverOptions | None = None,
    workers: int | None = None,
    done: Done | None = None,
) -> Trial:
    """Run a trial in virtual patients.

    Parameters
    ----------
    design : Design
    source : Problem or OdeModel
        What was fitted; or a model, whose prior hints are used then (labelled as not fitted).
    posterior : DataTree or Dataset, optional
        Of the fit, with a `Problem`.
    n : int, optional
        Patients of each arm; default: those of the design.
    draws : int, optional
        About this many draws of the population parameters; None: all of the posterior.
    seed : int
        Same seed, same result, whatever the number of workers.
    grades : Grades, optional
        Fitted grade model; default: that of the design, else that of the model.
    options : SolverOptions, optional
        Default: a relative tolerance of 1e-5.
    workers : int, optional
        Threads; default: one per core.
    done : callable ``(finished, total)``, optional
        Called after each draw.

    Returns
    -------
    Trial

    Raises
    ------
    InputError
        If a name is unknown or a setting has no meaning.
    """
    if n is not None:
        design = replace(design, n=n)
    patients = patients_of(source, posterior, design, draws, seed)
    bench = Bench.of(design, patients, grades, options)

    def one(draw: int) -> tuple[Array, ...]:
        return collect([bench.draw(draw)])

    reduced = run_draws(one, patients.draws, workers, done)
    expected, noise, paired, failed = (np.concatenate(x) for x in zip(*reduced, strict=True))
    if not np.isfinite(expected).any():
        counts = ", ".join(
            f"{a.name} {k}" for a, k in zip(design.arms, failed.sum(axis=0), strict=True)
        )
        raise InputError(
            f"no patient could be solved in every arm; failed solves by arm: {counts} of "
            f"{design.n * len(failed)}. Check the doses and parameters of the arms."
        )
    return Trial(
        design=replace(design, endpoints=bench.endpoints),
        expected=expected,
        noise=noise,
        paired_noise=paired,
        failed=failed,
        seed=seed,
        label=patients.label,
        notes=(*patients.notes, *bench.notes, *resolution_note(bench)),
        evidence=evidence_of(bench.plans, patients.model),
    )


def patients_of(
    source: Problem | OdeModel,
    posterior: xr.DataTree | xr.Dataset | None,
    design: Design,
    draws: int | None,
    seed: int,
) -> Patients:
    """Virtual patients of a fit, or of a model from its prior."""
    if draws is not None and draws < 1:
        raise InputError(f"draws must be at least 1, got {draws}.")
    if isinstance(source, OdeModel):
        if posterior is not None:
            raise InputError("a posterior belongs to a problem: give the problem in place of the "
                             "model.")  # fmt: skip
        model = with_treatments(source, drug_targets(design.arms))
        return FromPrior(model, draws or 200, seed, design.spread)
    if posterior is None:
        raise InputError("a virtual trial of a problem needs its posterior; pass the model for a "
                         "trial from the prior.")  # fmt: skip
    return FromPosterior(source, posterior, draws, seed, design.spread)


def drug_targets(arms: Iterable[Arm]) -> set[str]:
    """List what the doses of the arms go into."""
    given = [a.regimen or Regimen() for a in arms]
    triggered = [t.dose for a in arms for t in a.triggers if t.dose is not None]
    events = [e for r in given for e in r.events if isinstance(e, Dose)]
    return {d.state for d in (*events, *triggered)}


def receptor_blocked(arms: Iterable[Arm]) -> bool:
    """Whether an arm blocks the receptor of IL-6: then serum IL-6 rises and its signal falls."""
    arms = tuple(arms)
    return "tocilizumab" in drug_targets(arms) or any(a.parameters.get("RO", 0) > 0 for a in arms)


def infused_states(model: OdeModel, arms: Iterable[Arm]) -> tuple[str, ...]:
    """States that any arm infuses into."""
    given = [model.schedule if a.regimen is None else a.regimen for a in arms]
    events = [e for r in given for e in r.events if isinstance(e, Dose)]
    events += [t.dose for a in arms for t in a.triggers if t.dose is not None]
    return tuple(sorted({e.state for e in events if e.rate is not None or e.duration != 0.0}))


class Bench:
    """All arms ready for the engine, with what is asked of them.

    Parameters
    ----------
    design : Design
    patients : Patients
    plans : sequence of Plan
    endpoints : sequence of Endpoint
    grades : Grades, optional
    """

    def __init__(
        self,
        design: Design,
        patients: Patients,
        plans: Sequence[Plan],
        grades: Grades | None,
    ) -> None:
        self.design, self.patients, self.plans, self.grades = design, patients, plans, grades
        model = plans[0].model
        self.endpoints = design.endpoints or default_endpoints(model, grades)
        check_endpoints(self.endpoints, model, grades, design.arms, float(plans[0].times[-1]))

    @classmethod
    def of(
        cls,
        design: Design,
        patients: Patients,
        grades: Grades | None = None,
        options: SolverOptions | None = None,
        decisions: Sequence[str] = (),
    ) -> Bench:
        """Couple drugs, extend the model, compile every arm."""
        base = with_treatments(patients.model, drug_targets(design.arms))
        for arm in design.arms:
            check_arm(arm, base, decisions)
        model = extended(base, design.arms, decisions)
        times = grid(design, model)
        settings = options or OPTIONS
        infused, block = infused_states(model, design.arms), min(BLOCK, design.n)
        plans = [
            Plan(model, arm, times, settings, infused=infused, block=block).prepare()
            for arm in design.arms
        ]
        if grades is None:
            grades = (
                default_grades(base) if design.grading is None else AssumedGrades(design.grading)
            )
        return cls(design, patients, plans, grades)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the endpoints rest on."""
        asked = any(e.kind == "grade" for e in self.endpoints)
        label = self.grades.label if asked and self.grades is not None else ""
        return (label[:1].upper() + label[1:] + ".",) if label else ()

    def theta(self, draw: int, arm: Arm, values: Mapping[str, float] | None = None) -> Array:
        """Parameters of the patients in one arm, of the extended model."""
        source, model = self.patients.model, self.plans[0].model
        drawn = self.patients.theta(draw, self.design.n, arm.covariates)
        theta = np.tile(np.array(list(model.theta.values())), (len(drawn), 1))
        theta[:, [model.parameter_names.index(p) for p in source.parameter_names]] = drawn
        for name, value in {**arm.parameters, **(values or {})}.items():
            theta[:, model.parameter_names.index(name)] = value
        for name, factor in arm.factors.items():
            theta[:, model.parameter_names.index(name)] *= factor
        return theta

    def draw(self, draw: int) -> tuple[Array, Array]:
        """All arms for the patients of one draw.

        Returns
        -------
        float64[arm, patient, endpoint]
            Probability of each endpoint.
        bool[arm, patient]
            Where the equations could not be solved.
        """
        found, failed = [], []
        for plan in self.plans:
            course = plan.run(self.theta(draw, plan.arm))
            found.append(answers(self.endpoints, course, self.grades, draw))
            failed.append(course.failed)
        return np.stack(found), np.stack(failed)


def grid(design: Design, model: OdeModel) -> Array:
    """Make the times at which courses are looked at, with those of the endpoints; float64[time]."""
    end = model.horizon if design.until is None else design.until
    step = end / STEPS if design.every is None else design.every
    count = max(int(np.ceil(end / step - 1e-9)), 1)
    even = np.minimum(step * np.arange(count + 1), end)
    asked = [e.time for e in design.endpoints if e.time is not None and 0 < e.time <= end]
    return np.unique(np.round(np.concatenate([even, asked]), 12))


def check_arm(arm: Arm, model: OdeModel, decisions: Sequence[str]) -> None:
    """Refuse parameters, values, states and signs that the model does not have."""
    for name in (*arm.parameters, *arm.factors):
        if name not in model.parameter_names:
            raise InputError(
                f"arm {arm.name}: model {model.name} has no parameter {name!r}; it has "
                f"{', '.join(model.parameter_names)}."
            )
    for name, value in arm.parameters.items():
        p = model.parameter(name)
        if not p.lower <= value <= p.upper:
            raise InputError(
                f"arm {arm.name}: {name} = {value:g} lies outside its bounds "
                f"[{p.lower:g}, {p.upper:g}] {p.unit}."
            )
    targets = drug_targets([arm]) | {t.withhold for t in arm.triggers if t.withhold}
    for state in sorted(targets - set(model.state_names)):
        raise InputError(
            f"arm {arm.name}: a dose into {state!r}, but model {model.name} has the states "
            f"{', '.join(model.state_names)}, and no hook for a drug of this name."
        )
    for trigger in arm.triggers:
        if trigger.observable not in model.observables:
            raise InputError(
                f"arm {arm.name}: a trigger reads {trigger.observable!r}, but model {model.name} "
                f"has {', '.join(model.observables)}."
            )


def run_draws(
    one: Callable[[int], Any], draws: int, workers: int | None, done: Done | None
) -> list[Any]:
    """Work on all draws in threads (the engine releases the GIL); results in their order.

    Ctrl-C ends the waiting draws and is passed on.
    """
    results = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        waiting = [pool.submit(one, d) for d in range(draws)]
        try:
            for k, future in enumerate(waiting):
                results.append(future.result())
                if done is not None:
                    done(k + 1, draws)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return results


def collect(results: Sequence[tuple[Array, Array]]) -> tuple[Array, Array, Array, Array]:
    """Reduce the patients of each draw to means and their Monte-Carlo variances.

    A patient who could not be solved in one arm is left out of all, so that pairs stay pairs.

    Returns
    -------
    expected, noise, paired : float64[draw, arm, endpoint]
        Mean over patients; variance of that mean by the finite number of patients; the same of
        the difference from the first arm.
    failed : int[draw, arm]
        Patients who could not be solved.
    """
    expected, noise, paired, failed = [], [], [], []
    for found, bad in results:
        kept = found[:, ~bad.any(axis=0)]
        count = kept.shape[1]
        empty = np.full((kept.shape[0], kept.shape[2]), np.nan)
        expected.append(kept.mean(axis=1) if count else empty)
        noise.append(kept.var(axis=1, ddof=1) / count if count > 1 else empty)
        difference = kept - kept[:1]
        paired.append(difference.var(axis=1, ddof=1) / count if count > 1 else empty)
        failed.append(bad.sum(axis=1))
    stacks = [np.stack(x) for x in (expected, noise, paired, failed)]
    return stacks[0], stacks[1], stacks[2], stacks[3]
