"""A server that accepts the tokens of an issuer, and sees at its end that no part of a token has been written."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.callers import entry, token_of, write_callers
from tests.support.issuer import PUBLIC, Idp, issuing
from tests.support.messages import Answered
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served


@dataclass
class WithIssuer:
    """The server, its issuer, and every token that was sent."""

    server: Served
    idp: Idp
    tokens: list[str] = field(default_factory=list)

    def call(self, token: str, tool: str = "project_list", arguments: Any = None) -> Answered:
        self.tokens.append(token)
        answer = self.server.call(tool, arguments, token)
        assert token not in answer.body.decode()
        return answer


@contextmanager
def with_issuer(upstream: Upstream, audit: Path) -> Iterator[WithIssuer]:
    """Serve the callers of an issuer, and one of a callers file whose name is that of a subject."""
    with issuing() as idp:
        callers = write_callers(audit.with_name("callers"), entry("user-1", scopes=["project:read"]))
        settings = {
            "PROJECTS_MCP_OAUTH_ISSUER": idp.origin,
            "PROJECTS_MCP_PUBLIC_URL": PUBLIC,
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_AUDIT_LOG": str(audit),
            "PROJECTS_MCP_ALLOWED_HOSTS": "mcp.example.com",
        }
        with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **settings) as process:
            assert idp.asked == [], "the issuer is asked when it is needed"
            issuer = WithIssuer(process, idp)
            yield issuer
            assert issuer.call(idp.token()).status == 200, "whatever the tests did"
    written = process.stderr + audit.read_text(encoding="utf-8")
    said = written + upstream.everything
    parts = {part for token in issuer.tokens for part in token.split(".") if len(part) > 20}
    assert parts
    assert [part for part in {*parts, token_of("user-1")} if part in said] == []
    assert [secret for secret in HARMLESS.values() if secret in written] == []
    assert "Traceback" not in process.stderr
