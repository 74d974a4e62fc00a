"""Logging to stderr: whoever logs never waits and never fails, whatever becomes of the other side."""

import json
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects_mcp.config.logging import StderrListener, configure_logging
from projects_mcp.gateway.audit import AuditLog
from projects_mcp.sanitize.redaction import Redactor

AUDIT = logging.getLogger("projects_mcp.audit")
SECRET = "phx_planted_in_a_record"
LINE = json.dumps({"event": "call", "tool": "project_get", "padding": "y" * 200})

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes that fill up are made with Unix's calls")


class Pipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fill(self) -> int:
        os.set_blocking(self.writer, False)
        count = 0
        try:
            while True:
                count += os.write(self.writer, b"x" * 512)
        except BlockingIOError:
            os.set_blocking(self.writer, True)
        return count

    def read_lines(self, count: int) -> list[str]:
        data = b""
        while data.count(b"\n") < count:
            assert select.select([self.reader], [], [], 30)[0], f"only this came: {data.decode()}"
            data += os.read(self.reader, 65_536)
        return data.decode().splitlines()

    def close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close_reader()  # a thread that waits to write gets an error, and ends
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and thread.daemon:
            thread.join(0.2)
    os.close(pipe.writer)


def configured(pipe: Pipe) -> StderrListener:
    return configure_logging(Redactor([SECRET]), pipe.writer)


def test_lines_of_ours_are_bare_and_all_others_say_when_and_who(pipe: Pipe) -> None:
    listener = configured(pipe)
    AUDIT.info("%s", LINE)
    logging.getLogger("projects_mcp.access").info("%s", LINE)
    logging.getLogger("projects_mcp.process").info("projects-mcp: serving on %s", "http://127.0.0.1:1/mcp")
    logging.getLogger("projects_mcp").warning("key %s", SECRET)
    logging.getLogger("somebody.elses").info("not wanted")
    logging.getLogger("somebody.elses").error("wanted")
    listener.stop()
    audit, access, said, ours, theirs = pipe.read_lines(5)
    assert (audit, access, said) == (LINE, LINE, "projects-mcp: serving on http://127.0.0.1:1/mcp")
    assert ours.endswith(" WARNING projects_mcp: key [redacted]")
    assert theirs.endswith(" ERROR somebody.elses: wanted")


def test_no_thread_is_started_unless_stderr_stalls(pipe: Pipe) -> None:
    before = threading.active_count()
    listener = configured(pipe)
    AUDIT.info("%s", LINE)
    assert pipe.read_lines(1) == [LINE]
    assert threading.active_count() == before
    filled = pipe.fill()
    AUDIT.info("%s", LINE)
    assert threading.active_count() == before + 1
    assert len(os.read(pipe.reader, filled)) == filled
    AUDIT.info("last")
    listener.stop()
    assert pipe.read_lines(2) == [LINE, "last"]
    assert threading.active_count() == before


def test_a_line_longer_than_a_pipe_surely_takes_is_written_whole(pipe: Pipe) -> None:
    listener = configured(pipe)
    AUDIT.info("%s", "y" * 200_000)
    AUDIT.info("last")
    assert pipe.read_lines(2) == ["y" * 200_000, "last"]
    listener.stop()


def test_a_full_pipe_stops_neither_whoever_logs_nor_the_end(pipe: Pipe) -> None:
    filled = pipe.fill()
    listener = configured(pipe)
    for number in range(15_000):  # more than may wait
        AUDIT.info("%s", number)
    began = time.monotonic()
    listener.stop()
    assert time.monotonic() - began < 1.5
    # What waited is written in order as soon as somebody reads; what found no room is not.
    data = b""
    while len(data) < filled or data.count(b"\n") < 10_000:
        data += os.read(pipe.reader, 65_536)
    numbers = [int(line) for line in data[filled:].splitlines()]
    assert numbers[:10_000] == list(range(10_000))
    assert len(numbers) <= 10_001


def test_a_pipe_that_is_not_blocking_gets_every_line(pipe: Pipe) -> None:
    filled = pipe.fill()
    os.set_blocking(pipe.writer, False)
    listener = configured(pipe)
    for _ in range(10):
        AUDIT.info("%s", LINE)
    assert len(os.read(pipe.reader, filled)) == filled
    listener.stop()
    assert pipe.read_lines(10) == [LINE] * 10


def test_a_reader_that_has_gone_fails_nothing(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    listener = configured(pipe)
    pipe.close_reader()
    for _ in range(3):
        AUDIT.info("%s", LINE)
    listener.stop()
    assert capfd.readouterr() == ("", "")


def test_a_record_that_cannot_be_formatted_is_dropped(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    listener = configured(pipe)
    logging.getLogger("anything").warning("%d", "no number")
    AUDIT.info("%s", "lone \ud800")
    listener.stop()
    assert pipe.read_lines(1) == ["lone \\ud800"]
    assert capfd.readouterr() == ("", "")


def test_nothing_is_shown_unless_logging_is_configured(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    root.handlers[:] = []
    audit = AuditLog(Redactor())
    audit.record("call", {"tool": "project_list"})
    assert capfd.readouterr() == ("", "")
    broken = AuditLog(Redactor(), tmp_path / "no" / "audit")
    broken.record("call", {"tool": "project_list"})
    broken.record("call", {"tool": "project_list"})
    said = capfd.readouterr().err
    assert said == (
        "projects-mcp: the audit log cannot be written (No such file or directory); changes are refused until it can.\n"
    )


def test_what_nobody_can_see_is_escaped_in_a_record(pipe: Pipe) -> None:
    listener = configured(pipe)
    AUDIT.info('{"path":"%s"}', "\x1b[2J\x9b\x7f\u202e\u2066\u200b\u2028")
    logging.getLogger("anything").warning("%s", "\x1b[2J\u202e")
    listener.stop()
    record, line = pipe.read_lines(2)
    assert record == r'{"path":"\u001b[2J\u009b\u007f\u202e\u2066\u200b\u2028"}'
    assert line.endswith(r"\u001b[2J\u202e")
