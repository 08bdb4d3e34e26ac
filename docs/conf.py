"""Settings of the documentation site: ``make docs`` builds it, warnings are errors.

The pages in ``docs/generated`` are written by ``scripts/make_pages.py`` before each build.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

from cytobayes._version import __version__

for loud in ("arviz", "pytensor"):  # Sphinx lets everyone speak
    logging.getLogger(loud).setLevel(logging.WARNING)

project = "cytobayes"
author = "The cytobayes contributors"
copyright = author
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["models.md", "_build"]  # models.md is the gallery for readers of the repository
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
# Off: code and text of the tutorials. Force: with what they print and draw, in some minutes.
nb_execution_mode = "force" if os.environ.get("DOCS_EXECUTE") else "off"
nb_execution_raise_on_error = True
nb_execution_timeout = 300

default_role = "code"  # `name` in a docstring
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings state types, with shapes and units
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = f"cytobayes {__version__}"
html_show_sourcelink = False
html_copy_source = False


def typeset(translator: Any, node: nodes.Element) -> None:
    """Write a formula as MathML, which browsers typeset without help from the network."""
    block = isinstance(node, nodes.math_block)
    text = convert(node.astext(), display="block" if block else "inline")
    translator.body.append(f'<div class="math">{text}</div>' if block else text)
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register how formulas are written."""
    app.add_html_math_renderer("mathml", (typeset, None), (typeset, None))


html_math_renderer = "mathml"
