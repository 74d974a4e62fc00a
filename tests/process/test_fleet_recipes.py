"""The recipes of docs/fleets.md, each executed as it stands there, on the sandbox that the document tells to serve."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from projects_mcp.cli.main import main
from projects_mcp.sandbox import ACME_ID, READ_WRITE_KEY
from tests.support.documents import text_of
from tests.support.settings_desk import fleet

DOCUMENT = text_of("docs/fleets.md")
SERVED = "http://127.0.0.1:8786"


@pytest.fixture
def origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    assert "projects-mcp sandbox --projects 60" in DOCUMENT
    with fleet(60) as address:
        for name in [name for name in os.environ if name.startswith(("POSTHOG_", "PROJECTS_MCP_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("POSTHOG_HOST", address)
        monkeypatch.setenv("POSTHOG_PERSONAL_API_KEY", READ_WRITE_KEY)
        monkeypatch.setenv("PROJECTS_MCP_STATE", str(tmp_path / "state.sqlite"))
        monkeypatch.setenv("PROJECTS_MCP_CONFIRMATION", "argument")
        monkeypatch.chdir(tmp_path)
        yield address


def parts(title: str) -> tuple[str, list[str]]:
    """The file of settings under a title, and the lines of its commands."""
    (found,) = re.findall(rf"^### {title}\n(.*?)(?=^##|\Z)", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    blocks = dict(re.findall(r"^```(toml|sh)\n(.*?)^```", found, flags=re.MULTILINE | re.DOTALL))
    return blocks.get("toml", ""), blocks["sh"].splitlines()


def carry_out(lines: list[str], capsys: pytest.CaptureFixture[str]) -> list[tuple[int, Any]]:
    """The exit code of each command of ours, and what it has printed as JSON."""
    done: list[tuple[int, Any]] = []
    for line in lines:
        program, *arguments = shlex.split(line)
        if program != "projects-mcp":
            assert program == "sed"
            subprocess.run([shutil.which("sed") or "sed", *arguments], check=True)
            continue
        code = main(arguments)
        out, err = capsys.readouterr()
        assert code in {0, 3}, (line, err, out)
        done.append((code, json.loads(out) if out else None))
    return done


def test_the_key_of_the_recipes_is_one_of_the_sandbox() -> None:
    assert f"export POSTHOG_PERSONAL_API_KEY={READ_WRITE_KEY}" in DOCUMENT


def test_a_privacy_policy_everywhere(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, lines = parts("A privacy policy everywhere")
    assert (SERVED in text, ACME_ID in text) == (True, True)
    Path("policy.toml").write_text(text.replace(SERVED, origin))
    (_, preview), (applied_code, receipt), (drift_code, drift) = carry_out(lines, capsys)
    assert (applied_code, receipt["left"], receipt["applied"]) == (0, 0, preview["projects"])
    assert preview["changed"]["anonymize_ips"]["false -> true"] > 5
    assert (drift_code, drift["in_sync"], drift["differs"]) == (0, 64, [])


def test_staging_to_production(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = parts("Staging to production")
    _, (_, preview), (code, receipt), (compared, body) = carry_out(lines, capsys)
    assert (code, receipt["left"], receipt["applied"]) == (0, 0, preview["projects"])
    assert 5 < preview["projects"] <= 20
    assert compared == 3
    differs = {name: both for settings in body["differs"].values() for name, both in settings.items()}
    assert "autocapture_opt_out" not in differs
    assert differs["tags"] == [["managed", "production"], ["managed", "staging"]]


def test_a_new_project_like_that_one(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines = parts("A new project like that one")
    (_, created), _, (code, receipt), (_, body) = carry_out(lines, capsys)
    assert created["project"]["id"] == 40_061
    assert (code, receipt["applied"], receipt["applied_ids"]) == (0, 1, "40061")
    differs = {name for settings in body["differs"].values() for name in settings}
    assert "session_recording_opt_in" not in differs
    assert {"name", "app_urls"} <= differs
