"""The command that serves the sandbox: its versions, a world of one's own, and slow writes."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.sandbox import ACME_ID, PRODUCTION_ID, READ_WRITE_KEY
from tests.support.process import TIMEOUT_S, run, running

PROJECT = f"/api/organizations/{ACME_ID}/projects/{PRODUCTION_ID}/"


@contextmanager
def sandbox(*options: str, **environment: str) -> Iterator[str]:
    """Serve a sandbox and return its address."""
    with running("sandbox", "--port", "0", *options, **environment) as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stderr.readline().decode())
        assert found is not None
        yield found[0]


def ask(address: str, method: str = "GET", body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {READ_WRITE_KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
        return json.load(response)


@pytest.mark.parametrize(
    ("options", "environment", "fields"),
    [
        ((), {}, 93),
        (("--posthog", "current"), {"PROJECTS_MCP_SANDBOX": "2025-08"}, 93),
        (("--posthog", "2025-08"), {}, 57),
        ((), {"PROJECTS_MCP_SANDBOX": "2025-08"}, 57),
    ],
)
def test_the_version_that_it_plays(options: tuple[str, ...], environment: dict[str, str], fields: int) -> None:
    with sandbox(*options, **environment) as origin:
        assert len(ask(origin + PROJECT)) == fields


def test_a_world_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    world = {
        "organizations": [{"id": ACME_ID, "name": "Mine"}],
        "users": [{"id": 1, "email": "a@mine.example", "first_name": "A", "memberships": {ACME_ID: "owner"}}],
        "keys": [{"value": READ_WRITE_KEY, "user_id": 1, "label": "mine", "scopes": ["*"]}],
        "projects": [{"id": PRODUCTION_ID, "organization": ACME_ID, "name": "Shop"}],
    }
    file.write_text(json.dumps(world), "utf-8")
    with sandbox("--world", str(file)) as origin:
        assert ask(origin + PROJECT)["name"] == "Shop"


def test_slow_writes() -> None:
    with sandbox("--slow-writes", "504:never") as origin:
        with pytest.raises(urllib.error.HTTPError, match="504") as answered:
            ask(origin + PROJECT, "PATCH", {"timezone": "UTC"})
        answered.value.close()
        assert ask(origin + PROJECT)["timezone"] == "Europe/Berlin"


def test_a_version_in_place_of_posthog() -> None:
    done = run("call", "project_get", f"project_id={PRODUCTION_ID}", "detail=full", PROJECTS_MCP_SANDBOX="2025-08")
    assert done.returncode == 0, done.stderr
    assert "tags" not in json.loads(done.stdout)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--posthog", "2019"], "--posthog is one of current, 2025-08"),
        (["--slow-writes", "504"], "write ANSWER:SECONDS"),
        (["--slow-writes", "500:3"], "an answer is one of"),
        (["--world", "/nowhere/world.json"], "cannot read the world"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], words: str) -> None:
    done = run("sandbox", "--port", "0", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_version_that_there_is_not() -> None:
    done = run("tools", PROJECTS_MCP_SANDBOX="2019")
    assert done.returncode == 2
    assert "PROJECTS_MCP_SANDBOX must be 1, 0, or a version of PostHog: current or 2025-08." in done.stderr
