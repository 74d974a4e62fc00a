"""From the setting to a store: which one, what an unset one means, and that nothing set is replaced."""

import logging
from pathlib import Path

import pytest

from projects_mcp.state.lazy import LazyStore
from projects_mcp.state.location import RedisAddress
from projects_mcp.state.memory import MemoryStore
from projects_mcp.state.open import default_file, open_store
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.sqlite import SqliteStore
from projects_mcp.state.store import StateStore, StoreError

ADDRESS = RedisAddress("127.0.0.1", 1, 0, False, None, None, None)  # type: ignore[arg-type] # not used here


def default_store() -> StateStore:
    """The store of an unset setting, which is chosen when it is first needed."""
    store = open_store(None, private=False)
    assert isinstance(store, LazyStore)
    return store.chosen


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_each_setting_has_its_store(tmp_path: Path, home: Path) -> None:
    file = tmp_path / "folder" / "state"
    assert isinstance(open_store("memory", private=False), MemoryStore)
    assert isinstance(open_store("memory", private=True), MemoryStore)
    assert repr(open_store(file, private=True)) == repr(SqliteStore(file))
    assert repr(open_store(ADDRESS, private=True)) == repr(RedisStore(ADDRESS))
    assert repr(default_store()) == repr(SqliteStore(home / "projects-mcp" / "state.sqlite3"))
    assert (home / "projects-mcp").stat().st_mode & 0o777 == 0o700


def test_memory_of_its_own_touches_no_folder(home: Path) -> None:
    assert isinstance(open_store(None, private=True), MemoryStore)
    assert not home.exists()


def test_a_default_folder_that_cannot_be_used_means_memory_and_is_logged(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home.write_text("in the way")
    with caplog.at_level(logging.WARNING):
        assert isinstance(default_store(), MemoryStore)
    (record,) = caplog.records
    assert "state is kept in memory" in record.getMessage()
    assert "its folder cannot be made" in record.getMessage()


def test_a_user_without_a_home_gets_memory(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("platformdirs.user_state_dir", lambda *_args, **_options: "~/.local/state/projects-mcp")
    assert default_file() is None
    assert isinstance(default_store(), MemoryStore)
    assert "no home folder" in caplog.text


def test_what_is_set_is_refused_and_never_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "open").mkdir(0o755)
    for folder in ("file", "open"):
        with pytest.raises(StoreError, match="the state file cannot be used"):
            open_store(tmp_path / folder / "state", private=False)
    assert caplog.records == []


def test_a_library_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects_mcp.state.open.find_spec", lambda _name: None)
    with pytest.raises(StoreError, match=r"projects-mcp\[redis\]"):
        open_store(ADDRESS, private=False)
