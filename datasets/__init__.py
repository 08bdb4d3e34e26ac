"""What was seen: reading, checking and publishing data.

`load` gives a published data set, `read_table` reads a file of measurements and events,
`open_study` does either; all return a `Study`. `write_nonmem` writes one. `load_table` gives
published rates or parameters. `grade_crs`, `grade_icans` and `easix` turn daily signs and labs into
grades and scores. What cannot be used raises an `InputError` whose text fits on one screen.
"""

from .crs import grade_crs
from .easix import easix
from .errors import (
    DataFileError,
    InputError,
    StudyError,
    UnknownDataError,
)
from .export import write_nonmem
from .findings import Finding, TableError, TableProblem
from .grading import Grading
from .icans import grade_icans, ice_score
from .provenance import Provenance
from .published import cite, load, load_table, open_study
from .registry import names
from .signs import GradingError
from .study import Study
from .table import read_table

__all__ = [
    "DataFileError",
    "Finding",
    "Grading",
    "GradingError",
    "InputError",
    "Provenance",
    "Study",
    "StudyError",
    "TableError",
    "TableProblem",
    "UnknownDataError",
    "cite",
    "easix",
    "grade_crs",
    "grade_icans",
    "ice_score",
    "load",
    "load_table",
    "names",
    "open_study",
    "read_table",
    "write_nonmem",
]
