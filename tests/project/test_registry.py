"""The entry for the registry of MCP servers says what the code says, and is valid under the official schema."""

import copy
import json
import os
import re
import tomllib
from typing import Any

import pytest

from dev.environments import ROOT, UnavailableError
from dev.release.publishing import complaints
from dev.toolbox import Toolbox
from projects_mcp import __version__
from projects_mcp.config.settings import Settings, load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.policy.access import Access
from projects_mcp.policy.confirmation import Confirmation

ENTRY: dict[str, Any] = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = {package["registryType"]: package for package in ENTRY["packages"]}
VARIABLES_OF_THE_ENTRY = {variable["name"]: variable for variable in PACKAGES["pypi"]["environmentVariables"]}
REQUIRED = os.environ.get("OFFICIAL") == "required"


def test_the_entry_and_the_package_say_the_same() -> None:
    assert ENTRY["description"] == PROJECT["description"]
    assert len(ENTRY["description"]) <= 100
    assert ENTRY["title"] == MANIFEST["display_name"]
    assert ENTRY["version"] == __version__
    assert PACKAGES.keys() == {"pypi", "mcpb"}
    assert PACKAGES["pypi"]["identifier"] == PROJECT["name"]
    assert {package["version"] for package in PACKAGES.values()} == {__version__}
    assert {package["transport"]["type"] for package in PACKAGES.values()} == {"stdio"}


def test_one_owner_is_named_everywhere() -> None:
    owner, _, name = ENTRY["name"].removeprefix("io.github.").partition("/")
    assert name == PROJECT["name"]
    assert ENTRY["repository"]["url"] == f"https://github.com/{owner}/{name}"
    release = f"{ENTRY['repository']['url']}/releases/download/v{__version__}/"
    assert PACKAGES["mcpb"]["identifier"] == f"{release}{name}-{__version__}.mcpb"


def test_the_readme_proves_whose_the_package_is() -> None:
    named = re.findall(r"<!-- mcp-name: (\S+) -->", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named == [ENTRY["name"]]


def test_no_file_of_the_bundle_is_promised_before_it_is_there() -> None:
    assert "fileSha256" not in PACKAGES["mcpb"]


def test_the_entry_asks_for_what_the_form_of_the_bundle_asks_for() -> None:
    passed = MANIFEST["server"]["mcp_config"]["env"]
    assert list(VARIABLES_OF_THE_ENTRY) == list(passed)
    assert VARIABLES_OF_THE_ENTRY.keys() <= VARIABLES.keys()
    for name, text in passed.items():
        asked, variable = MANIFEST["user_config"][text[len("${user_config.") : -1]], VARIABLES_OF_THE_ENTRY[name]
        assert variable["isRequired"] is asked["required"]
        assert variable["isSecret"] is asked.get("sensitive", False)
        assert variable["description"] == asked["description"]


def test_the_defaults_of_the_entry_are_those_of_the_code() -> None:
    defaults = {name: variable["default"] for name, variable in VARIABLES_OF_THE_ENTRY.items() if "default" in variable}
    assert len(defaults) > 5
    assert load(defaults) == Settings()


def test_the_choices_of_the_entry_are_those_of_the_code() -> None:
    choices = {name: variable["choices"] for name, variable in VARIABLES_OF_THE_ENTRY.items() if "choices" in variable}
    assert choices == {"PROJECTS_MCP_ACCESS": list(Access), "PROJECTS_MCP_CONFIRMATION": list(Confirmation)}


# The official schema --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    try:
        file = Toolbox(install=REQUIRED).registry_schema
    except UnavailableError as error:
        if REQUIRED:
            raise
        pytest.skip(f"THE ENTRY IS NOT HELD TO THE OFFICIAL SCHEMA: {error}")
    value: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return value


@pytest.mark.heavy
@pytest.mark.bundle
def test_the_entry_is_valid(schema: dict[str, Any]) -> None:
    assert complaints(schema, ENTRY) == []


@pytest.mark.heavy
@pytest.mark.bundle
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "projects-mcp"),
        ("description", "x" * 101),
        ("version", None),
        ("$schema", "https://example.com/schema"),
    ],
)
def test_a_wrong_entry_is_not(schema: dict[str, Any], field: str, value: object) -> None:
    wrong = copy.deepcopy(ENTRY) | {field: value}
    assert complaints(schema, wrong) != []
