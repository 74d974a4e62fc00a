"""What is plain, and how it is answered: as the SDK writes it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from dev.fast_start import main, recorded
from projects_mcp.protocol import plain_messages
from projects_mcp.protocol.plain_lane import PlainSession
from projects_mcp.protocol.published import FILE
from projects_mcp.runner.result import ToolResult
from projects_mcp.sandbox import PRODUCTION_ID
from tests.contract.operations import DESTROYS
from tests.support.lanes import INITIALIZED, PUBLISHED, enveloped, initialize, request, written

Make = Callable[..., dict[str, Any]]
BOTH = pytest.mark.parametrize(
    ("opening", "make"),
    [([enveloped(0, "server/discover")], enveloped), ([initialize(), INITIALIZED], request)],
    ids=["modern", "legacy"],
)
NAME = "Acme web"


def test_what_is_recorded_is_what_the_sdk_answers() -> None:
    assert FILE.read_text(encoding="utf-8") == recorded(), "run: python -m dev.fast_start generate"


def test_the_check_finds_what_is_not_what_the_sdk_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / FILE.name
    copy.write_text(FILE.read_text(encoding="utf-8").replace("project_list", "project_lists", 1), encoding="utf-8")
    monkeypatch.setattr("dev.fast_start.FILE", copy)
    assert main(["generate", "--check"]) == 1
    assert main(["generate"]) == 0
    assert main(["generate", "--check"]) == 0
    assert copy.read_bytes() == FILE.read_bytes()


def judged(opening: list[dict[str, Any]], message: dict[str, Any]) -> Any:
    """What a plain session makes of a message after an opening."""
    session, answer = PlainSession(PUBLISHED), None
    for line in written(*opening, message):
        plain = plain_messages.read(line)
        assert plain is not None
        if plain.number is None:
            assert session.note(plain)
        else:
            answer = session.answer(plain)
    return answer


@BOTH
@pytest.mark.parametrize("name", DESTROYS)
def test_a_destructive_tool_is_never_plain(name: str, opening: list[dict[str, Any]], make: Make) -> None:
    for arguments in ({}, {"project_id": PRODUCTION_ID}, {"confirm_project_name": NAME}):
        assert judged(opening, make(1, "tools/call", {"name": name, "arguments": arguments})) is None


@BOTH
@pytest.mark.parametrize("word", ["confirm_project_name", "plan", "confirm_plan", "anything_new"])
def test_a_change_that_may_ask_somebody_is_not_plain(word: str, opening: list[dict[str, Any]], make: Make) -> None:
    arguments: dict[str, Any] = {"project_id": PRODUCTION_ID, "settings": {"timezone": "UTC"}}
    params = {"name": "project_update", "arguments": arguments}
    assert judged(opening, make(1, "tools/call", params)) is not None
    arguments[word] = None
    assert judged(opening, make(1, "tools/call", params)) is None


@BOTH
@pytest.mark.parametrize("word", ["where", "project_ids", "plan"])
def test_a_call_that_tells_how_far_it_is_is_not_plain(word: str, opening: list[dict[str, Any]], make: Make) -> None:
    params: dict[str, Any] = {"name": "project_list", "arguments": {word: {"timezone": "UTC"}}}
    message = make(1, "tools/call", params)
    assert judged(opening, message) is not None
    message["params"].setdefault("_meta", {})["progressToken"] = 7
    assert judged(opening, message) is None
    message["params"]["arguments"] = {"limit": 2}
    assert judged(opening, message) is not None


USUAL = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}'


@pytest.mark.parametrize(
    "odd",
    [
        USUAL.replace('"id":1', '"id":1,"id":2'),
        USUAL.replace('"id":1', '"id":1,"more":2'),
        USUAL.replace('"id":1', '"id":true'),
        USUAL.replace('"id":1', '"id":null'),
        USUAL.replace('"id":1', '"id":"\\ud800"'),
        USUAL.replace('"id":1', '"id":"\\uD83D\\uDE00"'),
        USUAL.replace('"2.0"', '"1.0"'),
        USUAL.replace("{}", "[]"),
        USUAL.replace("{}", '{"a":NaN}'),
        USUAL.replace("{}", '{"a":1e400}'),
        USUAL.replace("{}", '{"a":' + "[" * 150 + "]" * 150 + "}"),
        f"[{USUAL}]",
    ],
)
def test_what_is_odd_is_not_plain(odd: str) -> None:
    assert plain_messages.read(USUAL) is not None
    assert plain_messages.read(odd) is None


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(-1e-4, 1e-4), st.text())
def test_small_numbers_are_written_as_the_sdk_does(number: float, text: str) -> None:
    body = {"a": number, text: [-number, {"1e-05": text}]}
    written_once = PUBLISHED.modern.call(ToolResult(json.dumps(body, ensure_ascii=False, separators=(",", ":")), body))
    assert f'"structuredContent":{to_json(body).decode()}' in written_once
