"""What is imported where, and what a start loads."""

import ast
import json
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

import pytest

from dev.environments import ROOT
from tests.contract.operations import TOOLS
from tests.support.process import FAST, modern_request, run_command, running

SOURCE = ROOT / "src" / "projects_mcp"
MODULES = sorted(file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py"))


@cache
def imported(module: str) -> frozenset[str]:
    """The modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((SOURCE / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names if _is_module(node, alias))}
    return frozenset(found)


def _is_module(node: ast.ImportFrom, alias: ast.alias) -> bool:
    place = ROOT / "src" / (node.module or "").replace(".", "/") / alias.name
    return place.is_dir() or place.with_suffix(".py").is_file()


def of(names: AbstractSet[str], *packages: str) -> set[str]:
    """Those of some names that are, or are inside, one of some packages."""
    return {name for name in names if any(name == package or name.startswith(f"{package}.") for package in packages)}


def ours(module: str) -> set[str]:
    """The modules of this package that a file imports, without the package's name."""
    return {name.removeprefix("projects_mcp.") for name in imported(module) if name.startswith("projects_mcp.")}


HTTP, PROTOCOL, SANDBOX, DEMO = (
    {name for name in MODULES if name.startswith(folder)} for folder in ("http/", "protocol/", "sandbox/", "cli/demo/")
)
CLICK = {name for name in MODULES if name.startswith("cli/commands/")} | {
    f"cli/{name}.py" for name in ("command", "completion", "group", "main", "parser", "setting_options", "values")
}


@pytest.mark.parametrize(
    ("packages", "allowed"),
    [
        (
            ("mcp", "mcp_types"),
            PROTOCOL
            | {"cli/demo/stage.py", *(f"http/{name}.py" for name in ("app", "body", "middleware", "unreadable"))},
        ),
        (("httpx",), {f"posthog/{name}.py" for name in ("bounds", "client", "counting", "pool")}),
        (("aiohttp", "httpx_aiohttp"), {"posthog/aiohttp_transport.py"}),
        (("redis",), {"state/redis_client.py"}),
        (("sqlite3",), {"state/sqlite_file.py"}),
        (("platformdirs",), {"state/open.py", "config/profiles.py"}),
        (("keyring",), {"config/system_keyring.py"}),
        (("prometheus_client",), {"http/metrics.py"}),
        (("click",), CLICK),
        (("starlette",), SANDBOX | HTTP),
        (("uvicorn",), SANDBOX | {"http/process.py"} | {name for name in HTTP if name.startswith("http/uvicorn_")}),
        (("webauthn",), {"policy/passkey_signature.py"}),
        (("jwt",), {"http/jwks.py", "http/jwt.py"}),
        (
            ("projects_mcp.sandbox",),
            SANDBOX
            | {"runner/build.py", "cli/sandbox.py"}
            | {name for name in MODULES if name.startswith("cli/demo/")},
        ),
        (
            ("pydantic", "pydantic_core"),
            {
                "fleet/settings_document.py",
                "fleet/settings_tables.py",
                "http/body.py",
                "http/callers_file.py",
                "protocol/caller_token.py",
                "protocol/stdio_messages.py",
            },
        ),
        (("httpx2", "requests", "urllib3", "jsonschema"), set()),
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
    *(
        "sandbox",
        "cli.audit",
        "cli.call",
        "cli.demo",
        "cli.doctor",
        "cli.install",
        "cli.command",
        "cli.for_people",
        "cli.group",
        "cli.parser",
        "cli.sandbox",
        "cli.tools",
        "config.profile_file",
        "config.system_keyring",
    ),
    *("__main__", "posthog.aiohttp_transport"),
)

OF_THE_SDK = {
    *("_cffi_backend", "annotated_types", "anyio", "attr", "attrs", "click", "cryptography", "h11", "httpcore2"),
    *("httpx2", "idna", "jsonschema", "jsonschema_specifications", "jwt", "mcp", "mcp_types", "opentelemetry"),
    *("pydantic", "pydantic_core", "python_multipart", "referencing", "rpds", "sse_starlette", "starlette"),
    *("truststore", "typing_extensions", "typing_inspection", "uvicorn"),
}

OF_THE_CLIENT = {"certifi", "httpcore", "httpx", "sniffio"}
LEFT_BY_THE_DEVELOPERS_TOOLS = {"pygments", "rich", "coverage", "a1_coverage", "_distutils_hack", "backports"}
OF_THE_EXTRA = {"uvloop"}


@pytest.mark.parametrize("fast_start", ["on", "off"])
def test_the_server_loads_only_what_it_needs_before_its_first_answer(fast_start: str, tmp_path: Path) -> None:
    """What is imported is start-up time and memory of every user: a new name here is a decision."""
    loaded = tmp_path / "loaded"
    program = f"import sys\nsys.modules[{FAST!r}] = None\n{SERVED}"
    settings = {"POSTHOG_PERSONAL_API_KEY": "phx_x", "POSTHOG_HOST": "http://127.0.0.1:9"}
    settings["PROJECTS_MCP_FAST_START"] = fast_start
    with running(program=program, LOADED=str(loaded), **settings) as server:
        server.write(modern_request(1, "tools/list", {}) + b"\n")
        answer = server.read_message()
        server.end()
    assert {tool["name"] for tool in answer["result"]["tools"]} == {*TOOLS} - {"project_cancel_deletion"}  # no session
    assert server.process.returncode == 0
    files: dict[str, str] = json.loads(loaded.read_text(encoding="utf-8"))
    assert {"argparse", "tomllib"} & files.keys() == set(), "there is no file of profiles"
    ours = {name.removeprefix("projects_mcp.") for name, file in files.items() if str(SOURCE) in file}
    assert {name for name in ours if name.startswith(NOT_AT_THE_START)} == set()
    foreign = {name.partition(".")[0] for name, file in files.items() if "site-packages" in file}
    assert bool(foreign & (SLOW | {"pydantic_core"})) is (fast_start == "off")
    assert foreign - OF_THE_SDK - OF_THE_CLIENT - OF_THE_EXTRA - LEFT_BY_THE_DEVELOPERS_TOOLS == set()
