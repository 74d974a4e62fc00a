"""A secret that cannot be stored is not made: the folder takes its bytes before PostHog is asked."""

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.processes import run
from projects_mcp.gateway.secret_file import SecretFolder, SecretFolderUnavailable
from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.harness import Harness, refusal_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(os, "getuid"), reason="file modes are a matter of Unix"),
]

SECRET = "phs_" + "s" * 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def full_disk(folder: Path) -> Iterator[Path]:
    """A file system of one page, which another file takes."""
    options = f"size=4096,mode=700,uid={os.getuid()}"
    try:
        mounted = run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)])
    except (OSError, subprocess.SubprocessError):
        pytest.skip("there is no mount here")
    if mounted.returncode:
        pytest.skip("only root may mount")
    try:
        (folder / "taken").write_bytes(b"x" * 4096)
        yield folder
    finally:
        run(["umount", str(folder)])


def test_a_secret_takes_the_place_of_its_reservation(folder: Path) -> None:
    reserved = SecretFolder(folder).reserve(1)
    assert reserved.temporary.stat().st_size > len(SECRET)
    assert reserved.fill(SECRET).read_bytes() == f"{SECRET}\n".encode()
    assert list(folder.iterdir()) == [reserved.final]


def test_bytes_that_cannot_be_written_are_noticed_when_reserving(folder: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(SECRET), before[1]))  # a larger file is refused with EFBIG
    try:
        with pytest.raises(SecretFolderUnavailable) as caught:
            SecretFolder(folder).reserve(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.reason == "it cannot be written"
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_noticed_when_reserving(full_disk: Path) -> None:
    with pytest.raises(SecretFolderUnavailable) as caught:
        SecretFolder(full_disk).reserve(1)
    assert caught.value.reason == "its disk is full"
    assert [file.name for file in full_disk.iterdir()] == ["taken"]


def test_a_disk_that_fills_afterwards_has_room_for_what_was_reserved(full_disk: Path) -> None:
    (full_disk / "taken").unlink()
    reserved = SecretFolder(full_disk).reserve(1)
    with pytest.raises(OSError, match="space") as caught:
        (full_disk / "more").write_bytes(b"x" * 4096)
    assert caught.value.errno == errno.ENOSPC
    assert reserved.fill(SECRET).read_text(encoding="utf-8") == f"{SECRET}\n"


async def test_on_a_full_disk_no_secret_is_rotated(harness: Harness, full_disk: Path) -> None:
    arguments = {"project_id": PRODUCTION_ID, "confirm_project_name": "Acme web"}
    async with harness.client(PROJECTS_MCP_SECRETS_DIR=str(full_disk)) as client:
        text, detail = refusal_of(await client.call_tool("project_rotate_secret_token", arguments))
    assert harness.recorder.writes == []
    assert detail["kind"] == "secrets_folder"
    assert "its disk is full" in text
