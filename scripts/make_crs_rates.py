"""Make datasets/data/crs_rates.csv from a collected table of CRS rates.

Usage: python scripts/make_crs_rates.py COLLECTED.csv [OUT.csv]

COLLECTED.csv has the columns therapy, study, n, any_crs_n, any_crs_pct, g1_pct ... g5_pct, ge3_pct,
scale and provenance. Kept are the rows whose figures were read in a source (provenance begins with
READ) and that is not marked as of low trust. A scale with a question mark, or said to be from
memory, is left empty; remarks about what was not read are cut off. Numbers are copied as printed.
The script prints the sha256 that belongs into datasets/data/registry.json.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import sys
from pathlib import Path

OUT = Path(__file__).parents[1] / "datasets" / "data" / "crs_rates.csv"
GRADES = [f"g{i}_pct" for i in range(1, 6)]
HEADER = ["therapy", "study", "n", "any_crs_n", "any_crs_pct", *GRADES, "ge3_pct", "scale", "read"]
READ = "READ: "
SAME_PAGE = "view.joomag.com ASH Clinical News 4.8 p13"


def kept(row: dict[str, str]) -> bool:
    """Whether the figures of a row were read in a source that is trusted."""
    return row["provenance"].startswith(READ) and "LOW TRUST" not in row["provenance"]


def cleaned(row: dict[str, str]) -> dict[str, str]:
    """Row without what was not read."""
    unsure = "?" in row["scale"] or "scale FROM MEMORY" in row["provenance"]
    where = row["provenance"].removeprefix(READ).replace("same page", SAME_PAGE)
    where = re.sub(r"\s*\((scale )?FROM MEMORY[^)]*\)|;[^;)]*FROM MEMORY[^)]*", "", where)
    assert "FROM MEMORY" not in where, where
    return {**row, "scale": "" if unsure else row["scale"], "read": where}


def make(collected: Path) -> str:
    """Text of the table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    with collected.open(newline="", encoding="utf-8") as file:
        writer.writerows(cleaned(row) for row in csv.DictReader(file) if kept(row))
    return text.getvalue()


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
