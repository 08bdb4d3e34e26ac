"""The command line: ``cytobayes fit endotoxin --data lps-2ng-kg --out runs/lps``.

Each command is declared here and done in `commands`, whose heavy packages are imported when it
runs, so that ``--help`` answers at once. Results go to stdout, progress and messages to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..console import fail, say
from . import (
    data,
    fit,
    fitted,
    models,
    response,
    risk,
    trial,
)  # each adds its commands, in the order of the help
from .app import app

__all__ = ["app", "data", "fit", "fitted", "main", "models", "response", "risk", "trial"]

BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="cytobayes")
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except (ValueError, OSError, RuntimeError) as error:
        if not _is_users(error):
            raise
        fail("\n".join(filter(None, [str(error), _advice(error)])))
        sys.exit(BAD_INPUT)


def _advice(error: Exception) -> str:
    """How the options that a refused file asks for are written here."""
    from ...datasets.findings import TableError
    from ...datasets.options import advice

    return advice(str(error)) if isinstance(error, TableError) else ""


def _is_users(error: Exception) -> bool:
    """Whether the user can do something about it; all else is a defect and shows its traceback."""
    if isinstance(error, RuntimeError):
        from ..sampling.starts import FitError

        return isinstance(error, FitError)
    from ...datasets.errors import InputError
    from ...models.errors import ModelError

    return isinstance(error, InputError | ModelError | OSError)
