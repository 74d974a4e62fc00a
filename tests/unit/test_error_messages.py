"""The words for every failure, as one page that a person reads.

Set UPDATE_SNAPSHOTS=1 to write it anew, and then read it.
"""

import os
import re
from pathlib import Path

import pytest

from projects_mcp.errors import refusals
from projects_mcp.errors.explain import explain, explain_unexpected
from tests.support.failures import AGAIN, READ, REFUSALS, failures

SNAPSHOT = Path(__file__).parent / "snapshots" / "failures.txt"


def page() -> str:
    lines = [f"{name}: {explain(failure, situation).text}" for name, situation, failure in failures()]
    lines.append(f"unexpected: {explain_unexpected(READ).text}")
    return "\n".join(lines) + "\n"


def test_the_page_is_as_it_was_read() -> None:
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(page(), encoding="utf-8")
    assert page() == SNAPSHOT.read_text(encoding="utf-8")


def test_every_refusal_is_on_the_page() -> None:
    assert {type(refusal) for refusal in (*REFUSALS, *AGAIN)} == set(refusals.REFUSALS)


@pytest.mark.parametrize("line", page().splitlines())
def test_each_is_two_to_five_plain_sentences_that_say_whether_anything_changed(line: str) -> None:
    _, _, text = line.partition(": ")
    sentences = [part for part in re.split(r"(?<=[.!?])[\s”]+(?=[A-Z`]|confirm_|project_)", text) if part]
    assert 2 <= len(sentences) <= 6, sentences
    assert "Nothing was changed." in text or "It is not known whether the change was made" in text
    assert "!" not in text
    assert len(text) <= 480
    for jargon in ("HTTP ", "JSON-RPC", "exception", "envelope", "traceback", "payload"):
        assert jargon not in text
