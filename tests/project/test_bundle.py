"""The bundle for desktop clients: what is in it, and that the server starts from it as such a client starts it."""

import hashlib
import json
import os
import re
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mcp import Client, StdioServerParameters

from dev.environments import CACHE, CONSTRAINTS, ROOT, UnavailableError
from dev.release import bundle
from dev.toolbox import Toolbox
from projects_mcp.sandbox import PRODUCTION_ID
from tests.contract.operations import TOOLS
from tests.support.harness import body_of, refusal_of
from tests.support.process import CLEAN

MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
FORM: dict[str, dict[str, Any]] = MANIFEST["user_config"]
REQUIRED = os.environ.get("OFFICIAL") == "required"


def pins() -> dict[str, str]:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.lower().replace("_", "-").split("==") for line in lines if "==" in line)


# What goes in ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    bundle.stage(tmp_path)
    return tmp_path


def test_a_bundle_holds_the_source_and_nothing_of_a_checkout(staged: Path) -> None:
    files = {file.relative_to(staged).as_posix() for file in staged.rglob("*") if file.is_file()}
    source = {file.relative_to(ROOT).as_posix() for file in (ROOT / "src").rglob("*.py")}
    beside = {"manifest.json", "pyproject.toml", "README.md", "LICENSE", "assets/icon.png"}
    beside |= {"src/projects_mcp/py.typed", "src/projects_mcp/protocol/icon.png"}
    beside |= {"src/projects_mcp/http/approval/passkey.js", "src/projects_mcp/protocol/published.json"}
    assert files == source | beside


def test_what_is_installed_from_a_bundle_is_what_is_tested(staged: Path) -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    value = tomllib.loads((staged / "pyproject.toml").read_text(encoding="utf-8"))
    assert {**whole["project"], "optional-dependencies": None} == {**value["project"], "optional-dependencies": None}
    assert "optional-dependencies" not in value["project"]
    for constraints in ("constraint-dependencies", "build-constraint-dependencies"):
        held = value["tool"]["uv"][constraints]
        assert [line for line in held if "://" in line] == []
        assert dict(line.lower().replace("_", "-").split("==") for line in held) == pins()


def test_the_lock_is_not_kept_with_the_code() -> None:
    assert not (ROOT / "uv.lock").exists()


def test_the_icon_is_a_picture_of_the_recommended_size() -> None:
    data = (ROOT / MANIFEST["icon"]).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(data[start : start + 4]) for start in (16, 20)] == [512, 512]
    assert (ROOT / MANIFEST["icon"]).with_suffix(".svg").is_file(), "and what it is made from is there"


def test_the_manifest_says_what_a_reviewer_asks_for() -> None:
    assert FORM["personal_api_key"]["sensitive"]
    assert {"host", "organization_id", "access", "confirmation", "sandbox"} <= FORM.keys()
    assert MANIFEST["privacy_policies"]
    assert MANIFEST["compatibility"]["platforms"]
    assert MANIFEST["compatibility"]["runtimes"]["python"].startswith(">=3.")
    assert "--frozen" in MANIFEST["server"]["mcp_config"]["args"], "whatever is in the lock, and nothing newer"


# The bundle itself ----------------------------------------------------------------------------------------------------


class Packed(NamedTuple):
    file: Path
    said: list[str]
    entry: dict[str, Any]
    folder: Path
    """Where it is unpacked, as a client does when the bundle is installed."""


@pytest.fixture(scope="module")
def toolbox() -> Toolbox:
    box = Toolbox(install=REQUIRED)
    try:
        assert box.uv.is_file()
        assert Path(box.program("mcpb")).is_file()
    except UnavailableError as error:
        if REQUIRED:
            raise
        pytest.skip(f"THE BUNDLE IS NOT TESTED: {error}")
    return box


@pytest.fixture(scope="module")
def packed(toolbox: Toolbox, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    out, folder = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("installed")
    file, said = bundle.make(toolbox, out)
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    return Packed(file, said, json.loads((out / "server.json").read_text(encoding="utf-8")), folder)


@pytest.mark.heavy
@pytest.mark.bundle
def test_the_official_tool_accepts_it(packed: Packed) -> None:
    assert "Manifest schema validation passes!" in packed.said
    assert json.loads((packed.folder / "manifest.json").read_text(encoding="utf-8")) == MANIFEST


@pytest.mark.heavy
@pytest.mark.bundle
def test_the_lock_holds_the_tested_versions(packed: Packed) -> None:
    lock = tomllib.loads((packed.folder / "uv.lock").read_text(encoding="utf-8"))
    held = {package["name"]: package.get("version") for package in lock["package"]}
    del held["projects-mcp"]  # its version is read from the source
    assert "mcp" in held
    assert {name: version for name, version in held.items() if name in pins()} == {
        name: version for name, version in pins().items() if name in held
    }
    # No machine here installs these: they are for Windows, and for Python in a browser.
    assert held.keys() - pins().keys() <= {"colorama", "httpx2-jsfetch", "pywin32"}


@pytest.mark.heavy
@pytest.mark.bundle
def test_the_entry_for_the_registry_names_this_very_bundle(packed: Packed) -> None:
    (package,) = (package for package in packed.entry["packages"] if package["registryType"] == "mcpb")
    assert package.pop("fileSha256") == hashlib.sha256(packed.file.read_bytes()).hexdigest()
    assert package["identifier"].endswith(f"/{packed.file.name}")
    assert packed.entry == json.loads((ROOT / "server.json").read_text(encoding="utf-8"))


def empty() -> dict[str, str]:
    return dict.fromkeys(FORM, "")


def literal() -> dict[str, str]:
    return {name: f"${{user_config.{name}}}" for name in FORM}


def as_offered() -> dict[str, str]:
    """What a client passes on when a person has filled in the key, and nothing else."""
    texts = {name: str(option.get("default", "phx_made_up")) for name, option in FORM.items()}
    return {name: text.lower() if FORM[name]["type"] == "boolean" else text for name, text in texts.items()}


def started(packed: Packed, toolbox: Toolbox, form: Mapping[str, str]) -> StdioServerParameters:
    config = MANIFEST["server"]["mcp_config"]

    def filled(text: str) -> str:
        text = text.replace("${__dirname}", str(packed.folder))
        return re.sub(r"\$\{user_config\.(\w+)\}", lambda match: form[match[1]], text)

    assert config["command"] == "uv"
    return StdioServerParameters(
        command=str(toolbox.uv),
        args=[filled(argument) for argument in config["args"]],
        env={
            **CLEAN,
            **{name: filled(text) for name, text in config["env"].items()},
            "UV_CACHE_DIR": str(CACHE / "uv-cache"),
            "UV_PYTHON": sys.executable,
            "UV_LINK_MODE": "copy",
        },
    )


@pytest.mark.heavy
@pytest.mark.bundle
@pytest.mark.anyio
@pytest.mark.parametrize("form", [empty, literal])
async def test_it_starts_with_a_form_that_nobody_has_filled_in(packed: Packed, toolbox: Toolbox, form: Any) -> None:
    async with Client(started(packed, toolbox, form())) as client:
        assert len((await client.list_tools()).tools) == len(TOOLS) - 1, "one needs a session"
        text, detail = refusal_of(await client.call_tool("project_list", {}))
        assert detail["request_sent"] is False
        assert "POSTHOG_PERSONAL_API_KEY" in text


@pytest.mark.heavy
@pytest.mark.bundle
@pytest.mark.anyio
async def test_it_works_with_the_settings_of_the_form(packed: Packed, toolbox: Toolbox) -> None:
    async with Client(started(packed, toolbox, {**as_offered(), "sandbox": "true"})) as client:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == [tool["name"] for tool in MANIFEST["tools"]]
        projects = body_of(await client.call_tool("project_list", {}))["projects"]
        assert PRODUCTION_ID in {project["id"] for project in projects}
