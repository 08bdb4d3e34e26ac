"""No file of a user is ever executed: nothing in the package unpickles or evaluates text."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    p.relative_to(ROOT)
    for r in ("models", "datasets", "inference")
    for p in (ROOT / r).rglob("*.py")
)
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}  # as bare names
METHODS = {
    "read_pickle", "parse_expr", "lambdify", "system", "popen", "unsafe_load", "full_load",
    "exec_module",
}  # fmt: skip
MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "yaml", "jsonpickle"}
# The numerical engine writes code itself, from models that are Python already.
ALLOWED = {
    ("models/analysis.py", "lambdify"),
    ("models/outputs.py", "lambdify"),
    ("inference/plot_models.py", "lambdify"),
    ("inference/op.py", "exec"),
    ("inference/op.py", "compile"),
    ("models/solver/build.py", "exec_module"),
}


def dangers(source: str) -> set[str]:
    """Names by which a text or an archive could become code."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                found.add(name)
            case ast.Call(func=ast.Attribute(attr=name)) if name in METHODS:
                found.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="load"), keywords=given):
                if not any(k.arg == "allow_pickle" and _is_false(k.value) for k in given):
                    found.add("np.load")
            case ast.Call(func=ast.Attribute(attr="query"), args=[first, *_]):
                if not isinstance(first, ast.Constant):
                    found.add("query")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="joblib"), attr="load")):
                found.add("joblib.load")
            case ast.Import(names=names):
                found |= {n.name for n in names if n.name.split(".")[0] in MODULES}
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                found.add(module)
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                found.add("shell=True")
    return found


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_no_source_can_turn_a_file_into_code(path: Path) -> None:
    found = dangers((ROOT / path).read_text(encoding="utf-8"))
    assert {d for d in found if (path.as_posix(), d) not in ALLOWED} == set()


@pytest.mark.parametrize(
    "line",
    ["eval(text)", "exec(text)", "import pickle", "from pickle import loads", "np.load(path)",
     "np.load(path, allow_pickle=True)", "pd.read_pickle(path)", "joblib.load(path)",
     "sympy.parse_expr(text)", "frame.query(text)", "subprocess.run(text, shell=True)"],
)  # fmt: skip
def test_the_guard_sees_a_planted_fault(line: str) -> None:
    assert dangers(line)


UNITS = (
    "9**9**9**9", "9^9^9^9", "9\u2079\u2079\u2079\u2079\u2079\u2079\u2079\u2079\u2079",
    "9**(9*9*9*9*9*9*9*9)", "9_9**9_9**9_9", "(9m**0)**(9m**0)**(9m**0)**(9m**0)",
)  # fmt: skip
READ_UNITS = """
import sys
from cytobayes.datasets import InputError
from cytobayes.datasets.units import conversion
from cytobayes.inference.units import factor
for unit in sys.argv[1:]:
    assert conversion(unit, "mg/L")[0] != conversion(unit, "mg/L")[0]
    try:
        factor(unit, "mg/L", "IL6")
    except InputError as error:
        assert "IL6" in str(error)
    else:
        raise AssertionError(unit)
"""


def test_a_unit_in_a_file_cannot_keep_the_program_busy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_UNITS, *UNITS], capture_output=True, text=True, timeout=60
    )  # computing the first in whole numbers would take longer than anybody can wait
    assert done.returncode == 0, done.stderr
