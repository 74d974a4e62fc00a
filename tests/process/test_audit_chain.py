"""The chain of the audit file: over processes, rotation, crashes, and files that cannot have one."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from dev.environments import ROOT
from projects_mcp.errors.refusals import AuditLogUnavailable
from projects_mcp.sandbox import MOBILE_ID
from tests.support.audit_log import call, log_at, verify
from tests.support.harness import Harness
from tests.support.process import CLEAN

APPENDING = """
import sys
from pathlib import Path
from tests.support.audit_log import call, log_at
log = log_at(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    call(log, "project_update")
"""


def appending(file: Path, calls: int) -> "subprocess.Popen[bytes]":
    """A process that has imported everything and waits for a line before it appends."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDING, file, str(calls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**CLEAN, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", ROOT)))},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def go(*processes: "subprocess.Popen[bytes]") -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


def close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    process.wait(timeout=60)


def test_each_line_names_the_one_before_it_and_itself(tmp_path: Path) -> None:
    """Computed here from the bytes alone, as anybody could."""
    file = tmp_path / "audit"
    log = log_at(file)
    for tool in ("project_list", "project_update", "project_get"):
        call(log, tool)
    before, kept = None, lines(file)
    for number, line in enumerate(kept, start=1):
        record = json.loads(line)
        own = line[: line.rindex(b',"sha256":')]
        assert (record["sequence"], record["previous"]) == (number, before)
        assert record["sha256"] == sha256(own).hexdigest()
        before = sha256(line).hexdigest()
    verified = verify(file)
    assert (verified.code, verified.found, verified.report["lines"]) == (0, [], 4)
    assert verified.report["head"] == f"4:{before}"


def test_four_processes_make_one_chain(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    processes = [appending(file, 100) for _ in range(4)]
    go(*processes)
    for process in processes:
        close(process)
    verified = verify(file)
    assert (verified.code, verified.found) == (0, [])
    assert (verified.report["lines"], verified.report["chained"]) == (800, 800)


def test_processes_go_on_while_the_file_is_rotated_away(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    processes = [appending(file, 60) for _ in range(2)]
    go(*processes)
    parts: list[Path] = []
    while any(process.poll() is None for process in processes):
        for process in processes:
            if process.poll() is None and process.stdin is not None and not process.stdin.closed:
                process.stdin.close()
        if file.exists():
            parts.append(file.rename(tmp_path / f"audit.{len(parts)}"))
        time.sleep(0.03)
    for process in processes:
        close(process)
    if file.exists():
        parts.append(file)
    verified = verify(*parts)
    assert verified.report["lines"] == verified.report["chained"] == 240
    assert [kind for kind, _ in verified.found] == []
    assert len(parts) > 2


def test_a_process_that_is_killed_leaves_a_chain_that_others_go_on_with(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    killed, other = appending(file, 100_000), appending(file, 20)
    go(killed)
    while not file.exists() or len(lines(file)) < 50:
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    close(killed)
    with file.open("ab") as stream:  # what a kill in the middle of a write, or a full disk, leaves
        stream.write(b'{"time":"2026-11-27T12:00:00.000Z","event":"int')
    torn = len(lines(file))
    open_intents = {("no_outcome", torn - 1)} if b'"intent"' in lines(file)[-2] else set()
    alone = verify(file)
    assert alone.code == 1
    assert set(alone.found) == {("torn", torn)} | open_intents
    go(other)
    close(other)
    verified = verify(file)
    assert verified.code == 1
    assert set(verified.found) == {("torn", torn)} | open_intents
    assert verified.report["lines"] == torn + 40


@pytest.mark.parametrize("how", ["renamed", "copied and cut", "removed"])
def test_a_file_that_goes_on_from_another_names_its_end(tmp_path: Path, how: str) -> None:
    file, old = tmp_path / "audit", tmp_path / "audit.1"
    log = log_at(file)
    call(log, "project_update")
    content = file.read_bytes()
    if how == "copied and cut":
        os.truncate(file, 0)
    else:
        file.unlink()
    old.write_bytes(content)
    call(log, "project_update")
    first = json.loads(lines(file)[0])
    assert (first["sequence"], first["previous"]) == (1, None)
    assert first["continues"] == verify(old).report["head"]
    together, alone = verify(old, file), verify(file)
    assert (together.code, together.noted) == (0, [])
    assert alone.code == 0
    assert "was not given" in alone.noted[0]
    old.write_bytes(content.splitlines(keepends=True)[0])
    assert ("file_before", 1) in verify(old, file).found, "the end of the old file is missing"


def test_a_process_that_starts_after_a_rotation_knows_no_line_before(tmp_path: Path) -> None:
    file, old = tmp_path / "audit", tmp_path / "audit.1"
    call(log_at(file))
    file.rename(old)
    call(log_at(file))
    verified = verify(old, file)
    assert (verified.code, len(verified.noted)) == (0, 1)
    assert "whether lines are missing there is not known" in verified.noted[0]


def test_lines_of_a_version_without_a_chain_stay_at_its_head(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    former = b'{"event":"call","tool":"project_list"}\n'
    file.write_bytes(former * 3)
    call(log_at(file))
    assert json.loads(lines(file)[3])["previous"] == sha256(former[:-1]).hexdigest()
    verified = verify(file)
    assert (verified.code, verified.report["unchained_before"]) == (0, 3)
    file.write_bytes(former * 2 + b"{}\n" + lines(file)[3] + b"\n")
    assert verify(file).found == [("replaced", 4)]
    file.write_bytes(former * 3)
    assert verify(file).found == [("unchained", None)]


def test_a_line_of_another_program_is_named_and_breaks_nothing(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    log = log_at(file)
    call(log)
    with file.open("ab") as stream:
        stream.write(b'{"event":"call","tool":"project_list"}\n' * 2)
    call(log)
    assert json.loads(lines(file)[3])["sequence"] == 2
    assert verify(file).found == [("unchained", 2), ("unchained", 3)]


@pytest.mark.anyio
async def test_a_lock_that_is_kept_refuses_writes_and_fails_no_read(
    harness: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "audit"
    monkeypatch.setattr("projects_mcp.gateway.audit._INTENT_WAIT_S", 0.3)
    async with harness.client(PROJECTS_MCP_AUDIT_LOG=str(file)) as client:
        await client.call_tool("project_list", {})
        with file.open("rb") as keeper:
            fcntl.flock(keeper, fcntl.LOCK_EX)
            begun = time.monotonic()
            assert not (await client.call_tool("project_list", {})).is_error
            refused = await client.call_tool(
                "project_delete", {"project_id": MOBILE_ID, "confirm_project_name": "Acme mobile"}
            )
            assert time.monotonic() - begun < 5
        assert refused.is_error
        assert not (await client.call_tool("project_list", {})).is_error
    assert harness.recorder.writes == []
    verified = verify(file)
    assert verified.found == [("unchained", 2), ("unchained", 3)]
    assert verified.report["lines"] == 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a matter of Unix")
def test_a_pipe_gets_its_lines_without_a_chain(tmp_path: Path) -> None:
    pipe = tmp_path / "audit"
    os.mkfifo(pipe)
    with pytest.raises(AuditLogUnavailable):
        call(log_at(pipe), "project_update")  # nobody reads it
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    held = os.open(pipe, os.O_WRONLY)
    call(log_at(pipe))
    os.close(held)
    reader.join(timeout=10)
    assert [json.loads(line)["event"] for line in got[0].splitlines()] == ["call"]
    assert b"sha256" not in got[0]


def test_a_long_line_before_is_hashed_whole_and_a_longer_one_is_told(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    long = b'{"event":"call","x":"' + b"a" * 20_000 + b'"}'
    file.write_bytes(long + b"\n")
    call(log_at(file))
    assert json.loads(lines(file)[1])["previous"] == sha256(long).hexdigest()
    file.write_bytes(b"a" * 200_000 + b"\n")
    call(log_at(file))
    call(log_at(file))
    assert verify(file).found == [("too_long", 1)]


def test_a_line_that_waits_while_the_file_is_rotated_away_goes_into_the_new_one(tmp_path: Path) -> None:
    file, old = tmp_path / "audit", tmp_path / "audit.1"
    log = log_at(file)
    call(log)
    with file.open("rb") as keeper:
        fcntl.flock(keeper, fcntl.LOCK_EX)
        waiting = threading.Thread(target=call, args=(log, "project_update"), kwargs={"ends": False})
        waiting.start()
        time.sleep(0.2)  # it has opened the file, and waits for the lock
        file.rename(old)
    waiting.join(timeout=10)
    assert (len(lines(old)), len(lines(file))) == (1, 1)
    assert json.loads(lines(file)[0])["continues"] == verify(old).report["head"]
