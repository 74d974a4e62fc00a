"""The command that lists what a server and other commands of the same user did, and undoes one of it."""

import json
from pathlib import Path

from projects_mcp.sandbox import MOBILE_ID, READ_WRITE_KEY
from tests.support.posthog import Upstream
from tests.support.process import run, running


def test_what_a_server_did_is_undone_at_the_terminal(upstream: Upstream, tmp_path: Path) -> None:
    environment = {
        "POSTHOG_HOST": upstream.origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "XDG_STATE_HOME": str(tmp_path),
    }
    fields = upstream.world.projects[MOBILE_ID].fields
    zone = fields["timezone"]
    with running(**environment) as server:
        server.handshake()
        for settings in ({"timezone": "Asia/Tokyo"}, {"surveys_opt_in": True}):
            assert not server.call("project_update", {"project_id": MOBILE_ID, "settings": settings})["isError"]
        server.end()
    listed = run("history", "--project", str(MOBILE_ID), "--outcome", "applied", "--since", "2026-05-04", **environment)
    assert [call["changed"] for call in json.loads(listed.stdout)["calls"]] == [["surveys_opt_in"], ["timezone"]]
    undone = run("history", "--undo", "2", **environment)
    assert (undone.returncode, json.loads(undone.stdout)["outcome"]) == (0, "applied"), undone.stderr
    assert (fields["timezone"], fields["surveys_opt_in"]) == (zone, True)
    again = run("history", "--project", str(MOBILE_ID), "--undo", "3", **environment)
    assert (again.returncode, "is not as expected" in again.stderr) == (1, True), again.stderr
    later = run("history", "--since", "2999-01-01", **environment)
    assert json.loads(later.stdout)["calls"] == []
    missing = run("history", "--person", "nobody", "--undo", "1", **environment)
    assert (missing.returncode, "There is no call 1" in missing.stderr) == (1, True)


def test_what_was_answered_is_there_after_a_kill(upstream: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "audit"
    environment = {
        "POSTHOG_HOST": upstream.origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "XDG_STATE_HOME": str(tmp_path),
        "PROJECTS_MCP_AUDIT_LOG": str(file),
    }
    with running(**environment) as server:
        server.handshake()
        answer = server.call("project_update", {"project_id": MOBILE_ID, "settings": {"timezone": "Asia/Tokyo"}})
        server.process.kill()  # at once, without any end of its own
        assert not answer["isError"]
        server.process.wait(30)
    (kept,) = json.loads(run("history", **environment).stdout)["calls"]
    assert (kept["changed"], kept["undo"]["tool"], "source" in kept) == (["timezone"], "project_update", False)
    elsewhere = {**environment, "PROJECTS_MCP_STATE": "memory", "PROJECTS_MCP_AUDIT_LOG": ""}
    listed = run("history", "--from", str(file), **elsewhere)
    (told,) = json.loads(listed.stdout)["calls"]
    assert (told["sent"], told["source"], told["project"]["id"]) == (["timezone"], "audit_log", MOBILE_ID)
    refused = run("history", "--from", str(file), "--undo", "1", **elsewhere)
    assert (refused.returncode, "not their values" in refused.stderr) == (1, True), refused.stderr
    missing = run("history", "--from", str(tmp_path / "none"), **elsewhere)
    assert (missing.returncode, "cannot be read: No such file" in missing.stderr) == (1, True), missing.stderr


def test_what_was_done_to_a_sandbox_that_is_gone_is_not_listed(tmp_path: Path) -> None:
    environment = {
        "PROJECTS_MCP_SANDBOX": "1",
        "XDG_STATE_HOME": str(tmp_path),
        "PROJECTS_MCP_AUDIT_LOG": str(tmp_path / "audit"),
    }
    change = {"project_id": MOBILE_ID, "settings": {"timezone": "Asia/Tokyo"}}
    assert run("call", "project_update", json.dumps(change), **environment).returncode == 0
    listed = run("history", **environment)
    body = json.loads(listed.stdout)
    assert (listed.returncode, body["calls"]) == (0, [])
    assert "The sandbox is new in each process" in body["notes"][-1]
    undone = run("history", "--undo", "1", **environment)
    assert json.loads(undone.stderr)["kind"] == "no_such_call", "the project has not changed here"
    (told,) = json.loads(run("history", "--from", str(tmp_path / "audit"), **environment).stdout)["calls"]
    assert told["source"] == "audit_log", "a file that is named is read"
    with running(**environment) as server:
        server.handshake()
        assert not server.call("project_update", change)["isError"]
        answer = server.request("resources/read", {"uri": "projects://history"})
        (own,) = json.loads(answer["result"]["contents"][0]["text"])["calls"]
        assert own["project"]["id"] == MOBILE_ID
        server.end()
