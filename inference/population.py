"""Populations: what the parameters of different subjects have to do with each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

from ..datasets.errors import InputError
from ..models.distributions import Distribution
from .priors import random_variable

__all__ = ["Independent", "Pooled", "Population", "population_model"]


@dataclass(frozen=True)
class Population(ABC):
    """How the parameter vectors of subjects are related (abstract)."""

    name: ClassVar[str]
    text: ClassVar[str]
    by_subject: ClassVar[bool]

    @abstractmethod
    def variable(self, name: str, prior: Distribution, lower: float, upper: float) -> Any:
        """Add an estimated parameter to the PyMC model of the context.

        Parameters
        ----------
        name : str
        prior : Distribution
        lower, upper : float
            Bounds of the parameter, in its unit.

        Returns
        -------
        TensorVariable, shape () or (subject,)
        """


@final
@dataclass(frozen=True)
class Pooled(Population):
    """All subjects share one parameter vector; they differ by their doses and times only."""

    name: ClassVar[str] = "pooled"
    text: ClassVar[str] = "one parameter vector for all subjects"
    by_subject: ClassVar[bool] = False

    def variable(self, name: str, prior: Distribution, lower: float, upper: float) -> Any:
        """One number."""
        return random_variable(name, prior, lower=lower, upper=upper)


@final
@dataclass(frozen=True)
class Independent(Population):
    """Each subject has a parameter vector of its own, with the same priors.

    Residual standard deviations are shared: they belong to the assay, not to the subject.
    """

    name: ClassVar[str] = "independent"
    text: ClassVar[str] = "one parameter vector for each subject, not related a priori"
    by_subject: ClassVar[bool] = True

    def variable(self, name: str, prior: Distribution, lower: float, upper: float) -> Any:
        """One number for each subject."""
        return random_variable(name, prior, lower=lower, upper=upper, dims="subject")


POPULATIONS: dict[str, Population] = {p.name: p for p in (Pooled(), Independent())}


def population_model(given: str | Population) -> Population:
    """Find a population by name.

    Parameters
    ----------
    given : str or Population
        ``"pooled"``, ``"independent"``, or one already.

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
    if given in POPULATIONS:
        return POPULATIONS[given]
    raise InputError(f"no population is called {given!r}; there are {', '.join(POPULATIONS)}.")
