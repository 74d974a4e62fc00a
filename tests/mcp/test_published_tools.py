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
            assert tool.output_schema is not None
            assert tool.description
            assert len(tool.description) < 700
            for place, schema in _schemas(tool.input_schema, tool.name):
                _assert_plain(place, schema)
            for name, argument in tool.input_schema["properties"].items():
                assert 1 <= len(argument["description"].split()) <= 8, f"{tool.name}.{name}"
            for place, schema in _schemas(tool.output_schema, f"{tool.name} answer"):
                assert "type" in schema, place


def _schemas(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield place, schema
    for name, inner in schema.get("properties", {}).items():
        yield from _schemas(inner, f"{place}.{name}")
    if "items" in schema:
        yield from _schemas(schema["items"], f"{place}[]")


def _assert_plain(place: str, schema: Mapping[str, Any]) -> None:
    known = {"type", "description", "properties", "required", "items", "enum", "minimum", "maximum"}
    assert set(schema) <= known, place
    assert schema["type"] in {"object", "array", "string", "integer", "number", "boolean"}, place
    assert "enum" not in schema or schema["type"] == "string", f"{place}: Gemini takes choices of texts only"
    assert all(isinstance(choice, str) for choice in schema.get("enum", [])), place
    if schema["type"] == "array":
        assert "items" in schema, place


async def test_what_a_model_sees_of_the_tools_stays_small_and_names_every_setting(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    seen = [
        {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
        for tool in tools.values()
    ]
    # 13,306 characters were 2,994 tokens of o200k_base, of at most 3,000: `make bench` counts them.
    assert len(json.dumps(seen, separators=(",", ":"))) <= 13_320
    assert set(_settings(tools["project_update"].input_schema)) == set(SETTINGS)
    # A search finds the tool by the names of its settings, so only one tool has them: see dev/retrieval.
    assert "project_update" in tools["project_create"].input_schema["properties"]["settings"]["description"]
    assert "properties" not in tools["project_create"].input_schema["properties"]["settings"]
    for name, setting in SETTINGS.items():
        published = _settings(tools["project_update"].input_schema)[name]
        enforced = dict(setting.schema)
        if enforced["type"] == "integer" and (choices := enforced.pop("enum", None)):
            assert choices == list(range(choices[0], choices[-1] + 1)), f"{name}: say in words what lies between"
            enforced |= {"minimum": choices[0], "maximum": choices[-1]}
        for key in ("type", "enum", "minimum", "maximum"):
            assert published.get(key) == enforced.get(key), name


def _settings(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = schema["properties"]["settings"]["properties"]
    return properties


async def test_an_unknown_tool_is_invalid_params(harness: Harness, era: Era) -> None:
    async with harness.client(era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("project_explode", {})
    assert caught.value.error.code == -32602
