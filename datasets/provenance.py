"""Where the rows of a study come from, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

__all__ = ["Provenance"]


@dataclass(frozen=True)
class Provenance:
    """One source of a study.

    Parameters
    ----------
    file : str
        The file as it was named; empty when the data were made in Python.
    sha256 : str
        Digest of the bytes of the file.
    source, licence, doi : str
        Who published it, under which licence, and its DOI.
    rows_read, rows_kept : int, optional
        Rows of data in the file and in the study. The difference is accounted for in ``steps``.
    steps : tuple of str
        Everything that was done to the rows: one sentence each, with counts.
    """

    file: str = ""
    sha256: str = ""
    source: str = ""
    licence: str = ""
    doi: str = ""
    rows_read: int | None = None
    rows_kept: int | None = None
    steps: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {**asdict(self), "steps": list(self.steps)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Provenance:
        """Make the record again from `to_dict`; keys that are not known are left out."""
        known = {f.name: record[f.name] for f in fields(cls) if f.name in record}
        return cls(**{**known, "steps": tuple(known.get("steps", ()))})
