"""`login`, `logout` and `profiles`: a person at a real terminal, and the sandbox as PostHog."""

import json
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from projects_mcp.sandbox import NO_SCOPE_KEY, READ_ONLY_KEY, READ_WRITE_KEY
from tests.support.posthog import Upstream
from tests.support.process import run
from tests.support.profiles import keep_profiles, keyring_environment
from tests.support.terminal import AtTerminal

pytestmark = [
    pytest.mark.usefixtures("no_proxy"),
    pytest.mark.skipif(sys.platform == "win32", reason="such terminals are those of Unix"),
]

HOST = "Which PostHog:"
KEY = "Personal API key (phx_…"
KEPT = "Next: projects-mcp call"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """No keyring, and no browser that a test would open."""
    backend = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "BROWSER": "true"}
    return {"XDG_CONFIG_HOME": str(tmp_path), **backend}


def folder_of(home: dict[str, str]) -> Path:
    return Path(home["XDG_CONFIG_HOME"]) / "projects-mcp"


@pytest.fixture
def log_in(upstream: Upstream, home: dict[str, str]) -> Callable[..., AtTerminal]:
    """Types a host, and then keys, each when it is asked for."""

    def at_terminal(*keys: str, arguments: tuple[str, ...] = (), host: str = "", **environment: str) -> AtTerminal:
        person = AtTerminal(["login", *arguments], {**home, **environment})
        person.wait_for(HOST)
        person.type(host or upstream.origin)
        for at, key in enumerate(keys):
            person.wait_for(KEY, times=at + 1)
            person.type(key)
        return person

    return at_terminal


def test_a_key_is_kept_in_a_private_file_and_used(
    log_in: Callable[..., AtTerminal], home: dict[str, str], upstream: Upstream
) -> None:
    person = log_in(READ_WRITE_KEY)
    assert person.end() == 0, person.shown
    shown = person.shown.replace("\r\n", "\n")
    assert READ_WRITE_KEY not in shown, "what is typed is not shown"
    assert f"For a personal API key, open {upstream.origin}/settings/user-api-keys" in shown
    assert "The key may read and change projects." in shown
    key = folder_of(home) / "default.key"
    assert f"The key is in {key}, which only you can read" in shown
    assert key.read_text(encoding="utf-8") == f"{READ_WRITE_KEY}\n"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (key, key.parent / "config.toml", key.parent)] == [
        0o600,
        0o600,
        0o700,
    ]
    assert (key.parent / "config.toml").read_text(encoding="utf-8") == (
        f'[profiles.default]\nhost = "{upstream.origin}"\nkey_file = "default.key"\n'
    )
    assert sorted(file.name for file in key.parent.iterdir()) == ["config.toml", "default.key"]
    done = run("call", "project_list", "limit=1", **home)
    assert done.returncode == 0, done.stderr
    listed = run("profiles", "--json", **home)
    assert json.loads(listed.stdout) == [
        {
            "name": "default",
            "used": True,
            "host": upstream.origin,
            "access": None,
            "key": str(key),
            "settings": ["host", "key_file"],
        }
    ]
    out = run("logout", **home)
    assert (out.returncode, key.exists()) == (0, False)
    assert f"{upstream.origin}/settings/user-api-keys" in out.stdout
    assert (key.parent / "config.toml").read_text(encoding="utf-8") == (
        f'[profiles.default]\nhost = "{upstream.origin}"\n'
    )
    again = run("logout", **home)
    assert (again.returncode, json.loads(again.stderr)["message"]) == (1, "The profile default has no key.")


def test_one_read_checks_it_and_nothing_else_is_sent(log_in: Callable[..., AtTerminal], upstream: Upstream) -> None:
    assert log_in(READ_ONLY_KEY).end() == 0
    assert upstream.recorder.requests == []
    assert [request.path for request in upstream.recorder.inquiries] == ["/api/personal_api_keys/@current/"]


def test_the_keyring_comes_first_and_the_former_file_goes(
    log_in: Callable[..., AtTerminal], home: dict[str, str], tmp_path: Path
) -> None:
    text = "# mine\n[profiles.work]   # kept\nkey_file = 'work.key' # gone\naccess = 'read' # stays\n[profiles.other]\n"
    keep_profiles(Path(home["XDG_CONFIG_HOME"]), text)
    (folder_of(home) / "work.key").write_text("phx_former", encoding="utf-8")
    ring = keyring_environment(tmp_path / "ring")
    person = log_in(READ_ONLY_KEY, arguments=("--profile", "work"), **ring)
    assert person.end() == 0, person.shown
    assert "The key is in the keyring of this system" in person.shown
    assert json.loads((tmp_path / "ring").read_text(encoding="utf-8")) == {"projects-mcp/work": READ_ONLY_KEY}
    written = (folder_of(home) / "config.toml").read_text(encoding="utf-8")
    assert written.startswith("# mine\n[profiles.work]   # kept\nhost = ")
    assert written.endswith("keyring = true\naccess = 'read' # stays\n[profiles.other]\n")
    assert "key_file" not in written
    assert not (folder_of(home) / "work.key").exists()
    listed = run("profiles", "--profile", "other", **{**home, **ring})
    assert READ_ONLY_KEY not in listed.stdout
    names = ("used", "name", "host", "access", "key")
    assert [[row[name] for name in names] for row in json.loads(listed.stdout)] == [
        [False, "work", person_host(written), "read", "keyring"],
        [True, "other", None, None, None],
    ]
    assert run("logout", "--profile", "work", **{**home, **ring}).returncode == 0
    assert (tmp_path / "ring").read_text(encoding="utf-8") == "{}"


def person_host(written: str) -> str:
    return written.partition('host = "')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("phc_planted0000001", "That is a project's public token"),
        ("phs_planted0000001", "That is a project's secret token"),
        ('"phx_planted0000001"', "The key stands in quotation marks"),
        ("phx_planted0000001", "does not know the key"),
    ],
)
def test_what_is_no_working_key_is_named_and_asked_for_again(
    typed: str, said: str, log_in: Callable[..., AtTerminal], home: dict[str, str]
) -> None:
    person = log_in(typed, READ_WRITE_KEY)
    assert person.end() == 0, person.shown
    assert said in person.shown
    assert "planted" not in person.shown
    assert (folder_of(home) / "default.key").read_text(encoding="utf-8") == f"{READ_WRITE_KEY}\n"


def test_three_wrong_keys_keep_nothing(log_in: Callable[..., AtTerminal], home: dict[str, str]) -> None:
    person = log_in("phc_a0000", "phx_wrong_0000001", "x")
    assert person.end() == 1
    assert "Nothing was kept: no key was accepted." in person.shown
    assert list(folder_of(home).iterdir()) == []


def test_a_key_without_scopes_is_kept_and_said_to_be_of_no_use(log_in: Callable[..., AtTerminal]) -> None:
    person = log_in(NO_SCOPE_KEY)
    assert person.end() == 0
    assert "it has no scope for projects, so it can do nothing here." in person.shown


def test_a_wrong_address_is_asked_for_again(log_in: Callable[..., AtTerminal], upstream: Upstream) -> None:
    person = log_in(host="nonsense")
    person.wait_for("The address must be us, eu, or an address")
    person.type(upstream.origin)
    person.wait_for(KEY)
    person.type(READ_WRITE_KEY)
    assert person.end() == 0, person.shown


def test_ctrl_c_ends_it_keeps_nothing_and_shows_again_what_is_typed(
    log_in: Callable[..., AtTerminal], home: dict[str, str]
) -> None:
    person = log_in()
    person.wait_for(KEY)
    assert not person.echoes
    person.interrupt()
    assert person.end() in {130, -signal.SIGINT}
    assert person.echoed_at_the_end
    assert "Traceback" not in person.shown
    assert list(folder_of(home).iterdir()) == []


def test_without_a_terminal_nobody_is_asked(home: dict[str, str]) -> None:
    done = run("login", stdin="us\nphx_planted\n", **home)
    assert done.returncode == 1
    assert "a person types the key at a terminal" in done.stderr
    assert list(folder_of(home).iterdir()) == []


def test_a_folder_that_others_can_write_is_refused_before_anything_is_asked(home: dict[str, str]) -> None:
    folder_of(home).mkdir()
    folder_of(home).chmod(0o777)
    done = run("login", **home)
    assert done.returncode == 1
    assert "Others can write in" in done.stderr


def test_a_wrong_file_is_left_alone(home: dict[str, str]) -> None:
    keep_profiles(Path(home["XDG_CONFIG_HOME"]), "profiles = {a = {}}\n")
    done = run("login", "--profile", "a", **home)
    assert done.returncode == 1
    assert "in a form that cannot be changed here" in done.stderr
    missing = run("logout", "--profile", "b", **home)
    assert missing.returncode == 2
    assert "has no profile b" in missing.stderr


def test_no_profile_is_said_to_be_none(home: dict[str, str]) -> None:
    done = run("profiles", **home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")
    person = AtTerminal(["profiles"], home)
    assert person.end() == 0
    assert "Make one with: projects-mcp login" in person.shown
    assert run("logout", **home).returncode == 2
