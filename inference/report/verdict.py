"""The verdict in plain words: every judging sentence of a report is computed here, from numbers.

Templates and figures state facts; only this module says what they mean, so that the text of a
report cannot contradict its tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from scipy.stats import binom

from ...datasets.wording import lowered, named_subjects
from ..percent import percent

__all__ = ["Coverage", "Evidence", "Level", "Tie", "Verdict", "judge"]

DISCLAIMER = "Nothing here is for deciding the care of a patient."

# A band that truly holds 90 % of values holds as few as were seen once in a hundred fits or less.
SURPRISING = 0.01
# Below this share of the prior's width removed, data did not speak about a parameter.
LEARNED = 0.1
# Above this correlation (of logarithms) only a combination of two parameters is known.
TIED = 0.95

# What a failed check means for the headline, and what the fit cannot say because of it.
PLAIN = {
    "vpc": "simulated data differ from the measured ones",
    "npde": "the distribution of prediction errors is wrong",
    "fit_quality": "the residuals show a trend or outliers",
    "posterior_predictive": "simulated courses differ from the measured ones",
    "gradient": "the gradient that guided the sampler is wrong",
}
INEXACT = "tolerance"
WITHHELD = {
    "vpc": "It cannot stand in for new data of such subjects.",
    "npde": "It cannot say how new values scatter.",
    "fit_quality": "It cannot say that what is left over is chance.",
    "posterior_predictive": "It cannot say what peaks and courses new data would have.",
    "tolerance": "It cannot say what these equations imply: a more exact solver gives another "
    "posterior; repeat it with a smaller --rtol.",
    "gradient": "It cannot say that the sampler went where the density is.",
    "sensitivity": "It cannot say what the data alone imply.",
    "identifiability": "It cannot tell some parameters apart.",
    "risk_calibration": "Its risks cannot be taken at face value.",
}


class Level(Enum):
    """What a reader may do with the numbers."""

    TRUSTED = "can be trusted"
    CAUTION = "read with care"
    REFUSED = "not to be used yet"


@dataclass(frozen=True)
class Coverage:
    """How many measured values of one observable lie inside their 90 % predictive interval."""

    observable: str
    inside: int
    total: int

    @property
    def surprising(self) -> bool:
        """Whether so few inside would happen less than once in a hundred fits of a true model."""
        return self.total > 0 and float(binom.cdf(self.inside, self.total, 0.9)) < SURPRISING


@dataclass(frozen=True)
class Tie:
    """Correlation of two parameters, of their logarithms when both are positive."""

    first: str
    second: str
    correlation: float
    logarithmic: bool = True

    @property
    def known(self) -> str:
        """The combination that the data determine best."""
        if not self.logarithmic:
            return "combination"
        return "ratio" if self.correlation > 0 else "product"


@dataclass(frozen=True)
class Evidence:
    """The numbers a verdict rests on.

    Parameters
    ----------
    converged : bool
    convergence : str
        Sentence of `checks.convergence`.
    few_draws : tuple of str
        Subjects whose effects alone have not converged.
    draws : int
        Kept draws, all chains.
    interrupted : bool
        The run was stopped before its last draw.
    coverage : sequence of Coverage
    learned : mapping of parameter to float
        Share of the prior's width that the data removed, ``1 - sd(posterior) / sd(prior)``.
    ties : sequence of Tie
    unpublished : sequence of str
        Parameters held fixed at values that are calibrated or assumed, not published.
    blind : sequence of str
        Sentences on directions that no fitted observable can see (`Problem.blind_directions`).
    modes : str
        Sentence of `checks.modes` if chains sit apart, else empty.
    approximation : str
        Method of `quick`, if these are its draws; else empty.
    findings : sequence of str
        What the fit says about that for which it was made, such as a risk.
    failed : mapping of check to str
        Sentences of the checks that the fit does not pass, by name.
    unchecked : sequence of str
        Titles of the checks that could not be made.
    """

    converged: bool
    convergence: str
    draws: int
    interrupted: bool = False
    few_draws: tuple[str, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    learned: Mapping[str, float] = field(default_factory=dict)
    ties: tuple[Tie, ...] = ()
    unpublished: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    modes: str = ""
    approximation: str = ""
    findings: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()

    @property
    def missed(self) -> list[str]:
        """What speaks against the model or the numbers, in words for the headline."""
        seen = [c.observable for c in self.coverage if c.surprising]
        found = [f"the model misses {_listed(seen)}"] if seen else []
        if self.few_draws:
            found.insert(0, f"the effects of {named_subjects(self.few_draws)} did not")
        return [*found, *(PLAIN[n] for n in self.failed if n in PLAIN)]


@dataclass(frozen=True)
class Verdict:
    """A level, one headline, the reasons for it, what the fit says and what it cannot say."""

    level: Level
    headline: str
    reasons: tuple[str, ...]
    limits: tuple[str, ...]
    findings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All sentences in one paragraph."""
        return " ".join((self.headline, *self.reasons, *self.findings, *self.limits))


def judge(evidence: Evidence) -> Verdict:
    """Turn numbers into a verdict.

    Parameters
    ----------
    evidence : Evidence

    Returns
    -------
    Verdict
        ``REFUSED`` when the sampler did not converge or was stopped, when the draws are an
        approximation or the solver is not exact enough; ``CAUTION`` when curves miss the data or
        a predictive check or the gradient fails, or when effects of few subjects need more
        draws; else ``TRUSTED``. A refused fit says nothing.
    """
    level = _level(evidence)
    reasons = (
        *_interrupted(evidence),
        evidence.convergence,
        *((evidence.modes,) if evidence.modes else ()),
        *_advice(evidence),
        *_coverage(evidence),
    )
    limits = (
        *_failed(evidence),
        *evidence.blind,
        *_unlearned(evidence),
        *_ties(evidence),
        *_unpublished(evidence),
        *_unchecked(evidence),
    )
    said = () if level is Level.REFUSED else evidence.findings
    return Verdict(level, _headline(level, evidence), reasons, limits, said)


def _level(evidence: Evidence) -> Level:
    if evidence.interrupted or evidence.modes or not evidence.converged:
        return Level.REFUSED
    if evidence.approximation or INEXACT in evidence.failed:
        return Level.REFUSED
    if evidence.missed:
        return Level.CAUTION
    return Level.TRUSTED


def _headline(level: Level, evidence: Evidence) -> str:
    if level is Level.TRUSTED:
        return "This fit can be trusted as a description of these data."
    if level is Level.REFUSED:
        if evidence.approximation:
            return f"A quick look by {evidence.approximation}: do not use these numbers."
        if evidence.modes:
            return "Do not use these numbers: the chains sit in different places."
        if evidence.interrupted or not evidence.converged:
            why = "was stopped early" if evidence.interrupted else "did not converge"
            return f"Do not use these numbers yet: the sampling {why}."
        return "Do not use these numbers yet: the solver was not exact enough for them."
    return f"Read with care: the sampling converged, but {_joined(evidence.missed)}."


def _failed(evidence: Evidence) -> tuple[str, ...]:
    return tuple(f"{WITHHELD[n]} {s}" for n, s in evidence.failed.items() if n in WITHHELD)


def _unchecked(evidence: Evidence) -> tuple[str, ...]:
    if not evidence.unchecked:
        return ()
    return (f"Not checked in this report: {_listed([lowered(t) for t in evidence.unchecked])}.",)


def _joined(clauses: list[str]) -> str:
    return clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])} and {clauses[-1]}"


def _interrupted(evidence: Evidence) -> tuple[str, ...]:
    if not evidence.interrupted:
        return ()
    kept = _count(evidence.draws, "draw")
    return (f"It was interrupted with {kept} kept; resume or repeat it before quoting it.",)


def _advice(evidence: Evidence) -> tuple[str, ...]:
    if few := evidence.few_draws:
        return (f"Draw more before quoting what it says of {named_subjects(few)} (--draws 4000).",)
    if evidence.converged or evidence.interrupted:
        return ()
    if evidence.approximation:
        return ("Fit the same analysis without --quick before quoting anything.",)
    if evidence.modes:
        return (
            "Look for what the data leave open (a sign, an order, an exchange of parameters) and "
            "rule it out by priors or fixed values, or report each mode by itself.",
        )
    again = "Repeat it with more draws, or with smaller steps (--draws 4000 --target-accept 0.99)"
    if "identifiability" in evidence.failed:
        return (
            f"{again}; where chains are slow because the data leave parameters open, as named "
            "below, more draws mend little: fix one of them or give it a prior that you can "
            "defend.",
        )
    return (f"{again}.",)


def _coverage(evidence: Evidence) -> tuple[str, ...]:
    total = sum(c.total for c in evidence.coverage)
    if not total:
        return ()
    inside = sum(c.inside for c in evidence.coverage)
    overall = (
        f"{inside} of {total} measured values ({percent(inside / total)}) lie inside their "
        "90 % predictive intervals"
    )
    missed = [c for c in evidence.coverage if c.surprising]
    if evidence.approximation:
        return (f"{overall}.",)
    if not evidence.converged:
        return (f"{overall}, which says little before the chains converge.",)
    if not missed:
        return (f"{overall}, as they should when the model describes the data.",)
    worst = ", ".join(f"{c.observable} {c.inside} of {c.total}" for c in missed)
    return (f"{overall}; too few for {worst}.",)


def _unlearned(evidence: Evidence) -> tuple[str, ...]:
    silent = [name for name, share in evidence.learned.items() if share < LEARNED]
    if not silent:
        return ()
    whose = "its" if len(silent) == 1 else "their"
    return (
        f"The data say almost nothing about {_listed(silent)}: {whose} posterior repeats the "
        "prior and is not a finding.",
    )


def _ties(evidence: Evidence) -> tuple[str, ...]:
    return tuple(
        f"{t.first} and {t.second} are tied together (correlation {t.correlation:.2f}): their "
        f"{t.known} is better known than each value."
        for t in evidence.ties
        if abs(t.correlation) > TIED
    )


def _unpublished(evidence: Evidence) -> tuple[str, ...]:
    names = evidence.unpublished
    if not names:
        return ()
    held = "1 parameter is" if len(names) == 1 else f"{len(names)} parameters are"
    which = "a calibrated or assumed value, which is no finding"
    return (f"{held} held fixed at {which}: {_listed(names)}.",)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _listed(names: tuple[str, ...] | list[str], most: int = 6) -> str:
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
