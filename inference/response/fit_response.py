"""`fit_response`: posterior of an exposure-response curve."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from ...datasets.errors import InputError
from ...datasets.wording import counted
from ...models.distributions import Distribution
from ..sampling.merge import STATISTICS
from ..sampling.starts import find_starts
from .curves import curve_of
from .density import HIDDEN, compiled, numbers_of
from .design import Design, align, kind_of, one_scale
from .form import ATTRIBUTE, KINDS, Form, form_of
from .kinds import Ordinal
from .uncertain import Blur, blur_of, marginal

__all__ = ["ASSOCIATION", "fit_response"]

Array = npt.NDArray[Any]
ASSOCIATION = (
    "A curve describes how exposure and outcome are associated in these patients. What drives "
    "both, such as tumor burden, can make a curve without any effect of exposure; covariates "
    "remove only what was measured."
)
APART = 1000  # seeds of imputations


def fit_response(
    exposure: Any,
    outcome: Any,
    *,
    curve: str = "logistic",
    kind: str | None = None,
    covariates: Mapping[str, Any] | pd.DataFrame | xr.Dataset | None = None,
    transform: str | None = None,
    reference: float | None = None,
    priors: Mapping[str, Distribution] | None = None,
    scale: str | Sequence[str] = "",
    levels: int | None = None,
    partial: Sequence[str] = (),
    uncertainty: str = "plug-in",
    imputations: int = 20,
    seed: int = 1,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    cores: int | None = None,
    target_accept: float | None = None,
    adaptation: str | None = None,
) -> xr.DataTree:
    """Fit a curve of an outcome by exposure.

    Parameters
    ----------
    exposure : Series, array or DataArray [subject], or DataArray (chain, draw, subject)
        Joined to the outcomes by subject where both name their subjects (index of a Series,
        coordinate of a DataArray), by position otherwise. With the dims chain and draw it is
        uncertain.
    outcome : Series, array or DataArray [subject], or Dataset from `Study.outcome`
        0 or 1; a grade; or a number.
    curve : {"logistic", "linear", "emax", "sigmoid_emax"}
        ``"logistic"`` is straight in the decadic logarithm of exposure, ``"linear"`` in exposure;
        both on the logit of a probability, or for a continuous outcome on its own scale. The Emax
        curves: see `curves.Saturating`.
    kind : {"binary", "ordinal", "continuous"}, optional
        Default: by the values.
    covariates : DataFrame, Dataset or mapping of name to values, optional
        Numbers, or texts (one coefficient per level but the first in the alphabet).
    transform : {"identity", "log", "log10"}, optional
        In place of that of a straight curve.
    reference : float, optional
        Exposure at which a straight curve has its ``intercept``, before a logarithm is taken.
        Default: the geometric mean to one digit; 1 without a logarithm.
    priors : mapping of parameter to Distribution, optional
        In place of the defaults; see Notes.
    scale : str or sequence of str
        Grading scale, such as "ASTCT". Several are refused.
    levels : int, optional
        Highest grade of the scale that is modeled; default: the highest that occurs.
    partial : sequence of str
        Effects of an ordinal outcome that differ between grades: ``"exposure"``, or covariates
        (partial proportional odds). Values at which cumulative probabilities would cross in a
        subject have density zero; that wall makes a few divergences.
    uncertainty : {"plug-in", "cut", "joint"}
        What is done with draws of exposure; see `uncertain`. ``"joint"`` takes the posterior of
        each exposure as normal on the scale of the curve, independent between subjects.
    imputations : int
        Sets of exposures of a cut.
    seed, draws, tune, chains, cores, target_accept, adaptation
        As in `fit`. Default of ``adaptation``: "diag" for a joint fit, which has a parameter per
        subject, else "low_rank"; of ``target_accept``: 0.99 with ``partial``, else 0.95.

    Returns
    -------
    DataTree
        ``posterior`` (also what follows from the parameters: ``intercept``, ``c2``, ``Emax``, in a
        joint fit ``exposure``), ``sample_stats``, ``log_likelihood``, ``observed_data``,
        ``constant_data`` (``exposure``, ``exposure_sd`` on the scale of the curve, covariates).
        Attributes: ``scale``, ``uncertainty``, ``reliability`` of the exposures, ``left_out``
        subjects, and the form as JSON.

    Raises
    ------
    InputError
        If anything does not fit together; grades of several scales are never pooled.

    Notes
    -----
    Default priors are weakly informative. Straight curves, as in rstanarm: coefficients
    Normal(0, 2.5 s / sd(predictor)), ``intercept_at_mean`` Normal(m, 2.5 s), where s = 1 and m = 0
    for grades and probabilities, else standard deviation and mean of the outcomes. ``sigma``
    HalfNormal(s); ``c1`` Normal(0, 2.5), gaps HalfNormal(2); departures from proportional odds
    half as wide as their effect. Emax curves: ``EC50`` LogNormal(median exposure, 1), ``h``
    LogNormal(1.5, 0.4); binary ``E0`` Beta(1, 9), ``Emax`` Beta(9, 1); else ``E0`` Normal(m, 2.5 s)
    and ``span`` Normal(0, 5 s). A prior of ``intercept`` makes it the free parameter in place of
    ``intercept_at_mean``.

    In a cut every imputed set of exposures is fitted alone, and draws are pooled equally. The log
    likelihood of uncertain exposures is integrated over each exposure, so that LOO compares what
    the three ways predict.
    """
    one = one_scale(scale, outcome)
    design = align(exposure, outcome, covariates)
    kind = kind_of(design.y, kind)
    made = KINDS[kind](**({"levels": levels_of(design.y, levels)} if kind == "ordinal" else {}))
    shape = curve_of(curve, kind, transform, reference, design.x)
    blur = blur_of(shape, design.x, design.draws, uncertainty)
    form = form_of(design, made, shape, tuple(partial), priors or {})
    settings = {
        "draws": draws,
        "tune": tune,
        "chains": chains,
        "cores": min(chains, cores or os.cpu_count() or 1),
        "seed": seed,
        "target_accept": target_accept or (0.99 if partial else 0.95),
        "adaptation": adaptation or ("diag" if uncertainty == "joint" else "low_rank"),
    }
    if uncertainty == "cut":
        tree = _cut(form, design, blur, imputations, settings)
    else:
        tree = _sampled(form, design, blur.mean, blur if uncertainty == "joint" else None, settings)
    return _complete(tree, form, design, blur, curve, uncertainty, one, settings)


def levels_of(y: Array, asked: int | None) -> int:
    """Highest grade that is modeled."""
    highest = max(int(y.max()), 2)
    if asked is not None and asked < highest:
        raise InputError(f"levels={asked}, but grade {int(y.max())} occurs.")
    return highest if asked is None else asked


def _sampled(
    form: Form, design: Design, g: Array, blur: Blur | None, settings: Mapping[str, Any]
) -> xr.DataTree:
    """Sample with given exposures, or with exposures as parameters."""
    import nutpie

    sd = None if blur is None else blur.sd
    numbers = numbers_of(form, design.y, g, design.z, sd)
    model = compiled(form, numbers, joint=blur is not None)
    started = _started(model, int(settings["chains"]), int(settings["seed"]))
    raw = nutpie.sample(started, progress_bar=False, save_warmup=False, **settings)
    stats = raw["sample_stats"].to_dataset()
    kept = {n: stats[n if n in stats else s] for n, s in STATISTICS.items() if {n, s} & set(stats)}
    posterior = raw["posterior"].to_dataset()
    if blur is not None:
        z = posterior["latent"].to_numpy()
        found = form.curve.back(blur.mean + blur.sd * z)
        posterior["exposure"] = ("chain", "draw", "subject"), found
        posterior = posterior.assign_coords(subject=list(design.subjects))
    posterior = posterior.drop_vars([n for n in HIDDEN if n in posterior])
    order = [n for n in (*form.names, "exposure") if n in posterior]
    parts = {
        "posterior": form.derived(posterior[order].drop_attrs()),
        "sample_stats": xr.Dataset(kept).drop_attrs(),
    }
    return xr.DataTree.from_dict(parts)


def _started(model: Any, chains: int, seed: int) -> Any:
    """Let chains start on the way from prior draws to the mode."""

    def explain(failed: Sequence[int]) -> str:
        return "no draw from the priors has a finite density; give narrower priors."

    sequence = np.random.SeedSequence(seed)
    starts = find_starts(model.initial_point_func, model.logp_func, chains, sequence, explain)
    points = starts.points
    return replace(model, initial_point_func=lambda seed: points[int(seed) % chains].copy())


def _cut(
    form: Form, design: Design, blur: Blur, imputations: int, settings: Mapping[str, Any]
) -> xr.DataTree:
    """Fit every imputed set of exposures, and pool the draws equally, within chains."""
    if imputations < 2:
        raise InputError(f"a cut needs at least 2 imputations, got {imputations}.")
    each = -(-int(settings["draws"]) // imputations)
    trees = []
    for k, g in enumerate(blur.imputed(imputations)):
        own = {**settings, "draws": each, "seed": int(settings["seed"]) + APART * k}
        trees.append(_sampled(form, design, g, None, own))
    groups = {}
    for name in ("posterior", "sample_stats"):
        parts = [t[name].to_dataset() for t in trees]
        pooled = xr.concat(parts, dim="draw", join="override")
        groups[name] = pooled.assign_coords(draw=np.arange(pooled.sizes["draw"]))
    return xr.DataTree.from_dict(groups)


def _complete(
    tree: xr.DataTree,
    form: Form,
    design: Design,
    blur: Blur,
    curve: str,
    uncertainty: str,
    scale: str,
    settings: Mapping[str, Any],
) -> xr.DataTree:
    """Add data, log likelihood and facts."""
    posterior = tree["posterior"].to_dataset()
    theta = {n: posterior[n].to_numpy().reshape(-1, 1) for n in form.names}
    known = Blur(blur.mean, blur.sd * (uncertainty != "plug-in"), blur.draws)
    density = marginal(form, design.y, known, design.z, theta)
    size = posterior.sizes["chain"], posterior.sizes["draw"], design.y.size
    labels = {"subject": list(design.subjects)}
    coords = {n: posterior[n].to_numpy() for n in ("chain", "draw")} | labels
    dims = ("chain", "draw", "subject")
    tree["log_likelihood"] = xr.Dataset({"outcome": (dims, density.reshape(size))}, coords)
    tree["observed_data"] = xr.Dataset({"outcome": ("subject", design.y)}, labels)
    point = form.curve.back(blur.mean)
    tree["constant_data"] = xr.Dataset(
        {
            "exposure": ("subject", point, {"units": design.unit}),
            "exposure_sd": ("subject", blur.sd),
            "covariates": (("subject", "term"), design.z + design.means),
        },
        {**labels, "term": list(design.terms)},
    )
    grades = form.kind.levels if isinstance(form.kind, Ordinal) else 1
    tree.attrs.update(
        {
            ATTRIBUTE: form.to_json(),
            "curve": curve,
            "kind": form.kind.name,
            "levels": grades,
            "scale": scale,
            "uncertainty": uncertainty,
            "reliability": blur.reliability,
            "left_out": design.left_out,
            "exposure_name": design.exposure_name,
            "outcome_name": design.outcome_name,
            "settings": json.dumps(dict(settings)),
            "what_was_done": _said(design, form, curve, uncertainty, scale),
        }
    )
    return tree


def _said(design: Design, form: Form, curve: str, uncertainty: str, scale: str) -> str:
    """One sentence: what was fitted to what."""
    with_what = f" with {', '.join(form.terms)} as covariates" if form.terms else ""
    without = (
        f"; {counted(design.left_out, 'subject')} with gaps left out" if design.left_out else ""
    )
    graded = f" on the scale {scale}" if scale else ""
    if form.kind.name == "ordinal" and not scale:
        graded = " (scale not stated)"
    sure = "" if design.draws is None else f", exposures as draws ({uncertainty})"
    return (
        f"{form.kind.name} outcome {design.outcome_name}{graded} by {design.exposure_name}, curve "
        f"{curve}{with_what}{sure}: {counted(design.y.size, 'subject')}{without}."
    )
