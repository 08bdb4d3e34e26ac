"""What every page of HTML has: one look, one security policy, and nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ..._version import __version__
from ..drawing import flatten, to_svg
from .verdict import DISCLAIMER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Drawing", "in_frame", "script_hash"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PIXELS = 112  # of a page, per inch of a drawing


@dataclass(frozen=True)
class Drawing:
    """A figure as it stands in a page.

    Parameters
    ----------
    name : str
        Unique in the page.
    svg : Markup
    width : int
        Pixels at which it looks best.
    """

    name: str
    svg: Markup
    width: int

    @classmethod
    def of(cls, figure: Figure, name: str, description: str) -> Drawing:
        """Draw a figure; the description is read aloud in its place."""
        flatten(figure)
        width = round(float(figure.get_figwidth()) * PIXELS)
        return cls(name, Markup(to_svg(figure, name, description)), width)


def in_frame(template: str, *, kicker: str, title: str, script: str = "", **parts: object) -> str:
    """Write a page.

    Parameters
    ----------
    template : str
        File in ``templates/`` that extends ``base.html``.
    kicker, title : str
        What kind of page it is; what it is about.
    script : str
        The only one that the security policy lets run; of this package, never of a user.
    **parts
        What the blocks of the template use.

    Returns
    -------
    str
        HTML; every text that comes from data, files or names is escaped.
    """
    allowed = f"; script-src '{script_hash(script)}'" if script else ""
    return environment().get_template(template).render(
        version=__version__,
        policy=Markup(POLICY + allowed),
        css=Markup(shipped("report.css")),
        kicker=kicker,
        title=title,
        script=Markup(script),
        disclaimer=DISCLAIMER,
        **parts,
    )  # fmt: skip


@cache
def environment() -> Environment:
    """Templates of all pages; texts are escaped, and a part that is missing is an error."""
    return Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def shipped(name: str) -> str:
    """Text of a file in ``templates/``."""
    return files(__package__).joinpath(f"templates/{name}").read_text("utf-8")


def script_hash(script: str) -> str:
    """Hash by which the security policy of a page lets this script run, and no other.

    Examples
    --------
    >>> script_hash("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
