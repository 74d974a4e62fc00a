"""Two real processes behind a real nginx, over one upstream: nothing is lost, nothing is done twice.

The size follows from `REPLICAS_CALLS` and `REPLICAS_CONFIRMATIONS`. Where there is no nginx, and none can be fetched,
what needs it is skipped, and fails with `OFFICIAL=required`.
"""

import asyncio
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dev.bench.measures.replicas import SITE, NoNginx, configuration, nginx, whole
from projects_mcp.sandbox import CSRF_TOKEN, MOBILE_ID, OAUTH_TOKEN, PRODUCTION_ID, SESSION_ID, STAGING_ID, seed
from projects_mcp.sandbox.app import create_app
from projects_mcp.sandbox.world.state import World
from tests.process.test_stdio import CLEAN, COMMAND
from tests.support.harness import Recorder, Sent
from tests.support.upstream import serving

CALLS = int(os.environ.get("REPLICAS_CALLS", "200"))
CONFIRMATIONS = int(os.environ.get("REPLICAS_CONFIRMATIONS", "20"))
AT_ONCE = 8
PATIENCE_S = 30
OLD, NEW = "old" * 16, "new" * 16
TOKENS = {"anna": "pmcp_anna_of_the_tests", "ben": "pmcp_ben_of_the_tests"}
YES = {"confirm": {"action": "accept", "content": {"confirm": True}}}
VERSION = "2026-07-28"
CAN_BE_ASKED = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
}
INVALID_STATE = {"code": -32602, "message": "Invalid or expired requestState"}


# Processes ------------------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A process that listens on a port of its own, and can be ended and started again there."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_until_open(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("it did not open its port")

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE_S)
            self.process = None

    def journal(self) -> list[dict[str, Any]]:
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(*processes: Process) -> Iterator[None]:
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_until_open()
        yield
    finally:
        for process in processes:
            process.end()


@dataclass
class House:
    """One upstream, and everything that the replicas over it share."""

    folder: Path
    world: World
    recorder: Recorder
    origin: str = ""
    held: int = 0
    """Changes of the staging project that have arrived. None is answered before `release` is set."""
    release: threading.Event = field(default_factory=threading.Event)

    async def around(self, scope: dict[str, Any], answer: Callable[[], Awaitable[None]]) -> None:
        if scope["method"] == "PATCH" and f"/projects/{STAGING_ID}/" in scope["path"]:
            self.held += 1
            await asyncio.to_thread(self.release.wait, PATIENCE_S)
        await answer()

    def wait_until_held(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not self.held:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    @property
    def writes(self) -> list[Sent]:
        return self.recorder.writes

    def replica(self, *keys: str) -> Process:
        callers, port = self.folder / "callers.toml", free_port()
        if not callers.exists():
            callers.touch(mode=0o600)
            callers.write_text("".join(map(entry, TOKENS)), encoding="utf-8")
        environment = {
            **CLEAN,
            "POSTHOG_HOST": self.origin,
            "POSTHOG_PERSONAL_API_KEY": OAUTH_TOKEN,  # which PostHog does not throttle
            "POSTHOG_SESSION_ID": SESSION_ID,
            "POSTHOG_CSRF_TOKEN": CSRF_TOKEN,
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_SIGNING_KEY": ",".join(keys),
        }
        return Process([*COMMAND, "serve", "--port", str(port)], environment, self.folder / f"{port}.log", port)


def entry(name: str) -> str:
    digest = hashlib.sha256(TOKENS[name].encode()).hexdigest()
    return f'[callers.{name}]\ntoken_sha256 = "{digest}"\nscopes = ["project:read", "project:write"]\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    world = seed()
    house = House(tmp_path, world, Recorder(create_app(world)))
    with serving(house.recorder, house.around) as upstream:
        house.origin = upstream.origin
        try:
            yield house
        finally:
            house.release.set()


@pytest.fixture(scope="session")
def program() -> Path:
    try:
        return nginx()
    except NoNginx as error:
        if os.environ.get("OFFICIAL") == "required":
            pytest.fail(str(error))
        pytest.skip(f"REPLICAS ARE NOT TESTED: {error}")


def front(program: Path, folder: Path, *upstreams: int) -> Process:
    """Return nginx with the configuration of `deploy/`, which here also says who has answered, and forgives sooner."""
    port, place = free_port(), folder / "nginx"
    place.mkdir()
    text = configuration(place, port, upstreams)
    for old, new in (
        ("fail_timeout=5s", "fail_timeout=1s"),
        ("proxy_buffering off;", "proxy_buffering off; add_header X-Served-By $upstream_addr always;"),
    ):
        assert old in text
        text = text.replace(old, new)
    file = place / "nginx.conf"
    file.write_text(text, encoding="utf-8")
    command = [str(program), "-p", str(place), "-c", str(file), "-e", str(place / "error.log")]
    return Process(command, CLEAN, folder / "nginx.log", port)


# Calls ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Consent:
    """What came back: the status, the message, and the port of each process that was tried."""

    status: int
    message: dict[str, Any]
    tried: tuple[int, ...]

    @property
    def result(self) -> dict[str, Any]:
        assert self.status == 200, self
        assert "result" in self.message, self
        value: dict[str, Any] = self.message["result"]
        return value

    @property
    def body(self) -> dict[str, Any]:
        assert self.result.get("isError") is False, self
        value: dict[str, Any] = self.result["structuredContent"]
        return value

    @property
    def question(self) -> str:
        """The sealed state of a question that was asked."""
        assert self.result["resultType"] == "input_required", self
        state: str = self.result["requestState"]
        return state

    @property
    def refused_state(self) -> bool:
        return {key: self.message.get("error", {}).get(key) for key in INVALID_STATE} == INVALID_STATE


@dataclass(frozen=True)
class Caller:
    """One caller at one address."""

    http: httpx.Client
    port: int
    name: str = "anna"

    def call(self, tool: str, arguments: Mapping[str, Any], yes_to: str | None = None) -> Consent:
        params = {"name": tool, "arguments": dict(arguments), "_meta": CAN_BE_ASKED}
        if yes_to is not None:
            params |= {"requestState": yes_to, "inputResponses": YES}
        response = self.http.post(
            f"http://127.0.0.1:{self.port}/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
            headers={
                "Authorization": f"Bearer {TOKENS[self.name]}",
                "Accept": "application/json, text/event-stream",
                "MCP-Protocol-Version": VERSION,
                "Mcp-Method": "tools/call",
                "Mcp-Name": tool,
            },
        )
        served = response.headers.get("X-Served-By", "")
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        return Consent(
            response.status_code,
            response.json() if is_json else {},
            tuple(int(address.rpartition(":")[2]) for address in served.split(", ") if address),
        )


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=AT_ONCE)
    with httpx.Client(trust_env=False, timeout=PATIENCE_S, limits=limits) as client:
        yield client


def marked(writes: list[Sent]) -> Counter[str]:
    """How often each mark has arrived in the body of a write."""
    bodies = [request.body for request in writes if isinstance(request.body, dict)]
    return Counter(str(body.get("name") or body.get("product_description")) for body in bodies)


def nth_call(caller: Caller, number: int) -> Consent:
    """One of four is a creation, one a change, and two read. Each write carries its own mark."""
    caller = replace(caller, name=list(TOKENS)[number // 4 % 2])
    if number % 4 == 0:
        return caller.call("project_create", {"name": f"mark {number}"})
    if number % 4 == 1:
        settings = {"product_description": f"mark {number}"}
        return caller.call("project_update", {"project_id": PRODUCTION_ID, "settings": settings})
    return caller.call("project_get", {"project_id": (PRODUCTION_ID, MOBILE_ID)[number % 2]})


# The tests ------------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_and_nothing_is_done_twice(program: Path, house: House, http: httpx.Client) -> None:
    first, second = house.replica(OLD), house.replica(OLD)
    proxy = front(program, house.folder, first.port, second.port)
    with running(first, second, proxy):
        caller = Caller(http, proxy.port)
        begun = time.monotonic()
        made, failed = many_calls(caller, first, house)
        calls_s = time.monotonic() - begun
        wait_for_turns(caller)
        begun = time.monotonic()
        both_ways = many_confirmations(caller, house, made)
        sys.stderr.write(
            f"{CALLS} calls in {calls_s:.1f} s, {failed} cut off with the process that was killed; "
            f"{CONFIRMATIONS} confirmations in {time.monotonic() - begun:.1f} s, {both_ways[first.port]} and "
            f"{both_ways[second.port]} of their answers at the first and the second process\n"
        )
        assert min(both_ways[first.port], both_ways[second.port]) > 0


def many_calls(caller: Caller, victim: Process, house: House) -> tuple[list[tuple[int, str]], int]:
    """Make all calls while one process is killed and started again, and return what was created and what failed."""
    answers: dict[int, Consent] = {}
    killed = threading.Event()

    def one(number: int) -> None:
        answers[number] = nth_call(caller, number)
        if number == CALLS // 3:
            victim.end(signal.SIGKILL)
            killed.set()
        elif number == CALLS // 2:
            assert killed.wait(PATIENCE_S)
            victim.start()

    with ThreadPoolExecutor(AT_ONCE) as workers:
        list(workers.map(one, range(CALLS)))
    victim.wait_until_open()
    assert len(answers) == CALLS, "every call has its answer"
    failed = {number for number, answer in answers.items() if answer.status != 200}
    assert {answers[number].status for number in failed} <= {502}
    assert len(failed) <= AT_ONCE, "only what was under way at the process that was killed"
    assert {answers[number].tried for number in failed} <= {(victim.port,)}, "none was sent to another process"
    written = marked(house.writes)
    assert max(written.values()) == 1, "nothing is done twice"
    for number, answer in answers.items():
        if number not in failed:
            assert answer.body, number
            assert written[f"mark {number}"] == (number % 4 < 2)
    made = [answer.body["project"] for number, answer in answers.items() if number % 4 == 0 and number not in failed]
    return [(project["id"], project["name"]) for project in made], len(failed)


def wait_for_turns(caller: Caller) -> None:
    """Wait until nginx has forgiven the process that was away."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        tried = [caller.call("project_get", {"project_id": MOBILE_ID}).tried for _ in range(6)]
        if all(len(one) == 1 and one != other for one, other in pairwise(tried)):
            return
        time.sleep(0.1)
    raise AssertionError("the two processes do not take turns")


def many_confirmations(caller: Caller, house: House, made: list[tuple[int, str]]) -> Counter[int]:
    """Confirm with the question at one process and the answer at the other, and then say the same yes at the first."""
    answered: Counter[int] = Counter()
    assert len(made) >= CONFIRMATIONS // 2
    for number in range(CONFIRMATIONS):
        if number % 2:
            tool, project, name = "project_reset_token", MOBILE_ID, "Acme mobile"
        else:
            tool, (project, name) = "project_delete", made[number // 2]
        before, arguments = len(house.writes), {"project_id": project, "confirm_project_name": name}
        asked = caller.call(tool, arguments)
        assert len(house.writes) == before
        done = caller.call(tool, arguments, yes_to=asked.question)
        assert done.body["outcome"] == "applied"
        again = caller.call(tool, arguments, yes_to=asked.question)
        assert asked.tried == again.tried != done.tried, "the rounds went to both processes"
        assert again.result.get("isError") or again.question, "the state has changed since"
        assert len(house.writes) == before + 1
        answered[done.tried[0]] += 1
        if number % 3 == 0:  # another process begins
            caller.call("project_get", {"project_id": MOBILE_ID})
    return answered


def test_a_call_that_has_left_is_never_sent_to_another_process(program: Path, house: House, http: httpx.Client) -> None:
    replicas = {replica.port: replica for replica in (house.replica(OLD), house.replica(OLD))}
    proxy = front(program, house.folder, *replicas)
    with running(*replicas.values(), proxy), ThreadPoolExecutor(1) as worker:
        caller = Caller(http, proxy.port)
        settings = {"product_description": "mark"}
        begun = worker.submit(caller.call, "project_update", {"project_id": STAGING_ID, "settings": settings})
        house.wait_until_held()
        (busy,) = (port for port, replica in replicas.items() if announced(replica))
        replicas[busy].end(signal.SIGKILL)
        cut_off = begun.result(PATIENCE_S)
        assert (cut_off.status, cut_off.tried) == (502, (busy,))
        # A connection that is refused has carried nothing, so the next process may have the call.
        deadline = time.monotonic() + PATIENCE_S
        tried: tuple[int, ...] = ()
        while len(tried) < 2:  # until nginx tries the one that is away again
            assert time.monotonic() < deadline
            answer = caller.call("project_get", {"project_id": MOBILE_ID})
            tried = answer.tried
            assert answer.body["id"] == MOBILE_ID
            assert tried[-1] != busy
            time.sleep(0.05)
        assert tried[0] == busy
        assert house.held == 1


def test_the_configuration_is_valid_as_it_stands(program: Path, tmp_path: Path) -> None:
    """TLS included, with a certificate of ours in the place of the two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mcp.example.com")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    (tmp_path / "fullchain.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "privkey.pem").write_bytes(private)
    site = SITE.read_text(encoding="utf-8").replace("/etc/ssl/projects-mcp/", f"{tmp_path}/")
    file = tmp_path / "nginx.conf"
    file.write_text(whole(tmp_path, site.replace("listen 443 ", f"listen 127.0.0.1:{free_port()} ")), encoding="utf-8")
    tested = [str(program), "-t", "-p", str(tmp_path), "-c", str(file), "-e", str(tmp_path / "error.log")]
    done = subprocess.run(tested, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def announced(replica: Process) -> bool:
    return any(line["event"] == "intent" for line in replica.journal())


def test_a_yes_counts_for_its_caller_tool_arguments_and_state_only(house: House, http: httpx.Client) -> None:
    first, second = house.replica(OLD), house.replica(OLD)
    with running(first, second):
        here, there = Caller(http, first.port), Caller(http, second.port)
        mobile = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
        staging = {"project_id": STAGING_ID, "confirm_project_name": "Acme web staging"}
        state = here.call("project_delete", mobile).question
        assert replace(there, name="ben").call("project_delete", mobile, yes_to=state).refused_state
        assert there.call("project_reset_token", mobile, yes_to=state).refused_state
        assert there.call("project_delete", staging, yes_to=state).refused_state
        assert there.call("project_delete", {**mobile, "organization_id": "@current"}, yes_to=state).refused_state
        assert there.call("project_delete", mobile, yes_to=f"{state[:-4]}AAAA").refused_state
        assert there.call("project_delete", mobile, yes_to="").refused_state
        fields = house.world.projects[MOBILE_ID].fields
        fields["api_token"] = "phc_another_one_in_the_meantime_000000000000"
        assert there.call("project_delete", mobile, yes_to=state).question, "the state is another, so it asks again"
        assert house.writes == []
        assert there.call("project_delete", mobile, yes_to=here.call("project_delete", mobile).question).body
        assert [request.line.partition(" ")[0] for request in house.writes] == ["DELETE"]


def test_a_signing_key_is_changed_without_losing_a_question(house: House, http: httpx.Client) -> None:
    """At each step both sides of the roll-out understand each other; a retired key opens nothing."""
    steps = [house.replica(*keys) for keys in ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))]
    with running(*steps):
        callers = [Caller(http, step.port) for step in steps]
        arguments = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
        for one, other in pairwise(callers):
            for asking, answering in ((one, other), (other, one)):
                state = asking.call("project_reset_token", arguments).question
                assert answering.call("project_reset_token", arguments, yes_to=state).body["outcome"] == "applied"
        done = len(house.writes)
        assert done == 6
        retired = callers[0].call("project_reset_token", arguments).question
        assert callers[-1].call("project_reset_token", arguments, yes_to=retired).refused_state
        assert len(house.writes) == done
