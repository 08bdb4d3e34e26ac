"""Covariate effects as text, ``CL ~ (weight/70)^0.75``, parsed and not executed."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...datasets.errors import InputError
from ...datasets.wording import shown
from .covariates import Effect

__all__ = ["read_effect"]

NAME, NUMBER = r"[A-Za-z_]\w*", r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
USAGE = (
    "write PARAMETER ~ COVARIATE (estimated: a power around the median, or a factor for each "
    "category), PARAMETER ~ COVARIATE/70 (a power around 70), PARAMETER ~ (COVARIATE/70)^0.75 "
    "(a known power), PARAMETER ~ exp(COVARIATE - 40) or PARAMETER ~ linear(COVARIATE - 40)"
)
FORMS = {"exp": "exponential", "linear": "linear"}


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _plain(parameter: str, found: re.Match[str]) -> Effect:
    return Effect(parameter, found["x"], form="auto")


def _power(parameter: str, found: re.Match[str]) -> Effect:
    return Effect(parameter, found["x"], reference=float(found["ref"]))


def _known(parameter: str, found: re.Match[str]) -> Effect:
    reference, value = _number(found["ref"]), float(found["beta"])
    return Effect(parameter, found["x"], reference=reference, value=value)


def _function(parameter: str, found: re.Match[str]) -> Effect:
    form = FORMS[found["form"]]
    return Effect(parameter, found["x"], form=form, reference=_number(found["ref"]))


RULES: tuple[tuple[str, Callable[[str, re.Match[str]], Effect]], ...] = (
    (rf"(?P<x>{NAME})", _plain),
    (rf"\(?(?P<x>{NAME})/(?P<ref>{NUMBER})\)?", _power),
    (rf"\((?P<x>{NAME})(?:/(?P<ref>{NUMBER}))?\)\^(?P<beta>{NUMBER})", _known),
    (rf"(?P<form>exp|linear)\((?P<x>{NAME})(?:-(?P<ref>{NUMBER}))?\)", _function),
)


def read_effect(text: str) -> Effect:
    """Read a covariate effect.

    Parameters
    ----------
    text : str
        ``CL ~ weight``, ``CL ~ sex``, ``CL ~ weight/70``, ``CL ~ (weight/70)^0.75``,
        ``CL ~ exp(age - 40)``, ``CL ~ linear(age)``.

    Raises
    ------
    InputError
        If it is none of these.

    Examples
    --------
    >>> effect = read_effect("CL ~ (weight/70)^0.75")
    >>> effect.form, effect.reference, effect.value
    ('power', 70.0, 0.75)
    """
    parameter, tilde, right = (re.sub(r"\s", "", part) for part in text.partition("~"))
    if tilde and re.fullmatch(NAME, parameter):
        for pattern, make in RULES:
            if found := re.fullmatch(pattern, right.replace("**", "^")):
                return make(parameter, found)
    raise InputError(f"effect {shown(text)}: {USAGE}")
