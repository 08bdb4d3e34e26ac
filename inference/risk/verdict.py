"""Which model predicts better, said first and plainly, from the numbers alone."""

from __future__ import annotations

import pandas as pd

__all__ = ["verdict"]

DECISIVE = "ranked probability"


def verdict(table: pd.DataFrame, mechanistic: str, given: str, score: str = DECISIVE) -> str:
    """Say whether the mechanistic model beats the simple ones.

    Parameters
    ----------
    table : DataFrame
        From `score_table`, with differences from the mechanistic model.
    mechanistic : str
        Its name.
    given : str
        What was known of the held-out patients, as "before the infusion".
    score : str
        Score that decides.

    Returns
    -------
    str
        If a simple model has the better score it is named first, whether or not the difference is
        beyond chance.
    """
    rows = table[table["score"] == score].set_index("model")
    others = rows.drop(index=mechanistic)
    own = float(rows["value"][mechanistic])
    best = str(others["difference"].idxmax())
    row = others.loc[best]
    numbers = (
        f"{score} score {row['value']:.3f} against {own:.3f}, difference {row['difference']:+.3f}, "
        f"90 % interval {row['difference_low']:+.3f} to {row['difference_high']:+.3f}, positive "
        "where the simple one is better"
    )
    known = f"Given {given}, in patients whose grade was held out: "
    if row["difference_low"] > 0:
        return (
            f"{known}the simple model ({best}) predicts better than the {mechanistic} ({numbers})."
        )
    if row["difference"] >= 0:
        return (
            f"{known}the simple model ({best}) predicts at least as well as the {mechanistic}; the "
            f"difference is within chance ({numbers})."
        )
    if row["difference_high"] < 0:
        return (
            f"{known}the {mechanistic} predicts better than every simple model ({best}: {numbers})."
        )
    return (
        f"{known}the {mechanistic} scores better than every simple model, but the difference is "
        f"within chance ({best}: {numbers})."
    )
