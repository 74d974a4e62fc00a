"""Two real processes behind a real nginx, over one upstream: nothing is lost, nothing is done twice.

The size follows from `REPLICAS_CALLS` and `REPLICAS_CONFIRMATIONS`. Where there is no nginx, and none can be fetched,
what needs it is skipped, and fails with `OFFICIAL=required`.
"""

import os
import signal
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from dev.nginx import SITE, whole_configuration
from dev.processes import free_port
from projects_mcp.sandbox import MOBILE_ID, PRODUCTION_ID, STAGING_ID
from tests.support.harness import Sent
from tests.support.process import TIMEOUT_S, Listener, listening_processes, run_command
from tests.support.replicas import TOKENS, Caller, Deployment, Reply, nginx_before

CALLS = int(os.environ.get("REPLICAS_CALLS", "200"))
CONFIRMATIONS = int(os.environ.get("REPLICAS_CONFIRMATIONS", "20"))
AT_ONCE = 8
OLD, NEW = "old" * 16, "new" * 16

pytestmark = pytest.mark.heavy


def marked(writes: list[Sent]) -> Counter[str]:
    """How often each mark has arrived in the body of a write."""
    bodies = [request.body for request in writes if isinstance(request.body, dict)]
    return Counter(str(body.get("name") or body.get("product_description")) for body in bodies)


def nth_call(caller: Caller, number: int) -> Reply:
    """One of four is a creation, one a change, and two read. Each write carries its own mark."""
    caller = replace(caller, name=list(TOKENS)[number // 4 % 2])
    if number % 4 == 0:
        return caller.call("project_create", {"name": f"mark {number}"})
    if number % 4 == 1:
        settings = {"product_description": f"mark {number}"}
        return caller.call("project_update", {"project_id": PRODUCTION_ID, "settings": settings})
    return caller.call("project_get", {"project_id": (PRODUCTION_ID, MOBILE_ID)[number % 2]})


# The tests ------------------------------------------------------------------------------------------------------------


def test_nothing_is_lost_and_nothing_is_done_twice(program: Path, deployment: Deployment, http: httpx.Client) -> None:
    first, second = deployment.replica(OLD), deployment.replica(OLD)
    proxy = nginx_before(program, deployment.folder, first.port, second.port)
    with listening_processes(first, second, proxy):
        caller = Caller(http, proxy.port)
        begun = time.monotonic()
        made, failed = many_calls(caller, first, deployment)
        calls_s = time.monotonic() - begun
        wait_for_turns(caller)
        begun = time.monotonic()
        both_ways = many_confirmations(caller, deployment, made)
        sys.stderr.write(
            f"{CALLS} calls in {calls_s:.1f} s, {failed} cut off with the process that was killed; "
            f"{CONFIRMATIONS} confirmations in {time.monotonic() - begun:.1f} s, {both_ways[first.port]} and "
            f"{both_ways[second.port]} of their answers at the first and the second process\n"
        )
        assert min(both_ways[first.port], both_ways[second.port]) > 0


def many_calls(caller: Caller, victim: Listener, deployment: Deployment) -> tuple[list[tuple[int, str]], int]:
    """Make all calls while one process is killed and started again, and return what was created and what failed."""
    answers: dict[int, Reply] = {}
    killed = threading.Event()

    def one(number: int) -> None:
        answers[number] = nth_call(caller, number)
        if number == CALLS // 3:
            victim.end(signal.SIGKILL)
            killed.set()
        elif number == CALLS // 2:
            assert killed.wait(TIMEOUT_S)
            victim.start()

    with ThreadPoolExecutor(AT_ONCE) as workers:
        list(workers.map(one, range(CALLS)))
    victim.wait_until_open()
    assert len(answers) == CALLS, "every call has its answer"
    failed = {number for number, answer in answers.items() if answer.status != 200 or answer.cut_off}
    assert all(answers[number].lost for number in failed)
    assert len(failed) <= AT_ONCE, "only what was under way at the process that was killed"
    assert {answers[number].tried for number in failed} <= {(victim.port,)}, "none was sent to another process"
    written = marked(deployment.writes)
    assert max(written.values()) == 1, "nothing is done twice"
    for number, answer in answers.items():
        if number not in failed:
            assert answer.body, number
            assert written[f"mark {number}"] == (number % 4 < 2)
    made = [answer.body["project"] for number, answer in answers.items() if number % 4 == 0 and number not in failed]
    return [(project["id"], project["name"]) for project in made], len(failed)


def wait_for_turns(caller: Caller) -> None:
    """Wait until nginx has forgiven the process that was away."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        tried = [caller.call("project_get", {"project_id": MOBILE_ID}).tried for _ in range(6)]
        if all(len(one) == 1 and one != other for one, other in pairwise(tried)):
            return
        time.sleep(0.1)
    raise AssertionError("the two processes do not take turns")


def many_confirmations(caller: Caller, deployment: Deployment, made: list[tuple[int, str]]) -> Counter[int]:
    """Confirm with the question at one process and the answer at the other, and then say the same yes at the first."""
    answered: Counter[int] = Counter()
    assert len(made) >= CONFIRMATIONS // 2
    for number in range(CONFIRMATIONS):
        if number % 2:
            tool, project, name = "project_reset_token", MOBILE_ID, "Acme mobile"
        else:
            tool, (project, name) = "project_delete", made[number // 2]
        before, arguments = len(deployment.writes), {"project_id": project, "confirm_project_name": name}
        asked = caller.call(tool, arguments)
        assert len(deployment.writes) == before
        done = caller.call(tool, arguments, yes_to=asked.question)
        assert done.body["outcome"] == "applied"
        again = caller.call(tool, arguments, yes_to=asked.question)
        assert asked.tried == again.tried != done.tried, "the rounds went to both processes"
        assert again.result.get("isError") or again.question, "the state has changed since"
        assert len(deployment.writes) == before + 1
        answered[done.tried[0]] += 1
        if number % 3 == 0:  # another process begins
            caller.call("project_get", {"project_id": MOBILE_ID})
    return answered


def test_a_call_that_has_left_is_never_sent_to_another_process(
    program: Path, deployment: Deployment, http: httpx.Client
) -> None:
    replicas = {replica.port: replica for replica in (deployment.replica(OLD), deployment.replica(OLD))}
    proxy = nginx_before(program, deployment.folder, *replicas)
    with listening_processes(*replicas.values(), proxy), ThreadPoolExecutor(1) as worker:
        caller = Caller(http, proxy.port)
        settings = {"product_description": "mark"}
        begun = worker.submit(caller.call, "project_update", {"project_id": STAGING_ID, "settings": settings})
        deployment.wait_until_held()
        (busy,) = (port for port, replica in replicas.items() if has_intent(replica))
        replicas[busy].end(signal.SIGKILL)
        cut_off = begun.result(TIMEOUT_S)
        assert (cut_off.status, cut_off.tried) == (502, (busy,))
        # A connection that is refused has carried nothing, so the next process may have the call.
        deadline = time.monotonic() + TIMEOUT_S
        tried: tuple[int, ...] = ()
        while len(tried) < 2:  # until nginx tries the one that is away again
            assert time.monotonic() < deadline
            answer = caller.call("project_get", {"project_id": MOBILE_ID})
            tried = answer.tried
            assert answer.body["id"] == MOBILE_ID
            assert tried[-1] != busy
            time.sleep(0.05)
        assert tried[0] == busy
        assert deployment.held == 1


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
    file.write_text(
        whole_configuration(tmp_path, site.replace("listen 443 ", f"listen 127.0.0.1:{free_port()} ")), encoding="utf-8"
    )
    tested = [str(program), "-t", "-p", str(tmp_path), "-c", str(file), "-e", str(tmp_path / "error.log")]
    done = run_command(tested)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def has_intent(replica: Listener) -> bool:
    return any(record["event"] == "intent" for record in replica.audit_records())


def test_a_yes_counts_for_its_caller_tool_arguments_and_state_only(deployment: Deployment, http: httpx.Client) -> None:
    first, second = deployment.replica(OLD), deployment.replica(OLD)
    with listening_processes(first, second):
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
        fields = deployment.world.projects[MOBILE_ID].fields
        fields["api_token"] = "phc_another_one_in_the_meantime_000000000000"
        assert there.call("project_delete", mobile, yes_to=state).question, "the state is another, so it asks again"
        assert deployment.writes == []
        assert there.call("project_delete", mobile, yes_to=here.call("project_delete", mobile).question).body
        assert [request.line.partition(" ")[0] for request in deployment.writes] == ["DELETE"]


def test_a_signing_key_is_changed_without_losing_a_question(deployment: Deployment, http: httpx.Client) -> None:
    """At each step both sides of the roll-out understand each other; a retired key opens nothing."""
    steps = [deployment.replica(*keys) for keys in ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))]
    with listening_processes(*steps):
        callers = [Caller(http, step.port) for step in steps]
        arguments = {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
        for one, other in pairwise(callers):
            for asking, answering in ((one, other), (other, one)):
                state = asking.call("project_reset_token", arguments).question
                assert answering.call("project_reset_token", arguments, yes_to=state).body["outcome"] == "applied"
        done = len(deployment.writes)
        assert done == 6
        retired = callers[0].call("project_reset_token", arguments).question
        assert callers[-1].call("project_reset_token", arguments, yes_to=retired).refused_state
        assert len(deployment.writes) == done
