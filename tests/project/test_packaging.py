"""Documents, manifest, imports and pins say what the code says."""

import json
import re
import shutil
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev.docs import generate
from dev.environments import ROOT
from projects_mcp import __version__
from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.settings import Settings, load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.tools.catalog import CATALOG
from tests.support.documents import text_of
from tests.support.process import run_command


def manifest() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text_of("manifest.json"))
    return value


def project() -> dict[str, Any]:
    value: dict[str, Any] = tomllib.loads(text_of("pyproject.toml"))["project"]
    return value


# What is generated ----------------------------------------------------------------------------------------------------


def test_generated_parts_are_up_to_date() -> None:
    done = run_command([sys.executable, "-m", "dev.docs.generate", "--check"])
    assert done.returncode == 0, done.stderr


def test_the_picture_of_a_session_is_what_the_demo_prints() -> None:
    done = run_command([sys.executable, "-m", "dev.docs.picture", "--check"])
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("README.md", "| `project_list` |", "| `project_lists` |"),
        ("README.md", "| `POSTHOG_HOST` |", "| `POSTHOG_HOSTS` |"),
        ("manifest.json", '"name": "project_list"', '"name": "project_lists"'),
        ("manifest.json", f'"version": "{__version__}"', '"version": "0.0.0"'),
        ("manifest.json", "${user_config.host}", "us"),
        ("manifest.json", '"sensitive": true', '"sensitive": false'),
        ("docs/settings.md", "| `timezone` |", "| `time_zone` |"),
    ],
)
def test_a_difference_is_named_and_repaired(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    old: str,
    new: str,
) -> None:
    (tmp_path / "docs").mkdir()
    for file in generate.FILES:
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    changed = tmp_path / name
    assert old in text_of(name)
    changed.write_text(text_of(name).replace(old, new, 1), encoding="utf-8")

    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith(f"{name} differs")
    assert changed.read_text(encoding="utf-8") != text_of(name), "checking writes nothing"
    assert generate.main([]) == 0
    assert changed.read_text(encoding="utf-8") == text_of(name)


# The manifest ---------------------------------------------------------------------------------------------------------


def test_the_manifest_lists_the_catalogue() -> None:
    value = manifest()
    assert value["tools"] == [{"name": tool.name, "description": tool.description} for tool in CATALOG]
    assert value["tools_generated"] is False


def test_the_manifest_and_the_package_say_the_same() -> None:
    value, package = manifest(), project()
    assert value["version"] == __version__ == version("projects-mcp")
    for name in ("name", "description", "license", "keywords"):
        assert value[name] == package[name], name
    assert value["compatibility"]["runtimes"]["python"] == package["requires-python"]
    assert len(value["description"]) <= 100
    assert (ROOT / value["server"]["entry_point"]).is_file()
    assert value["server"]["mcp_config"]["args"][-1] in package["scripts"]


def test_the_manifest_passes_on_what_its_form_asks_for() -> None:
    value = manifest()
    passed = value["server"]["mcp_config"]["env"]
    assert passed.keys() <= VARIABLES.keys()
    asked = [re.fullmatch(r"\$\{user_config\.(\w+)\}", text) for text in passed.values()]
    assert [match and match[1] for match in asked] == list(value["user_config"])


def test_the_form_asks_for_the_key_and_has_a_default_for_the_rest() -> None:
    form = manifest()["user_config"]
    assert [name for name, option in form.items() if option["required"]] == ["personal_api_key"]
    assert all(option["required"] is not ("default" in option) for option in form.values())
    secret = {name for name, option in form.items() if option.get("sensitive")}
    assert secret == {"personal_api_key", "session_id", "csrf_token"}


def test_the_defaults_of_the_form_are_those_of_the_code() -> None:
    value = manifest()
    assert load(_filled_in(value)) == load({}) == Settings()


def test_the_bounds_of_the_form_are_those_of_the_code() -> None:
    limit = manifest()["user_config"]["result_limit"]
    assert load({"PROJECTS_MCP_RESULT_LIMIT": str(limit["min"])}).result_limit == limit["min"]
    assert load({"PROJECTS_MCP_RESULT_LIMIT": str(limit["max"])}).result_limit == limit["max"]
    for beyond in (limit["min"] - 1, limit["max"] + 1):
        with pytest.raises(SettingsError):
            load({"PROJECTS_MCP_RESULT_LIMIT": str(beyond)})


def _filled_in(value: dict[str, Any]) -> dict[str, str]:
    """The environment that a client makes of a form that nobody has filled in."""
    environment = dict(value["server"]["mcp_config"]["env"])
    for name, option in value["user_config"].items():
        if "default" in option:
            default = option["default"]
            text = str(default).lower() if isinstance(default, bool) else str(default)
            environment = {key: held.replace(f"${{user_config.{name}}}", text) for key, held in environment.items()}
    return environment


# Processes ------------------------------------------------------------------------------------------------------------


def _commands() -> list[list[str]]:
    script = shutil.which("projects-mcp", path=str(Path(sys.executable).parent))
    assert script, "the package is installed"
    return [[script], [sys.executable, "-m", "projects_mcp"]]


@pytest.mark.parametrize("command", _commands(), ids=["script", "module"])
def test_both_ways_to_start_it_work(command: list[str]) -> None:
    asked = run_command([*command, "--version"])
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, f"projects-mcp {__version__}\n", "")
    helped = run_command([*command, "--help"])
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("Usage: projects-mcp ")


# Pins -----------------------------------------------------------------------------------------------------------------


def pins() -> dict[str, str]:
    lines = [line for line in text_of("constraints.txt").splitlines() if line and not line.startswith("#")]
    matches = [re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", line) for line in lines]
    assert None not in matches, "a line is a name and one exact version"
    return {canonicalize_name(match[1]): match[2] for match in matches if match}


def needed(name: str, extras: frozenset[str] = frozenset()) -> set[str]:
    """What a package needs to run here, and what that needs in turn, without the package itself."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [(name, extras)]
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        for text in distribution(here[0]).requires or ():
            requirement = Requirement(text)
            if not requirement.marker or any(requirement.marker.evaluate({"extra": e}) for e in ("", *here[1])):
                waiting.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return {package for package, _ in seen} - {name}


def test_constraints_hold_no_address() -> None:
    text = text_of("constraints.txt")
    assert "://" not in text
    assert "@" not in text


def test_all_that_is_needed_to_run_is_pinned_to_what_is_installed() -> None:
    runtime = needed("projects-mcp")
    assert {"mcp", "httpx", "anyio", "pydantic", "starlette", "cryptography"} <= runtime
    pinned = pins()
    assert {name: pinned.get(name) for name in runtime} == {name: version(name) for name in runtime}


def test_no_pin_differs_from_what_is_installed() -> None:
    assert {name: pin for name, pin in pins().items() if _installed(name) not in {None, pin}} == {}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None  # what only builds the package is not installed
