"""Every command closes the state file that it has opened: at its end, after a failure, and if it is interrupted."""

import json
import sys
from pathlib import Path

import pytest

from projects_mcp.sandbox import ACME_ID, MOBILE_ID, READ_WRITE_KEY
from tests.support.posthog import Upstream
from tests.support.process import run_command

DRIVER = """
import json, sqlite3, sys
opened, connect = [], sqlite3.connect
def kept(*arguments, **options):
    opened.append(connect(*arguments, **options))
    return opened[-1]
sqlite3.connect = kept
interrupts = sys.argv[2] == "interrupt"
if interrupts:
    from projects_mcp.posthog.client import PostHog
    exchange = PostHog.exchange
    async def interrupted(*arguments, **options):
        if not opened:
            return await exchange(*arguments, **options)
        import os, signal, anyio
        os.kill(os.getpid(), signal.SIGINT)
        await anyio.sleep_forever()
    PostHog.exchange = interrupted
from projects_mcp.cli.main import main
def is_open(connection):
    try:
        connection.total_changes
    except sqlite3.ProgrammingError:
        return False
    return True
try:
    code = main(json.loads(sys.argv[1]))
except BaseException as error:
    code = type(error).__name__
print(json.dumps({"code": code, "opened": len(opened), "open": sum(map(is_open, opened))}))
"""
CHANGE = [f"project_id={MOBILE_ID}", 'settings={"timezone": "Asia/Tokyo"}']
LINES = {
    "call": ["call", "project_update", *CHANGE],
    "call that is refused": ["call", "project_update", "project_id=99", 'settings={"timezone": "UTC"}'],
    "history": ["history"],
    "undo of nothing": ["history", "--undo", "7"],
    "audit": ["audit", "timezone=UTC"],
    "plan": ["plan", "FILE"],
    "apply": ["apply", "FILE"],
    "apply of a plan that is not there": ["apply", "PLAN"],
    "approvals": ["approvals"],
    "approve without a code": ["approve", "AAAA-AAAA", "--browser"],
    "passkeys": ["passkey", "list"],
    "doctor": ["doctor"],
}
INTERRUPTED = ["call", "audit", "plan", "apply"]


@pytest.fixture
def environment(upstream: Upstream, tmp_path: Path) -> dict[str, str]:
    file, plan = tmp_path / "FILE", tmp_path / "PLAN"
    place = {"host": upstream.origin, "organization": ACME_ID}
    head = "".join(f"{name} = {json.dumps(value)}\n" for name, value in place.items())
    file.write_text(f"{head}[[project]]\nid = {MOBILE_ID}\nsettings = {{week_start_day = 1}}\n", encoding="utf-8")
    made = {"format": "projects-mcp plan 1", **place, "plan": "0" * 64, "confirm_plan": "change 1 project"}
    plan.write_text(json.dumps(made), encoding="utf-8")
    return {
        "POSTHOG_HOST": upstream.origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "PROJECTS_MCP_STATE": str(tmp_path / "state" / "state.sqlite"),
        "PROJECTS_MCP_CONFIRMATION": "argument",
    }


def ended(line: list[str], environment: dict[str, str], tmp_path: Path, how: str = "") -> dict[str, int | str]:
    """How a command has ended, and how many connections it has opened and left open."""
    words = [str(tmp_path / word) if word in {"FILE", "PLAN"} else word for word in line]
    done = run_command(["setsid", sys.executable, "-W", "always", "-c", DRIVER, json.dumps(words), how], **environment)
    assert "ResourceWarning" not in done.stderr, done.stderr
    told: dict[str, int | str] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("name", LINES)
def test_what_was_opened_is_closed(environment: dict[str, str], tmp_path: Path, name: str) -> None:
    ended(LINES["call"], environment, tmp_path)  # there is a state file from now on
    told = ended(LINES[name], environment, tmp_path)
    assert isinstance(told["opened"], int)
    assert (told["opened"] > 0, told["open"]) == (True, 0), told


@pytest.mark.parametrize("name", INTERRUPTED)
def test_what_was_opened_is_closed_by_whoever_is_interrupted(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    told = ended(LINES[name], environment, tmp_path, "interrupt")
    assert isinstance(told["opened"], int)
    assert (told["code"] != 0, told["opened"] > 0, told["open"]) == (True, True, 0), told
