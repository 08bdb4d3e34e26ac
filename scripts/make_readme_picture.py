"""Draw the picture of the README: ``python scripts/make_readme_picture.py runs/lps``."""

from __future__ import annotations

import sys
from pathlib import Path

from cytobayes.inference.plots import plot_fit
from cytobayes.inference.report.gather import gather
from cytobayes.inference.run import open_run

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "lps_fit.png"


def main(folder: str) -> None:
    """Write the figure of fitted curves and data."""
    run = open_run(folder)
    m = gather(run, run.analysis.to_problem(run.study))
    units = {name: m.model.unit(target) for name, target in m.targets.items()}
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    plot_fit(m.bands, m.rows, units, m.model.time_unit).savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main(sys.argv[1])
