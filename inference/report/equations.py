"""The equations of a model as MathML, which browsers typeset without help from the network."""

from __future__ import annotations

from dataclasses import dataclass

from latex2mathml.converter import convert
from markupsafe import Markup

from ...models.latex import equations, output_equations
from ...models.ode import OdeModel

__all__ = ["Row", "initial_values", "to_mathml", "typeset"]


@dataclass(frozen=True)
class Row:
    """One equation: a left side, and a right side in lines of readable length."""

    left: Markup
    lines: tuple[Markup, ...]


def typeset(model: OdeModel) -> list[Row]:
    """Typeset the differential equations of a model, then its outputs.

    Parameters
    ----------
    model : OdeModel

    Returns
    -------
    list of Row
        Pieces of MathML.
    """
    return [
        Row(to_mathml(e.left), tuple(map(to_mathml, e.lines)))
        for e in (*equations(model), *output_equations(model))
    ]


def initial_values(model: OdeModel) -> list[Markup]:
    """Typeset the value of each state at time zero.

    Parameters
    ----------
    model : OdeModel

    Returns
    -------
    list of Markup
    """
    return [to_mathml(f"{e.symbol}(0) = {e.initial}") for e in equations(model)]


def to_mathml(latex: str) -> Markup:
    """Convert one formula; whatever text is in it is escaped.

    Examples
    --------
    >>> "<msub>" in to_mathml("k_{10}")
    True
    """
    return Markup(convert(latex, display="block"))
