"""What is published holds tracked files only: whatever else lies in a checkout is refused or left out."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from dev.environments import ROOT
from dev.processes import run
from dev.release import bundle
from hatch_build import tracked_files

TRACKED = tracked_files(ROOT) or frozenset()

pytestmark = pytest.mark.skipif(not TRACKED, reason="this is no checkout: only git knows what it tracks")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with exactly the tracked files of this one, as they are now."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in TRACKED:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for command in (["init", "--quiet"], ["add", "--all", "--force"]):
        done = run(["git", "-C", folder, *command])
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def checkout(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "checkout")


def build(folder: Path, *targets: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    chosen = [part for target in targets for part in ("-t", target)]
    return run([sys.executable, "-m", "hatchling", "build", *chosen], environment=environment, folder=folder)


def archives(folder: Path) -> dict[str, Path]:
    return {each.suffix: each for each in (folder / "dist").glob("*")}


@pytest.mark.parametrize(
    "planted",
    [
        "src/projects_mcp/.env",
        "src/projects_mcp/secret.txt",
        "src/projects_mcp/junk.py",
        "src/notes.md",
        "docs/draft.md",
        "docs/decisions/secret\n\x1b[2J.md",
        "tests/support/.env",
        "dev/release/key.pem",
        "deploy/values.local.yaml",
        "NOTES.md",
    ],
)
def test_an_untracked_file_where_an_archive_would_take_it_stops_the_build(checkout: Path, planted: str) -> None:
    (checkout / planted).write_text("phx_planted", encoding="utf-8")
    done = build(checkout, "sdist")
    assert done.returncode != 0
    assert f"git does not track {planted!a}" in done.stderr
    assert archives(checkout) == {}
    done = build(checkout, "wheel")
    assert (done.returncode == 0) is not planted.startswith("src/projects_mcp/")
    for wheel in archives(checkout).values():
        assert b"phx_planted" not in wheel.read_bytes()
        with zipfile.ZipFile(wheel) as archive:
            assert not [name for name in archive.namelist() if b"phx_planted" in archive.read(name)]


def test_a_file_that_only_this_machine_ignores_stops_it_too(checkout: Path) -> None:
    (checkout / ".git" / "info").mkdir(exist_ok=True)
    (checkout / ".git" / "info" / "exclude").write_text("*.local\n", encoding="utf-8")
    (checkout / "src" / "projects_mcp" / "settings.local").write_text("phx_planted", encoding="utf-8")
    assert "git does not track 'src/projects_mcp/settings.local'" in build(checkout, "wheel").stderr


def test_without_git_itself_a_checkout_is_not_built(checkout: Path) -> None:
    done = run(
        [sys.executable, "-m", "hatchling", "build"], environment={"PATH": str(checkout / "none")}, folder=checkout
    )
    assert done.returncode != 0
    assert "git cannot tell which files it tracks" in done.stderr


def test_archives_hold_tracked_files_and_the_source_archive_builds_the_same_wheel(
    checkout: Path, tmp_path: Path
) -> None:
    for name in (".env", "secret.txt", "dist.txt", "src.env"):  # where no archive takes anything from
        (checkout / name).write_text("phx_planted", encoding="utf-8")
    done = build(checkout, "sdist", "wheel")
    assert done.returncode == 0, done.stderr
    built = archives(checkout)
    with tarfile.open(built[".gz"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(tmp_path / "unpacked", filter="data")
    assert names - TRACKED == {"PKG-INFO"}
    assert {"hatch_build.py", "src/projects_mcp/__init__.py", "tests/conftest.py", "LICENSE"} <= names
    with zipfile.ZipFile(built[".whl"]) as archive:
        packaged = {f"src/{name}" for name in archive.namelist() if name.startswith("projects_mcp/")}
    assert packaged == {name for name in TRACKED if name.startswith("src/projects_mcp/")}

    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert not (unpacked / ".git").exists()
    done = build(unpacked, "wheel")
    assert done.returncode == 0, done.stderr
    assert archives(unpacked)[".whl"].read_bytes() == built[".whl"].read_bytes()


def test_a_bundle_leaves_out_what_is_not_tracked(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (checkout / "src" / "projects_mcp" / "junk.py").write_text("phx_planted", encoding="utf-8")
    monkeypatch.setattr(bundle, "ROOT", checkout)
    staged = tmp_path / "staged"
    staged.mkdir()
    bundle.stage(staged)
    found = {each.relative_to(staged).as_posix() for each in staged.rglob("*") if each.is_file()}
    assert "src/projects_mcp/__init__.py" in found
    assert found <= TRACKED
