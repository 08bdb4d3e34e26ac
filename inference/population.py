"""Populations: what the parameters of different subjects have to do with each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from ..datasets.errors import InputError
from ..models.distributions import Distribution
from .priors import random_variable

if TYPE_CHECKING:
    from .problem import Problem

__all__ = [
    "Independent",
    "Pooled",
    "Population",
    "individual_name",
    "occasion_name",
    "population_model",
]

Tensor = Any


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
        return {name: typical_value(problem, name) for name in problem.estimated}


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
        return {name: typical_value(problem, name, dims="subject") for name in problem.estimated}


def typical_value(problem: Problem, name: str, dims: str | None = None) -> Tensor:
    """Random variable with the prior and the bounds of a parameter."""
    lower, upper = problem.bounds(name)
    return random_variable(name, problem.all_priors[name], lower=lower, upper=upper, dims=dims)


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
