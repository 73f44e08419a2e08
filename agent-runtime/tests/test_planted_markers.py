"""Runs last: nothing that the whole test run put out holds a message's text, a token or a secret."""

from __future__ import annotations

import pytest

from tests.support import markers

# Files that the tests above write when they run, and what each surely holds: without it the search would search nothing.
EXPECTED = {
    "logs.txt": '"event":"invocation ended"',
    "metrics.txt": '"Namespace":"Ropewalk/Agents"',
    "problems.txt": "urn:agent-runtime:problem:",
    "processes.txt": '"event":"draining"',
}


@pytest.mark.parametrize("name", EXPECTED)
def test_no_log_line_metric_or_error_of_the_run_holds_a_planted_text(name: str) -> None:
    text = (markers.OUTPUT / name).read_text()
    assert EXPECTED[name] in text
    assert markers.leaks(text) == []


def test_nothing_else_was_put_out_unsearched() -> None:
    assert {path.name for path in markers.OUTPUT.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("marker", markers.ALL)
def test_the_search_finds_a_planted_text_in_any_case(marker: str) -> None:
    assert markers.leaks(f'{{"event": "said {marker.upper()}"}}') == [marker]
