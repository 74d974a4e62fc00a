"""What a client sees of the tools: plain schemas, few characters, and every setting by its name."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from mcp import MCPError

from projects_mcp.api.settings_table import SETTINGS
from tests.support.harness import ERAS, Era, Harness

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]


async def test_published_schemas_use_only_what_every_client_understands(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        for tool in (await client.list_tools()).tools:
            assert tool.input_schema["type"] == "object"
            assert tool.input_schema["additionalProperties"] is False
            assert tool.output_schema is not None
            assert tool.description
            assert len(tool.description) < 700
            for place, schema in _schemas(tool.input_schema, tool.name):
                _assert_plain(place, schema)
            for place, schema in _schemas(tool.output_schema, f"{tool.name} answer"):
                assert "type" in schema, place


def _schemas(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield place, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _schemas(inner, f"{place}.{name}")
    if "items" in schema:
        yield from _schemas(schema["items"], f"{place}[]")


def _assert_plain(place: str, schema: Mapping[str, Any]) -> None:
    forbidden = {"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "title", "default", "const", "nullable"}
    assert not forbidden & set(schema), place
    assert schema["type"] in {"object", "array", "string", "integer", "number", "boolean"}, place
    assert None not in schema.get("enum", []), place
    if schema["type"] == "array":
        assert "items" in schema, place
    if "properties" in schema:
        assert schema["additionalProperties"] is False, place


async def test_what_a_model_sees_of_the_tools_stays_small_and_names_every_setting(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    seen = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in tools.values()
    ]
    # 13,000 characters are some 2,950 tokens of o200k_base: `make bench` counts them. Every conversation pays for them.
    assert len(json.dumps(seen, separators=(",", ":"))) <= 13_000
    assert set(_settings(tools["project_update"].input_schema)) == set(SETTINGS)
    # A search finds the tool by the names of its settings, so only one tool has them: see dev/retrieval.
    assert "project_update" in tools["project_create"].input_schema["properties"]["settings"]["description"]
    assert "properties" not in tools["project_create"].input_schema["properties"]["settings"]
    for name, setting in SETTINGS.items():
        published = _settings(tools["project_update"].input_schema)[name]
        for key in ("type", "enum", "minimum", "maximum"):
            assert published.get(key) == setting.schema.get(key), name


def _settings(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = schema["properties"]["settings"]["properties"]
    return properties


async def test_an_unknown_tool_is_invalid_params(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("project_explode", {})
    assert caught.value.error.code == -32602
