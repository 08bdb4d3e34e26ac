"""Models know nothing of data and belief, data nothing of belief; files stay small and named."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLING = {"pymc", "pytensor", "arviz", "nutpie"}
FORBIDDEN = {
    "models": {"cytobayes.inference", "cytobayes.datasets", "pandas", *SAMPLING},
    "datasets": {"cytobayes.inference", "cytobayes.models", *SAMPLING},
}
# Virtual cohorts come out of models.
ALLOWED = {"datasets/synthetic.py": {"cytobayes.models"}}
SOURCES = [
    p.relative_to(ROOT)
    for room in ("datasets", "inference", "models")
    for p in sorted((ROOT / room).rglob("*.py"))
]


def imported(source: str, package: tuple[str, ...]) -> set[str]:
    """Full names of all that a module of a package imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            stem = ".".join((*base, *filter(None, [node.module])))
            names |= {stem} | {f"{stem}.{alias.name}" for alias in node.names}
    return names


def violations(source: str, path: Path) -> set[str]:
    """Imports of a file that point upwards."""
    forbidden = FORBIDDEN.get(path.parts[0], set()) - ALLOWED.get(path.as_posix(), set())
    names = imported(source, ("cytobayes", *path.parent.parts))
    return {n for n in names if any(n == f or n.startswith(f + ".") for f in forbidden)}


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_imports_point_downwards(path: Path) -> None:
    assert not violations((ROOT / path).read_text(), path)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/ode.py", "import pymc as pm"),
        ("models/ode.py", "from ..inference import fit"),
        ("models/solver/solve.py", "from ... import datasets"),
        ("models/solver/solve.py", "def f():\n    from ...datasets.study import Study"),
        ("datasets/study.py", "from cytobayes.models import simulate"),
        ("datasets/synthetic.py", "from arviz import summary"),
    ],
)
def test_the_guard_sees_a_planted_fault(path: str, line: str) -> None:
    assert violations(line, Path(path))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("models/solver/solve.py", "from ..ode import OdeModel"),
        ("datasets/synthetic.py", "from ..models import simulate"),
        ("inference/fit.py", "import pymc\nfrom ..models import simulate"),
    ],
)
def test_the_guard_lets_the_rest_pass(path: str, line: str) -> None:
    assert not violations(line, Path(path))


def test_files_stay_small() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in SOURCES}
    assert not {path: n for path, n in lines.items() if n > 400}


def test_the_architecture_names_every_module_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    tree = text.split("```")[3]
    named = set(re.findall(r"\w+\.py\b", tree))
    listed = {p.name for p in SOURCES if p.name != "__init__.py"}
    assert named == listed
