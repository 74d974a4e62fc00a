"""Audit, compare and export as people and scripts use them: the recipes of docs/fleets.md, exit codes, files."""

import json
import os
import pty
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.environments import ROOT
from projects_mcp.sandbox import MOBILE_ID, ONE_PROJECT_KEY, PRODUCTION_ID, READ_ONLY_KEY, World, seed
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID, add_fleet
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S, run, running
from tests.support.warm import Process

DOCUMENT = (ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")


def fleet_of_60() -> World:
    world = seed()
    add_fleet(world, 60)
    return world


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with running("sandbox", "--port", "0", "--projects", "60") as server:
        found = re.search(r"http://127\.0\.0\.1:\d+", server.stderr.readline().decode())
        assert found is not None
        yield found[0]


@pytest.fixture
def environment(origin: str) -> dict[str, str]:
    return {"POSTHOG_HOST": origin, "POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY, "PROJECTS_MCP_STATE": "memory"}


def recipe(title: str) -> list[str]:
    """The arguments of the one command under a title of the document."""
    found = re.search(rf"^## {title}$.*?^projects-mcp ([^\n]+)$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1].split()


def test_the_document_uses_a_sandbox_as_it_is(environment: dict[str, str]) -> None:
    assert "projects-mcp sandbox --projects 60" in DOCUMENT
    assert READ_ONLY_KEY in DOCUMENT


def test_the_recipe_of_the_audit_finds_what_is_there(environment: dict[str, str]) -> None:
    done = run(*recipe("Audit"), **environment)
    assert (done.returncode, done.stderr) == (0, "")
    body = json.loads(done.stdout)
    acme = [project.fields for project in fleet_of_60().projects.values() if project.fields["id"] != 20001]
    off = sorted(fields["id"] for fields in acme if fields["anonymize_ips"] is False)
    assert [row["id"] for row in body["projects"]] == off
    assert (body["read"], body["total"], body["matching"]) == (64, 64, len(off))
    assert "timezone" in body["projects"][0]


def test_the_recipe_of_the_comparison_exits_with_3(environment: dict[str, str]) -> None:
    done = run(*recipe("Compare"), **environment)
    assert done.returncode == 3
    body = json.loads(done.stdout)
    assert body["differs"]["autocapture"]["autocapture_opt_out"] == [None, True]
    same = run("compare", str(FIRST_FLEET_ID + 3), str(FIRST_FLEET_ID + 3), **environment)
    assert (same.returncode, same.stdout) == (2, "")


def test_projects_that_do_not_differ_exit_with_0(environment: dict[str, str], tmp_path: Path) -> None:
    found = run("compare", "12346", str(PRODUCTION_ID), **environment)
    assert found.returncode == 3
    denied = run("compare", str(PRODUCTION_ID), "12346", **{**environment, "POSTHOG_PERSONAL_API_KEY": ONE_PROJECT_KEY})
    assert (denied.returncode, denied.stdout) == (1, "")
    assert "Nothing was changed." in denied.stderr


def effective(document: dict[str, Any], number: int) -> dict[str, Any]:
    (table,) = [table for table in document["project"] if table["id"] == number]
    return {**document.get("defaults", {}).get("settings", {}), **table["settings"]}


def test_the_recipe_of_the_export_says_what_the_projects_have(environment: dict[str, str], tmp_path: Path) -> None:
    *arguments, name = recipe("Export")
    file = tmp_path / name
    done = run(*arguments, str(file), **environment)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"file": str(file), "projects": 64})
    text = file.read_text(encoding="utf-8")
    document = tomllib.loads(text)
    world = fleet_of_60()
    for number, project in world.projects.items():
        if number == 20001:
            continue
        for setting, value in effective(document, number).items():
            if setting not in {"test_account_filters", "customer_analytics_config", "workflows_config", "tags"}:
                assert value == project.fields[setting], (number, setting)
    assert effective(document, FIRST_FLEET_ID)["app_urls"] == ["https://customer-001.example"]
    assert f"id = {FIRST_FLEET_ID} # customer-001 production" in text
    for secret in ("phs_", "phc_", "xoxb", "[redacted]", "..."):
        assert secret not in text
    assert "conversations_settings of 1 project, because it holds a secret" in done.stderr


def test_comments_survive_an_export_over_a_file(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    ids = [str(FIRST_FLEET_ID), str(FIRST_FLEET_ID + 1)]
    assert run("export", *ids, "--out", str(file), **environment).returncode == 0
    text = file.read_text(encoding="utf-8")
    text = text.replace("anonymize_ips = false", "# by contract\nanonymize_ips = true # until May")
    text = text.replace(f"[[project]]\nid = {ids[1]}", f"# where we try things\n[[project]]\nid = {ids[1]}")
    text = (
        text.replace('timezone = "UTC"\n', "", 1)
        + '\n# somebody else\'s\n[[project]]\nid = 7\nsettings = {tags = ["x"]}\n'
    )
    file.write_text(text, encoding="utf-8")
    file.chmod(0o640)
    assert run("export", *ids, "--out", str(file), **environment).returncode == 0
    again = file.read_text(encoding="utf-8")
    assert "# by contract\nanonymize_ips = false # until May" in again
    assert f"# where we try things\n[[project]]\nid = {ids[1]}" in again
    assert "# somebody else's\n[[project]]\nid = 7" in again
    document = tomllib.loads(again)
    assert effective(document, FIRST_FLEET_ID)["timezone"] == "UTC"
    assert document["project"][2] == {"id": 7, "settings": {"tags": ["x"]}}
    assert file.stat().st_mode & 0o777 == 0o640
    assert run("export", *ids, "--out", str(file), **environment).returncode == 0
    assert file.read_text(encoding="utf-8") == again


@pytest.mark.parametrize("text", ["not = [toml", "project = 3\n", "[project]\nid = 1\n", "\xff"])
def test_a_file_that_is_none_is_left_alone(environment: dict[str, str], tmp_path: Path, text: str) -> None:
    file = tmp_path / "projects.toml"
    file.write_bytes(text.encode("latin-1"))
    done = run("export", str(FIRST_FLEET_ID), "--out", str(file), **environment)
    assert done.returncode in {1, 2}
    assert '"message":"the file is ' in done.stderr
    assert file.read_bytes() == text.encode("latin-1")


def test_nothing_is_written_if_a_project_cannot_be_read(environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    done = run("export", str(MOBILE_ID), "99999", "--out", str(file), **environment)
    assert done.returncode == 1
    assert "Project 99999 could not be read" in done.stderr
    assert "Nothing was written." in done.stderr
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["audit", "anonymise_ips=true"], "Did you mean `anonymize_ips`?"),
        (["audit", "anonymize_ips"], "FIELD=VALUE, or the word verify"),
        (["audit", "anonymize_ips=true", "--head", "1:ab"], "--head is for audit verify"),
        (["export"], "the ids of projects, or --all"),
        (["export", "1", "--all"], "the ids of projects, or --all"),
        (["compare", "1", "x"], "the id of a project is a number from 1"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], says: str) -> None:
    done = run(*arguments, "--sandbox")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_values_are_read_by_the_type_of_the_setting(environment: dict[str, str]) -> None:
    several = json.loads(run("audit", "timezone=UTC,Asia/Tokyo", "week_start_day=null", **environment).stdout)
    assert {row["timezone"] for row in several["projects"]} == {"UTC", "Asia/Tokyo"}
    tags = json.loads(run("audit", "tags=managed,staging", **environment).stdout)
    assert tags["matching"] == 20
    one = json.loads(run("audit", 'app_urls=["https://customer-002.example"]', **environment).stdout)
    assert [row["name"] for row in one["projects"]] == ["customer-002 production"]


def test_a_terminal_gets_tables(environment: dict[str, str]) -> None:
    shown = at_terminal(["audit", "heatmaps_opt_in=true", "--fields", "timezone"], environment)
    assert re.search(r"40001 +customer-001 production +UTC", shown)
    assert re.search(r"heatmaps_opt_in +true +\d", shown)
    assert "64 of 64 projects were read" in shown
    assert re.search(r"autocapture_opt_out +null +true", at_terminal(["compare", "40001", "40002"], environment))


def at_terminal(arguments: list[str], environment: dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = Process(
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env={**CLEAN, **environment}
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass  # the other end is closed
    finally:
        os.close(ours)
        process.wait(TIMEOUT_S)
    return shown.decode()
