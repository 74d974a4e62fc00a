"""`projects-mcp audit verify` as people and scripts use it: words, exit codes, bounds."""

import json
import tracemalloc
from pathlib import Path

import pytest

from projects_mcp.cli.audit.command import run_audit_verify
from projects_mcp.policy.confirmation import Channel, ConfirmationEvidence
from tests.support.audit_log import SHOWN, call, log_at, verify
from tests.support.process import run


def said(capsys: pytest.CaptureFixture[str], file: Path, *heads: str) -> tuple[int, list[str]]:
    """What a person is told, in lines that are not wrapped, with the exit code."""
    code = run_audit_verify([str(file)], heads=heads, passkeys=None, as_json=False)
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out.splitlines()


def test_it_says_in_words_what_was_found_and_how_the_file_ends(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "10000")
    file = tmp_path / "audit"
    log = log_at(file)
    call(log)
    call(log, "project_delete", ConfirmationEvidence(Channel.CLIENT, shown=SHOWN))
    code, good = said(capsys, file)
    assert code == 0
    counts, confirmed, nothing, head = good
    assert (counts, confirmed) == ("3 lines: 3 in the chain.", "Confirmed writes: 1 by client.")
    assert nothing == "Nothing was found."
    assert head == f"Head: {verify(file).report['head']}"
    _, noted = said(capsys, file, head.removeprefix("Head: "))
    assert "The noted line 3 is there; 0 lines stand behind it." in noted
    first, _, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + last)
    code, bad = said(capsys, file)
    assert code == 1
    row = next(line for line in bad if line.startswith(f"{file}:2 "))
    assert row.split(maxsplit=2)[1:] == ["left_out", "Before this line, 1 line is missing."]
    assert "2 findings." in bad


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify"], "FILE"),
        (["check", "audit"], "verify"),
        (["verify", "missing"], "missing cannot be read: No such file"),
        (["verify", "."], "cannot be read: Is a directory"),
        (["verify", "missing", "--head", "3:abc"], "64 hexadecimal digits"),
        (["verify", "README.md", "--passkeys", "missing"], "the file of passkeys cannot be read"),
        (["verify", "README.md", "--passkeys", "README.md"], "the file of passkeys is not one"),
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], says: str) -> None:
    done = run("audit", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"passkeys": [{}]},
        {"passkeys": {"a": 1}},
        {"passkeys": [{"name": "a", "credential_id": "x", "public_key": "y", "added_at": "2026-01-01T00:00:00"}]},
        {"passkeys": [{"name": 1, "credential_id": "x", "public_key": "y", "added_at": "2026-01-01T00:00:00Z"}]},
    ],
)
def test_a_list_of_passkeys_of_another_form_is_refused(tmp_path: Path, document: object) -> None:
    file, keys = tmp_path / "audit", tmp_path / "keys"
    call(log_at(file))
    keys.write_text(json.dumps(document), encoding="utf-8")
    assert run_audit_verify([str(file)], heads=[], passkeys=str(keys), as_json=True) == 2


def test_it_needs_no_settings_and_minds_no_wrong_ones(tmp_path: Path) -> None:
    call(log_at(tmp_path / "audit"))
    assert run("audit", "verify", str(tmp_path / "audit"), PROJECTS_MCP_ACCESS="nonsense").returncode == 0


def test_an_empty_file_holds_nothing_to_find(tmp_path: Path) -> None:
    (tmp_path / "audit").touch()
    verified = verify(tmp_path / "audit")
    assert (verified.code, verified.report["lines"], verified.report["head"]) == (0, 0, None)


def test_any_file_is_read_in_bounded_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit"
    with file.open("wb") as stream:
        stream.truncate(48 * 1024 * 1024)  # one line without an end
        stream.seek(0, 2)
        stream.write(b"\n" + b"[[[" * 20_000 + b"\n" + b"x\n" * 5_000)
    tracemalloc.start()
    try:
        code = run_audit_verify([str(file)], heads=[], passkeys=None, as_json=True)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    finally:
        tracemalloc.stop()
    report = json.loads(capsys.readouterr().out)
    assert (code, report["findings"], report["lines"], len(report["shown"])) == (1, 5_002, 5_002, 1_000)
