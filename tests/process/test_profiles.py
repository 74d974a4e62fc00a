"""Profiles through the real commands: which one is used, what doctor says of it, and the keyring of the system."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from projects_mcp.sandbox import READ_ONLY_KEY, READ_WRITE_KEY
from tests.support.doctor import Examined, posthog
from tests.support.posthog import Upstream
from tests.support.process import run
from tests.support.profiles import keep_profiles, keyring_environment

pytestmark = pytest.mark.usefixtures("no_proxy")


def test_a_command_uses_the_profile_that_a_flag_names(upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "projects-mcp").mkdir()
    (tmp_path / "projects-mcp" / "a.key").write_text(READ_WRITE_KEY, encoding="utf-8")
    (tmp_path / "projects-mcp" / "a.key").chmod(0o600)
    home = keep_profiles(tmp_path, f"[profiles.a]\nhost = '{upstream.origin}'\nkey_file = 'a.key'\naccess = 'read'\n")
    done = run("tools", "--json", "--profile", "a", **home)
    assert done.returncode == 0, done.stderr
    names = {tool["name"] for tool in json.loads(done.stdout)}
    assert "project_list" in names
    assert "project_update" not in names
    refused = run("tools", "--profile", "b", **home)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "has no profile b" in refused.stderr
    assert "It has a;" in refused.stderr


def test_the_keyring_gives_the_key_to_a_command(upstream: Upstream, tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    ring.write_text(json.dumps({"projects-mcp/a": READ_ONLY_KEY}), encoding="utf-8")
    text = "".join(f"[profiles.{name}]\nhost = '{upstream.origin}'\nkeyring = true\n" for name in "ab")
    home = {**keep_profiles(tmp_path, text), **keyring_environment(ring)}
    done = run("call", "project_list", "limit=1", "--profile", "a", **home)
    assert done.returncode == 0, done.stderr
    assert upstream.keys == {READ_ONLY_KEY}
    without = run("tools", "--profile", "b", **home)
    assert without.returncode == 2
    assert "the system's keyring holds no key for it; run `projects-mcp login --profile b`" in without.stderr
    own = run("tools", "--profile", "b", POSTHOG_PERSONAL_API_KEY=READ_WRITE_KEY, **home)
    assert own.returncode == 0, "with a key of the environment the keyring is not asked"
    broken = run("tools", "--profile", "a", **{**home, "TEST_KEYRING_FILE": str(tmp_path)})
    assert broken.returncode == 2
    assert "the key is in the system's keyring, and it cannot be used (IsADirectoryError)" in broken.stderr


def test_doctor_says_which_profile_is_used_and_where_each_setting_comes_from(
    doctor: Callable[..., Examined], tmp_path: Path
) -> None:
    with posthog() as upstream:
        keep_profiles(
            tmp_path, f"[profiles.default]\nhost = '{upstream.origin}'\naccess = 'read'\nkey = '{READ_WRITE_KEY}'\n"
        )
        examined = doctor(PROJECTS_MCP_ACCESS="write")
    assert examined.code == 0
    file = tmp_path / "projects-mcp" / "config.toml"
    assert examined.of("profile")["sentence"] == (
        f"The profile default of {file} is used. It is used because none is named."
    )
    assert examined.report["sources"] == {
        "POSTHOG_PERSONAL_API_KEY": "profile default",
        "POSTHOG_HOST": "profile default",
        "PROJECTS_MCP_ACCESS": "environment",
    }
    assert "  POSTHOG_HOST: profile default\n" in examined.lines


def test_doctor_finds_every_wrong_value_of_a_profile(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    keep_profiles(tmp_path, "[profiles.a]\nhost = 'planted'\naccess = 'planted'\nresult_limit = 1\n")
    examined = doctor(PROJECTS_MCP_PROFILE="a", PROJECTS_MCP_CALL_TIMEOUT="planted")
    assert examined.code == 2
    problems = [finding["sentence"] for finding in examined.findings if finding["level"] == "problem"]
    assert len(problems) == 4
    for name in ("host must be", "access must be", "result_limit must be", "PROJECTS_MCP_CALL_TIMEOUT must be"):
        assert any(name in sentence for sentence in problems), name


def test_doctor_says_what_is_wrong_with_the_file(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    keep_profiles(tmp_path, "[profiles.a]\nhots = 'eu'\n")
    examined = doctor(PROJECTS_MCP_PROFILE="a")
    assert examined.code == 2
    assert "hots is no setting; did you mean host?" in examined.of("settings")["sentence"]
    assert examined.of("host")["level"] == "note", "PostHog is not asked"


def test_doctor_tells_a_flag_from_the_environment() -> None:
    done = run("doctor", "--json", "--sandbox", "--access", "read", PROJECTS_MCP_CONFIRMATION="human")
    assert json.loads(done.stdout)["sources"] == {
        "PROJECTS_MCP_ACCESS": "flag",
        "PROJECTS_MCP_CONFIRMATION": "environment",
        "PROJECTS_MCP_SANDBOX": "flag",
    }
