"""Have each converter of this environment make its own schema of every one that we publish, and lose nothing by it.

The kinds of models differ in what they take. A converter that meets what its model does not know raises, leaves the
argument out, or makes a request of it that the model's service refuses whole.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from dev.conformance.libraries.journey import SANDBOX, expect

Converted = Iterator[tuple[str, Mapping[str, Any]]]
"""Names of tools, and what a converter made of their schemas."""

_TEXT_FOR_ANY_OBJECT: Final = "langchain-google-genai"
"""Asks for a text where an object names no properties. Our validation takes an object that was written as a text."""


def google_genai(tools: list[dict[str, Any]]) -> Converted:
    """Google's own conversion of tools of MCP, and its own class of schemas."""
    types, utils = import_module("google.genai.types"), import_module("google.genai._mcp_utils")
    for tool in tools:
        validated = types.Schema.model_validate(tool["inputSchema"])
        yield tool["name"], _plain(validated)
        (declared,) = utils.mcp_to_gemini_tool(_mcp(tool)).function_declarations
        yield declared.name, _plain(declared.parameters)


def langchain_core(tools: list[dict[str, Any]]) -> Converted:
    """LangChain's form for models of OpenAI's kind, plain and strict."""
    convert = import_module("langchain_core.utils.function_calling").convert_to_openai_tool
    for tool in _langchain(tools):
        for options in ({}, {"strict": True}):
            function = convert(tool, **options)["function"]
            yield function["name"], function["parameters"]


_NO_ARGUMENTS = {"type": "object", "properties": {}}
"""What Gemini is told by leaving the parameters out."""


def langchain_google_genai(tools: list[dict[str, Any]]) -> Converted:
    """LangChain's binding to Gemini."""
    model = import_module("langchain_google_genai").ChatGoogleGenerativeAI(model="gemini-2.5-flash", api_key="none")
    convert = import_module("langchain_google_genai._function_utils").convert_to_genai_function_declarations
    bound = model.bind_tools(_langchain(tools)).kwargs["tools"]
    made = convert(bound)  # as each request does it
    for one in made if isinstance(made, list) else [made]:
        for function in one.function_declarations:
            yield function.name, function.parameters_json_schema or _plain(function.parameters or _NO_ARGUMENTS)


def langchain_anthropic(tools: list[dict[str, Any]]) -> Converted:
    """LangChain's binding to Claude, plain and strict."""
    model = import_module("langchain_anthropic").ChatAnthropic(model="claude-sonnet-4-5", api_key="none")
    for options in ({}, {"strict": True}):
        for bound in model.bind_tools(_langchain(tools), **options).kwargs["tools"]:
            yield bound["name"], bound["input_schema"]


def openai_agents(tools: list[dict[str, Any]]) -> Converted:
    """OpenAI's agents SDK, strict and plain. What cannot be strict must come out plain, not broken."""
    agents = import_module("agents.mcp")
    server = agents.MCPServerStdio({"command": "none"})
    for tool in tools:
        for strict in (True, False):
            function = agents.MCPUtil.to_function_tool(_mcp(tool), server, strict)
            yield function.name, function.params_json_schema


def pydantic_ai(tools: list[dict[str, Any]]) -> Converted:
    """Pydantic AI's schemas for Gemini, and for models of OpenAI's kind, plain and strict."""
    google = import_module("pydantic_ai.profiles.google").GoogleJsonSchemaTransformer
    openai = import_module("pydantic_ai.profiles.openai").OpenAIJsonSchemaTransformer
    for tool in tools:
        for transformer, strict in ((google, None), (openai, None), (openai, True)):
            yield tool["name"], transformer(json.loads(json.dumps(tool["inputSchema"])), strict=strict).walk()


CONVERTERS: Final[Mapping[str, Callable[[list[dict[str, Any]]], Converted]]] = {
    "google-genai": google_genai,
    "langchain-core": langchain_core,
    "langchain-google-genai": langchain_google_genai,
    "langchain-anthropic": langchain_anthropic,
    "openai-agents": openai_agents,
    "pydantic-ai-slim": pydantic_ai,
}


def main() -> None:
    """Run the converters that this environment has."""
    plan = json.loads(sys.argv[1])
    command = [plan["command"], "tools", "--json"]
    listed = subprocess.run(command, env={**os.environ, **SANDBOX}, capture_output=True, check=True, timeout=60)
    tools = json.loads(listed.stdout)
    expect(len(tools) == plan["tools"], f"{len(tools)} tools")
    for package, convert in CONVERTERS.items():
        try:
            number = version(package)
        except PackageNotFoundError:
            continue
        originals = {tool["name"]: tool for tool in tools}
        made = list(convert(tools))
        expect({name for name, _ in made} == set(originals), f"{package}: {sorted({name for name, _ in made})}")
        for name, schema in made:
            published = originals[name]["inputSchema"]
            if package == _TEXT_FOR_ANY_OBJECT:
                published = _with_texts(published)
            _expect_whole(f"{package}, {name}", published, schema)
        sys.stdout.write(f"{package} {number}: {len(made)} schemas of {len(tools)} tools, nothing lost\n")


def _expect_whole(place: str, published: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Fail where a property, a type, a choice or a description has been lost on the way."""
    kind = made.get("type")
    kinds = {str(one).lower() for one in (kind if isinstance(kind, list) else [kind])} - {"null"}
    expect(kinds == {published["type"]}, f"{place}: {published} became {made}")
    expect(published.get("enum", []) == [one for one in made.get("enum") or [] if one is not None], place)
    expect(not made.get("enum") or published["type"] == "string", f"{place}: Gemini takes choices of texts only")
    expect(published.get("description", "") in (made.get("description") or ""), f"{place}: its description is lost")
    for name, inner in published.get("properties", {}).items():
        expect(name in (made.get("properties") or {}), f"{place}.{name} is lost")
        _expect_whole(f"{place}.{name}", inner, _without_null(made["properties"][name]))
    if "items" in published:
        _expect_whole(f"{place}[]", published["items"], made["items"])


def _with_texts(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with a text for each property that is an object without properties."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: _with_texts(inner) for name, inner in schema["properties"].items()}
    elif schema["type"] == "object":
        changed["type"] = "string"
    return changed


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is not null in a union with null, which is how an optional argument can be written."""
    for one in schema.get("anyOf") or ():
        if one.get("type") != "null":
            return {**one, **{key: schema[key] for key in ("description",) if key in schema}}
    return schema


def _langchain(tools: list[dict[str, Any]]) -> list[Any]:
    convert = import_module("langchain_mcp_adapters.tools").convert_mcp_tool_to_langchain_tool
    connection = {"transport": "stdio", "command": "none", "args": []}
    return [convert(None, _mcp(tool), connection=connection) for tool in tools]


def _mcp(tool: dict[str, Any]) -> Any:
    return import_module("mcp.types").Tool.model_validate(tool)


def _plain(model: Any) -> dict[str, Any]:
    if isinstance(model, dict):
        return model
    plain: dict[str, Any] = model.model_dump(mode="json", exclude_none=True)
    return plain


if __name__ == "__main__":
    main()
