"""Documents, manifest, imports and pins say what the code says."""

import ast
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dev.docs import generate
from dev.environments import ROOT
from projects_mcp import __version__
from projects_mcp.config.settings import VARIABLES, Settings, SettingsError, load
from projects_mcp.errors.explain import explain
from projects_mcp.errors.refusals import RememberedDenial
from projects_mcp.tools.catalog import CATALOG
from tests.contract.operations import TOOLS
from tests.support.failures import failures
from tests.support.process import FAST, modern_request, run, run_command, running

SOURCE = ROOT / "src" / "projects_mcp"
MODULES = sorted(file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py"))
DOCUMENTS = sorted(
    file.relative_to(ROOT).as_posix() for pattern in ("*.md", "docs/**/*.md") for file in ROOT.glob(pattern)
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


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


def test_every_kind_of_failure_is_documented() -> None:
    kinds = {explain(failure, situation).detail["kind"] for _, situation, failure in failures()} | {"internal"}
    kinds -= {RememberedDenial.kind}  # is told as what PostHog refused
    text = text_of("docs/reference.md")
    assert sorted(kind for kind in kinds if f"`{kind}`" not in text) == []


def test_every_command_and_flag_is_documented() -> None:
    text = text_of("docs/reference.md")
    helped = run("--help").stdout
    commands = re.findall(r"^    ([a-z]+) ", helped, flags=re.MULTILINE)
    assert len(commands) == 8
    for command in ["", *commands]:
        assert f"`projects-mcp {command}".rstrip() in text
        shown = run(*command.split(), "--help").stdout
        flags = set(re.findall(r"(?<![\w-])--[a-z-]+", shown))
        assert sorted(flag for flag in flags if f"{flag}" not in text) == [], command


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


# Documents ------------------------------------------------------------------------------------------------------------


def test_every_setting_is_documented() -> None:
    text = text_of("README.md")
    assert [name for name in VARIABLES if f"`{name}`" not in text] == []


def test_no_document_names_a_setting_that_does_not_exist() -> None:
    for document in DOCUMENTS:
        named = set(re.findall(r"\b(?:POSTHOG|PROJECTS_MCP)_[A-Z_]+\b", text_of(document)))
        assert named <= VARIABLES.keys(), document


def test_the_readme_stays_short() -> None:
    assert len(text_of("README.md").splitlines()) < 250


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / document).parent / path if path else ROOT / document
        assert file.exists(), target
        assert file.resolve().is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"^#+ +(.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_entry_for_clients_can_be_pasted() -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", text_of("README.md"), flags=re.MULTILINE | re.DOTALL)
    (server,) = json.loads(block)["mcpServers"].values()
    assert server["env"].keys() <= VARIABLES.keys()
    assert server["command"].endswith("/projects-mcp")
    assert load(server["env"]).credentials.key is not None


def _examples() -> list[tuple[str, str]]:
    (block,) = re.findall(r"^```console\n(.*?)^```", text_of("README.md"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^\$ (.+)\n((?:[^$\n].*\n)+)", block, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "shown"), _examples())
def test_the_examples_answer_what_they_show(command: str, shown: str) -> None:
    program, *arguments = shlex.split(command)
    assert program == ".venv/bin/projects-mcp"
    done = run(*arguments)
    pieces = [re.escape(piece) for piece in shown.strip().split("…")]
    assert re.fullmatch(".*".join(pieces), (done.stdout + done.stderr).strip()), done.stdout + done.stderr


# Imports --------------------------------------------------------------------------------------------------------------


def imported(module: str) -> set[str]:
    """The modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names if _is_module(node, alias))}
    return found


def _is_module(node: ast.ImportFrom, alias: ast.alias) -> bool:
    place = ROOT / "src" / (node.module or "").replace(".", "/") / alias.name
    return place.is_dir() or place.with_suffix(".py").is_file()


def of(names: set[str], *packages: str) -> set[str]:
    """Those of some names that are, or are inside, one of some packages."""
    return {name for name in names if any(name == package or name.startswith(f"{package}.") for package in packages)}


def ours(module: str) -> set[str]:
    """The modules of this package that a file imports, without the package's name."""
    return {name.removeprefix("projects_mcp.") for name in imported(module) if name.startswith("projects_mcp.")}


SANDBOX = {name for name in MODULES if name.startswith("sandbox/")}


@pytest.mark.parametrize(
    ("packages", "allowed"),
    [
        (("mcp", "mcp_types"), {"protocol/server.py", "cli/demo/command.py", "http/app.py"}),
        (("httpx",), {"posthog/client.py", "posthog/pool.py"}),
        (("aiohttp", "httpx_aiohttp"), {"posthog/aiohttp_transport.py"}),
        (("starlette",), SANDBOX),
        (("uvicorn",), SANDBOX | {"http/process.py"}),
        (("jwt",), {"http/jwt.py"}),
        (
            ("projects_mcp.sandbox",),
            SANDBOX | {"runner/build.py", "cli/sandbox.py", "cli/demo/command.py", "cli/demo/steps.py"},
        ),
        (("httpx2", "requests", "urllib3", "pydantic", "jsonschema"), set()),
    ],
)
def test_a_package_is_imported_only_where_it_belongs(packages: tuple[str, ...], allowed: set[str]) -> None:
    assert {module for module in MODULES if of(imported(module), *packages)} <= allowed


def calls(module: str) -> Iterator[str]:
    """The names of the functions that a file calls by their bare name."""
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_nothing_prints_but_the_command_line() -> None:
    printing = {module for module in MODULES if "print" in calls(module)}
    assert {module for module in printing if not module.startswith("cli/")} == set()


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
    assert helped.stdout.startswith("usage: projects-mcp ")


LOADED = """
import json, sys
from projects_mcp.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
sys.stderr.write(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""

SLOW = {"mcp", "mcp_types", "pydantic", "jsonschema"}
NETWORK = {"httpx", "httpx2", "starlette", "uvicorn"}


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--version"], SLOW | NETWORK | {"anyio", "asyncio"}),
        (["--help"], SLOW | NETWORK | {"anyio", "asyncio"}),
        (["tools"], SLOW | NETWORK),
        (["tools", "--json"], SLOW | NETWORK),
        (["call", "--sandbox", "project_list"], SLOW | {"uvicorn"}),
    ],
)
def test_nobody_waits_for_what_they_do_not_use(arguments: list[str], unwanted: set[str]) -> None:
    done = run_command([sys.executable, "-c", LOADED, *arguments])
    assert done.returncode == 0, done.stderr
    assert done.stdout
    loaded = set(json.loads(done.stderr))
    assert "projects_mcp" in loaded
    assert loaded & unwanted == set()


SERVED = """
import json, os, sys
from projects_mcp.cli.main import main
main([])
with open(os.environ["LOADED"], "w") as file:
    json.dump({name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}, file)
"""
NOT_AT_THE_START = (
    *("sandbox", "cli.call", "cli.demo", "cli.doctor", "cli.install", "cli.parser", "cli.sandbox", "cli.tools"),
    *("__main__", "posthog.aiohttp_transport"),
)
OF_THE_SDK = {
    *("_cffi_backend", "annotated_types", "anyio", "attr", "attrs", "click", "cryptography", "h11", "httpcore2"),
    *("httpx2", "idna", "jsonschema", "jsonschema_specifications", "jwt", "mcp", "mcp_types", "opentelemetry"),
    *("pydantic", "pydantic_core", "python_multipart", "referencing", "rpds", "sse_starlette", "starlette"),
    *("truststore", "typing_extensions", "typing_inspection", "uvicorn"),
}
OF_THE_CLIENT = {"certifi", "httpcore", "httpx", "sniffio"}
LEFT_BY_THE_DEVELOPERS_TOOLS = {"pygments", "rich", "coverage", "a1_coverage", "_distutils_hack"}
OF_THE_EXTRA = {"uvloop"}


def test_the_server_loads_only_what_it_needs_before_its_first_answer(tmp_path: Path) -> None:
    """What is imported is start-up time and memory of every user: a new name here is a decision."""
    loaded = tmp_path / "loaded"
    program = f"import sys\nsys.modules[{FAST!r}] = None\n{SERVED}"
    settings = {"POSTHOG_PERSONAL_API_KEY": "phx_x", "POSTHOG_HOST": "http://127.0.0.1:9"}
    with running(program=program, LOADED=str(loaded), **settings) as server:
        server.write(modern_request(1, "tools/list", {}) + b"\n")
        answer = server.read_message()
        server.end()
    assert len(answer["result"]["tools"]) == len(TOOLS)
    assert server.process.returncode == 0
    files: dict[str, str] = json.loads(loaded.read_text(encoding="utf-8"))
    assert "argparse" not in files
    ours = {name.removeprefix("projects_mcp.") for name, file in files.items() if str(SOURCE) in file}
    assert {name for name in ours if name.startswith(NOT_AT_THE_START)} == set()
    foreign = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}
    assert foreign - OF_THE_SDK - OF_THE_CLIENT - OF_THE_EXTRA - LEFT_BY_THE_DEVELOPERS_TOOLS == set()


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
