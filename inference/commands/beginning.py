"""What the command ``init`` does: from a data file to a commented analysis that can be fitted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...datasets.options import options_of_words
from ...datasets.writing import whole_file
from ..analysis import Analysis, DataSource
from ..analysis_file import read_text
from ..console import say, show
from ..proposal import Proposal, propose
from ..proposal_text import decided, open_points, write_proposal

__all__ = ["begin", "run_init"]


def run_init(
    data: str,
    *,
    model: str | None = None,
    out: Path = Path("analysis.toml"),
    force: bool = False,
    as_json: bool = False,
    patients: str = "",
    **words: Any,
) -> None:
    """Write the analysis file, and say what was taken for what.

    Parameters
    ----------
    data : str
        File of measurements, or name of a published set.
    model : str, optional
        Default: the one that is nearest to the observables of the data.
    out : Path
        File to write.
    force : bool
        Replace it.
    as_json : bool
        Print for programs.
    patients : str
        Another file, with a row per patient.
    **words
        How the files are read, as in `options_of_words`.

    Raises
    ------
    InputError
        If the file exists, the data cannot be read, no model measures anything of them, or a fit
        would refuse what was written.
    """
    refuse(out, force)
    source = DataSource.of(data, patients, options_of_words(**words))
    text, proposal, kind = begin(source, model, out)
    with whole_file(out) as part:
        part.write_text(text, encoding="utf-8")
    settled, asked = decided(proposal, kind), open_points(proposal)
    for line in settled:
        say(line)
    for line in asked:
        say(f"? {line}", style="yellow")
    if as_json:
        others = [o.name for o in proposal.others]
        record = {"file": str(out), "model": proposal.model.name, "others": others,
                  "observables": {m.name: m.target for m in proposal.matches},
                  "decided": settled, "open": asked}  # fmt: skip
        print(json.dumps(record, indent=1, ensure_ascii=False))
    else:
        show(str(out))
    try:
        written = read_text(text, folder=out.parent, where=str(out))
        written.to_problem(written.open_data())
    except InputError as error:
        raise InputError(f"{out} is written, but a fit refuses it as it is: {error}") from None


def refuse(out: Path, force: bool) -> None:
    """Refuse to replace a file, or to write where no folder is."""
    if out.suffix != ".toml":
        raise InputError(f"--out {out}: the name of an analysis file ends in .toml")
    if not out.parent.is_dir():
        raise InputError(f"--out {out}: there is no folder {out.parent}")
    if out.exists() and not force:
        raise InputError(f"{out} exists; name another file with --out, or replace it with --force")


def begin(source: DataSource, model: str | None, out: Path) -> tuple[str, Proposal, str]:
    """Propose an analysis: its text, the proposal, the kind of its population."""
    study = source.open(Path())
    proposal = propose(study, model)
    named = Analysis(model=proposal.model.name, data=replace(source, sha256=""))
    kind = str(named.population_for(study))
    moved = named.moved(out.parent)
    return write_proposal(proposal, moved.data, kind, out.name), proposal, kind
