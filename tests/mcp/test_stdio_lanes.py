"""Two lanes over stdio: a client and PostHog get what the SDK alone would have made of the same lines."""

from functools import partial

import anyio
import pytest
from hypothesis import given, settings

from tests.support.lane_sessions import pipelined, sessions
from tests.support.lanes import through_both_lanes, through_the_sdk


@pytest.fixture
def short_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody answers is under way when the input ends."""
    for module in ("stdio_lanes", "stdio_transport"):
        monkeypatch.setattr(f"projects_mcp.protocol.{module}.FINISH_S", 0.05)


def assert_equal(lines: list[str]) -> None:
    both, alone = (anyio.run(serve, lines) for serve in (through_both_lanes, through_the_sdk))
    assert both.outcome == alone.outcome


@pytest.mark.usefixtures("short_end")
@settings(max_examples=40, deadline=None)
@given(sessions(odd=False))
def test_a_session_as_clients_have_it_is_the_same(lines: list[str]) -> None:
    assert_equal(lines)


@pytest.mark.usefixtures("short_end")
@settings(max_examples=60, deadline=None)
@given(sessions(odd=True))
def test_a_session_with_something_odd_is_the_same(lines: list[str]) -> None:
    assert_equal(lines)


@settings(max_examples=20, deadline=None)
@given(pipelined())
def test_a_session_whose_client_does_not_wait_is_the_same(lines: list[str]) -> None:
    both, alone = (anyio.run(partial(serve, lines, waits=False)) for serve in (through_both_lanes, through_the_sdk))
    assert both.unordered == alone.unordered


@pytest.mark.long
@pytest.mark.usefixtures("short_end")
@settings(max_examples=1_500, deadline=None)
@given(sessions(odd=True))
def test_many_sessions_with_something_odd_are_the_same(lines: list[str]) -> None:
    assert_equal(lines)
