"""What is shipped for serving: the image, the manifests, the proxy and the page say what the code says.

No daemon builds the image here and no cluster takes the manifests, so they are read; what can be run of them is run.
"""

import json
import re
import socketserver
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from dev.environments import ROOT
from projects_mcp.cli.parser import parse
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES
from projects_mcp.http.callers import Callers
from projects_mcp.http.callers_file import CallerTable, CredentialTable, load_callers
from projects_mcp.http.limits import BODY_BYTES, IDLE_CONNECTIONS
from projects_mcp.policy.access import Access
from tests.support.documents import callers_example, text_of
from tests.support.image import PORT, SECRET, final_stage, instructions
from tests.support.process import run_command


def test_the_image_is_built_in_two_stages_on_one_small_image() -> None:
    given = instructions()
    assert given[0] == ("ARG", "PYTHON=python:3.13-slim")
    assert [rest for word, rest in given if word == "FROM"] == ["${PYTHON} AS build", "${PYTHON}"]
    assert f"Python :: {given[0][1].split(':')[1].removesuffix('-slim')}" in text_of("pyproject.toml")


def test_the_image_does_not_run_as_root() -> None:
    given = instructions()
    assert final_stage()["USER"] == ["10001:10001"], "numbers, which need no entry in a file"
    after = [word for word, _ in given[[word for word, _ in given].index("USER") :]]
    assert not {"RUN", "COPY", "ADD"} & set(after)


def test_no_secret_is_built_into_the_image() -> None:
    given = instructions()
    assert [rest for word, rest in given if word in {"ENV", "ARG"} and SECRET.search(rest)] == []
    assert "ADD" not in dict(given)


def test_the_image_has_what_was_tested_and_its_bytecode() -> None:
    steps = " ".join(rest for word, rest in instructions() if word == "RUN")
    assert "PIP_CONSTRAINT=/build/constraints.txt" in steps
    assert "'.[aiohttp,metrics,redis]'" in steps
    assert steps.count("compileall") == 2, "the packages and the standard library"
    assert "--no-compile" not in steps
    assert not any("PYTHONDONTWRITEBYTECODE" in rest for _, rest in instructions())


def test_the_image_says_which_server_it_is() -> None:
    (label,) = final_stage()["LABEL"]
    name, _, value = label.partition("=")
    assert name == "io.modelcontextprotocol.server.name"
    assert json.loads(value) == json.loads(text_of("server.json"))["name"]


def test_the_image_starts_the_server_on_its_port() -> None:
    stage = final_stage()
    (entry,), (command,) = map(json.loads, stage["ENTRYPOINT"]), map(json.loads, stage["CMD"])
    assert set(entry) <= tomllib.loads(text_of("pyproject.toml"))["project"]["scripts"].keys()
    assert len(entry) == 1
    invocation = parse(command)
    given = {"host": "0.0.0.0", "port": PORT}  # noqa: S104 - in a container
    assert (invocation.command, invocation.parameters) == ("serve", given)
    assert stage["EXPOSE"] == [str(PORT)]


class Health(BaseHTTPRequestHandler):
    """Answers what its server says."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == getattr(self.server, "healthy_at", "") else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def listening(healthy_at: str) -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), Health) as server:
        setattr(server, "healthy_at", healthy_at)  # noqa: B010 - no attribute of its class
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_the_health_check_of_the_image_works() -> None:
    (check,) = final_stage()["HEALTHCHECK"]
    command: list[str] = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    assert str(PORT) in command[2]

    def code(port: int) -> int:
        # A proxy of the environment must not be asked for what is on this machine.
        asking = [sys.executable, "-c", command[2].replace(str(PORT), str(port))]
        return run_command(asking, http_proxy="http://127.0.0.1:9", no_proxy="").returncode

    with listening("/healthz") as port:
        assert code(port) == 0
    assert code(port) != 0, "nobody is there any more"
    with listening("/elsewhere") as port:
        assert code(port) != 0


def test_only_what_is_needed_gets_into_the_build() -> None:
    first, *others = [line for line in text_of(".dockerignore").splitlines() if not line.startswith("#")]
    assert first == "*"
    let_in = {line.removeprefix("!") for line in others if line.startswith("!")}
    copied = {
        name for word, rest in instructions() if word == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    assert let_in == copied
    assert all((ROOT / name).exists() for name in copied)


# The proxy ------------------------------------------------------------------------------------------------------------


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text_of("deploy/nginx.conf").splitlines():
        if match := re.fullmatch(r"\s*(\w+) ([^{]+);", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_the_proxy_repeats_nothing_that_has_left() -> None:
    assert directives()["proxy_next_upstream"] == ["error timeout"], "and above all not non_idempotent"
    assert len(directives()["server"]) == 2
    assert f"127.0.0.1:{PORT} " in directives()["server"][0]


def test_the_proxy_passes_on_what_the_server_checks_and_its_answers_at_once() -> None:
    given = directives()
    assert given["proxy_buffering"] == ["off"]
    assert "Host $host" in given["proxy_set_header"]
    assert not any("Authorization" in header for header in given["proxy_set_header"])
    assert "X-Forwarded-For $remote_addr" in given["proxy_set_header"]


def test_the_proxy_is_neither_stricter_nor_more_patient_than_it_must_be() -> None:
    given = directives()
    assert given["client_max_body_size"] == ["1m"]
    assert BODY_BYTES == 1024 * 1024
    (zone,) = given["limit_conn_zone"]
    (limit,) = given["limit_conn"]
    name, most = limit.split()
    assert zone.startswith("$binary_remote_addr ")
    assert f"zone={name}:" in zone
    assert 1 < int(most) < IDLE_CONNECTIONS, "one address cannot have all connections of a process"
    assert int(given["proxy_read_timeout"][0].removesuffix("s")) > load({}).limits.call_s + 6


# The page -------------------------------------------------------------------------------------------------------------


def _fields(of: str) -> set[str]:
    """The fields in the table of the page about one kind of section."""
    table = text_of("docs/serving.md").partition(f"| Field of `[{of}.NAME]`")[2].partition("\n\n")[0]
    return set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))


def _loaded(text: str, folder: Path) -> Callers:
    key, file = folder / "shop-key", folder / "callers.toml"
    key.write_text("phx_of_the_shop", encoding="utf-8")
    file.touch(mode=0o600)
    file.write_text(text.replace("/run/secrets/shop-key", str(key)), encoding="utf-8")
    return load_callers(file, {"MARKETING_KEY": "phx_of_marketing"})


def test_the_example_of_a_callers_file_is_one(tmp_path: Path) -> None:
    callers = _loaded(callers_example(), tmp_path)
    anna, reports = callers.by_hash.values()
    assert (anna.name, reports.name) == ("anna", "reports")
    assert (anna.grant.access, anna.credential, anna.at_once, anna.per_minute) == (Access.FULL, "default", 64, 6_000)
    assert (reports.grant.access, reports.credential, reports.at_once, reports.per_minute) == (
        Access.READ,
        "marketing",
        4,
        60,
    )
    assert (reports.grant.protected, str(reports.organization)[:8]) == (frozenset({12345}), "018f3a2e")
    assert callers.credentials.keys() == {"marketing", "shop"}


def test_every_field_of_a_callers_file_is_explained() -> None:
    example = tomllib.loads(callers_example())
    for section in ("callers", "credentials"):
        assert _fields(section) == {field for entry in example[section].values() for field in entry}
    assert _fields("callers") == set(CallerTable.model_fields)
    assert _fields("credentials") == set(CredentialTable.model_fields)


def test_the_page_names_every_setting_of_serving() -> None:
    text = text_of("docs/serving.md")
    named = {name for name, row in VARIABLES.items() if row.field.startswith("serving.")}
    assert len(named) == 9
    assert {name for name in named if name not in text} == set()


def test_nothing_here_names_a_setting_that_does_not_exist() -> None:
    for name in ("Dockerfile", "deploy/kubernetes.yaml", "deploy/nginx.conf", "deploy/github-drift.yml"):
        assert set(re.findall(r"\b(?:POSTHOG|PROJECTS_MCP)_[A-Z_]+\b", text_of(name))) <= VARIABLES.keys(), name
