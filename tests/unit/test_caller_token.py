"""The access token of a caller: it carries the caller's tool runner, and shows it to nobody."""

import anyio
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import principal_components

from projects_mcp.config.settings import load
from projects_mcp.protocol.caller_token import CallerToken, runner_of_request
from projects_mcp.runner.build import build_runner

SANDBOX = load({"PROJECTS_MCP_SANDBOX": "1"})
DEFAULT, RUNNER = build_runner(SANDBOX), build_runner(SANDBOX)
TOKEN = CallerToken(token="", client_id="ada", scopes=[], subject="ada", claims={"iss": "https://a"}, runner=RUNNER)


def test_the_runner_is_in_no_serialisation() -> None:
    assert "runner" not in TOKEN.model_dump()
    assert "runner" not in TOKEN.model_dump_json()
    assert "runner" not in repr(TOKEN)
    assert "ToolRunner" not in str(TOKEN)


def test_the_principal_is_client_issuer_and_subject() -> None:
    assert principal_components(TOKEN) == ("ada", "https://a", "ada")


def test_a_request_runs_with_the_runner_of_its_caller() -> None:
    seen = []

    async def application(scope: object, receive: object, send: object) -> None:
        seen.append(runner_of_request(DEFAULT))

    async def requests() -> None:
        middleware = AuthContextMiddleware(application)
        for scope in ({"user": AuthenticatedUser(TOKEN)}, {}):
            await middleware(scope, anyio.sleep_forever, anyio.sleep)  # type: ignore[arg-type]  # never called
        assert runner_of_request(DEFAULT) is DEFAULT

    anyio.run(requests)
    assert seen == [RUNNER, DEFAULT]
