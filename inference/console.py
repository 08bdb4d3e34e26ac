"""Where the command line writes: results to stdout, everything else to stderr."""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.text import Text

__all__ = ["fail", "say", "show"]


def show(result: RenderableType) -> None:
    """Print a result to stdout; text from files is printed as it is, never as markup."""
    text = Text(result) if isinstance(result, str) else result
    Console(soft_wrap=isinstance(result, str)).print(text)


def say(message: str, style: str = "") -> None:
    """Print a message to stderr."""
    Console(stderr=True, soft_wrap=True).print(Text(message, style=style))


def fail(message: str) -> None:
    """Print what is wrong with the input to stderr."""
    head = Text("error: ", style="bold red")
    Console(stderr=True, soft_wrap=True).print(head + Text(message))
