"""Make datasets/data/lps_2ng_kg.csv from a copy of the published means.

Usage: python scripts/make_lps_2ng_kg.py COPY.csv [OUT.csv]

COPY.csv has the columns time_h, cytokine, mean_no_outliers, sd and se, as exported from
BolusDataCorrectedSD.mat of github.com/msolufse/Inflammation_Bolus_Cont at commit
f04a22898cadf35b4974d1e7050edb75872d4235. The source gives no n: it is (sd / se)^2, which must
come out whole. Numbers are copied as they are printed. The script also prints the sha256 that
belongs into datasets/data/registry.json.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "datasets" / "data" / "lps_2ng_kg.csv"
HEADER = "subject,time,observable,value,sd,n,unit"
GROUP, UNIT = "LPS 2 ng/kg", "pg/mL"


def size(sd: float, se: float) -> int:
    """Recover the number of values behind a mean from its sd and its standard error."""
    n = (sd / se) ** 2
    if abs(n - round(n)) > 1e-9 * n:
        raise ValueError(f"(sd / se)^2 = {n!r} is not a whole number")
    return round(n)


def make(copy: Path) -> str:
    """Text of the table."""
    lines = [HEADER]
    with copy.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            n = size(float(row["sd"]), float(row["se"]))
            cells = (GROUP, row["time_h"], row["cytokine"], row["mean_no_outliers"], row["sd"])
            lines.append(",".join((*cells, str(n), UNIT)))
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
