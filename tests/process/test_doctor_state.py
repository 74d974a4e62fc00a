"""What `doctor` says about where state is kept."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.doctor import Examined
from tests.support.redis_server import redis_server

pytestmark = pytest.mark.usefixtures("no_proxy")

Doctor = Callable[..., Examined]
SANDBOX = {"PROJECTS_MCP_SANDBOX": "1"}
PASSWORD = "planted-password"


def of_state(examined: Examined) -> dict[str, tuple[str, str, str]]:
    """Level, sentence and advice of each finding about state."""
    return {
        finding["check"]: (finding["level"], finding["sentence"], finding["fix"] or "")
        for finding in examined.findings
        if finding["check"].startswith("state")
    }


def test_unset_it_is_a_file_that_doctor_does_not_make(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    file = tmp_path / "home" / "projects-mcp" / "state.sqlite3"
    level, sentence, _ = of_state(doctor(POSTHOG_HOST="http://127.0.0.1:9"))["state"]
    assert (level, str(file) in sentence) == ("ok", True)
    assert not (tmp_path / "home").exists()

    (tmp_path / "home").write_text("in the way")
    level, sentence, fix = of_state(doctor(POSTHOG_HOST="http://127.0.0.1:9"))["state"]
    assert level == "problem"
    assert "kept in memory" in sentence
    assert "PROJECTS_MCP_STATE" in fix


def test_served_from_memory_it_says_what_a_balancer_makes_of_that(doctor: Doctor, tmp_path: Path) -> None:
    callers = {"PROJECTS_MCP_CALLERS": str(tmp_path / "callers.toml"), "POSTHOG_HOST": "http://127.0.0.1:9"}
    for state in ({}, {"PROJECTS_MCP_STATE": "memory"}):
        level, sentence, fix = of_state(doctor(**callers, **state))["state"]
        assert level == "note"
        assert "a yes counts once at each of them" in sentence
        assert "Redis" in fix


def test_the_sandbox_and_memory(doctor: Doctor) -> None:
    assert of_state(doctor(**SANDBOX))["state"][0] == "ok"
    assert of_state(doctor(**SANDBOX, PROJECTS_MCP_STATE="memory"))["state"][0] in {"ok", "note"}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no POSIX permissions here")
def test_a_file(doctor: Doctor, tmp_path: Path) -> None:
    file = tmp_path / "state" / "state.sqlite3"
    given = {**SANDBOX, "PROJECTS_MCP_STATE": str(file)}
    assert of_state(doctor(**given))["state"][0] == "ok"
    assert not file.parent.exists()
    file.parent.mkdir(0o700)
    file.touch(0o644)
    assert of_state(doctor(**given))["state"][:1] == ("note",)
    assert of_state(doctor(**given))["state"][0] == "ok"
    file.parent.chmod(0o755)
    level, sentence, _ = of_state(doctor(**given))["state"]
    assert (level, "chmod 700" in sentence) == ("problem", True)
    file.parent.chmod(0o700)
    file.write_bytes(b"no database" * 999)
    examined = doctor(**given)
    level, sentence, _ = of_state(examined)["state"]
    assert (level, "damaged" in sentence, examined.code) == ("problem", True, 1)


def test_a_redis_server(doctor: Doctor, tmp_path: Path) -> None:
    with redis_server(tmp_path, "--requirepass", PASSWORD, "--maxmemory-policy", "allkeys-lru") as server:
        url = f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0"
        examined = doctor(**SANDBOX, PROJECTS_MCP_STATE=url)
        found = of_state(examined)
        assert found["state"][:2] == (
            "ok",
            f"State is kept in redis://127.0.0.1:{server.port}/0, which answers and can be written.",
        )
        assert found["state_eviction"][0] == "warning"
        assert "noeviction" in found["state_eviction"][2]
        assert examined.code == 1
        refused = doctor(**SANDBOX, PROJECTS_MCP_STATE=url.replace(PASSWORD, "planted-wrong"))
        assert "does not accept the user or the password" in of_state(refused)["state"][1]
        server.stop()
        away = doctor(**SANDBOX, PROJECTS_MCP_STATE=url)
        assert (of_state(away)["state"][0], away.code) == ("problem", 1)
        wrong = doctor(**SANDBOX, PROJECTS_MCP_STATE=url.replace("redis:", "http:"))
        assert wrong.code == 2
        for report in (examined, refused, away, wrong):
            assert "planted" not in str(report.findings)
    with redis_server(tmp_path / "lasting") as server:
        found = of_state(doctor(**SANDBOX, PROJECTS_MCP_STATE=server.url))
        assert {check: level for check, (level, _, _) in found.items()} == {"state": "ok", "state_eviction": "ok"}


def test_replicas_that_share_a_store_need_a_key_in_common(doctor: Doctor, tmp_path: Path) -> None:
    callers = {"PROJECTS_MCP_CALLERS": str(tmp_path / "callers.toml"), "POSTHOG_HOST": "http://127.0.0.1:9"}
    with redis_server(tmp_path) as server:
        given = {**callers, "PROJECTS_MCP_STATE": server.url}
        level, sentence, fix = of_state(doctor(**given))["state_signing_key"]
        assert (level, "the others refuse the answers" in sentence) == ("warning", True)
        assert "PROJECTS_MCP_SIGNING_KEY" in fix
        assert "state_signing_key" not in of_state(doctor(**given, PROJECTS_MCP_SIGNING_KEY="key" * 16))
        assert "state_signing_key" not in of_state(doctor(**SANDBOX, PROJECTS_MCP_STATE=server.url))
