"""The pages of the documentation say what the program is."""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cytobayes.inference.cli import app
from cytobayes.models import get

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))  # pages is no part of the distribution

from pages.commands import command_page  # noqa: E402
from pages.datasets import dataset_page  # noqa: E402
from pages.models import model_page  # noqa: E402
from pages.reference import reference_pages  # noqa: E402

WRITTEN = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts),
]
PAGES = [p for p in WRITTEN if p.parent != ROOT]
NOTATION = {"exp", "linear", "log", "sqrt"}  # of formulas
BLOCK = re.compile(r"^```(?:bash|sh|console)?\n(.*?)^```", re.M | re.S)


def commands(page: Path) -> Iterator[list[str]]:
    """Calls of the program in the blocks of a page, without comments."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["cytobayes"]:
                yield words[1:]


def parse(words: list[str]) -> None:
    """Let the program read its arguments and do nothing."""
    command: Any = get_command(app)
    context = command.make_context("cytobayes", list(words))
    while rest := [*getattr(context, "_protected_args", ()), *context.args]:
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        if not getattr(command, "commands", None):
            return


@pytest.mark.parametrize("page", WRITTEN, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_program_accepts_every_command_that_a_page_shows(page: Path) -> None:
    for words in commands(page):
        if not {"--help", "--version"} & set(words):
            parse(words)


def python(page: Path, language: str) -> list[str]:
    """Blocks of Python of a page: ``python`` is run here, ``py`` draws from a posterior."""
    text = page.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_python_of_a_page_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "docs" / "examples")
    space: dict[str, Any] = {}
    for block in python(page, "python"):
        exec(compile(block, str(page), "exec"), space)
    for block in python(page, "py"):
        body = ast.parse(block).body
        imports: list[ast.stmt] = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), str(page), "exec"), space)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_names_in_the_text_of_a_page_exist(page: Path) -> None:
    """Calls written as `name(...)` in a text are public functions or methods."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for name in re.findall(r"`([A-Za-z_]+)\([^`]*\)[.\w]*`", text):
        packages = ("cytobayes.inference", "cytobayes.models", "cytobayes.datasets")
        found = any(hasattr(import_module(p), name) for p in packages)
        assert found or name in NOTATION, f"{page.name}: {name}"


def texts() -> Iterator[tuple[str, str]]:
    """Text of each page and notebook, without blocks of code."""
    for page in WRITTEN:
        yield page.name, re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.M | re.S)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        yield path.name, "\n".join("".join(c["source"]) for c in cells if "markdown" in c.values())


def refused_calls(text: str) -> list[str]:
    """Calls in a text, as `name(...)`, of a public function that does not take these arguments."""
    found = []
    for code in re.findall(r"`([A-Za-z_]+\([^`]*\))[^`]*`", text):
        try:
            tree = ast.parse(code.replace("...", "_"), mode="eval")
        except SyntaxError:
            continue  # a formula
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            given = {k.arg: k for k in call.keywords if k.arg}
            try:
                inspect.signature(public(call.func)).bind_partial(*call.args, **given)
            except TypeError as error:
                found.append(f"{code}: {error}")
    return found


def public(name: ast.expr) -> Any:
    """Public function of this name; any other call takes all arguments."""
    packages = ("cytobayes.inference", "cytobayes.models", "cytobayes.datasets")
    known = (getattr(import_module(p), getattr(name, "id", ""), None) for p in packages)
    return next(filter(None, known), lambda *_, **__: None)


def test_the_calls_in_a_text_fit_the_functions() -> None:
    wrong = {name: found for name, text in texts() if (found := refused_calls(text))}
    assert not wrong
    assert len(refused_calls("`exposure(problem, tree)` `exposure(y, leve=1)` `nca(a)`")) == 2


def test_a_misspelled_option_on_a_page_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```\ncytobayes fit endotoxin --dta my.csv --out runs/a\n```\n")
    with pytest.raises(Exception, match="No such option"):
        parse(next(commands(page)))


def test_the_reference_of_the_command_line_names_every_option() -> None:
    page = command_page()
    program: Any = get_command(app)
    for name, command in program.commands.items():
        assert f"## cytobayes {name}\n" in page
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                assert all(f"{option}" in page for option in parameter.opts)


def test_the_page_of_a_model_shows_its_parameters_and_equations() -> None:
    model = get("crs-cascade")
    page = model_page(model)
    for parameter in model.parameters:
        assert f"| `{parameter.name}` | {parameter.value:.6g} |" in page
    assert page.count(r"\frac{\mathrm{d}") == len(model.states)


def test_every_data_set_has_its_section() -> None:
    from cytobayes.datasets import names as known

    page = dataset_page()
    assert all(f"\n## {name}\n" in page for name in known("all"))


def test_the_reference_shows_every_public_name() -> None:
    import cytobayes.datasets
    import cytobayes.inference
    import cytobayes.models

    shown = "\n".join(reference_pages().values())
    for package in (cytobayes.datasets, cytobayes.inference, cytobayes.models):
        for name in package.__all__:
            assert re.search(rf":: {name}$", shown, re.M), name
