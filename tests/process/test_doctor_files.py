"""A key file, or another file of the settings, as people make them: each fault by its file and its reason."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from projects_mcp.sandbox import READ_WRITE_KEY
from tests.support.callers import entry, write_callers
from tests.support.certificates import write_certificate
from tests.support.doctor import Examined, closed_port, posthog
from tests.support.process import run

pytestmark = pytest.mark.usefixtures("no_proxy")

KEY = "phx_planted0123456789planted0123456789"
KEY_FILE = "POSTHOG_PERSONAL_API_KEY_FILE"


def text(value: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(value.encode())


def data(value: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(value)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "bearer": (text(f"Bearer {KEY}"), "begins with \u201cBearer\u201d"),
    "header": (text(f"Authorization: Bearer {KEY}\n"), "begins with \u201cBearer\u201d"),
    "quotes": (text(f'"{KEY}"\n'), "stands in quotation marks"),
    "curly quotes": (text(f"\u201c{KEY}\u201d"), "stands in quotation marks"),
    "byte order mark": (data(b"\xef\xbb\xbf" + KEY.encode()), "begins with a byte order mark (BOM)"),
    "UTF-16": (data(KEY.encode("utf-16")), "is UTF-16 text"),
    "UTF-16 without a mark": (data(KEY.encode("utf-16-le")), "is UTF-16 text without a mark"),
    "Latin-1": (data(b"phx_planted\xfc"), "is not UTF-8 text"),
    "comment": (text(f"# made by ada\n{KEY}\n"), "has a comment in it"),
    "export": (text(f"export POSTHOG_PERSONAL_API_KEY={KEY}"), "has a name before the value (NAME=…)"),
    "dotenv": (text(f"POSTHOG_PERSONAL_API_KEY='{KEY}'"), "has a name before the value (NAME=…)"),
    "two lines": (text(f"{KEY}\r\n{KEY}\r\n"), "has more than one line"),
    "a space": (text("phx_planted planted"), "contains characters that no such value has"),
    "empty": (text("\n"), "is empty"),
    "short": (text("phx"), "is too short to be one"),
    "the prefix alone": (text("phx_\n"), "is too short to be one"),
    "large": (text(KEY * 2_000), "is larger than any key"),
    "long": (text(KEY * 200), "is far too long to be one"),
    "folder": (Path.mkdir, "is a folder"),
    "pipe": (os.mkfifo, "is a pipe"),
    "missing": (lambda _: None, "does not exist"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_key_file_is_named_with_what_is_wrong(doctor: Callable[..., Examined], tmp_path: Path, fault: str) -> None:
    make, why = FAULTS[fault]
    file = tmp_path / "the_key"
    make(file)
    examined = doctor(POSTHOG_PERSONAL_API_KEY_FILE=str(file), POSTHOG_HOST=closed_port())
    assert examined.code == 2
    (said,) = [one["sentence"] for one in examined.findings if one["check"] == "settings"]
    assert said.startswith(f"{KEY_FILE} names {file}, which {why}")


@pytest.mark.parametrize("command", [[], ["serve", "--port", "0"], ["doctor"], ["call", "project_list"]])
@pytest.mark.parametrize("fault", ["bearer", "pipe"])
def test_every_start_says_the_same(tmp_path: Path, command: list[str], fault: str) -> None:
    make, why = FAULTS[fault]
    file = tmp_path / "the_key"
    make(file)
    ended = run(*command, POSTHOG_PERSONAL_API_KEY_FILE=str(file))
    assert ended.returncode == 2
    assert f"{KEY_FILE} names {file}, which {why}" in ended.stdout + ended.stderr
    assert "planted" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_device_is_not_read() -> None:
    ended = run("doctor", POSTHOG_PERSONAL_API_KEY_FILE="/dev/zero")
    assert (ended.returncode, ended.stderr) == (2, "")
    assert f"{KEY_FILE} names /dev/zero, which is a device." in ended.stdout


def test_a_key_in_place_of_its_file_is_not_shown(doctor: Callable[..., Examined]) -> None:
    examined = doctor(POSTHOG_PERSONAL_API_KEY_FILE=KEY)
    assert examined.code == 2
    assert f"{KEY_FILE} must be the path of a file, and holds what looks like a key" in examined.lines
    ended = run(POSTHOG_PERSONAL_API_KEY_FILE=KEY)
    assert (ended.returncode, "planted" in ended.stderr) == (2, False)


def test_lines_of_windows_are_no_fault(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(f"\r\n  {READ_WRITE_KEY}\r\n".encode())
    file.chmod(0o600)
    with posthog() as upstream:
        assert doctor(POSTHOG_PERSONAL_API_KEY_FILE=str(file), POSTHOG_HOST=upstream.origin).code == 0


# The callers file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["a token twice", "no TOML", "its key file"])
def test_a_callers_file_that_serve_would_refuse(tmp_path: Path, fault: str) -> None:
    wrong = tmp_path / "wrong_key"
    wrong.write_text(f"Bearer {KEY}", encoding="utf-8")
    parts = {
        "a token twice": entry("ada", "one") + entry("bob", "one"),
        "no TOML": "[callers.ada\n",
        "its key file": entry("ada") + f'[credentials.x]\nkey_file = "{wrong}"\n',
    }
    path = write_callers(tmp_path / "callers", parts[fault])
    environment = {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_CALLERS": str(path)}
    refused = run("serve", "--port", "0", **environment)
    assert refused.returncode == 2
    examined = run("doctor", "--json", **environment)
    assert examined.returncode == 1
    (found,) = [one for one in json.loads(examined.stdout)["findings"] if one["check"] == "callers"]
    assert refused.stderr == f"projects-mcp: {found['sentence']}\n"
    assert str(path) in found["fix"]
    assert "planted" not in examined.stdout


def test_a_pipe_in_place_of_the_callers_file_does_not_hold_anybody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "callers", 0o600)
    environment = {"PROJECTS_MCP_SANDBOX": "1", "PROJECTS_MCP_CALLERS": str(tmp_path / "callers")}
    for command, code in (("serve", 2), ("doctor", 1)):
        ended = run(command, **environment)
        assert ended.returncode == code
        assert "it is no regular file" in ended.stdout + ended.stderr


# Certificates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_cannot_be_used(doctor: Callable[..., Examined], tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("planted, no certificate", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    file = name == "SSL_CERT_FILE"
    reasons = {
        "missing": "does not exist",
        "text": "holds no certificate in the form of PEM" if file else "is no folder",
        "pipe": "is no regular file" if file else "is no folder",
        "folder": "is no regular file" if file else "holds no certificate under the name",
    }
    for place, why in reasons.items():
        environment = {name: str(tmp_path / place), "POSTHOG_HOST": "https://127.0.0.1:9"}
        examined = doctor(POSTHOG_PERSONAL_API_KEY=READ_WRITE_KEY, **environment)
        assert (examined.code, examined.of("tls")["level"]) == (1, "problem")
        assert examined.of("tls")["sentence"].startswith(f"{name} names {tmp_path / place}, which {why}")


def test_certificates_that_can_be_used(doctor: Callable[..., Examined], tmp_path: Path) -> None:
    public, _ = write_certificate(tmp_path)
    environment = {"SSL_CERT_FILE": str(public), "POSTHOG_HOST": "https://127.0.0.1:9"}
    examined = doctor(POSTHOG_PERSONAL_API_KEY=READ_WRITE_KEY, **environment)
    assert examined.of("tls")["level"] == "ok"


def test_a_call_without_certificates_says_so(tmp_path: Path) -> None:
    ended = run(
        "call",
        "project_list",
        POSTHOG_PERSONAL_API_KEY=READ_WRITE_KEY,
        POSTHOG_HOST="https://127.0.0.1:9",
        SSL_CERT_FILE=str(tmp_path / "missing"),
    )
    assert ended.returncode == 1
    assert "SSL_CERT_FILE" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
