"""`projects-mcp caller`: how an entry is made, listed and taken out."""

import json
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.caller import Rights, new_entry
from projects_mcp.config.parsers import SettingsError
from projects_mcp.http.callers import SCOPES
from projects_mcp.http.callers_file import load_callers
from projects_mcp.policy.access import Access
from tests.support.callers import entry, token_of, write_callers
from tests.support.callers_server import KEYS, VARIABLES
from tests.support.posthog import Upstream
from tests.support.process import CLEAN, run
from tests.support.served import HARMLESS, served
from tests.support.terminal import AtTerminal
from tests.support.waiting import PATIENCE_S

# A new entry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ci.deploy-1", "A_b", "9" * 64])
def test_a_new_entry_can_be_used_as_it_is(tmp_path: Path, name: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "caller", "new", name],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=CLEAN,
        check=True,
    )
    noted = json.loads(made.stderr)
    token = noted["token"]
    assert (noted["kind"], noted["name"]) == ("note", name)
    assert noted["message"].endswith(f"shown this once: {token}")
    assert token.startswith("pmcp_")
    assert len(token) > 40
    assert token not in made.stdout, "what goes into the file does not hold it"
    assert list(tomllib.loads(made.stdout)["callers"]) == [name]
    callers = load_callers(write_callers(tmp_path / "callers", made.stdout), {})
    caller = callers.of_token(token)
    assert caller is not None
    assert (caller.name, caller.grant.scopes, caller.grant.access.value) == (name, frozenset(["project:read"]), "read")
    assert callers.of_token(token + "x") is None
    assert token not in repr(callers)


ORGANIZATION = "018f3a2e-7b00-0000-8a11-5d2c9e7f0b31"


def test_flags_give_the_rights_of_a_new_caller(tmp_path: Path) -> None:
    flags = ["--scopes", "read,project:write", "--access", "full", "--protected-projects", "7,5"]
    more = ["--organization-id", ORGANIZATION, "--credential", "eu"]
    made = run("caller", "new", "ci", *flags, *more, PROJECTS_MCP_CONFIRMATION="human")
    assert made.returncode == 0, made.stderr
    table = tomllib.loads(made.stdout)["callers"]["ci"]
    table.pop("token_sha256")
    assert table == {
        "scopes": ["project:read", "project:write"],
        "access": "full",
        "credential": "eu",
        "organization": ORGANIZATION,
        "protected_projects": [5, 7],
    }
    of_server = run("caller", "new", "ci", PROJECTS_MCP_ACCESS="full", PROJECTS_MCP_PROTECTED_PROJECTS="1")
    assert tomllib.loads(of_server.stdout)["callers"]["ci"].keys() == {"token_sha256", "scopes", "access", "credential"}
    assert 'access = "read"' in of_server.stdout, "what the environment says is about the server"
    for wrong in (["--scopes", "admin"], ["--scopes", ","], ["--credential", "a b"], ["--access", "all"]):
        refused = run("caller", "new", "ci", *wrong)
        assert (refused.returncode, refused.stdout) == (2, ""), wrong


@given(scopes=st.sets(st.sampled_from(SCOPES), min_size=1), access=st.sampled_from([None, *Access]))
def test_every_new_entry_is_read_with_its_rights(scopes: set[str], access: Access | None, tmp_path: Path) -> None:
    token, made = new_entry("a", Rights(tuple(scopes), access))
    caller = load_callers(write_callers(tmp_path / "callers", made), {}).of_token(token)
    assert caller is not None
    assert caller.grant.scopes == scopes
    assert caller.grant.access is (access or (Access.WRITE if "project:write" in scopes else Access.READ))


# Listing and revoking -----------------------------------------------------------------------------------------------


def test_callers_are_listed_without_their_tokens(tmp_path: Path) -> None:
    path = write_callers(
        tmp_path / "callers",
        entry("ada", scopes=["project:read"], access="read", organization=ORGANIZATION),
        entry("bob", credential="eu", protected_projects=[3]),
        '[credentials.eu]\nkey_env = "NOT_SET_AT_THIS_SHELL"\n',
    )
    listed = AtTerminal(["caller", "list"], {"PROJECTS_MCP_CALLERS": str(path), "NO_COLOR": "1"}, columns=100)
    assert listed.end() == 0
    assert [line.split() for line in listed.shown.splitlines()] == [
        ["name", "scopes", "access", "credential", "organization"],
        ["ada", "project:read", "read", "default", ORGANIZATION],
        ["bob", "project:read,project:write", "full", "eu", "any"],
    ]
    rows = json.loads(run("caller", "list", PROJECTS_MCP_CALLERS=str(path)).stdout)
    assert [(row["name"], row["protected_projects"]) for row in rows] == [("ada", []), ("bob", [3])]
    assert re.search(r"[0-9a-f]{64}", listed.shown + json.dumps(rows)) is None
    unset = run("caller", "list")
    assert (unset.returncode, "PROJECTS_MCP_CALLERS is not set" in unset.stderr) == (2, True)


def test_a_revoked_caller_is_refused_and_all_else_stays(upstream: Upstream, tmp_path: Path) -> None:
    around = "# of the team\n" + entry("ada").replace("\n\n", "\n# her own\n\n"), "# last\n" + entry("eve") + KEYS
    path = write_callers(tmp_path / "callers", around[0], entry("le.aves").replace("le.aves", '"le.aves"'), around[1])
    settings = {"PROJECTS_MCP_CALLERS": str(path)}
    with served(POSTHOG_HOST=upstream.origin, **HARMLESS, **VARIABLES, **settings) as server:
        assert server.call("project_list", {}, token_of("le.aves")).status == 200
        done = run("caller", "revoke", "le.aves", **settings)
        assert done.returncode == 0, done.stderr
        body = json.loads(done.stdout)
        assert (body["revoked"], body["callers_left"], "SIGHUP" in body["next"]) == ("le.aves", 2, True)
        assert path.read_text(encoding="utf-8") == "".join(around)
        assert path.stat().st_mode & 0o777 == 0o600
        assert list(tmp_path.iterdir()) == [path]
        server.send_signal(signal.SIGHUP)
        server.wait_for("has been read again")
        assert server.call("project_list", {}, token_of("le.aves")).status == 401
        assert server.call("project_list", {}, token_of("ada")).status == 200
    again = run("caller", "revoke", "ad", **settings)
    assert (again.returncode, "has no such caller. Did you mean ada?" in again.stderr) == (1, True)
    run("caller", "revoke", "ada", **settings)
    last = run("caller", "revoke", "eve", **settings)
    assert (last.returncode, "That was the last caller." in json.loads(last.stdout)["next"]) == (0, True)


def test_no_two_tokens_are_alike() -> None:
    assert len({new_entry("a")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize("name", ["", "-a", "a b", "ü", "a\n[callers.b]", 'a"', "x" * 65, "../a", "[a]"])
def test_a_name_that_cannot_be_used_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        new_entry(name)


def test_a_wrong_name_is_a_wrong_usage() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "projects_mcp", "caller", "new", "a b"],
        capture_output=True,
        timeout=PATIENCE_S,
        env=CLEAN,
        check=False,
    )
    assert (made.returncode, made.stdout, made.stderr.count(b"\n")) == (2, b"", 1)
