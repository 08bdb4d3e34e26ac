"""The distribution is one namespace, forgets nothing, and declares what it uses."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("datasets", "inference", "models")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
SOURCES = [p for room in ROOMS for p in sorted((ROOT / room).rglob("*.py"))]


def dotted(path: Path) -> str:
    """Import name of a file or folder of the sources."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("cytobayes", *parts)).removesuffix(".__init__")


MODULES = ["cytobayes", *map(dotted, SOURCES)]


def test_every_subpackage_is_in_the_wheel() -> None:
    on_disk = {dotted(p.parent) for p in SOURCES}
    assert set(SETUPTOOLS["packages"]) == {"cytobayes"} | on_disk
    assert SETUPTOOLS["package-dir"] == {f"cytobayes.{room}": room for room in ROOMS}


@pytest.mark.parametrize("folder", sorted({p.parent for p in SOURCES}), ids=dotted)
def test_every_folder_of_sources_is_a_package(folder: Path) -> None:
    assert (folder / "__init__.py").is_file()


def test_every_data_file_is_in_the_wheel() -> None:
    packed = {
        path
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in ROOT.joinpath(*package.split(".")[1:] or ["cytobayes"]).glob(pattern)
    }
    on_disk = {p for room in ROOMS for p in (ROOT / room).rglob("*") if p.is_file()}
    assert not {p for p in on_disk - packed if not is_left_out(p.relative_to(ROOT))}


@pytest.mark.parametrize("room", ROOMS)
def test_links_lead_to_the_sources(room: str) -> None:
    link = ROOT / "cytobayes" / room
    assert link.is_symlink() and link.readlink() == Path("..", room)


def test_every_import_is_declared() -> None:
    project = PYPROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["jax"]]
    declared = {name_of(requirement) for requirement in wanted}
    providers = packages_distributions()
    for path in SOURCES:
        for module in foreign(ast.parse(path.read_text())):
            names = {name_of(provider) for provider in providers.get(module, [module])}
            assert names & declared, f"{path.relative_to(ROOT)} imports {module}"


def is_left_out(path: Path) -> bool:
    """Sources, notes, caches and hidden files are no package data."""
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return hidden or path.suffix in {".md", ".py"}


def name_of(requirement: str) -> str:
    """``"H5_netCDF[h5py]>=1.8"`` -> ``"h5-netcdf"``."""
    return re.split(r"[\[>]", requirement)[0].lower().replace("_", "-")


def foreign(tree: ast.AST) -> Iterator[str]:
    """Top-level names of the modules imported from outside Python and this project."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        yield from {n.partition(".")[0] for n in names} - sys.stdlib_module_names


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_names_exist(name: str) -> None:
    module = importlib.import_module(name)
    assert not [public for public in getattr(module, "__all__", ()) if not hasattr(module, public)]
