"""No line of an audit log is altered, taken out, put in or moved unseen; only a cut at its end needs a noted head."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects_mcp.cli.audit.command import run_audit_verify
from projects_mcp.gateway.audit_chain import chained, digest_of, parse_link
from projects_mcp.policy.confirmation import Channel, ConfirmationEvidence
from tests.support.audit_log import SHOWN, call, log_at, verify

TOOLS = st.sampled_from(["project_list", "project_get", "project_create", "project_update", "project_delete"])
SITUATIONS = st.tuples(st.lists(TOOLS, min_size=1, max_size=6), st.integers(0, 2))
YES = ConfirmationEvidence(Channel.CLIENT, shown=SHOWN)


def written(tools: list[str], former: int, file: Path) -> list[bytes]:
    """The lines of some calls, behind some of a version without a chain."""
    file.write_bytes(b'{"event":"call","tool":"project_list"}\n' * former)
    log = log_at(file)
    for tool in tools:
        call(log, tool, YES if tool == "project_delete" else None)
    return file.read_bytes().splitlines(keepends=True)


def found(lines: list[bytes], file: Path, *heads: str) -> int:
    file.write_bytes(b"".join(lines))
    return run_audit_verify([str(file)], heads=heads, passkeys=None, as_json=True)


@settings(deadline=None)
@given(SITUATIONS, st.data())
def test_one_change_of_any_kind_is_found(calls: tuple[list[str], int], data: st.DataObject) -> None:
    tools, former = calls
    with TemporaryDirectory() as folder:
        file = Path(folder, "audit")
        lines = written(tools, former, file)
        assert found(lines, file) == 0
        changed, place = list(lines), data.draw(st.integers(former, len(lines) - 1))
        kind = data.draw(st.sampled_from(["alter", "remove", "repeat", "insert", "swap", "unchain", "move"]))
        if kind == "alter":
            at = data.draw(st.integers(0, 10_000)) % len(lines[place])  # how long a line is depends on the clock
            byte = lines[place][at] ^ data.draw(st.integers(1, 255))
            changed[place] = lines[place][:at] + bytes([byte]) + lines[place][at + 1 :]
        elif kind == "remove":
            del changed[place]
        elif kind == "repeat":
            changed.insert(data.draw(st.integers(place + 1, len(lines))), lines[place])
        elif kind == "insert":
            line = data.draw(st.sampled_from([b"\n", b"{}\n", b"x\n", b'{"event":"call"}\n', b"\0" * 9 + b"\n"]))
            changed.insert(data.draw(st.integers(former + 1, len(lines))), line)
        elif kind == "swap":
            other = data.draw(st.integers(former, len(lines) - 1))
            changed[place], changed[other] = changed[other], changed[place]
        elif kind == "unchain":
            record = {name: value for name, value in json.loads(lines[place]).items() if name != "sha256"}
            changed[place] = json.dumps(record).encode() + b"\n"
        else:
            changed.insert(data.draw(st.integers(former, len(lines) - 1)), changed.pop(place))
        cut = kind == "remove" and place == len(lines) - 1
        if changed == lines:
            assert found(changed, file) == 0
        elif not cut or (former == 0 and len(lines) == 1):
            assert found(changed, file) == (0 if not changed else 1), kind
        head = f"{len(lines) - former}:{digest_of(lines[-1][:-1])}"
        assert found(lines, file, head) == 0
        if cut:
            assert found(changed, file, head) == 1, "with a head that was noted, an end that was cut off is found"


def test_any_altered_byte_is_named_by_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That of the last line too, of which no other line speaks. What is left of it may be JSON, and its chain fit."""
    file = tmp_path / "audit"
    lines = written(["project_list"] * 3, 0, file)
    for place in (1, 2):
        for at in range(len(lines[place]) - 1):
            line = lines[place][:at] + bytes([lines[place][at] ^ 1]) + lines[place][at + 1 :]
            changed = [*lines[:place], line, *lines[place + 1 :]]
            assert found(changed, file) == 1, line
            shown = json.loads(capsys.readouterr().out)["shown"]
            assert (shown[0]["kind"], shown[0]["line"]) in {
                *((kind, place + 1) for kind in ("altered", "not_json", "unchained"))
            }, line


@pytest.mark.parametrize("place", range(4))
def test_a_line_whose_own_digest_was_made_to_fit_is_found_by_the_next(tmp_path: Path, place: int) -> None:
    """Only the last line has none, and needs a noted head."""
    file = tmp_path / "audit"
    lines = written(["project_list"] * 4, 0, file)
    head = verify(file).report["head"]
    link = parse_link(lines[place][:-1])
    assert link is not None
    forged = edited(lines[place], tool="project_get")
    lines[place] = chained(forged, link.sequence, link.previous) + b"\n"
    file.write_bytes(b"".join(lines))
    assert verify(file).found == ([] if place == 3 else [("replaced", place + 2)])
    assert verify(file, "--head", head).found[-1] == (("head", None) if place == 3 else ("replaced", place + 2))


def test_what_is_missing_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    lines = written(["project_list"] * 9, 0, file)
    file.write_bytes(b"".join([*lines[2:4], *lines[7:]]))
    verified = verify(file)
    assert verified.found == [("left_out", 1), ("left_out", 3)]
    assert [one["sentence"] for one in verified.report["shown"]] == [
        "Before this line, 2 lines are missing.",
        "Before this line, 3 lines are missing.",
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(TOOLS, min_size=2, max_size=6), st.lists(TOOLS, max_size=4), st.data())
def test_an_end_that_was_cut_off_is_found_by_a_head_whatever_was_written_since(
    tools: list[str], since: list[str], data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder, "audit")
        lines = written(tools, 0, file)
        head = f"{len(lines)}:{digest_of(lines[-1][:-1])}"
        file.write_bytes(b"".join(lines[: data.draw(st.integers(1, len(lines) - 1))]))
        for tool in since:  # a process that was started anew, and knows nothing of what was there
            call(log_at(file), tool, YES if tool == "project_delete" else None)
        assert found(file.read_bytes().splitlines(keepends=True), file, head) == 1


def edited(line: bytes, **members: Any) -> bytes:
    """A line with other members, and everything of the chain made to fit: what only who can hash does."""
    record = {name: value for name, value in (json.loads(line) | members).items() if value is not None}
    for name in ("sequence", "previous", "sha256"):
        record.pop(name, None)
    return json.dumps(record, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"confirmed": "none"}, "nothing confirmed it"),
        ({"confirmed": None}, "nothing confirmed it"),
        ({"confirmed": "person"}, "none that there is"),
        ({"confirmed": ["client"]}, "none that there is"),
        ({"digest": None}, "is missing"),
        ({"digest": "0" * 63}, "is missing"),
        ({"shown": "something else"}, "not that of what was shown"),
        ({"shown": 1}, "not that of what was shown"),
        ({"confirmed": "passkey"}, "is missing"),
        ({"confirmed": "passkey", "assertion": {}}, "is missing"),
        ({"confirmed": "page", "assertion": {}}, "says that something else"),
    ],
)
def test_a_confirmation_that_cannot_be_is_found_in_a_chain_that_fits(
    tmp_path: Path, members: dict[str, Any], wrong: str
) -> None:
    """Whoever can write the file can make a chain that fits. What a line says must still be possible."""
    file, forged = tmp_path / "audit", tmp_path / "forged"
    call(log_at(file), "project_delete", YES)
    log = log_at(forged)
    for line in file.read_bytes().splitlines():
        text = edited(line, **(members if b'"intent"' in line else {}))
        assert log._file is not None  # noqa: SLF001 - the forger has the writer
        log._file.append(text, durable=False, wait_s=1, must_chain=True)  # noqa: SLF001 - as above
    verified = verify(forged)
    assert verified.found == [("confirmation", 1)]
    assert wrong in verified.report["shown"][0]["sentence"]


def test_writes_without_their_other_line_are_named(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    log = log_at(file)
    call(log, "project_update", ends=False)
    call(log, "project_update")
    log.record("outcome", {"request_id": "0" * 16, "tool": "project_update", "outcome": "applied"})
    assert verify(file).found == [("no_intent", 4), ("no_outcome", 1)]


def test_whoever_writes_the_whole_file_anew_is_found_by_a_noted_head_only(tmp_path: Path) -> None:
    file, anew = tmp_path / "audit", tmp_path / "anew"
    for _ in range(3):
        call(log_at(file))
    for _ in range(3):
        call(log_at(anew))
    head = verify(file).report["head"]
    assert verify(anew).code == 0
    assert verify(anew, "--head", head).found == [("head", None)]
    call(log_at(file))
    assert verify(file, "--head", head).report["noted_heads"] == {head: 1}
