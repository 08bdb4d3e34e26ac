"""The frame of every page: a security policy, escaped names, one script at most."""

from __future__ import annotations

from html import unescape
from importlib.resources import files
from typing import Any

import pytest
from markupsafe import Markup, escape

from cytobayes.inference import report
from cytobayes.inference.report.frame import POLICY, Drawing, environment, in_frame, script_hash

from ..synthetic_run import HOSTILE

PAGES = sorted(set(environment().list_templates(extensions=["html"])) - {"base.html", "parts.html"})
DRAWING = Drawing("curve", Markup("<svg></svg>"), 100)
RESPONSE: Any = {"steps": [HOSTILE], "caption": HOSTILE, "tables": [], "drawing": DRAWING}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_stands_in_the_frame(name: str) -> None:
    source = files(report.__name__).joinpath(f"templates/{name}").read_text("utf-8")
    assert source.startswith('{% extends "base.html" %}')


def test_a_page_without_a_script_lets_none_run() -> None:
    html = in_frame("response.html", kicker="k", title=HOSTILE, **RESPONSE)
    assert f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">' in html
    assert POLICY.startswith("default-src 'none'") and "script-src" not in html
    assert "<script" not in html


def test_a_page_with_a_script_lets_that_one_run() -> None:
    html = in_frame("response.html", kicker="k", title="t", script="let a = 1 < 2;", **RESPONSE)
    assert "<script>let a = 1 < 2;</script>" in html
    assert f"script-src '{script_hash('let a = 1 < 2;')}'\">" in html


def test_names_are_escaped_in_head_and_body() -> None:
    html = in_frame("response.html", kicker=HOSTILE, title=HOSTILE, **RESPONSE)
    assert HOSTILE not in html
    assert f"<title>{escape(HOSTILE)}</title>" in html
    assert unescape(html).count(HOSTILE) == 5  # title, kicker, heading, step, caption
