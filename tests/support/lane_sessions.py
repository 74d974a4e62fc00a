"""Sessions of clients over stdio, for properties: as clients have them, and with something odd in them."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st

from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.lanes import CAPABILITIES, CLIENT, INITIALIZED, REVISION, cancelled, enveloped, initialize, request

Path = tuple[Any, ...]
NAME = "Acme web"
READS: list[tuple[str, dict[str, Any]]] = [
    ("project_list", {"limit": 2}),
    ("project_list", {"fields": ["timezone", "ä"]}),
    ("project_list", {"limit": "x"}),
    ("project_get", {"project_id": PRODUCTION_ID}),
    ("project_get", {"project_id": str(PRODUCTION_ID), "detail": "full"}),
    ("project_get", {"project_id": 7}),
    ("project_get", {"nope": 1}),
    ("project_get", {}),
    ("project_activity", {"project_id": PRODUCTION_ID}),
]
CALLS: list[tuple[str, dict[str, Any]]] = [
    *READS,
    ("project_update", {"project_id": PRODUCTION_ID, "settings": {"timezone": "Europe/Madrid"}, "dry_run": True}),
    ("project_update", {"project_id": PRODUCTION_ID, "settings": {"name": "b\u202ex é \U0001f600"}}),
    ("project_update", {"project_id": PRODUCTION_ID, "settings": {"session_recording_sample_rate": 0.00001}}),
    ("project_update", {"project_id": PRODUCTION_ID, "settings": {"name": "x"}, "confirm_project_name": NAME}),
    ("project_update", {"project_id": PRODUCTION_ID, "clear": ["primary_dashboard"]}),
    ("project_create", {"name": "new one"}),
    ("project_add_product_intent", {"project_id": PRODUCTION_ID, "product_type": "surveys"}),
    ("project_delete", {"project_id": PRODUCTION_ID, "confirm_project_name": "no"}),
    ("project_delete", {"project_id": PRODUCTION_ID, "confirm_project_name": NAME}),
    ("nope", {}),
]
LISTS = ["tools/list", "resources/list", "resources/templates/list", "prompts/list"]
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("server/discover", {}),
    ("ping", {}),
    ("prompts/get", {"name": "review_project_settings", "arguments": {"project_id": "3"}}),
    ("resources/read", {"uri": "projects://config"}),
    ("resources/read", {"uri": f"projects://@current/{PRODUCTION_ID}"}),
    ("logging/setLevel", {"level": "info"}),
    ("subscriptions/listen", {}),
    ("x/y", {}),
    ("initialize", initialize()["params"]),
    ("tools/list", {"cursor": "a"}),
    ("tools/list", {"cursor": ""}),
]
CAPABLE: list[dict[str, Any]] = [
    {},
    {"roots": {"listChanged": True}},
    {"sampling": {"tools": {}, "context": {}}},
    {"experimental": {"a": {"b": [1]}}, "extensions": {"x/y": {"mimeTypes": ["text/html"]}}},
    {"tasks": {"list": {}, "cancel": {}, "requests": {"elicitation": {"create": {}}}}},
]
ODD_CAPABLE: list[Any] = [
    {"tasks": {}},
    {"x": 1},
    {"roots": {"listChanged": 1}},
    {"roots": {"listChanged": "yes"}},
    {"elicitation": {"url": {}}},
    {"elicitation": {"form": 1}},
    {"elicitation": None},
    {"sampling": {"tools": True}},
    {"experimental": {"a": 1}},
    {"tasks": {"requests": {"elicitation": 1}}},
    None,
    [],
]
JUNK: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.0, 1.5, 10**25, "", "a", "1", "é", "\u202e", [], {}, [1], {"a": 1}, {"a": {}}),
    *([[]], "2026-07-28", "2025-11-25", "2.0", "1.0"),
]
KEYS = [
    *("extra", "_meta", "id", "method", "cursor", "name", "title", "progressToken", REVISION, CAPABILITIES, CLIENT),
    *("inputResponses", "requestState", "task", "icons", "requestId", "reason", "claudecode/toolUseId", "traceparent"),
    *("io.modelcontextprotocol/logLevel", "confirm_project_name"),
]
LONE_NOTES: list[dict[str, Any]] = [
    INITIALIZED,
    {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {}},
    {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"},
    {"jsonrpc": "2.0", "method": "notifications/x", "params": {}},
    {"jsonrpc": "2.0", "id": 3, "result": {}},
    {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}},
    {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}},
]


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*path, key))


@st.composite
def _mutated(draw: st.DrawFn, message: dict[str, Any]) -> dict[str, Any]:
    """A message with one thing in it that is otherwise."""
    message = copy.deepcopy(message)
    *way, last = draw(st.sampled_from(list(_paths(message))))
    place: Any = message
    for key in way:
        place = place[key]
    how = draw(st.sampled_from(["replace", "drop", "add", "rename", "capabilities"]))
    if how == "capabilities":
        return _with_capabilities(message, draw(st.sampled_from(ODD_CAPABLE)))
    if how == "replace" or isinstance(place, list):
        place[last] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    elif how == "drop":
        del place[last]
    elif how == "add":
        place[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(JUNK)))
    else:
        place[f"{last}{draw(st.sampled_from(['x', ' ', 'X']))}"] = place.pop(last)
    return message


def _with_capabilities(message: dict[str, Any], capabilities: Any) -> dict[str, Any]:
    params = message.get("params", {})
    if "capabilities" in params:
        params["capabilities"] = capabilities
    elif isinstance(params.get("_meta"), dict):
        params["_meta"][CAPABILITIES] = capabilities
    return message


TEXTS: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[: len(text) // 2],
    "spaces": lambda text: f" {text}  ",
    "two ids": lambda text: text.replace('"id"', '"id":5,"id"', 1),
    "two methods": lambda text: text.replace('"method"', '"method":"ping","method"', 1),
    "not a number": lambda text: text.replace(": {", ': {"a": NaN, ', 1),
    "half a character": lambda text: text.replace('"test"', '"\\ud800"'),
    "infinite": lambda text: text.replace("1", "1e400", 1),
    "tiny": lambda text: text.replace("0.00001", "1E-5", 1),
    "batch": lambda text: f"[{text}]",
    "nothing": lambda _text: "",
    "blank": lambda _text: "   ",
    "other end": lambda text: f"{text}\r",
    "byte order mark": lambda text: f"\ufeff{text}",
    "escaped": lambda text: text.replace("tools", "t\\u006fols"),
    "deep": lambda text: text.replace('"params": {', '"params": {"deep": ' + "[" * 300 + "]" * 300 + ", ", 1),
    "garbage": lambda _text: "no json",
}
"""What can be wrong with the text of a line."""


@st.composite
def _request(draw: st.DrawFn, number: int, *, modern: bool, odd: bool) -> dict[str, Any]:
    kinds = ["call", "call", "list", "other"] if odd else ["call", "call", "call", "list", "basic"]
    kind = draw(st.sampled_from(kinds))
    if kind == "call":
        name, arguments = draw(st.sampled_from(CALLS))
        method, params = "tools/call", {"name": name, "arguments": copy.deepcopy(arguments)}
    elif kind == "list":
        method, params = draw(st.sampled_from(LISTS)), {}
    elif kind == "basic":
        method, params = "server/discover" if modern else "ping", {}
    else:
        method, params = copy.deepcopy(draw(st.sampled_from(OTHERS)))
    ids: list[Any] = [number, number, number, f"s{number}"]
    if odd:
        ids += [str(number), number + 10**20, f"é{number}", f"{number} "]
    meta = draw(_meta())
    if modern:
        if draw(st.booleans()):
            meta[CLIENT] = {"name": "test", "version": "1"}
        meta[CAPABILITIES] = copy.deepcopy(draw(st.sampled_from(CAPABLE)))
        return enveloped(draw(st.sampled_from(ids)), method, params, **meta)
    if meta:
        params = {**params, "_meta": meta}
    if not params and draw(st.booleans()):
        return request(draw(st.sampled_from(ids)), method)
    return request(draw(st.sampled_from(ids)), method, params)


@st.composite
def _meta(draw: st.DrawFn) -> dict[str, Any]:
    """What clients of both eras send beside a request."""
    given = [{}, {}, {}, {"progressToken": 1}, {"progressToken": "a"}, {"claudecode/toolUseId": "toolu_1"}]
    return copy.deepcopy(draw(st.sampled_from(given)))


@st.composite
def _opening(draw: st.DrawFn, *, modern: bool) -> list[dict[str, Any]]:
    capabilities = copy.deepcopy(draw(st.sampled_from(CAPABLE)))
    discover = enveloped(0, "server/discover", {}, **{CAPABILITIES: capabilities})
    if modern:
        return draw(st.sampled_from([[discover], [], [discover, discover]]))
    revision = draw(st.sampled_from(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"]))
    hello = [initialize("hello", revision, **capabilities), INITIALIZED]
    return draw(st.sampled_from([hello, hello, [discover, *hello]]))


@st.composite
def sessions(draw: st.DrawFn, *, odd: bool) -> list[str]:
    """The lines of a session of either era; with `odd`, some of them are what no client should send."""
    modern = draw(st.booleans())
    messages = draw(_opening(modern=modern))
    for number in range(1, draw(st.integers(2, 8))):
        if odd and draw(st.integers(0, 5)) == 0:
            messages.append(draw(st.sampled_from([*LONE_NOTES, cancelled(number - 1)])))
        else:
            era = modern if not odd or draw(st.integers(0, 9)) else not modern
            messages.append(draw(_request(number, modern=era, odd=odd)))
    changed = draw(st.sets(st.integers(0, len(messages) - 1), max_size=2)) if odd else set()
    lines = []
    for at, message in enumerate(messages):
        if at not in changed:
            lines.append(json.dumps(message, ensure_ascii=False))
        elif draw(st.booleans()):
            lines.append(json.dumps(draw(_mutated(message)), ensure_ascii=False))
        else:
            lines.append(TEXTS[draw(st.sampled_from(list(TEXTS)))](json.dumps(message, ensure_ascii=False)))
    return lines


@st.composite
def pipelined(draw: st.DrawFn) -> list[str]:
    """A session that reads only, whose lines may all be there at once."""
    modern = draw(st.booleans())
    messages = draw(_opening(modern=modern))
    for number in range(1, draw(st.integers(3, 12))):
        name, arguments = draw(st.sampled_from([*READS, ("nope", {})]))
        params = {"name": name, "arguments": arguments}
        make = enveloped if modern else request
        messages.append(make(number, "tools/call", params))
    return [json.dumps(message, ensure_ascii=False) for message in messages]
