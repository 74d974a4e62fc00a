"""The file that an entry is written into: its owner, mode and links stay, and any doubt leaves it alone."""

import json
import os
import stat
import struct
from pathlib import Path

import pytest

from projects_mcp.cli.install.command import Place
from tests.support.install import install, path_of, servers_in
from tests.support.process import run

UNIX = pytest.mark.skipif(not hasattr(os, "getuid"), reason="links, modes and owners are those of Unix")
TEXT = '{\r\n\t"n": 1e999, // kept\r\n}\r\n'


def ready(place: Place, text: str = TEXT) -> Path:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode())
    return file


def assert_left_alone(file: Path, place: Place, capsys: pytest.CaptureFixture[str], reason: str) -> None:
    """The command fails with a reason and prints the entry, and the folder is as it was."""
    before = sorted(file.parent.iterdir())
    assert install("cursor", place) == 1
    assert sorted(file.parent.iterdir()) == before, "neither a backup nor a temporary file"
    printed = capsys.readouterr()
    assert reason in printed.err
    assert str(file) in printed.err
    assert json.loads(printed.out)["mcpServers"].keys() == {"posthog-projects"}


def test_the_command_itself_writes_once_and_keeps_every_other_byte(tmp_path: Path) -> None:
    file = tmp_path / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_bytes(b'\xef\xbb\xbf{\r\n\t"n": 1e999, "n": 1, // kept\r\n}\r\n')
    done = run("install", "cursor", "--write", HOME=str(tmp_path))
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["file"], answer["changed"]) == (0, str(file), True)
    assert Path(answer["backup"]).parent == file.parent
    written = file.read_bytes()
    assert written.startswith(b'\xef\xbb\xbf{\r\n\t"n": 1e999, "n": 1, // kept\r\n\t"mcpServers": {\r\n')
    assert written.endswith(b"\t}\r\n}\r\n")
    done = run("install", "cursor", "--write", HOME=str(tmp_path))
    assert (done.returncode, file.read_bytes()) == (0, written)
    assert json.loads(done.stdout)["changed"] is False
    assert len(list(file.parent.iterdir())) == 2, "the file, and one backup"


@UNIX
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o640, 0o666, 0o4700])
def test_its_mode_stays_and_the_backup_has_it(place: Place, mode: int) -> None:
    file = ready(place)
    file.chmod(mode)
    assert install("cursor", place) == 0
    (backup,) = [other for other in file.parent.iterdir() if other != file]
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, backup)] == [mode, mode]
    assert backup.read_bytes() == TEXT.encode()


@UNIX
def test_its_owner_stays_or_it_is_left_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ready(place)
    if os.getuid() == 0:
        os.chown(file, 12_345, 23_456)
        assert install("cursor", place) == 0
        assert {(each.stat().st_uid, each.stat().st_gid) for each in file.parent.iterdir()} == {(12_345, 23_456)}
        capsys.readouterr()
    # Nobody else may give a file away: then it stays as it is.
    file.write_bytes(TEXT.encode())
    real = Path.stat

    def stat_of_another(path: Path, **more: bool) -> os.stat_result:
        found = real(path, **more)
        if path.name != file.name:
            return found
        return os.stat_result([*found[:4], found.st_uid + 1, *found[5:]])

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", stat_of_another)
    monkeypatch.setattr(os, "chown", forbidden)
    assert_left_alone(file, place, capsys, "Operation not permitted")
    assert file.read_bytes() == TEXT.encode()


@UNIX
def test_a_link_stays_a_link_to_the_file_that_is_written(place: Place, tmp_path: Path) -> None:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    real, middle = tmp_path / "dotfiles" / "cursor.json", tmp_path / "middle.json"
    real.parent.mkdir()
    real.write_text(TEXT, encoding="utf-8", newline="")
    middle.symlink_to(real)
    file.symlink_to(middle)
    assert install("cursor", place) == 0
    assert (file.readlink(), middle.readlink()) == (middle, real)
    assert list(file.parent.iterdir()) == [file], "the backup is beside the file itself"
    assert b'"posthog-projects"' in real.read_bytes()


@UNIX
def test_a_link_to_nothing_gets_its_file(place: Place, tmp_path: Path) -> None:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    file.symlink_to(tmp_path / "new.json")
    assert install("cursor", place) == 0
    assert file.is_symlink()
    assert servers_in("cursor", tmp_path / "new.json").keys() == {"posthog-projects"}


@UNIX
def test_a_file_with_two_names_is_left_alone(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ready(place)
    (tmp_path / "second").hardlink_to(file)
    assert_left_alone(file, place, capsys, "a hard link")
    assert file.samefile(tmp_path / "second")


@UNIX
def test_what_is_no_file_is_left_alone(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    file = path_of("cursor", place)
    file.parent.mkdir(parents=True)
    os.mkfifo(file)
    assert_left_alone(file, place, capsys, "not a regular file")
    file.unlink()
    file.symlink_to(file)
    assert_left_alone(file, place, capsys, "")
    file.unlink()
    file.mkdir()
    assert_left_alone(file, place, capsys, "not a regular file")


@pytest.mark.parametrize("mode", [0o444, 0o400])
def test_a_read_only_file_is_left_alone(place: Place, capsys: pytest.CaptureFixture[str], mode: int) -> None:
    file = ready(place)
    file.chmod(mode)
    assert_left_alone(file, place, capsys, "read-only")
    assert file.read_bytes() == TEXT.encode()


def test_a_client_that_writes_meanwhile_wins(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ready(place)

    def while_the_client_writes(_: int) -> None:
        file.write_text('{"newer": 1}', encoding="utf-8")

    monkeypatch.setattr(os, "fsync", while_the_client_writes)
    assert_left_alone(file, place, capsys, "in the meantime")
    assert file.read_text(encoding="utf-8") == '{"newer": 1}'
    file.unlink()
    assert install("cursor", place) == 1, "also if there was no file before"
    assert file.read_text(encoding="utf-8") == '{"newer": 1}'


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_write_that_fails_leaves_nothing_behind(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failing: str
) -> None:
    file = ready(place)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path if failing == "replace" else os, failing, full)
    assert_left_alone(file, place, capsys, "No space left on device")
    assert file.read_bytes() == TEXT.encode()


def test_a_folder_that_cannot_be_written_is_told(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    (place.home / ".cursor").write_text("not a folder", encoding="utf-8")
    assert install("cursor", place) == 1
    assert "was not changed" in capsys.readouterr().err


ENTRY = struct.Struct("<HHI")
NOBODY = 0xFFFF_FFFF
ACCESS_LIST = struct.pack("<I", 2) + b"".join(
    ENTRY.pack(*entry)  # the owner, user 12345, the group, the mask, and others
    for entry in ((1, 6, NOBODY), (2, 4, 12_345), (4, 0, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY))
)


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes are those of Linux")
@pytest.mark.parametrize(("name", "value"), [("user.note", b"\0kept"), ("system.posix_acl_access", ACCESS_LIST)])
def test_its_extended_attributes_stay_and_the_backup_has_them(
    place: Place, name: str, value: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = ready(place)
    try:
        os.setxattr(file, name, value)
    except OSError as error:
        pytest.skip(f"this file system has no {name}: {error.strerror}")
    mode = file.stat().st_mode
    assert install("cursor", place) == 0
    assert len(list(file.parent.iterdir())) == 2
    for each in file.parent.iterdir():
        assert os.getxattr(each, name) == value
        assert each.stat().st_mode == mode
    capsys.readouterr()

    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    file.write_bytes(TEXT.encode())
    monkeypatch.setattr(os, "setxattr", forbidden)
    assert_left_alone(file, place, capsys, "Operation not permitted")
    assert os.getxattr(file, name) == value
