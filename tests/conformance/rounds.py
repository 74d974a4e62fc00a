"""Tools and a prompt that ask by ending the call with a question: protocol revision 2026-07-28."""

from __future__ import annotations

import json
from typing import Any, Final

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp_types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
)

from conformance.media import text

__all__ = ["mount"]

_ROOTS: Final = "client_roots"


def mount(server: MCPServer[None]) -> None:
    """Add the tools and the prompt to a server."""
    for tool in (
        test_input_required_result_elicitation,
        test_input_required_result_sampling,
        test_input_required_result_list_roots,
        test_input_required_result_request_state,
        test_input_required_result_multiple_inputs,
        test_input_required_result_multi_round,
        test_input_required_result_tampered_state,
        test_input_required_result_capabilities,
    ):
        server.add_tool(tool)
    server.prompt()(test_input_required_result_prompt)


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(words: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=text(words))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=50))


def _field(context: Context[None, Any], key: str, name: str) -> str | None:
    """What a person wrote into one field, or None where there is no answer with it."""
    answer = (context.input_responses or {}).get(key)
    content = answer.content if isinstance(answer, ElicitResult) else None
    return str(content[name]) if content and name in content else None


async def test_input_required_result_elicitation(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask for a name."""
    name = _field(context, "user_name", "name")
    if name is not None:
        return f"Hello, {name}!"
    return InputRequiredResult(input_requests={"user_name": _form("What is your name?", "name")})


async def test_input_required_result_sampling(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask the client's model."""
    answer = (context.input_responses or {}).get("capital_question")
    if isinstance(answer, CreateMessageResult) and answer.content.type == "text":
        return f"Model said: {answer.content.text}"
    return InputRequiredResult(input_requests={"capital_question": _sample("What is the capital of France?")})


async def test_input_required_result_list_roots(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask for the client's folders."""
    answer = (context.input_responses or {}).get(_ROOTS)
    if isinstance(answer, ListRootsResult):
        return f"Client exposed {len(answer.roots)} root(s)."
    return InputRequiredResult(input_requests={_ROOTS: ListRootsRequest()})


async def test_input_required_result_request_state(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask, and get the state back with the answer."""
    if context.request_state == "asked" and "confirm" in (context.input_responses or {}):
        return "state-ok: confirmation received"
    return InputRequiredResult(
        input_requests={"confirm": _form("Please confirm", "ok", "boolean")}, request_state="asked"
    )


async def test_input_required_result_multiple_inputs(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask three things at once."""
    asked: dict[str, InputRequest] = {
        "user_name": _form("What is your name?", "name"),
        "greeting": _sample("Generate a greeting"),
        _ROOTS: ListRootsRequest(),
    }
    if asked.keys() <= (context.input_responses or {}).keys():
        return "All inputs received."
    return InputRequiredResult(input_requests=asked, request_state="asked")


async def test_input_required_result_multi_round(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask twice, the second time with the first answer in the state."""
    state = json.loads(context.request_state or "{}")
    color = _field(context, "step2", "color")
    if "name" in state and color is not None:
        return f"{state['name']} likes {color}."
    name = _field(context, "step1", "name")
    if state and name is not None:
        return InputRequiredResult(
            input_requests={"step2": _form("Step 2: What is your favorite color?", "color")},
            request_state=json.dumps({"round": 2, "name": name}),
        )
    return InputRequiredResult(
        input_requests={"step1": _form("Step 1: What is your name?", "name")},
        request_state=json.dumps({"round": 1}),
    )


async def test_input_required_result_tampered_state(context: Context[None, Any]) -> str | InputRequiredResult:
    """Ask, and trust the state that comes back: whoever changed it must not get this far."""
    if context.request_state is not None:
        return f"state-ok: {context.request_state}"
    return InputRequiredResult(
        input_requests={"confirm": _form("Please confirm", "ok", "boolean")}, request_state="asked"
    )


async def test_input_required_result_capabilities(context: Context[None, Any]) -> InputRequiredResult:
    """Ask only what the client has said that it can answer."""
    can = context.client_capabilities
    asked: dict[str, InputRequest] = {}
    if can is None or can.sampling is not None:
        asked["sample"] = _sample("Say hello")
    if can is None or can.elicitation is not None:
        asked["ask"] = _form("What is your name?", "name")
    return InputRequiredResult(input_requests=asked, request_state="asked")


async def test_input_required_result_prompt(context: Context[None, Any]) -> list[UserMessage] | InputRequiredResult:
    """Ask before the prompt is made."""
    given = _field(context, "user_context", "context")
    if given is not None:
        return [UserMessage(content=text(f"Use the following context: {given}"))]
    return InputRequiredResult(input_requests={"user_context": _form("What context should the prompt use?", "context")})
