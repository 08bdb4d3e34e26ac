"""A design as a TOML file: read strictly, never executed; doses as in analysis files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...datasets.virtual import GradeModel
from ...datasets.wording import closest
from ...models.dosing import Dose, Regimen
from ..analysis_file import read_regimen
from ..toml import read_numbers, read_section
from .choice import Utility
from .design import Arm, Design, Endpoint, Trigger
from .whatif import what_if

__all__ = ["Request", "Space", "read_design", "read_design_text", "read_model"]

HEAD = {"name": str, "model": str, "n": int, "draws": int, "until": float, "every": float,
        "scale": str}  # fmt: skip
TABLES = ("grading", "spread", "optimize")
ARRAYS = ("arm", "endpoint")
ARM = ("name", "what_if", "evidence", "parameters", "factors", "covariates", "regimen", "trigger")
SEARCH = ("arm", "benefit", "harm", "weight", "at_least", "method", "rounds", "space")


@dataclass(frozen=True)
class Space:
    """What a design asks to be optimized.

    Parameters
    ----------
    arm : str
    utility : Utility
    values : mapping of name to tuple of float
    method : str
    rounds : int
    """

    arm: str
    utility: Utility
    values: Mapping[str, tuple[float, ...]]
    method: str = "grid"
    rounds: int = 12


@dataclass(frozen=True)
class Request:
    """A design file, read.

    Parameters
    ----------
    design : Design
        Its arms, without the one whose numbers are to be chosen.
    model : str
        Empty where the file names none.
    draws : int, optional
    search : Space, optional
    searched : Arm, optional
        The arm whose numbers are to be chosen.
    scale : str
        Of the grades of the fit, where its data hold several.
    trial : bool
        Whether there are arms to compare, beside the one that is searched.
    """

    design: Design
    model: str = ""
    draws: int | None = None
    search: Space | None = None
    searched: Arm | None = None
    scale: str = field(default="")
    trial: bool = True


def read_design(path: str | Path, model: str = "") -> Request:
    """Read a design file.

    Parameters
    ----------
    path : path
    model : str
        Model that named what-ifs are made for; default: that of the file.

    Raises
    ------
    InputError
        If the file is missing, is not TOML, or states something that has no meaning.
    """
    return read_design_text(_text(path), where=str(path), model=model)


def read_model(path: str | Path) -> str:
    """Name of the model that a design file states; empty where it states none."""
    return str(_tables(_text(path), str(path)).get("model", ""))


def _text(path: str | Path) -> str:
    path = Path(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not a text file in UTF-8") from None


def _tables(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{where} is not valid TOML: {error}") from None


def read_design_text(text: str, *, where: str = "design", model: str = "") -> Request:
    """Read the text of a design file; see `read_design`."""
    tables = _tables(text, where)
    _known(tables, (*HEAD, *TABLES, *ARRAYS), where)
    head = {key: _one(tables[key], kind, f"{where}: {key}")
            for key, kind in HEAD.items() if key in tables}  # fmt: skip
    named = model or str(head.get("model", ""))
    arms = [_arm(t, named, where) for t in _array(tables, "arm", where)]
    search = _search(tables.get("optimize"), where)
    searched = next((a for a in arms if search and a.name == search.arm), None)
    if search and searched is None:
        raise InputError(f"{where}: [optimize] arm = {search.arm!r} is none of the arms.")
    plain = tuple(a for a in arms if a is not searched)
    ends = [_endpoint(t, where) for t in _array(tables, "endpoint", where)]
    settings = {k: head[k] for k in ("n", "until", "every") if k in head}
    design = Design(
        plain or (Arm("unused", Regimen()),),
        tuple(ends),
        grading=_grading(tables.get("grading"), where),
        spread=read_numbers(tables.get("spread", {}), f"{where}: [spread]"),
        name=str(head.get("name", "virtual trial")),
        **settings,
    )
    if not arms:
        raise InputError(f"{where}: there is no [[arm]].")
    if not plain:
        design = replace(design, arms=(arms[0],))
    return Request(
        design, str(head.get("model", "")), head.get("draws"), search, searched,
        str(head.get("scale", "")), bool(plain),
    )  # fmt: skip


def _known(table: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for key in table:
        if key not in names:
            guess = closest(key, names)
            hint = f"did you mean {guess!r}?" if guess else f"there are {', '.join(names)}"
            raise InputError(f"{where}: there is no {key!r}; {hint}")


def _one(value: Any, kind: type, where: str) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    good = whole if kind is int else (whole or isinstance(value, kind))
    if kind is str:
        good = isinstance(value, str)
    if not good:
        word = {int: "a whole number", float: "a number", str: "text in quotes"}[kind]
        raise InputError(f"{where} = {value!r} must be {word}")
    return kind(value)


def _array(tables: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    rows = tables.get(key, [])
    if not isinstance(rows, list) or not all(isinstance(r, Mapping) for r in rows):
        raise InputError(f"{where}: [[{key}]] must be written with two brackets, once per {key}")
    return rows


def _arm(table: Mapping[str, Any], model: str, where: str) -> Arm:
    name = table.get("name", table.get("what_if"))
    if not isinstance(name, str) or not name:
        raise InputError(f"{where}: an [[arm]] has no name.")
    here = f"{where}: arm {name}"
    _known(table, ARM, here)
    base = Arm(name)
    if "what_if" in table:
        if not model:
            raise InputError(f"{here}: a what-if needs the model: add model = \"...\" to the file, "
                             "or --run or --model.")  # fmt: skip
        base = what_if(str(table["what_if"]), model, arm=name)
    regimen = read_regimen(table.get("regimen"), f"{here}: [[arm.regimen]]")
    if isinstance(regimen, dict):
        raise InputError(f"{here}: virtual patients have no names; leave `subject` out.")
    evidence = table.get("evidence", [])
    return Arm(
        name,
        base.regimen if regimen is None else regimen,
        {**base.parameters, **read_numbers(table.get("parameters", {}), f"{here}: parameters")},
        {**base.factors, **read_numbers(table.get("factors", {}), f"{here}: factors")},
        dict(table.get("covariates", {})),
        (*base.triggers, *(_trigger(t, here) for t in _array(table, "trigger", here))),
        (evidence,) if isinstance(evidence, str) else tuple(map(str, evidence)),
    )


def _trigger(table: Mapping[str, Any], where: str) -> Trigger:
    here = f"{where}: [[arm.trigger]]"
    own = [f.name for f in fields(Trigger) if f.name != "dose"]
    given = {k: v for k, v in table.items() if k not in own}
    dose = None
    if given:
        dose = read_section(Dose, {"time": 0.0, **given}, here)
    values = {k: table[k] for k in own if k in table}
    return read_section(Trigger, values if dose is None else {**values, "dose": dose}, here)


def _endpoint(table: Mapping[str, Any], where: str) -> Endpoint:
    here = f"{where}: [[endpoint]]"
    numbers = {
        k: _one(table[k], float, f"{here}: {k}")
        for k in ("level", "fraction", "time")
        if k in table
    }
    return read_section(Endpoint, {**table, **numbers}, here)


def _grading(table: Any, where: str) -> GradeModel | None:
    if table is None:
        return None
    here = f"{where}: [grading]"
    if not isinstance(table, Mapping):
        raise InputError(f"{here} must be a section")
    cuts = table.get("cuts")
    if cuts is not None and not isinstance(cuts, list):
        raise InputError(f"{here}: cuts must be a list of numbers")
    rest = {k: v for k, v in table.items() if k != "cuts"}
    model = read_section(GradeModel, rest, here)
    return model if cuts is None else replace(model, cuts=tuple(float(c) for c in cuts))


def _search(table: Any, where: str) -> Space | None:
    if table is None:
        return None
    here = f"{where}: [optimize]"
    if not isinstance(table, Mapping):
        raise InputError(f"{here} must be a section")
    _known(table, SEARCH, here)
    for key in ("arm", "benefit", "harm", "space"):
        if key not in table:
            raise InputError(f"{here} lacks {key}")
    space = table["space"]
    if not isinstance(space, Mapping) or not all(isinstance(v, list) for v in space.values()):
        raise InputError(f"{here}: space must hold a list of numbers for each name")
    values = {
        name: tuple(_one(v, float, f"{here}: {name}") for v in row) for name, row in space.items()
    }
    return Space(
        str(table["arm"]), _utility(table, here), values,
        str(table.get("method", "grid")),
        int(_one(table.get("rounds", 12), int, f"{here}: rounds")),
    )  # fmt: skip


def _utility(table: Mapping[str, Any], here: str) -> Utility:
    if "weight" in table and "at_least" in table:
        raise InputError(f"{here}: give weight (benefit against harm) or at_least (the least harm "
                         "with so much benefit), not both")  # fmt: skip
    numbers = {
        k: float(_one(table[k], float, f"{here}: {k}"))
        for k in ("weight", "at_least")
        if k in table
    }
    return Utility(str(table["benefit"]), str(table["harm"]), **numbers)
