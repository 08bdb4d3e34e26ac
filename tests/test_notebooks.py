"""Every notebook runs from its first to its last cell.

Those that need no data are committed without outputs; those on data that do not come with the
project are committed as executed, for whoever has no copy.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXAMPLE = ROOT / "notebooks" / "from_spreadsheet_to_study.ipynb"
# In another process: the client leaves sockets to the garbage collector, which warns.
CLIENT = """
import sys
import nbformat
from nbclient import NotebookClient

given, made, folder = sys.argv[1:]
notebook = nbformat.read(given, as_version=4)
nbformat.validate(notebook)
resources = {"metadata": {"path": folder}}
NotebookClient(notebook, timeout=180, kernel_name="python3", resources=resources).execute()
nbformat.write(notebook, made)
"""


def run(path: Path, folder: Path, data: Path | None = None) -> list[dict[str, Any]]:
    """Cells of code, after all were executed by this Python in a folder of their own."""
    made = folder / "made.ipynb"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"}
    environment |= {"CYTOBAYES_DATA": str(data)} if data else {}
    command = [sys.executable, "-c", CLIENT, str(path), str(made), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return code(made)


def code(path: Path) -> list[dict[str, Any]]:
    """Cells of code of a notebook."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def needs_data(path: Path) -> bool:
    """Whether a notebook says that it reads data which do not come with the project."""
    metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return "data" in metadata.get("cytobayes", {})


ON_DATA = [path for path in NOTEBOOKS if needs_data(path)]
ALONE = [path for path in NOTEBOOKS if path not in ON_DATA]
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def printed(cell: dict[str, Any]) -> str:
    """Text that a cell shows: what it prints, and its tables."""
    parts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell["outputs"]]
    return "\n".join("".join(part) for part in parts)


def complaints(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Warnings and errors of the cells."""
    return [o for cell in cells for o in cell["outputs"] if o.get("name") == "stderr"]


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_a_notebook_runs_without_a_complaint(path: Path, tmp_path: Path) -> None:
    cells = run(path, tmp_path)
    assert cells and all(cell["execution_count"] for cell in cells)
    assert not complaints(cells)


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean(path: Path) -> None:
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code(path))


@pytest.mark.parametrize("path", ON_DATA, ids=lambda path: path.stem)
def test_a_notebook_on_data_that_do_not_come_with_it_is_committed_as_executed(
    path: Path, tmp_path: Path, data_dir: Path
) -> None:
    """The same text, and numbers within what other processors make of the same random numbers."""
    made, kept = run(path, tmp_path, data_dir), code(path)
    assert not complaints(made) and not complaints(kept)
    for now, then in zip(made, kept, strict=True):
        assert then["execution_count"] and len(now["outputs"]) == len(then["outputs"])
        new, old = printed(now), printed(then)
        assert NUMBER.sub("#", new).split() == NUMBER.sub("#", old).split()
        np.testing.assert_allclose(numbers(new), numbers(old), rtol=0.05, atol=0.03)


def numbers(text: str) -> list[float]:
    """All numbers of a text."""
    return [float(found) for found in NUMBER.findall(text)]


@pytest.mark.parametrize("path", ON_DATA, ids=lambda path: path.stem)
def test_no_patient_is_named_in_what_is_committed(path: Path, data_dir: Path) -> None:
    folder = json.loads(path.read_text(encoding="utf-8"))["metadata"]["cytobayes"]["data"]
    names = set(pd.read_csv(data_dir / folder / "patients.csv", dtype=str)["id"])
    shown = "\n".join(printed(cell) for cell in code(path))
    whole = set(re.findall(r"(?<![\w.=])\d+(?![\w.])", shown))  # 3333 is a prior, as =3333
    assert len(names) > 1 and len(whole) > 1
    assert not names & whole


def test_the_spreadsheet_is_censored_refused_and_graded(tmp_path: Path) -> None:
    outputs = [o for cell in run(EXAMPLE, tmp_path) for o in cell["outputs"]]
    shown = "".join("".join(o["text"]) for o in outputs if "text" in o)
    assert "2 left, 1 right" in shown, "IL6: <1.2 twice, >1500 once"
    assert "48 rows read = 47 kept + 1 left out" in shown, "the spoiled tube"
    assert "'88 ?'" in shown and "negative time" in shown, "both problems of the broken sheet"
    assert "crs (ASTCT) of 2: 1: 1, 3: 1" in shown, "P-01 had grade 3, P-02 grade 1"


def test_a_failing_cell_is_seen(tmp_path: Path) -> None:
    notebook = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    notebook["cells"] = [{**first, "source": "1 / 0"}]
    path = tmp_path / "failing.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run(path, tmp_path)
