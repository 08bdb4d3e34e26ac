"""The reference of the command line, written from the program that parses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text
from typer.main import get_command

from cytobayes.inference.cli import app
from cytobayes.inference.cli.app import WORKFLOW

from .markdown import code, escaped, table

__all__ = ["command_page"]


def command_page() -> str:
    """Every command with its arguments and options."""
    program = get_command(app)
    parts = ["# Command line", escaped(program.help or "")]
    parts.append("```text\n" + Text.from_markup(WORKFLOW).plain + "```")
    parts += [_section(name, command) for name, command in _commands(program, ("cytobayes",))]
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        yield " ".join((*path, name)), command
        if getattr(command, "commands", None):
            yield from _commands(command, (*path, name))


def _section(name: str, command: Any) -> str:
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *(_metavar(a) for a in arguments)])
    parts = [f"## {name}", escaped(command.help or ""), f"```text\n{usage}\n```"]
    rows = [(code(_metavar(a)), _help(a)) for a in arguments]
    rows += [(code(", ".join((*o.opts, *o.secondary_opts))), _help(o)) for o in options]
    if rows:
        parts.append(table(("argument or option", "meaning"), rows))
    return "\n\n".join(parts)


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _help(parameter: Any) -> str:
    notes = ["required"] if parameter.required else []
    notes += ["may be repeated"] if parameter.multiple else []
    default = parameter.default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and default != "":
        notes.append(f"default: {default}")
    text = escaped(" ".join((getattr(parameter, "help", "") or "").split()))
    return f"{text} ({'; '.join(notes)})" if notes else text
