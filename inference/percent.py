"""Shares as a reader sees them: the one place that writes a percent sign."""

from __future__ import annotations

__all__ = ["between", "percent", "rare"]


def percent(share: float, digits: int = 0) -> str:
    """Write a share as a percentage, with a space before its sign.

    Examples
    --------
    >>> percent(0.333), percent(0.0125, digits=1)
    ('33 %', '1.2 %')
    >>> percent(-0.04)
    '−4 %'
    """
    text = f"{share:z.{digits}%}"  # z: what is rounded to zero has no sign
    return text.replace("%", " %").replace("-", "\N{MINUS SIGN}")


def rare(share: float) -> str:
    """Write a share with a digit more where it is small.

    Examples
    --------
    >>> rare(0.33), rare(0.014)
    ('33 %', '1.4 %')
    """
    return percent(share, digits=1 if share < 0.1 else 0)


def between(low: float, high: float, digits: int = 0) -> str:
    """Write an interval of shares.

    Examples
    --------
    >>> between(0.12, 0.4)
    '12 to 40 %'
    """
    return f"{percent(low, digits).removesuffix(' %')} to {percent(high, digits)}"
