"""The doctor says what is missing where only passkeys approve."""

import json
import sys
from pathlib import Path

import anyio
import pytest

from projects_mcp.cli.doctor.passkeys import check_passkeys
from projects_mcp.config.settings import load
from projects_mcp.state.passkeys import Passkeys
from projects_mcp.state.sqlite import SqliteStore
from tests.support.authenticator import Credential
from tests.support.passkeys import passkey_of
from tests.support.process import run, running

WITHOUT_LIBRARY = """
import sys
sys.modules["webauthn"] = None
from projects_mcp.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def found(state: str, confirmation: str = "passkey") -> list[tuple[str, str]]:
    settings = load({"PROJECTS_MCP_STATE": state, "PROJECTS_MCP_CONFIRMATION": confirmation})
    return [(each.level.value, each.sentence) for each in anyio.run(check_passkeys, settings)]


def test_what_is_missing_is_named_with_what_helps(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    file = folder / "state.sqlite3"
    assert found(str(file), "human") == []
    ((level, sentence),) = found("memory")
    assert (level, "cannot be kept in the memory" in sentence) == ("problem", True)
    ((level, sentence),) = found(str(file))
    assert (level, sentence.startswith("No passkey is enrolled.")) == ("warning", True)
    assert not file.exists(), "nothing is made"

    async def enrol() -> None:
        store = SqliteStore(file)
        try:
            for name in ("alex", "alex", "sam"):
                await Passkeys(store).add(passkey_of(Credential(), name))
        finally:
            await store.aclose()

    anyio.run(enrol)
    assert found(str(file)) == [("ok", "3 passkeys are enrolled, of 2 people.")]


def test_the_report_has_it() -> None:
    report = json.loads(run("doctor", "--json", "--sandbox", PROJECTS_MCP_CONFIRMATION="passkey").stdout)
    (each,) = [each for each in report["findings"] if each["check"] == "passkeys"]
    assert each["level"] == "problem", "the sandbox keeps its state in memory"


def test_without_the_library_each_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    environment = {
        "PROJECTS_MCP_STATE": str(folder / "state.sqlite3"),
        "PROJECTS_MCP_CONFIRMATION": "passkey",
    }
    with running("--sandbox", program=WITHOUT_LIBRARY, **environment) as server:
        server.handshake()
        result = server.call("project_delete", {"project_id": 12345, "confirm_project_name": "Acme web"})
    assert result["_meta"]["projects-mcp/error"]["kind"] == "passkey_unusable"
    assert "pip install 'projects-mcp[passkey]'" in result["content"][0]["text"]
    monkeypatch.setitem(sys.modules, "webauthn", None)
    ((level, sentence),) = found(environment["PROJECTS_MCP_STATE"])
    assert (level, "webauthn is not installed" in sentence) == ("problem", True)
