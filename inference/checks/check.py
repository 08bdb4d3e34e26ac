"""What every check of a fit returns: a table, a picture, and one plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["Check"]


@final
@dataclass(frozen=True, eq=False)
class Check:
    """The outcome of one check.

    Parameters
    ----------
    name : str
        File name of the check, such as ``"vpc"``.
    title : str
        Heading in a report.
    sentence : str
        What was found, computed from the numbers, in plain words.
    good : bool or None
        Whether the fit passes; None where the check informs and does not judge.
    table : DataFrame
        The numbers behind the sentence and the picture.
    plot : callable
        Draws the picture: ``check.plot()`` gives a Figure.
    caption : str
        How to read the picture.
    """

    name: str
    title: str
    sentence: str
    good: bool | None
    table: pd.DataFrame = field(repr=False)
    plot: Callable[[], Figure] = field(repr=False)
    caption: str = ""
