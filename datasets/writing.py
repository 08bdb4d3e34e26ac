"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

__all__ = ["whole_file"]


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a path to write to; it takes its place when the block ends without an error.

    Parameters
    ----------
    path : str or Path
        What is to be written or replaced. A file that is there stays as it was until then.

    Yields
    ------
    Path
        In the same folder, hidden, with the same ending.
    """
    target = Path(path)
    part = target.with_name(f".{uuid4().hex[:8]}-{target.name}")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
