"""Which checks a report makes of a fit; one that cannot be made says why in its place."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ...datasets.errors import InputError
from ...datasets.wording import lowered
from ..checks.check import Check
from ..populations.hierarchy import Hierarchical

if TYPE_CHECKING:
    import xarray as xr

    from ..problem import Problem
    from ..statements import Assessment

__all__ = [
    "Absent",
    "Entry",
    "Planned",
    "absent",
    "assess",
    "computed",
    "failing",
    "findings",
    "made",
    "planned",
]

SETS = 200  # simulated data sets; draws that medians are taken over
EXACT_DRAWS = 40  # solved again with tighter tolerances
WAYS = 2  # draws at which the gradient is compared
SLOW = (
    "The gradient of a population model takes minutes to compare; it was not. From Python: "
    "gradient(problem, tree)."
)
RESPONSE = "response"  # section of which each check says what a fit was made for
ANSWERS = ("risk_by_grade", "risk_scores")  # those of other sections
Told = Callable[[str], None]


@dataclass(frozen=True)
class Absent:
    """A check that could not be made, in its place.

    Parameters
    ----------
    name, title : str
        As of a `Check`.
    sentence : str
        Why.
    """

    name: str
    title: str
    sentence: str


Entry = Check | Absent


@dataclass(frozen=True)
class Planned:
    """A check to be made.

    Parameters
    ----------
    section : str
        Of the report.
    name, title : str
        As of the `Check`.
    make : callable
        Makes it, or raises an InputError that says why it cannot.
    """

    section: str
    name: str
    title: str
    make: Callable[[], Check]


def assess(
    problem: Problem,
    tree: xr.DataTree,
    *,
    seed: int,
    stated: Assessment | None = None,
    stratify: str = "",
    told: Told = lambda text: None,
) -> dict[str, tuple[Entry, ...]]:
    """Make the checks that fit this kind of fit.

    Parameters
    ----------
    problem : Problem
    tree : DataTree
        From `fit`.
    seed : int
        Of simulated data.
    stated : Assessment, optional
        What the authors state.
    stratify : str
        Panels of the visual predictive check, see `strata`.
    told : callable
        Told before each check what is being done.

    Returns
    -------
    dict of section to tuple of Check or Absent
        In the order of the page.
    """
    from .outcome import outcome_checks

    found = made(planned(problem, tree, seed, stratify), told)
    for section, entries in outcome_checks(problem, tree, seed=seed, told=told).items():
        found[section] = (*found.get(section, ()), *entries)
    judged = [e for part in found.values() for e in part if isinstance(e, Check)]
    last = Planned(
        "credibility", "credibility", "Credibility",
        lambda: _credibility(problem, tree, judged, stated),
    )  # fmt: skip
    return found | made([last], told)


def planned(problem: Problem, tree: xr.DataTree, seed: int, stratify: str = "") -> list[Planned]:
    """List the checks of a fit, by what was fitted to what."""
    return [
        *_prior(problem, seed),
        *_predictive(problem, tree, seed, stratify or None),
        *_sensitive(problem, tree),
        *_joint(problem, tree),
    ]


def made(checks: list[Planned], told: Told) -> dict[str, tuple[Entry, ...]]:
    """Make checks, each for itself."""
    found: dict[str, tuple[Entry, ...]] = {}
    for check in checks:
        told(f"checking: {lowered(check.title)}")
        found[check.section] = (*found.get(check.section, ()), computed(check))
    return found


def computed(check: Planned) -> Entry:
    """Make one check; whatever goes wrong is told in its place, never thrown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check.make()
    except InputError as error:
        return Absent(check.name, check.title, f"Not computed: {error}")
    except Exception as error:  # noqa: BLE001  a report of the rest is better than none
        kind = type(error).__name__
        return Absent(check.name, check.title, f"Not computed, it failed ({kind}: {error}).")


def _prior(problem: Problem, seed: int) -> Iterator[Planned]:
    """Look at what the priors alone predict: a remark, which no verdict rests on."""
    from ..checks.prior_predictive import prior_predictive

    yield Planned(
        "prior", "prior_predictive", "Prior predictive check",
        lambda: prior_predictive(problem, draws=SETS, seed=seed),
    )  # fmt: skip


def _predictive(
    problem: Problem, tree: xr.DataTree, seed: int, by: str | None
) -> Iterator[Planned]:
    """Compare with simulated data; published means have neither series nor residuals."""
    from ..checks.fit_quality import fit_quality
    from ..checks.npde import npde
    from ..checks.predictive import posterior_predictive
    from ..checks.vpc import vpc

    section = "predictive"
    if problem.data.is_aggregated:
        yield Planned(
            section, "posterior_predictive", "Posterior predictive check",
            lambda: posterior_predictive(problem, tree, draws=SETS, seed=seed),
        )  # fmt: skip
        return
    corrected = _doses_differ(problem)
    yield Planned(
        section, "vpc", "Visual predictive check",
        lambda: vpc(problem, tree, draws=SETS, seed=seed, corrected=corrected, by=by),
    )  # fmt: skip
    yield Planned(
        section, "npde", "Normalized prediction distribution errors",
        lambda: npde(problem, tree, draws=2 * SETS, seed=seed),
    )  # fmt: skip
    yield Planned(
        section, "fit_quality", "Goodness of fit", lambda: fit_quality(problem, tree, draws=SETS)
    )
    yield Planned(
        section, "posterior_predictive", "Posterior predictive check",
        lambda: posterior_predictive(problem, tree, draws=SETS, seed=seed),
    )  # fmt: skip


def _doses_differ(problem: Problem) -> bool:
    """Whether subjects got different amounts, which a plain VPC would mix."""
    return len(set(problem.arrangement.regimens)) > 1


def _sensitive(problem: Problem, tree: xr.DataTree) -> Iterator[Planned]:
    """Ask whether other priors, rows or tolerances would give another posterior."""
    from ..checks.gradient import gradient
    from ..checks.identifiability import identifiability
    from ..checks.loo import loo
    from ..checks.sensitivity import sensitivity
    from ..checks.shrinkage import shrinkage
    from ..checks.tolerance import tolerance

    section, population = "sensitivity", isinstance(problem.family, Hierarchical)
    yield Planned(
        section, "sensitivity", "Sensitivity to priors", lambda: sensitivity(problem, tree)
    )
    yield Planned(
        section, "identifiability", "Identifiability", lambda: identifiability(problem, tree)
    )
    if population:
        yield Planned(
            section, "shrinkage", "Shrinkage", lambda: shrinkage(problem, tree, draws=SETS)
        )
    yield Planned(section, "loo", "Leave-one-out", lambda: loo(tree, problem))
    if not problem.model.is_closed_form:
        yield Planned(
            section, "tolerance", "Tolerance of the solver",
            lambda: tolerance(problem, tree, draws=EXACT_DRAWS),
        )  # fmt: skip
    yield Planned(
        section, "gradient", "Gradient",
        _too_slow if population else lambda: gradient(problem, tree, draws=WAYS),
    )  # fmt: skip


def _joint(problem: Problem, tree: xr.DataTree) -> Iterator[Planned]:
    """Show the curve of each outcome that was fitted together with its exposure."""
    from ..measuring.outcome_error import Outcome
    from ..response.jointly import JOINT, joint_response

    for name, error in problem.errors.items():
        if isinstance(error, Outcome):
            yield Planned(
                RESPONSE, f"{JOINT}{name}", f"{name} by {problem.targets[name]}",
                partial(joint_response, problem, tree, name),
            )  # fmt: skip


def _too_slow() -> Check:
    raise InputError(SLOW)


def _credibility(
    problem: Problem, tree: xr.DataTree, checks: list[Check], stated: Assessment | None
) -> Check:
    from ..checks.credibility import credibility

    return credibility(problem, tree, checks, stated)


def failing(checks: Mapping[str, tuple[Entry, ...]]) -> dict[str, str]:
    """Sentences of the checks that a fit does not pass, by name."""
    every = [e for part in checks.values() for e in part]
    return {e.name: e.sentence for e in every if isinstance(e, Check) and e.good is False}


def findings(checks: Mapping[str, tuple[Entry, ...]]) -> tuple[str, ...]:
    """Sentences of the checks that say what a fit was made for."""
    return tuple(
        e.sentence
        for section, part in checks.items()
        for e in part
        if isinstance(e, Check) and (section == RESPONSE or e.name in ANSWERS)
    )


def absent(checks: Mapping[str, tuple[Entry, ...]]) -> tuple[str, ...]:
    """Titles of the checks that could not be made."""
    return tuple(e.title for part in checks.values() for e in part if isinstance(e, Absent))
