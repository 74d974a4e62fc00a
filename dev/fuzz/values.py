"""Strategies: hostile JSON, the arguments of tools, the answers of PostHog, callers files."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, PRODUCTION_ID
from projects_mcp.tools.catalog import CATALOG

__all__ = ["CSRF", "KEY", "PLANTED", "SESSION", "answers", "arguments", "callers_files", "tools"]

KEY: Final = "phx_FuzzOwnKeyPlanted0123456789abcdef"
SESSION: Final = "fuzzSessionPlanted987654321"
CSRF: Final = "fuzzCsrfPlanted1122334455"
PLANTED: Final = (
    *(KEY, SESSION, CSRF, "phs_FuzzCustomersSecret0001", "pha_FuzzOauthToken0002"),
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmdXp6In0.c2lnbmF0dXJlZnV6eg",
)
"""Secrets that no output may show."""
_WORDS: Final = (
    *("id", "name", "organization", "results", "count", "next", "detail", "error", "code", "attr", "scopes", "changes"),
    *("before", "after", "field", "key", "value", "token", "password", "is_pending_deletion", "api_token", "user"),
    *("secret_api_token", "secret_api_token_backup", "deletion_scheduled_at", "product_intents", "revert", "next"),
    *("a\u200b", "a\u200c", "a\ufffd", "[redacted]", "", "\u202e", "__proto__", "x" * 300),
)
_SETTINGS: Final = list(SETTINGS)

_texts = st.one_of(
    st.sampled_from(_WORDS),
    st.text(max_size=30),
    st.sampled_from(PLANTED).flatmap(lambda secret: st.text(max_size=6).map(lambda text: f"{text} {secret}; {text}")),
    st.sampled_from(
        ["phs_...abcd", "<b>x</b>", "Infinity", "1e999", "1e2000000000", "\x1b[2J", "\ud83d\ude00", "a" * 9_000]
    ),
)
_numbers = st.one_of(
    st.integers(),
    st.sampled_from([0, 1, -1, 2**53, 10**400, PRODUCTION_ID]),
    st.floats(allow_nan=False, allow_infinity=False),
)
_scalars = st.one_of(st.none(), st.booleans(), _numbers, _texts)
_keys = st.one_of(st.sampled_from(_WORDS), st.sampled_from(_SETTINGS), st.text(max_size=10))
_json = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(_keys, inner, max_size=5)),
    max_leaves=25,
)
_deep = st.integers(1, 90).map(lambda levels: json.loads("[" * levels + "]" * levels))
_wide = st.one_of(
    _scalars.map(lambda item: [item] * 1_200), _texts.map(lambda text: {f"{text}{n}": n for n in range(400)})
)
_values = st.one_of(_json, _json, _json, _deep, _wide)


def _of_type(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Draw a value that a schema would take, more or less."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.integers(0, 40_000),
        "number": st.floats(0, 1),
        "string": _texts,
        "array": st.lists(_values, max_size=4),
        "object": st.dictionaries(_keys, _values, max_size=4),
    }
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return kinds[schema.get("type", "object")]


_one_setting = st.sampled_from(_SETTINGS).flatmap(
    lambda name: st.tuples(st.just(name), st.one_of(_of_type(dict(SETTINGS[name].schema)), _values))
)
_settings = st.lists(_one_setting, max_size=4).map(dict)

tools = st.sampled_from([tool.name for tool in CATALOG])


@st.composite
def arguments(draw: st.DrawFn, tool: str) -> dict[str, Any]:
    """Draw arguments of a tool: mostly nearly right, at times nonsense."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.dictionaries(_keys, _values, max_size=4))
    schema = next(one for one in CATALOG if one.name == tool).arguments
    chosen: dict[str, Any] = {}
    for name, inner in schema["properties"].items():
        if name not in schema.get("required", ()) and draw(st.booleans()):
            continue
        likely: dict[str, st.SearchStrategy[Any]] = {
            "project_id": st.just(PRODUCTION_ID),
            "organization_id": st.sampled_from(["@current", ACME_ID, NORTHWIND_ID]),
            "target_organization_id": st.just(NORTHWIND_ID),
            "confirm_project_name": st.sampled_from(["Acme web", "acme web", "[redacted]"]),
            "settings": _settings,
            "expected": _settings,
            "clear": st.lists(st.sampled_from(_SETTINGS), max_size=3),
        }
        usual = likely[name] if name in likely else _of_type(dict(inner))
        chosen[name] = draw(_values if draw(st.integers(0, 9)) == 0 else usual)
    return chosen


def _project(extra: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {"id": PRODUCTION_ID, "name": "Acme web", "organization": ACME_ID, **settings, **extra}


_projects = st.builds(_project, st.one_of(st.just({}), st.dictionaries(_keys, _values, max_size=4)), _settings)
_bodies = st.one_of(
    _projects.map(json.dumps),
    _values.map(json.dumps),
    st.lists(_projects, max_size=4).map(lambda rows: json.dumps({"count": len(rows), "results": rows})),
    st.lists(_values, max_size=4).map(lambda rows: json.dumps({"results": rows, "total_count": 9, "next": "x"})),
    st.fixed_dictionaries({"detail": _values, "code": _values, "attr": _values}).map(json.dumps),
    st.text(max_size=40),
    st.sampled_from(
        ["", "null", "[]", "{", '{"a":1,"a":2}', '{"x":1e999}', '{"x":NaN}', '{"is_generating_demo_data":true}']
    ),
)
_statuses = st.one_of(
    st.just(200), st.just(200), st.sampled_from([201, 204, 302, 400, 401, 403, 404, 409, 418, 429, 500, 503])
)
_headers = st.fixed_dictionaries(
    {
        "content-type": st.sampled_from(
            ["application/json", "application/json", "text/html", "", "application/x+json; a"]
        )
    },
    optional={
        "content-encoding": st.sampled_from(["gzip", "br", "identity", "x"]),
        "retry-after": st.sampled_from(["1", "-1", "99999999999999999999", "x", "Thu, 01 Jan 1970 00:00:00 GMT"]),
        "location": st.just(f"https://evil.example/?k={KEY}"),
    },
)
answers = st.tuples(_statuses, _headers, _bodies)
"""Status, headers and body of an answer."""

_toml_values = st.one_of(
    st.booleans().map(lambda flag: str(flag).lower()),
    st.integers().map(str),
    st.sampled_from(["1e400", "inf", "nan", "1979-05-27", "[]", "{}", '["project:read"]', '["project:write", 1]']),
    _texts.filter(lambda text: text.isprintable()).map(json.dumps),
    st.sampled_from([f'"{"a" * 64}"', f'"{ACME_ID}"', '"read"', '"default"', "9" * 5_000]),
)
_toml_fields = st.sampled_from(
    [
        *("token_sha256", "scopes", "access", "organization", "credential", "protected_projects", "concurrent_calls"),
        *("calls_per_minute", "key_env", "key_file", "extra"),
    ]
)
_toml_sections = st.sampled_from(
    [
        "[callers.ada]",
        "[callers.bob]",
        "[credentials.x]",
        "[credentials.default]",
        "[callers]",
        "[[callers.ada]]",
        "[x]",
        "",
    ]
)
_toml_section = st.tuples(_toml_sections, st.dictionaries(_toml_fields, _toml_values, max_size=6)).map(
    lambda part: "\n".join([part[0], *(f"{name} = {value}" for name, value in part[1].items())])
)
callers_files = st.one_of(
    st.lists(_toml_section, max_size=4).map("\n".join).map(str.encode),
    st.binary(max_size=60),
    st.integers(1, 3_000).map(lambda levels: b"a = " + b"[" * levels),
)
"""The bytes of a callers file."""
