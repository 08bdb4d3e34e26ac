"""Pages in a real browser: the script, the keyboard, the width of a phone, accessibility."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest

from cytobayes.inference.report.frame import Drawing, in_frame
from cytobayes.inference.report.tables import Table

from ..synthetic_run import HOSTILE
from .population_page import SUBJECTS, picture

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PHONE: Any = {"width": 360, "height": 740}
DESK: Any = {"width": 1280, "height": 900}
STANDARD = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
Scheme = Literal["light", "dark"]

pytestmark = pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no Chromium at {CHROMIUM}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as programs:
        found = programs.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


class Visit:
    """A page that is open, and all that it has complained of."""

    def __init__(self, chromium: Any, file: Path, size: Any = DESK, scheme: Scheme = "light"):
        self.page = chromium.new_page(viewport=size, color_scheme=scheme)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    @property
    def shown(self) -> list[str]:
        """Subjects that can be seen."""
        people = self.page.locator(".person:visible")
        return [one.get_attribute("data-subject") for one in people.all()]

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(wide))

    def violations(self) -> list[str]:
        """What axe finds, in words; it comes by the debugger, past the policy of the page."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"runOnly": STANDARD, "resultTypes": ["violations"]}
        found = Axe().run(self.page, options=options).response
        assert len(found["passes"]) >= 10  # it has looked
        return [
            f"{rule['id']}: {node['failureSummary']} {node['html'][:120]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    opened: list[Visit] = []

    def go(file: Path, **how: Any) -> Visit:
        opened.append(Visit(chromium, file, **how))
        return opened[-1]

    yield go
    for one in opened:
        one.page.close()


def test_the_report_opens_without_a_complaint_and_asks_for_nothing(
    written: Path, visit: Any
) -> None:
    seen = visit(written / "report.html")
    assert seen.complaints == []
    assert seen.asked == [(written / "report.html").as_uri()]


def test_every_figure_is_there_and_has_a_size(written: Path, visit: Any) -> None:
    page = visit(written / "report.html").page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    names = re.findall(r'<figure id="(figure-[^"]+)"', (written / "report.html").read_text())
    assert len(names) >= 8
    for name in names:
        drawings = page.locator(f"#{name} svg")
        sizes = [one.bounding_box() for one in drawings.all()]
        assert sizes, name
        assert all(s and s["width"] > 50 and s["height"] > 20 for s in sizes), (name, sizes)


def test_a_subject_is_chosen_with_the_keyboard_alone(written: Path, visit: Any) -> None:
    seen = visit(written / "report.html")
    before = len(seen.shown)
    for _ in range(200):
        seen.page.keyboard.press("Tab")
        if seen.page.evaluate("document.activeElement.id") == "subject-search":
            break
    seen.page.keyboard.type("p07")
    assert seen.shown == ["P07"]
    assert seen.page.locator("#subject-found").inner_text() == "1 of 12"
    seen.page.keyboard.press("Control+A")
    seen.page.keyboard.press("Delete")
    assert len(seen.shown) == before < len(SUBJECTS)
    assert seen.complaints == []


def test_without_script_every_subject_can_still_be_opened(
    written: Path, chromium: Any, tmp_path: Path
) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto((written / "report.html").as_uri())
    assert not page.locator("#subject-search").is_visible()
    page.locator("#other-subjects summary").click()
    assert page.locator(".person:visible").count() == len(SUBJECTS)
    page.close()


def test_a_script_that_the_policy_does_not_name_does_not_run(
    written: Path, visit: Any, tmp_path: Path
) -> None:
    changed = tmp_path / "page.html"
    text = (written / "report.html").read_text()
    changed.write_text(text.replace("hidden = false", "hidden=false"))
    seen = visit(changed)
    assert "Content Security Policy" in " ".join(seen.complaints)
    assert not seen.page.locator("#subject-search").is_visible()


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_no_page_is_wider_than_its_window(written: Path, visit: Any, size: Any) -> None:
    seen = visit(written / "report.html", size=size)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert seen.overflow() <= 0


def test_tables_that_did_not_scroll_would_be_wider(written: Path, visit: Any) -> None:
    seen = visit(written / "report.html", size=PHONE)
    seen.page.evaluate(
        "document.querySelectorAll('.scroll').forEach(e => { e.style.overflow = 'visible'; })"
    )
    assert seen.overflow() > 0


@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESK), ("dark", PHONE)], ids=["light desk", "dark phone"]
)
def test_the_report_passes_the_accessibility_rules(
    written: Path, visit: Any, scheme: Scheme, size: Any
) -> None:
    seen = visit(written / "report.html", scheme=scheme, size=size)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert seen.violations() == []


def test_a_pale_text_would_not_pass(written: Path, visit: Any) -> None:
    seen = visit(written / "report.html")
    seen.page.locator("h1").evaluate("e => { e.style.color = '#ccc'; }")
    assert any(v.startswith("color-contrast") for v in seen.violations())


TABLE = Table.of_frame(HOSTILE, pd.DataFrame({"name": [HOSTILE], "x": [0.5]}))
DRAWING = Drawing.of(picture(), "curve", "A curve")
PAGES: dict[str, dict[str, Any]] = {
    "response.html": {
        "steps": [HOSTILE], "caption": HOSTILE, "tables": [TABLE], "drawing": DRAWING,
    },
    "risk.html": {
        "name": HOSTILE, "verdict": HOSTILE, "sentence": HOSTILE, "by_grade": TABLE, "k": 3,
        "patients": DRAWING, "calibrated": HOSTILE, "caption": HOSTILE, "scores": TABLE,
        "calibration": Drawing.of(picture(), "calibration", "Calibration"),
        "notes": [HOSTILE], "caveat": HOSTILE, "foreseen": HOSTILE,
        "landmarks_say": HOSTILE, "landmarks_shown": HOSTILE,
        "days": Drawing.of(picture(), "days", "As days go by"),
        "landmarks": Drawing.of(picture(), "landmarks", "Scores as days go by"),
    },
    "trial.html": {
        "label": "posterior", "fitted": True, "sentences": [HOSTILE], "notes": [HOSTILE],
        "evidence": {"topic": HOSTILE}, "tables": [TABLE], "pictures": [(DRAWING, HOSTILE)],
        "design": "n = 20 " * 40, "settings": {"seed": 1},
    },
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_the_other_pages_pass_them_too_and_fit_a_phone(
    name: str, scheme: Scheme, visit: Any, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(in_frame(name, kicker="page", title=HOSTILE, **PAGES[name]))
    seen = visit(file, size=PHONE, scheme=scheme)
    assert seen.complaints == []
    assert seen.overflow() <= 0
    assert seen.violations() == []
