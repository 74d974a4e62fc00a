"""Where the real command keeps state if nobody says so: in the user's folder, or else in memory, and it says so."""

from pathlib import Path
from typing import Any

from projects_mcp.sandbox import MOBILE_ID, READ_WRITE_KEY
from tests.support.posthog import Upstream
from tests.support.process import Piped, run, running

NOTICE = "state is kept in memory"
READ: dict[str, Any] = {"project_id": MOBILE_ID}


def update(number: int) -> dict[str, Any]:
    return {"project_id": MOBILE_ID, "settings": {"product_description": f"mark {number}"}}


def use(server: Piped) -> str:
    """Make calls of each kind, and return what was said on stderr."""
    server.handshake()
    for number in range(2):
        assert not server.call("project_get", READ)["isError"]
        assert server.call("project_update", update(number))["structuredContent"]["outcome"] == "applied"
    return server.end()[1].decode()


def settings(upstream: Upstream, home: Path) -> dict[str, str]:
    return {
        "POSTHOG_HOST": upstream.origin,
        "POSTHOG_PERSONAL_API_KEY": READ_WRITE_KEY,
        "XDG_STATE_HOME": str(home),
    }


def test_it_is_a_private_file_of_the_user(upstream: Upstream, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(**settings(upstream, home)) as server:
        assert NOTICE not in use(server)
    assert [(file.name, file.stat().st_mode & 0o777) for file in (home / "projects-mcp").glob("*.sqlite3")] == [
        ("state.sqlite3", 0o600)
    ]


def test_reading_alone_makes_no_file(upstream: Upstream, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(**settings(upstream, home)) as server:
        server.handshake()
        assert not server.call("project_get", READ)["isError"]
        server.end()
    assert not home.exists()


def test_without_a_folder_that_can_be_written_it_works_and_says_so_once(upstream: Upstream, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("in the way")
    with running(**settings(upstream, home)) as server:
        said = use(server)
    assert said.count(NOTICE) == 1, said
    assert home.read_text() == "in the way"
    done = run(
        "call", "project_update", f"project_id={MOBILE_ID}", 'settings={"timezone":"UTC"}', **settings(upstream, home)
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(NOTICE) == 1
