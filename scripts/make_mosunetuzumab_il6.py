"""Make datasets/data/mosunetuzumab_il6.csv from digitised points of a figure.

Usage: python scripts/make_mosunetuzumab_il6.py POINTS.csv [OUT.csv]

POINTS.csv has the columns dose_mg and il6_pg_ml: the points of Figure 6 of Hosseini et al. 2020
(npj Syst Biol Appl 6:28, CC BY 4.0), as digitised in script/hosseini-simplified-il6.jl of
github.com/yuezheli/hosseini-2020 at 3767c883fe5b3a2361ec4ecfd904411fe9576628. The caption gives
the true number of patients per dose, which stands in the column ``cohort``: where it is larger
than the number of rows, points lay on top of each other and are missing. Numbers are copied as
printed. The script prints the sha256 that belongs into datasets/data/registry.json.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "datasets" / "data" / "mosunetuzumab_il6.csv"
COHORT = {
    "0.05": 1, "0.2": 2, "0.4": 8, "0.8": 47, "1.0": 17, "1.2": 6, "1.6": 5, "2.0": 3, "2.8": 8
}  # fmt: skip


def make(points: Path) -> str:
    """Text of the table."""
    lines = ["dose,IL6,cohort"]
    with points.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            lines.append(f"{row['dose_mg']},{row['il6_pg_ml']},{COHORT[row['dose_mg']]}")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Write the table and print its digest."""
    if not 1 <= len(arguments) <= 2:
        sys.exit(__doc__)
    text = make(Path(arguments[0])).encode()
    out = Path(arguments[1]) if len(arguments) == 2 else OUT
    out.write_bytes(text)
    print(f"{out}: sha256 {hashlib.sha256(text).hexdigest()}")


if __name__ == "__main__":
    main(sys.argv[1:])
