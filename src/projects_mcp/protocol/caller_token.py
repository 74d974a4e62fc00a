"""The identity of a request over HTTP: the SDK's access token, with the caller's tool runner in it.

The SDK keeps the token of the present request, and binds the state of a confirmation to its client, issuer and subject.
Serving over HTTP puts the token there; over stdio there is none.
"""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from pydantic import ConfigDict, Field

from projects_mcp.runner.runner import ToolRunner

__all__ = ["CallerToken", "runner_of_request"]


class CallerToken(AccessToken):
    """The access token of an authenticated caller.

    Attributes:
        runner: runs the caller's tools. In no serialisation and in no `repr`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    runner: ToolRunner = Field(exclude=True, repr=False)


def runner_of_request(default: ToolRunner) -> ToolRunner:
    """Return the tool runner of the present request's caller, or `default` if the request has none."""
    token = get_access_token()
    return token.runner if isinstance(token, CallerToken) else default
