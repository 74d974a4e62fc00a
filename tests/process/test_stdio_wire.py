"""The wire over stdio: lines that are no messages, batches, and cursors, in both protocol eras."""

import json
import select
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.broken_lines import BROKEN
from tests.support.process import Piped, modern_call, modern_request, running
from tests.support.waiting import memory_kb

INVALID_REQUEST, INVALID_PARAMS = -32600, -32602
PING = {"jsonrpc": "2.0", "id": "ping", "method": "ping"}
BOTH = pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])


@contextmanager
def opened(*, modern: bool, revision: str = "2025-11-25") -> Iterator[Piped]:
    """Run a server that has answered one message."""
    with running("--sandbox") as server:
        if modern:
            server.write(modern_request(0, "server/discover", {}) + b"\n")
            assert server.read_message()["id"] == 0
        else:
            client = {"name": "test", "version": "1"}
            offer = {"protocolVersion": revision, "capabilities": {}, "clientInfo": client}
            assert server.request("initialize", offer)["result"]["protocolVersion"] == revision
            server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield server


def listing(number: Any, *, modern: bool) -> bytes:
    if modern:
        return modern_request(number, "tools/list", {})
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/list"}).encode()


def assert_alive(server: Piped, *, modern: bool) -> None:
    server.write(listing(9_999, modern=modern) + b"\n")
    answer = server.read_message()
    assert (answer["id"], "result" in answer) == (9_999, True)


@BOTH
def test_a_line_that_is_no_message_is_answered_by_its_id(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        for case, (line, code, number) in BROKEN.items():
            server.write(line + b"\n")
            answer = server.read_message()
            assert answer["jsonrpc"] == "2.0"
            assert (answer["id"], answer["error"]["code"]) == (number, code), case
            assert "Nothing was done" in answer["error"]["message"], case
            assert_alive(server, modern=modern)


UNANSWERABLE = [
    b"no json at all",
    b"",
    b"   ",
    b"[]",
    b"42",
    b'{"params":{"id":4},"method":',
    b'{"id":4,"id":5,"method":',
    b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":true,"method":"tools/list"}',
    b'{"jsonrpc":"2.0","id":4,"error":{"message":"no code"}}',
    b'{"jsonrpc":"2.0","id":4,"result":{"x":',
    b"\xff\xfe\x00",
]


@BOTH
def test_a_line_whose_id_cannot_be_read_gets_no_answer(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        for line in UNANSWERABLE:
            server.write(line + b"\n")
        assert_alive(server, modern=modern)
        out, err = server.end()
    assert out == b""
    assert b"Traceback" not in err


@BOTH
def test_an_error_never_takes_the_place_of_an_answer_that_is_on_its_way(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        server.write(listing(5, modern=modern) + b'\n{"jsonrpc":"2.0","id":5,"method":\n')
        answers = [server.read_message()]
        while select.select([server.stdout], [], [], 0.5)[0]:
            answers.append(server.read_message())
    assert "result" in answers[0] or len(answers) > 1
    assert sum("result" in answer for answer in answers) == 1


@BOTH
def test_a_byte_order_mark_before_the_first_message_is_no_fault(*, modern: bool) -> None:
    client = {"name": "test", "version": "1"}
    offer = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    legacy = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": offer}).encode()
    with running("--sandbox") as server:
        server.write(b"\xef\xbb\xbf" + (modern_call(1, "project_list", {}) if modern else legacy) + b"\n")
        assert "result" in server.read_message()


# Batches --------------------------------------------------------------------------------------------------------------


def test_a_batch_of_the_revision_that_has_them_is_answered_as_one() -> None:
    with opened(modern=False, revision="2025-03-26") as server:
        server.send(
            [
                PING,
                {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
                {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
                {"jsonrpc": "2.0", "id": 3, "method": "initialize", "params": {}},
                {"jsonrpc": "2.0", "id": 4},
                {"jsonrpc": "2.0", "id": 5, "method": "no/such"},
            ]
        )
        answers = {answer["id"]: answer for answer in server.read_message()}
        assert set(answers) == {"ping", 2, 3, 4, 5}
        assert "result" in answers["ping"]
        assert len(answers[2]["result"]["tools"]) > 1
        assert [answers[number]["error"]["code"] for number in (3, 4)] == [INVALID_REQUEST] * 2
        server.send([{"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}])
        assert_alive(server, modern=False)
        server.send([{**PING, "id": number} for number in range(101)])
        assert [server.read_message()["error"]["code"] for _ in range(101)] == [INVALID_REQUEST] * 101


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-06-18", "2025-11-25", "modern"])
def test_each_request_of_a_batch_of_another_revision_gets_an_error(revision: str) -> None:
    modern = revision == "modern"
    with opened(modern=modern, revision=revision) as server:
        lines = [json.loads(listing(number, modern=modern)) for number in (1, 2)]
        server.send([*lines, {"jsonrpc": "2.0", "method": "notifications/initialized"}, 3])
        answers = [server.read_message() for _ in lines]
        assert [(one["id"], one["error"]["code"]) for one in answers] == [(1, INVALID_REQUEST), (2, INVALID_REQUEST)]
        assert_alive(server, modern=modern)


# Lists and identity ---------------------------------------------------------------------------------------------------


@BOTH
def test_an_unknown_cursor_is_refused(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        for number, method in enumerate(
            ("tools/list", "resources/list", "resources/templates/list", "prompts/list"), start=10
        ):
            asked = json.loads(modern_request(number, method, {}) if modern else listing(number, modern=False))
            asked["method"] = method
            for cursor, refused in (("planted", True), ("", False)):
                server.send({**asked, "params": {**asked.get("params", {}), "cursor": cursor}})
                answer = server.read_message()
                assert ("error" in answer) is refused
                assert not refused or answer["error"]["code"] == INVALID_PARAMS


def test_discovery_lists_every_revision_that_is_served() -> None:
    with running("--sandbox") as server:
        server.write(modern_request(1, "server/discover", {}) + b"\n")
        supported = server.read_message()["result"]["supportedVersions"]
    assert supported[0] == "2026-07-28"
    assert sorted(supported) == ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
    for revision in supported[1:]:
        with opened(modern=False, revision=revision) as server:
            assert_alive(server, modern=False)


def test_the_server_has_a_website_and_a_small_picture() -> None:
    key = "io.modelcontextprotocol/serverInfo"
    with running("--sandbox") as server:
        server.write(modern_request(1, "server/discover", {}) + b"\n")
        modern = server.read_message()["result"]["_meta"][key]
        server.write(modern_call(2, "project_list", {}) + b"\n")
        beside = server.read_message()["result"]["_meta"][key]
    with running("--sandbox") as server:
        client = {"name": "test", "version": "1"}
        offer = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
        legacy = server.request("initialize", offer)["result"]["serverInfo"]
    for identity in (modern, legacy):
        assert identity["websiteUrl"] == "https://github.com/projects-mcp/projects-mcp"
        (icon,) = identity["icons"]
        assert icon["src"].startswith("data:image/png;base64,")
        assert len(icon["src"]) < 2_000
    assert beside["name"] == modern["name"]
    assert len(json.dumps(beside)) < 300, "a result does not carry the picture"


# A line without end -------------------------------------------------------------------------------------------------

LONGEST = 16 * 1024 * 1024
MEGABYTE = b"x" * 1_048_576
BEGUN = b'{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"project_list","arguments":{"search":"'


@BOTH
def test_a_line_without_end_is_refused_before_it_ends_and_takes_no_memory(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        assert_alive(server, modern=modern)
        before = memory_kb(server.process.pid)
        server.write(BEGUN)
        for _ in range(17):
            server.write(MEGABYTE)
        error = server.read_message()
        assert (error["id"], error["error"]["code"]) == (77, INVALID_REQUEST), "it does not wait for the end"
        assert str(LONGEST) in error["error"]["message"]
        for _ in range(100):
            server.write(MEGABYTE)
        server.write(b'"}}}\n')
        assert_alive(server, modern=modern)
        assert memory_kb(server.process.pid) - before < 64 * 1024


@BOTH
def test_a_long_line_whose_id_is_not_at_its_beginning_gets_no_answer(*, modern: bool) -> None:
    with opened(modern=modern) as server:
        for _ in range(17):
            server.write(MEGABYTE)
        server.write(b'","id":78}\n')
        assert_alive(server, modern=modern)
        assert b"no message with an id" in server.end()[1]


def test_the_longest_arguments_have_room_in_a_line() -> None:
    """A million characters that a client escapes, and twelve bytes for each."""
    with opened(modern=True) as server:
        texts = {str(number): "\U0001f600" * 50_000 for number in range(19)}
        call = {"project_id": PRODUCTION_ID, "product_type": "surveys", "metadata": texts}
        line = modern_call(5, "project_add_product_intent", call)
        assert len(line) > 11_000_000
        server.write(line + b"\n")
        assert server.read_message()["result"]["isError"] is False


def test_input_that_ends_within_a_long_line_ends_it_cleanly() -> None:
    with opened(modern=False) as server:
        for _ in range(18):
            server.write(MEGABYTE)
        server.end()
        assert server.process.returncode == 0
