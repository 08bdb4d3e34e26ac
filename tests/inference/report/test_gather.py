"""What the report says of the run itself."""

from __future__ import annotations

from cytobayes.inference.report.gather import began


def test_starts_and_degrees_of_centering_are_told() -> None:
    facts = {
        "starts": {"optima": [-10.0, -10.2, -55.0], "kept": 2},
        "centering": {"KA": 0.1514, "CL": 0.9312},
    }
    assert began(facts) == {
        "Starts": (
            "3 paths of an optimizer; 2 led near the best log density, and the chains began there"
        ),
        "Centering": "KA 0.15, CL 0.93 (mean over subjects; 0: non-centered, 1: centered)",
    }


def test_a_run_without_a_population_or_a_search_says_nothing_of_them() -> None:
    assert began({"starts": {"optima": [], "kept": 0}, "centering": {}}) == {}
    assert began({}) == {}
