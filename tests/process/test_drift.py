"""Whether projects are as a file wants them, as people and pipelines ask it: exit codes, JSON and a table."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects_mcp.cli.fleet.drift import run_drift
from projects_mcp.cli.fleet.export import run_export
from projects_mcp.sandbox import ACME_ID, NORTHWIND_ID, ONE_PROJECT_KEY, PRODUCTION_ID, READ_ONLY_KEY
from projects_mcp.sandbox.fleet import FIRST_FLEET_ID
from projects_mcp.sanitize.patterns import REDACTED
from tests.support.process import run
from tests.support.settings_desk import Desk, fleet

FLEET = 6
ALL = 4 + FLEET
"""Projects of Acme in the sandbox."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with fleet(FLEET) as address:
        yield address


@pytest.fixture
def desk(origin: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(origin, tmp_path, capsys, READ_ONLY_KEY)


def test_what_was_just_exported_is_in_sync(desk: Desk) -> None:
    file = desk.folder / "all.toml"
    assert run_export(desk.settings(), [], file) == 0
    desk.capsys.readouterr()
    code, body, err = desk.drift(file)
    assert (code, err, body["differs"], body["counts"]) == (0, "", [], {})
    assert (body["projects"], body["managed"], body["in_sync"]) == (ALL, ALL, ALL)


def test_a_difference_is_named_and_ends_with_3(desk: Desk) -> None:
    file = desk.file(
        "[defaults.settings]\nanonymize_ips = true\n"
        '[[group]]\nmatch = {name = "customer-* production"}\nsettings = {timezone = "Asia/Tokyo"}\n'
        '[[group]]\nmatch = {name = "nobody-*"}\n'
        f"[[project]]\nid = {FIRST_FLEET_ID}\nsettings = {{anonymize_ips = false}}\nclear = ['autocapture_opt_out']\n"
    )
    code, body, err = desk.drift(file)
    assert (code, err) == (3, "")
    rows = {row["id"]: row["settings"] for row in body["differs"]}
    assert rows[FIRST_FLEET_ID] == {"timezone": {"is": "UTC", "wanted": "Asia/Tokyo"}}
    assert rows[FIRST_FLEET_ID + 3] == {"timezone": {"is": "Europe/Berlin", "wanted": "Asia/Tokyo"}}
    assert rows[FIRST_FLEET_ID + 2] == {"anonymize_ips": {"is": False, "wanted": True}}
    assert FIRST_FLEET_ID + 1 not in rows
    assert body["counts"]["timezone"] == 2
    assert body["in_sync"] == ALL - len(rows)
    assert body["empty_groups"] == ["[[group]] 2 (“nobody-*”)"]


def test_no_secret_is_shown_of_a_setting_that_holds_one(desk: Desk) -> None:
    code, body, err = desk.drift(desk.file('[defaults.settings]\nconversations_settings = {color = "red"}\n'))
    shown = json.dumps(body) + err
    assert (code, body["counts"]) == (3, {"conversations_settings": ALL})
    assert REDACTED in shown, "one of the projects has a secret there"
    assert not re.search(r"xox[a-z]-|phs_|phx_", shown)


def test_a_project_of_the_file_that_is_not_there_is_a_difference(desk: Desk) -> None:
    code, body, _ = desk.drift(desk.file("[[project]]\nid = 999\nsettings = {timezone = 'UTC'}\n"))
    assert (code, body["absent"], body["managed"]) == (3, [999], 0)


def test_only_the_projects_that_this_server_may_touch_are_asked_for(desk: Desk) -> None:
    file = desk.file("[defaults.settings]\nanonymize_ips = true\n")
    code, body, _ = desk.drift(file, PROJECTS_MCP_ONLY_PROJECTS=f"{FIRST_FLEET_ID + 2}")
    assert (code, body["projects"], [row["id"] for row in body["differs"]]) == (3, 1, [FIRST_FLEET_ID + 2])


def test_a_restricted_key_reads_its_own_projects(desk: Desk) -> None:
    file = desk.file("[defaults.settings]\ntimezone = 'Pacific/Apia'\n")
    code, body, _ = desk.drift(file, POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY)
    assert (code, [row["id"] for row in body["differs"]]) == (3, [PRODUCTION_ID])


def test_a_file_of_another_place_is_refused_before_anything_is_asked(desk: Desk) -> None:
    # Nothing answers at this address: a request would end with 1.
    nowhere = {"POSTHOG_HOST": "http://127.0.0.1:9"}
    code, body, err = desk.drift(desk.file("[defaults]\n"), **nowhere)
    assert (code, body) == (2, None)
    assert f"it is for “{desk.origin}”, and this server speaks to http://127.0.0.1:9." in err
    code, _, err = desk.drift(
        desk.file("[defaults]\n", NORTHWIND_ID).rename(desk.folder / "other.toml"), POSTHOG_ORGANIZATION_ID=ACME_ID
    )
    assert code == 2
    assert f"other.toml: it is for the organization {NORTHWIND_ID}, and this server for {ACME_ID}." in err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[defaults.settings]\ntimezon = 'UTC'\n", "projects.toml: line 4, [defaults]: There is no setting"),
        ("x = [", "projects.toml: at its end: it is not TOML"),
        (
            "[[group]]\nmatch = {name = '*'}\nsettings = {timezone = 'UTC'}\n"
            f"[[group]]\nmatch = {{ids = [{FIRST_FLEET_ID}]}}\nsettings = {{timezone = 'Asia/Tokyo'}}\n",
            f"projects.toml: [[group]] 1 (“*”) and [[group]] 2 (ids {FIRST_FLEET_ID}) want different values",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_ends_with_2(desk: Desk, text: str, says: str) -> None:
    code, body, err = desk.drift(desk.file(text))
    assert (code, body) == (2, None)
    assert says in err


def test_what_cannot_be_read_fails_and_is_named(desk: Desk) -> None:
    code, body, err = desk.drift(desk.file("[defaults]\n", NORTHWIND_ID), POSTHOG_PERSONAL_API_KEY=ONE_PROJECT_KEY)
    assert (code, body) == (1, None)
    assert "no project of this organization is visible to this key" in err
    missing = desk.drift(desk.folder / "none.toml")
    assert missing[0] == 2
    assert "none.toml: there is no such file" in missing[2]


def test_the_command_prints_one_line_of_json_in_a_pipe(desk: Desk) -> None:
    file = desk.file("[defaults.settings]\nanonymize_ips = true\n")
    environment = {"POSTHOG_HOST": desk.origin, "POSTHOG_PERSONAL_API_KEY": READ_ONLY_KEY}
    done = run("drift", str(file), PROJECTS_MCP_STATE="memory", **environment)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (3, "", 1)
    assert json.loads(done.stdout)["managed"] == ALL


def test_the_command_complains_in_one_line_of_json_in_a_pipe(desk: Desk) -> None:
    file = desk.file("[defaults.settings]\ntimezon = 'UTC'\nanonymize_ip = true\n")
    done = run("drift", str(file), **desk.environment())
    assert (done.returncode, done.stdout) == (2, "")
    complaint = json.loads(done.stderr)
    assert complaint["kind"] == "file"
    assert "line 4, [defaults]" in complaint["message"]
    assert "line 5, [defaults]" in complaint["message"]


def test_a_terminal_gets_a_table(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    file = desk.file("[defaults.settings]\nanonymize_ips = true\n[[project]]\nid = 999\n")
    assert run_drift(desk.settings(), file, as_json=False) == 3
    shown = desk.capsys.readouterr().out
    assert re.search(rf"{FIRST_FLEET_ID + 2} +customer-001 development +anonymize_ips +false +true", shown)
    assert f"{ALL} of {ALL} projects are managed" in shown
    assert "Project 999 of the file is not there" in shown
