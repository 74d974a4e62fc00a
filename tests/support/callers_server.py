"""A server with one caller of each kind, and what must never be said by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from projects_mcp.sandbox import (
    ACME_ID,
    ALL_ACCESS_KEY,
    DEMO_ID,
    MEMBER_KEY,
    MOBILE_ID,
    NORTHWIND_ID,
    ONE_ORGANIZATION_KEY,
    ONE_PROJECT_KEY,
    READ_ONLY_KEY,
)
from tests.support.callers import entry, token_of, write_callers
from tests.support.served import HARMLESS, Served, served

RESET = "project_reset_token"
MOBILE = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
SIGNING_KEY = "a-signing-key-of-more-than-32-bytes-00000000"
READERS = ["project_list", "project_get", "project_activity", "project_is_generating_demo_data", "organization_list"]
READERS_BY_KEY = [tool for tool in READERS if tool not in {"project_activity", "organization_list"}]
"""With a key of their own, which lacks `activity_log:read`, and no session."""
READ = ["project:read"]
KEYS = """
[credentials.reader]
key_env = "KEY_OF_READER"

[credentials.everything]
key_env = "KEY_OF_EVERYTHING"

[credentials.one-project]
key_env = "KEY_OF_ONE_PROJECT"

[credentials.refused]
key_env = "KEY_THAT_IS_REFUSED"

[credentials.throttled]
key_env = "KEY_THAT_IS_THROTTLED"
"""
VARIABLES = {
    "KEY_OF_READER": READ_ONLY_KEY,
    "KEY_OF_EVERYTHING": ALL_ACCESS_KEY,
    "KEY_OF_ONE_PROJECT": ONE_PROJECT_KEY,
    "KEY_THAT_IS_REFUSED": ONE_ORGANIZATION_KEY,
    "KEY_THAT_IS_THROTTLED": MEMBER_KEY,
}
SECTIONS = (
    entry("ada"),
    entry("another"),
    entry("reader", scopes=READ),
    entry("none", scopes=[]),
    entry("low", access="read"),
    entry("middle", access="write"),
    entry("own-key", credential="everything"),
    entry("weak-key", credential="reader"),
    entry("narrow-key", credential="one-project"),
    entry("refused", credential="refused"),
    entry("throttled", credential="throttled"),
    entry("acme", organization=ACME_ID),
    entry("northwind", organization=NORTHWIND_ID),
    entry("careful", protected_projects=[MOBILE_ID]),
    entry("single", concurrent_calls=1),
    entry("seldom", calls_per_minute=2),
    KEYS,
)
SECRETS = (
    *HARMLESS.values(),
    *VARIABLES.values(),
    SIGNING_KEY,
    *(token_of(section.partition("]")[0].removeprefix("[callers.")) for section in SECTIONS[:-1]),
)


@contextmanager
def with_callers(origin: str, audit: Path) -> Iterator[Served]:
    """Serve the callers of `SECTIONS`, and see at the end that no secret has been written."""
    callers = write_callers(audit.with_name("callers.toml"), *SECTIONS)
    settings = {
        "PROJECTS_MCP_CALLERS": str(callers),
        "PROJECTS_MCP_AUDIT_LOG": str(audit),
        "PROJECTS_MCP_SIGNING_KEY": SIGNING_KEY,
        "PROJECTS_MCP_PROTECTED_PROJECTS": str(DEMO_ID),
    }
    with served(POSTHOG_HOST=origin, **HARMLESS, **VARIABLES, **settings) as process:
        assert "no token is needed" not in process.stderr
        yield process
    said = process.stderr + audit.read_text(encoding="utf-8")
    assert [secret for secret in SECRETS if secret in said] == [], "no secret is in any line, whatever the tests did"
    assert "Traceback" not in process.stderr
