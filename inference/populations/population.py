"""Populations: what the parameters of different subjects have to do with each other."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from ...datasets.errors import InputError
from ...models.distributions import Distribution
from ..priors import random_variable
from .order import bounded_variable, drawing_order

if TYPE_CHECKING:
    from ...datasets.study import Study
    from ...models.ode import OdeModel
    from ..problem import Problem

__all__ = [
    "Effort",
    "Independent",
    "Pooled",
    "Population",
    "individual_name",
    "occasion_name",
    "population_model",
]

Tensor = Any


@final
@dataclass(frozen=True)
class Effort:
    """How hard to work by default.

    Parameters
    ----------
    draws, tune : int
        Kept draws and warm-up draws of each chain; twice as many are kept where it takes them.
    target_accept : float
        Mean acceptance that the step size is tuned to.
    rtol : float
        Relative tolerance of the integrator; `checks.tolerance` tells whether it was enough.
    """

    draws: int
    tune: int
    target_accept: float
    rtol: float

    def draws_between(self, draws: int | None, max_draws: int | None) -> tuple[int, int]:
        """Kept draws of a chain, and as many at most; None: by default.

        Raises
        ------
        InputError
            If there may be fewer than there shall be.
        """
        wanted = self.draws if draws is None else draws
        most = (2 * wanted if draws is None else wanted) if max_draws is None else max_draws
        if most < wanted:
            raise InputError(f"max_draws = {most}: must be at least the {wanted} draws of a chain")
        return wanted, most


def individual_name(parameter: str) -> str:
    """Name of the values of a parameter in each subject."""
    return f"{parameter}_individual"


def occasion_name(parameter: str) -> str:
    """Name of the values of a parameter in each occasion of each subject."""
    return f"{parameter}_occasion"


@dataclass(frozen=True)
class Population(ABC):
    """How the parameter vectors of subjects are related (abstract)."""

    name: ClassVar[str]
    text: ClassVar[str]
    by_subject: ClassVar[bool]
    effort: ClassVar[Effort] = Effort(2000, 1000, 0.95, 1e-6)

    @abstractmethod
    def variables(self, problem: Problem) -> dict[str, Tensor]:
        """Add all estimated parameters to the PyMC model of the context.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        dict of name to TensorVariable, shape (), (subject,) or (subject, occasion)
            Values with which each subject's equations are solved.
        """

    def priors(self, problem: Problem) -> dict[str, Distribution]:
        """Priors of what the population adds to the parameters of the model; none by default."""
        return {}

    def unit(self, problem: Problem, name: str) -> str:
        """Look up the unit of one of `priors`."""
        return ""

    def bounds(self, problem: Problem, name: str) -> tuple[float, float]:
        """Bounds of one of `priors`: spreads are positive."""
        return 0.0 if name.endswith(("_omega", "_iov")) else -math.inf, math.inf

    def resolved(self, study: Study, model: OdeModel) -> Population:
        """Complete what data and model decide; nothing by default."""
        return self

    def sentences(self, problem: Problem) -> tuple[str, ...]:
        """Say what is not in the priors, one line each; nothing by default."""
        return ()

    def between_occasions(self, problem: Problem) -> tuple[str, ...]:
        """Parameters that vary between the occasions of a subject; none by default."""
        return ()

    def check(self, problem: Problem) -> None:  # noqa: B027 (most have nothing to refuse)
        """Refuse settings that do not fit the problem."""

    def describe(self) -> dict[str, Any]:
        """Write the settings as plain data; they count in the id of a problem."""
        return {"name": self.name}


@final
@dataclass(frozen=True)
class Pooled(Population):
    """All subjects share one parameter vector; they differ by their doses and times only."""

    name: ClassVar[str] = "pooled"
    text: ClassVar[str] = "one parameter vector for all subjects"
    by_subject: ClassVar[bool] = False

    def variables(self, problem: Problem) -> dict[str, Tensor]:
        """One number for each parameter."""
        return typical_values(problem)


@final
@dataclass(frozen=True)
class Independent(Population):
    """Each subject has a parameter vector of its own, with the same priors.

    Residual standard deviations are shared: they belong to the assay, not to the subject.
    """

    name: ClassVar[str] = "independent"
    text: ClassVar[str] = "one parameter vector for each subject, not related a priori"
    by_subject: ClassVar[bool] = True

    def variables(self, problem: Problem) -> dict[str, Tensor]:
        """One number for each parameter and subject."""
        return typical_values(problem, dims="subject")


def typical_values(problem: Problem, dims: str | None = None) -> dict[str, Tensor]:
    """Random variables with the priors, bounds and order of the estimated parameters."""
    drawn: dict[str, Tensor] = {}
    for name in drawing_order(problem):
        if name in problem.above:
            drawn[name] = bounded_variable(problem, name, drawn, dims)
            continue
        prior, (lower, upper) = problem.all_priors[name], problem.bounds(name)
        drawn[name] = random_variable(name, prior, lower=lower, upper=upper, dims=dims)
    return drawn


def population_model(given: str | Population) -> Population:
    """Find a population by name.

    Parameters
    ----------
    given : str or Population
        ``"pooled"``, ``"independent"``, ``"hierarchical"``, or one already.

    Returns
    -------
    Population

    Raises
    ------
    InputError
        If the name is unknown.
    """
    if isinstance(given, Population):
        return given
    from .hierarchy import Hierarchical

    known: Mapping[str, type[Population]] = {p.name: p for p in (Pooled, Independent, Hierarchical)}
    if given in known:
        return known[given]()
    raise InputError(f"no population is called {given!r}; there are {', '.join(known)}.")
