"""Profiles: their place under the environment and the flags, their names, and what is said of a wrong file."""

import os
import tomllib
from pathlib import Path

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects_mcp.cli.invocation import apply_flags
from projects_mcp.cli.parser import parse
from projects_mcp.config.parsers import SettingsError
from projects_mcp.config.profile_file import profile_key
from projects_mcp.config.profiles import PROFILE, apply_profile, config_folder, with_profile
from projects_mcp.config.settings import load
from projects_mcp.config.variables import VARIABLES, related
from projects_mcp.policy.access import Access
from tests.support.profiles import keep_profiles

KEY = "phx_abcdefghijklmnopqrstuvwxyz"
VALUES = {
    "POSTHOG_HOST": ["us", "eu", "https://posthog.example.com"],
    "PROJECTS_MCP_ACCESS": ["read", "write", "full"],
    "PROJECTS_MCP_CONFIRMATION": ["auto", "human", "passkey"],
    "PROJECTS_MCP_PROTECTED_PROJECTS": ["1", "2,3"],
    "PROJECTS_MCP_RESULT_LIMIT": ["5000", "6000"],
}


def layer(names: list[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(VALUES[name]) for name in names})


FLAGGED = [name for name in VALUES if VARIABLES[name].flag]


@given(profile=layer(list(VALUES)), environment=layer(list(VALUES)), flags=layer(FLAGGED))
def test_flags_win_over_the_environment_and_that_over_the_profile(
    profile: dict[str, str],
    environment: dict[str, str],
    flags: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lines = [f"{profile_key(name)} = {text!r}" for name, text in profile.items()]
    home = keep_profiles(tmp_path_factory.getbasetemp() / "layers", "\n".join(["[profiles.one]", *lines]))
    options = [word for name, text in flags.items() for word in (VARIABLES[name].flag.option, text)]  # type: ignore[union-attr]
    merged = apply_flags({**environment, **home}, parse(["tools", "--profile", "one", *options]).flags)
    wanted = {**profile, **environment, **flags, PROFILE: "one"}
    assert load(with_profile(merged)) == load(wanted)
    taken = apply_profile(merged).taken
    assert taken == profile.keys() - environment.keys() - flags.keys()


def test_every_setting_has_a_name_of_its_own_in_a_profile() -> None:
    names = [profile_key(name) for name in VARIABLES]
    assert len(set(names)) == len(names)
    assert {"host", "access", "confirmation", "key_file", "key", "organization_id", "protected_projects"} <= set(names)


def test_the_kinds_of_values_that_toml_has(tmp_path: Path) -> None:
    (tmp_path / "projects-mcp" / "keys").mkdir(parents=True)
    (tmp_path / "projects-mcp" / "keys" / "eu").write_text(KEY, encoding="utf-8")
    home = keep_profiles(
        tmp_path,
        "[profiles.eu]\nhost = 'eu'\nkey_file = 'keys/eu'\nonly_projects = [1, 2]\nprotected_projects = 3\n"
        "question_timeout = 60\nsandbox = false\nallowed_hosts = ['a.example', 'b.example']\naudit_log = ''\n",
    )
    settings = load(with_profile({**home, PROFILE: "eu"}))
    assert settings.credentials.key is not None
    assert settings.credentials.key.value.reveal() == KEY, "a path is read from the folder of the file"
    assert settings.policy.only == frozenset({1, 2})
    assert settings.policy.protected == frozenset({3})
    assert (settings.question_timeout_s, settings.sandbox, settings.audit_log) == (60, None, None)
    assert settings.serving.hosts == ("a.example", "b.example")
    assert settings.profile == "eu"


def test_the_default_profile_is_used_if_none_is_named(tmp_path: Path) -> None:
    home = keep_profiles(tmp_path, "[profiles.default]\naccess = 'read'\n[profiles.other]\naccess = 'write'\n")
    for blank in ({}, {PROFILE: ""}, {PROFILE: "${user_config.profile}"}):
        assert load(with_profile({**home, **blank})).policy.access is Access.READ
    assert load(with_profile({**home, PROFILE: "other"})).policy.access is Access.WRITE
    without = keep_profiles(tmp_path / "other", "[profiles.other]\naccess = 'write'\n")
    assert with_profile(without) == without


@pytest.mark.parametrize(
    "given",
    [
        {"POSTHOG_PERSONAL_API_KEY": KEY},
        {"POSTHOG_PERSONAL_API_KEY_FILE": "/somewhere/key"},
        {"POSTHOG_SESSION_ID": "another_session"},
    ],
)
def test_what_says_the_same_in_another_way_takes_its_place(given: dict[str, str], tmp_path: Path) -> None:
    home = keep_profiles(
        tmp_path, f"[profiles.a]\nkey = '{KEY}b'\nsession_id = 'session_of_a'\ncsrf_token = 'token_of_a'\n"
    )
    applied = apply_profile({**home, **given, PROFILE: "a"})
    assert applied.taken == set(
        {"POSTHOG_PERSONAL_API_KEY", "POSTHOG_SESSION_ID", "POSTHOG_CSRF_TOKEN"} - related(given)
    )


WRONG = {
    "[profiles.a\n": "is not TOML at end of document.",
    "[profiles.a]\nhost = =\n": "is not TOML at line 2.",
    "[profile.a]\n": "has profile, which means nothing there: each profile is a table [profiles.NAME]",
    "profiles = 1\n": "each profile is a table of its own",
    "[profiles]\na = 1\n": "each profile is a table of its own",
    "[profiles.'a b']\n": "a profile's name has 1 to 64",
    "[profiles.b]\n": "has no profile a. It has b; `projects-mcp login",
    "": "has no profile a. It has none; `projects-mcp login",
    "[profiles.aa]\n": "has no profile a; did you mean aa?. It has aa;",
    "[profiles.a]\nacces = 'read'\n": "acces is no setting; did you mean access?",
    "[profiles.a]\nHost = 'eu'\n": "Host is no setting; did you mean host?",
    "[profiles.a]\nprofile = 'b'\n": "profile is no setting",
    f"[profiles.a]\n{KEY} = 'b'\n": "… is no setting",
    "[profiles.a]\nhost = 1.5\n": "host must be a text, a number, true or false, or a list",
    "[profiles.a]\nhost = {}\n": "host must be a text",
    "[profiles.a]\nonly_projects = [[1]]\n": "only_projects must be a text",
    "[profiles.a]\nhost = 'planted'\n": "host must be us, eu, or an address",
    "[profiles.a]\nhost = 'https://us.i.posthog.com'\n": "set host=us instead.",
    "[profiles.a]\naccess = true\n": "access must be one of read, write, full.",
    "[profiles.a]\nresult_limit = 1\n": "result_limit must be a number from 4096",
    "[profiles.a]\nkey = '\"planted\"'\n": "key stands in quotation marks",
    "[profiles.a]\nkey_file = 'missing'\n": "which does not exist",
    "[profiles.a]\nkey_file = 'phx_planted0123456789'\n": "key_file must be the path of a file, and holds what",
    f"[profiles.a]\nkey = '{KEY}'\nkey_file = 'b'\n": "set one of key_file, keyring and key, not more",
    f"[profiles.a]\nkey = '{KEY}'\nkeyring = true\n": "set one of key_file, keyring and key, not more",
    "[profiles.a]\nkeyring = 'planted'\n": "keyring must be true or false",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_named_with_its_table_and_no_value(text: str, tmp_path: Path) -> None:
    home = keep_profiles(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        with_profile({**home, PROFILE: "a"})
    said = str(raised.value)
    assert WRONG[text] in said
    assert "\n" not in said
    assert str(tmp_path) in said
    assert [secret for secret in ("planted", KEY) if secret in said] == []
    assert "POSTHOG_" not in said.replace("set POSTHOG_PERSONAL_API_KEY", ""), "names what stands in the file"


def test_a_profile_that_is_not_named_may_be_wrong(tmp_path: Path) -> None:
    home = keep_profiles(tmp_path, "[profiles.a]\nhost = 'eu'\n[profiles.b]\nhost = 'planted'\nnonsense = 1\n")
    assert load(with_profile({**home, PROFILE: "a"})).origin == "https://eu.posthog.com"


def test_a_named_profile_needs_its_file() -> None:
    with pytest.raises(SettingsError, match=r"There is no profile eu: there is no file .*Make one with"):
        with_profile({PROFILE: "eu"})


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="modes are those of Unix")
@pytest.mark.parametrize(
    "holds", [f"key = '{KEY}'", "session_id = 'abcdefgh'", "signing_key = 'x'", "state = 'memory'"]
)
def test_a_file_with_a_secret_must_be_closed_to_others(holds: str, tmp_path: Path) -> None:
    text = f"[profiles.a]\nhost = 'eu'\n[profiles.b]\n{holds}\n"
    home = keep_profiles(tmp_path, text, mode=0o640)
    with pytest.raises(SettingsError, match=r"holds a key and can be read by others: chmod 600 it\."):
        with_profile({**home, PROFILE: "a"})
    with_profile({**keep_profiles(tmp_path, text, mode=0o600), PROFILE: "a"})
    with_profile({**keep_profiles(tmp_path, "[profiles.a]\nkey_file = '/dev/null/x'\n", mode=0o644)})


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="such pipes are those of Unix")
def test_reading_is_bounded(tmp_path: Path) -> None:
    home = keep_profiles(tmp_path, f"# {'x' * 70_000}\n[profiles.a]\n")
    with pytest.raises(SettingsError, match="is larger than 64 kB"):
        with_profile({**home, PROFILE: "a"})
    file = tmp_path / "projects-mcp" / "config.toml"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(SettingsError, match="is a pipe"):
        with_profile({**home, PROFILE: "a"})


@pytest.mark.parametrize("set_to", [None, "", "  ", "/elsewhere", "~/elsewhere"])
def test_the_folder_is_that_of_platformdirs(set_to: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if set_to is None:
        monkeypatch.delenv("XDG_CONFIG_HOME")
    else:
        monkeypatch.setenv("XDG_CONFIG_HOME", set_to)
    wanted = Path(platformdirs.user_config_dir("projects-mcp", appauthor=False)).expanduser()
    assert config_folder() == wanted


def test_the_examples_of_the_document_are_profiles(tmp_path: Path) -> None:
    text = Path("docs/profiles.md").read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    home = keep_profiles(tmp_path, example)
    (tmp_path / "projects-mcp" / "eu.key").write_text(KEY, encoding="utf-8")
    names = tomllib.loads(example)["profiles"]
    assert len(names) > 1
    for name in names:
        assert load(with_profile({**home, PROFILE: name})).profile == name
