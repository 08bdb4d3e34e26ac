"""One report of a population for all tests of pages."""

from __future__ import annotations

from pathlib import Path

import pytest

from cytobayes.inference.report import write_pages
from cytobayes.inference.report.material import Material

from ..synthetic_run import material
from .population_page import CHECKS, study


@pytest.fixture(scope="package")
def population() -> Material:
    return material(study(), checks=CHECKS, analysis=f"format = 1\n# {'long ' * 80}\n")


@pytest.fixture(scope="package")
def written(population: Material, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("population")
    write_pages(population, folder)
    return folder
