"""`Hierarchical`: individual parameters around typical values, with covariates and correlations.

On the scale of its parameter (logarithm of a positive one, logit of a bounded one, else natural)
subject ``i`` has ``g(theta_i) = g(theta) + shift(covariates_i) + eta_i`` with ``eta_i`` of standard
deviation ``omega``. Whether the sampler moves ``eta / omega`` (non-centered), ``g(theta_i)``
(centered) or something between changes its speed and not the posterior. With a degree ``c`` from
0 to 1 and ``m = g(theta) + shift`` it moves ``x ~ Normal(c m, omega ** c)``, and the individual
value is ``m + omega ** (1 - c) (x - c m)``. The degrees are data of the PyMC model, so that the
pilot can set one for each parameter and subject without compiling anything anew.

A parameter may also vary between the occasions of a subject: in occasion ``k`` it has
``g(theta_ik) = g(theta_i) + kappa_ik``, ``kappa_ik`` of standard deviation ``iov``, non-centered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from ...datasets.errors import InputError
from ...models.distributions import Distribution, HalfNormal
from ..measuring.arms import check_arms, effect_shares
from ..priors import random_variable
from .covariates import Effect
from .population import Effort, Population, individual_name, occasion_name, typical_values
from .scales import Scale, scale_of, spread_unit, unit_of

if TYPE_CHECKING:
    from ...datasets.study import Study
    from ...models.ode import OdeModel
    from ..problem import Problem

__all__ = [
    "CENTERING",
    "INTERNAL",
    "STUDENT",
    "Hierarchical",
    "scale_of",
    "spread_unit",
]

Tensor = Any
CENTERING = "centering"  # degrees, float64[parameter, subject], as data of the PyMC model
INTERNAL = ("_z", "_block")  # endings of what the sampler moves, not kept in a posterior
BETWEEN_OCCASIONS = 0.3  # scale of the default prior of a spread between occasions
WIDE = 0.6  # typical spread beyond which the default prior of omega is wider
STUDENT = 4.0  # degrees of freedom of heavy-tailed effects
SHAPES = ("normal", "student")


@final
@dataclass(frozen=True)
class Hierarchical(Population):
    """Individual parameters around typical values.

    Parameters
    ----------
    varying : sequence of str, optional
        Parameters that differ between subjects; default: the estimated ones for which the model
        states a spread (`Parameter.iiv`), or all estimated ones if it states none.
    omega : mapping of parameter to Distribution
        Prior of ``<parameter>_omega``, the standard deviation between subjects on the parameter's
        scale (of a Student-t its scale, 1.41 times smaller). Default: half-normal with 0.5, or 1
        where the model states a spread above 0.6.
    effects : sequence of Effect
        Covariates.
    correlated : sequence of str
        Varying parameters with a joint LKJ(2) correlation, posterior ``omega_correlation``.
    shapes : mapping of parameter to {"normal", "student"}
        Distribution of the effects; Student's t has four degrees of freedom.
    centered : sequence of str, optional
        Parameters that are sampled centered, and no other; default: degrees chosen by `fit`.
    occasions : sequence of str
        Estimated parameters that vary between the occasions of a subject, with the standard
        deviation ``<parameter>_iov`` (half-normal with 0.3) and the effects ``<parameter>_kappa``.
        They need a column ``occasion`` in the measurements.
    """

    name: ClassVar[str] = "hierarchical"
    text: ClassVar[str] = "individual parameters around typical values"
    by_subject: ClassVar[bool] = True
    # At an acceptance of 0.8 a small population diverged. Of 40 patients of the cascade a gradient
    # costs a third less at 1e-4 than at 1e-5, and a tighter solver moves log likelihoods by 0.03.
    effort: ClassVar[Effort] = Effort(700, 250, 0.9, 1e-4)

    varying: tuple[str, ...] | None = None
    omega: Mapping[str, Distribution] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    correlated: tuple[str, ...] = ()
    shapes: Mapping[str, str] = field(default_factory=dict)
    centered: tuple[str, ...] | None = None
    occasions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the sequences."""
        for name in ("varying", "effects", "correlated", "centered", "occasions"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else tuple(value))

    def __hash__(self) -> int:
        """Hash of the settings."""
        return hash(repr(self))

    def of(self, problem: Problem) -> tuple[str, ...]:
        """Parameters that differ between subjects, in the order of the model."""
        if self.varying is not None:
            return tuple(n for n in problem.estimated if n in self.varying)
        spread = [n for n in problem.estimated if problem.model.parameter(n).iiv > 0]
        return tuple(spread or problem.estimated)

    def resolved(self, study: Study, model: OdeModel) -> Hierarchical:
        """Choose the forms and priors of covariate effects that were left open."""
        units = {p.name: unit_of(p) for p in model.parameters}
        chosen = (e.resolved(study, units.get(e.parameter, 1.0)) for e in self.effects)
        return replace(self, effects=tuple(chosen))

    def bounds(self, problem: Problem, name: str) -> tuple[float, float]:
        """Bounds of a spread, or of the coefficient of a covariate."""
        for effect in self.effects:
            if name in effect.coefficients(problem.data):
                return effect.bounds(problem.data)
        return super().bounds(problem, name)

    def sentences(self, problem: Problem) -> tuple[str, ...]:
        """Covariate effects, and what varies between occasions."""
        lines = []
        for e in self.effects:
            lines.append(e.sentence(problem.data, scale_of(*problem.bounds(e.parameter)).name))
            if e.name in problem.all_priors:
                lines.append(e.prior_sentence(problem.data, problem.all_priors[e.name]))
        lines = [line for line in lines if line]
        if occasions := problem.arrangement.occasions:
            names, labels = ", ".join(occasions.parameters), ", ".join(occasions.labels)
            lines.append(f"{names} also varies between the occasions {labels}")
        return tuple(lines)

    def between_occasions(self, problem: Problem) -> tuple[str, ...]:
        """Parameters that vary between occasions, in the order of the model."""
        return tuple(n for n in problem.estimated if n in self.occasions)

    def check(self, problem: Problem) -> None:
        """Refuse names that are not estimated parameters, and unknown covariates."""
        for n in self.occasions:
            if n not in problem.estimated:
                raise InputError(
                    f"population, occasions: {n!r} is not estimated. Those that are: "
                    f"{', '.join(problem.estimated)}."
                )
        varying = self.of(problem)
        groups = {"varying": self.varying or (), "omega": self.omega, "shapes": self.shapes,
                  "correlated": self.correlated, "centered": self.centered or ()}  # fmt: skip
        for what, names in groups.items():
            for n in names:
                if n not in varying:
                    raise InputError(
                        f"population, {what}: {n!r} does not vary between subjects. Those that "
                        f"can are {', '.join(problem.estimated)}."
                    )
        for effect in self.effects:
            if effect.parameter not in problem.estimated:
                raise InputError(
                    f"effect of {effect.covariate}: {effect.parameter!r} is not estimated."
                )
            effect.check(problem.data)
        for n, shape in self.shapes.items():
            if shape not in SHAPES or n in self.correlated:
                raise InputError(
                    f"population, shapes: {n} can be {' or '.join(SHAPES)}, and normal when it is "
                    "correlated."
                )
        if len(self.correlated) == 1:
            raise InputError("population: a correlation needs two parameters.")
        if len(problem.arrangement.subjects) < 2:
            raise InputError("a hierarchical population needs at least two subjects.")
        heavy = any(shape != "normal" for shape in self.shapes.values())
        check_arms(problem, plain=not heavy and not self.occasions)

    def priors(self, problem: Problem) -> dict[str, Distribution]:
        """Priors of spreads and of covariate effects."""
        chosen: dict[str, Distribution] = {}
        for n in self.of(problem):
            parameter = problem.model.parameter(n)
            width = (1.0 if parameter.iiv > WIDE else 0.5) * spread_unit(problem, n)
            chosen[f"{n}_omega"] = self.omega.get(n, HalfNormal(width))
        for n in self.between_occasions(problem):
            chosen[f"{n}_iov"] = HalfNormal(BETWEEN_OCCASIONS * spread_unit(problem, n))
        for effect in self.effects:
            for coefficient in effect.coefficients(problem.data):
                if coefficient in chosen or coefficient in problem.model.parameter_names:
                    raise InputError(
                        f"effect of {effect.covariate} on {effect.parameter}: the name of its "
                        f"coefficient, {coefficient}, is taken. Rename the covariate."
                    )
                unit = spread_unit(problem, effect.parameter)
                prior = effect.resolved(problem.data, unit).prior
                assert prior is not None
                chosen[coefficient] = prior
        return chosen

    def unit(self, problem: Problem, name: str) -> str:
        """Spreads have a unit only on the natural scale of a parameter; coefficients have none."""
        parameter, _, kind = name.rpartition("_")
        varying = {"omega": self.of(problem), "iov": self.between_occasions(problem)}
        if parameter in varying.get(kind, ()):
            natural = scale_of(*problem.bounds(parameter)).name == "natural"
            return problem.model.parameter(parameter).unit if natural else ""
        return ""

    def describe(self) -> dict[str, Any]:
        """Collect the settings that change the posterior; the centering does not."""
        return {"name": self.name, "settings": repr(replace(self, centered=None, omega={}))}

    def variables(self, problem: Problem) -> dict[str, Tensor]:
        """Typical values, spreads, effects; the result holds the values of each subject."""
        spread = self._spreads(problem)
        degrees = dict(zip(self.of(problem), self._degrees(problem), strict=True))
        typicals, result = typical_values(problem), {}
        for n in problem.estimated:
            typical = typicals[n]
            moved = [e for e in self.effects if e.parameter == n]
            if n not in spread and not moved and n not in self.occasions:
                result[n] = typical
                continue
            scale = scale_of(*problem.bounds(n))
            center = scale.forward(typical, pt.log) + pt.zeros(len(problem.arrangement.subjects))
            for effect in moved:
                center = center + self._shift(problem, effect)
            g = self._individual(n, center, spread[n], degrees[n]) if n in spread else center
            if (share := effect_shares(problem)).min() < 1:
                g = center + (g - center) * share
            pm.Deterministic(f"{n}_eta", g - center, dims="subject")
            value = scale.back(g, pt.exp)
            result[n] = pm.Deterministic(individual_name(n), value, dims="subject")
            if n in self.occasions:
                result[n] = self._by_occasion(problem, n, g, scale)
        return result

    def _by_occasion(self, problem: Problem, name: str, g: Tensor, scale: Scale) -> Tensor:
        """Values of a parameter in each occasion of each subject."""
        dims = ("subject", "occasion")
        width = random_variable(f"{name}_iov", problem.all_priors[f"{name}_iov"], lower=0.0)
        kappa = width * pm.Normal(f"{name}_kappa_z", dims=dims)
        pm.Deterministic(f"{name}_kappa", kappa, dims=dims)
        value = scale.back(g[:, None] + kappa, pt.exp)
        return pm.Deterministic(occasion_name(name), value, dims=dims)

    def _shift(self, problem: Problem, effect: Effect) -> Tensor:
        names = effect.coefficients(problem.data)
        low, high = effect.bounds(problem.data)
        betas = {b: random_variable(b, problem.all_priors[b], lower=low, upper=high) for b in names}
        return effect.shift(problem.data, betas, pt.log)

    def _spreads(self, problem: Problem) -> dict[str, Tensor]:
        """Add spreads of varying parameters; for correlated ones, their whole effect."""
        names = self.of(problem)
        plain = [n for n in names if n not in self.correlated]
        spread = {
            n: random_variable(f"{n}_omega", problem.all_priors[f"{n}_omega"], lower=0.0)
            for n in plain
        }
        return spread | self._block(problem, [n for n in names if n in self.correlated])

    def _block(self, problem: Problem, names: list[str]) -> dict[str, Tensor]:
        """Effects of correlated parameters; tensors of shape (subject,)."""
        if not names:
            return {}
        sds = []
        for n in names:
            prior = problem.all_priors[f"{n}_omega"]
            if not isinstance(prior, HalfNormal):
                raise InputError(f"{n}_omega: a correlated parameter needs a half-normal prior.")
            sds.append(prior.sd)
        factor, correlation, spread = pm.LKJCholeskyCov(
            "omega_block", n=len(names), eta=2.0, sd_dist=pm.HalfNormal.dist(np.array(sds)),
            compute_corr=True,
        )  # fmt: skip
        pm.Deterministic("omega_correlation", correlation)
        for k, n in enumerate(names):
            pm.Deterministic(f"{n}_omega", spread[k])
        z = {n: pm.Normal(f"{n}_z", dims="subject") for n in names}
        effects = pt.dot(factor, pt.stack(list(z.values())))
        return {n: effects[k] for k, n in enumerate(names)}

    def _degrees(self, problem: Problem) -> list[Tensor]:
        """Degrees of centering: data, 1 for the parameters that are asked to be centered."""
        names = self.of(problem)
        chosen = np.array([[float(n in (self.centered or ()))] for n in names])
        table = np.repeat(chosen, len(problem.arrangement.subjects), axis=1)
        data = pm.Data(CENTERING, table)
        return [data[k] for k in range(len(names))]

    def _individual(self, name: str, center: Tensor, spread: Tensor, degree: Tensor) -> Tensor:
        """Value on the scale of the parameter in each subject."""
        if name in self.correlated:
            return center + spread
        middle, width = degree * center, spread**degree
        if self.shapes.get(name) == "student":
            x = pm.StudentT(f"{name}_z", nu=STUDENT, mu=middle, sigma=width, dims="subject")
        else:
            x = pm.Normal(f"{name}_z", middle, width, dims="subject")
        return center + spread ** (1 - degree) * (x - middle)
