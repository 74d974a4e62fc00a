"""How the arguments of `call` are read from words, and what is said of those that cannot be read."""

import io
import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.cli.call.arguments import ArgumentsError, read_arguments
from projects_mcp.cli.call.notation import complete_word, example_of, settings_of
from projects_mcp.cli.for_people import spoken
from projects_mcp.errors.explain import explain
from projects_mcp.tools.catalog import CATALOG, TOOLS
from projects_mcp.tools.tool import Tool
from projects_mcp.tools.validation import validate
from tests.support.failures import failures

UPDATE = TOOLS["project_update"]


def places(tool: Tool) -> Iterator[tuple[str, Any]]:
    """Every argument and every setting of a tool, as it is named on the command line, with its schema."""
    yield from tool.arguments["properties"].items()
    yield from ((f"settings.{name}", schema) for name, schema in settings_of(tool).items())


@pytest.mark.parametrize("tool", CATALOG, ids=lambda tool: tool.name)
def test_a_value_that_is_empty_is_taken_for_a_text_only(tool: Tool) -> None:
    """An unset variable of the shell must not empty a list: `settings.app_urls=$UNSET`."""
    for name, schema in places(tool):
        for empty in ("", "  "):
            if schema.get("type") == "string":
                assert read_arguments(tool, [f"{name}={empty}"])
                continue
            with pytest.raises(ArgumentsError, match="has no value") as refused:
                read_arguments(tool, [f"{name}={empty}"])
            assert name in str(refused.value)


@pytest.mark.parametrize("tool", CATALOG, ids=lambda tool: tool.name)
def test_an_argument_that_comes_twice_is_refused_by_its_name(tool: Tool) -> None:
    for name, _ in places(tool):
        with pytest.raises(ArgumentsError, match="twice") as refused:
            read_arguments(tool, [f"{name}=1", f"{name}=1"])
        assert str(refused.value).startswith(f"{name} ")


@pytest.mark.parametrize("tool", CATALOG, ids=lambda tool: tool.name)
def test_the_example_of_a_tool_is_taken_by_it(tool: Tool) -> None:
    call, name, *words = shlex.split(example_of(tool))
    assert (call, name) == ("call", tool.name)
    validate(tool.arguments, read_arguments(tool, words))


@pytest.mark.parametrize("tool", CATALOG, ids=lambda tool: tool.name)
def test_every_argument_and_setting_is_completed(tool: Tool) -> None:
    for name, _ in places(tool):
        offered = [word for word, _ in complete_word(tool, name)]
        assert any(word.startswith((f"{name}=", f"{name}.")) for word in offered), name
        assert all(word.startswith(name) for word in offered)


def test_a_word_and_an_object_go_together() -> None:
    text = '{"project_id": 1, "settings": {"timezone": "UTC"}}'
    both = read_arguments(UPDATE, [text, "settings.name=x", "project_id=2"])
    assert both == {"project_id": 2, "settings": {"timezone": "UTC", "name": "x"}}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["settings.session_recording_sample_rate=null"], "clear=session_recording_sample_rate"),
        (["settings.timezone=null"], "timezone cannot be null"),
        (["{}", "{}"], "here are two"),
        (['{"project_id": 1, "project_id": 2}'], "each key once"),
        (["[1]"], "no JSON object"),
        (["settings=1", "settings.name=a"], "whole and in part"),
        (["12345"], "write NAME=VALUE"),
        (["-"], "no JSON object"),
    ],
)
def test_what_cannot_be_read_says_what_works(words: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(ArgumentsError) as refused:
        read_arguments(UPDATE, words)
    assert says in str(refused.value)


def test_at_a_terminal_nobody_is_sent_to_a_user_or_told_to_call_a_tool() -> None:
    for _, situation, failure in failures():
        text = spoken(explain(failure, situation).text)
        for words in (
            "the user",
            "call again",
            "call it again",
            "restart",
            "as the client reports",
            "The operator must",
        ):
            assert words not in text, text
        for tool in OPERATIONS:
            assert f" with {tool}" not in text, text
