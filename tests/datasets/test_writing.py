"""What is written is there whole or not at all, and a full disk ends in a sentence."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cytobayes.datasets.errors import InputError
from cytobayes.datasets.writing import whole_file, whole_folder, write_netcdf

FULL = OSError(errno.ENOSPC, "No space left on device")
# No file of this process may grow beyond a limit: to it, that is a disk that is full.
PROGRAM = """
import resource, sys
import numpy as np, xarray as xr
from cytobayes.datasets import InputError
from cytobayes.datasets.writing import write_netcdf

draws = xr.Dataset({"a": (("chain", "draw"), np.random.default_rng(1).normal(size=(4, 5000)))})
tree = xr.DataTree.from_dict({"posterior": draws})
for limit in (0, 100, 5000, 100_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_netcdf(tree, sys.argv[1])
    except InputError as error:
        said = str(error)
    else:
        said = "written"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(limit, said)
"""


def test_a_disk_that_is_full_ends_neither_the_process_nor_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "posterior.nc"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr  # HDF5 on a full disk ends in a segmentation fault
    lines = done.stdout.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert f"cannot write {path}: File too large" in line and "free some space" in line
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["posterior.nc"]


def test_a_tree_and_a_data_set_are_read_back(tmp_path: Path) -> None:
    data = xr.Dataset({"a": ("x", np.arange(3.0))}, {"x": ["i", "j", "k"]}, {"units": "mg/L"})
    write_netcdf(data, tmp_path / "data.nc")
    write_netcdf(xr.DataTree.from_dict({"posterior": data}), tmp_path / "tree.nc")
    assert xr.load_dataset(tmp_path / "data.nc", engine="h5netcdf").identical(data)
    with xr.open_datatree(tmp_path / "tree.nc", engine="h5netcdf") as tree:
        assert tree["posterior"].to_dataset().identical(data)


@pytest.mark.parametrize("place", ["file/new.csv", "no/such/folder/new.csv"])
def test_a_place_that_cannot_be_written_is_named(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match=f"cannot write .*{place}: "),
        whole_file(tmp_path / place) as part,
    ):
        part.write_text("x")


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for text in ("old", "new"):
        with whole_folder(tmp_path / "tables") as part:
            (part / f"{text}.csv").write_text(text)
    assert [p.name for p in (tmp_path / "tables").iterdir()] == ["new.csv"]
    with (
        pytest.raises(InputError, match="No space left"),
        whole_folder(tmp_path / "tables") as part,
    ):
        (part / "half.csv").write_text("half")
        raise FULL
    assert [p.name for p in (tmp_path / "tables").iterdir()] == ["new.csv"]
    assert [p.name for p in tmp_path.iterdir()] == ["tables"]
