"""Whatever the settings and files hold, the doctor ends in time, with one of its exit codes, and shows no secret."""

import contextlib
import io
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects_mcp.cli.doctor.command import run_doctor
from projects_mcp.config.variables import VARIABLES
from projects_mcp.sandbox import seed
from projects_mcp.sandbox.app import create_app

pytestmark = pytest.mark.usefixtures("no_proxy")

MOST_S = 10.0
"""Seconds of one run on a busy machine. One alone takes a few hundredths of a second."""
SECRET = "planted_s3cret_planted"
"""Stands in every value and file that may hold a credential."""

AROUND = st.text(
    st.one_of(st.sampled_from("\"'`=#;:,/\\$%{} \t\r\n\ufeff\u2028\x1b"), st.characters(codec="utf-8")), max_size=6
).filter(lambda text: "\0" not in text)
PREFIXES = st.sampled_from(
    ["", "phx_", "phc_", "phs_", "pha_", "Bearer ", "export K=", "${", "# ", "redacted", "\ufeff"]
)
CREDENTIALS = st.builds(lambda before, prefix, after: f"{before}{prefix}{SECRET}{after}", AROUND, PREFIXES, AROUND)
SHORT = st.text("redact[]", max_size=3)
FILES = st.one_of(
    st.builds(lambda text, codec: text.encode(codec), CREDENTIALS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])),
    st.binary(max_size=40).map(lambda data: data + SECRET.encode()),
    st.sampled_from([b"", b"\n", b"[callers.a]\n", b"[" * 3_000, SECRET.encode() * 5_000]),
)
KINDS = st.sampled_from(["file", "folder", "pipe", "missing", "/dev/zero", "/dev/full", "~nobody/key", "x" * 5_000])
PLAIN = st.one_of(
    AROUND,
    st.sampled_from(["${X}", "a${X}b", "1", "0", "us", "eu", "read", "human", "@current", "99999999999", "1,2,x", ","]),
)
HOSTS = st.one_of(
    PLAIN, st.sampled_from(["http://127.0.0.1:9", "https://127.0.0.1:9", "https://x.invalid", "http://["])
)
OTHERS = st.sampled_from(["POSTHOG_API_KEY", "POSTHOG_REGION", "PROJECTS_MCP_" + "X" * 9_000, "PROJECTS_MCP_ACESS"])
PATHS = {
    "POSTHOG_PERSONAL_API_KEY_FILE",
    "PROJECTS_MCP_CALLERS",
    "PROJECTS_MCP_AUDIT_LOG",
    "PROJECTS_MCP_SECRETS_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
}


@st.composite
def environments(draw: st.DrawFn) -> tuple[dict[str, str], bytes]:
    """Draw the settings, with the kind of a file where one has to be named, and what that file holds."""
    environment: dict[str, str] = {}
    names = [*VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"]
    for name in draw(st.sets(st.sampled_from(names), max_size=8)):
        row = VARIABLES.get(name)
        if name in PATHS:
            values = KINDS
        elif row is not None and row.secret:
            values = st.one_of(CREDENTIALS, SHORT)
        else:
            values = HOSTS if name == "POSTHOG_HOST" else PLAIN
        environment[name] = draw(values)
    environment |= draw(st.dictionaries(OTHERS, CREDENTIALS, max_size=2))
    return environment, draw(FILES)


def placed(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the settings with the paths of files in a folder."""
    ours = {"file", "folder", "pipe", "missing"}
    return {
        name: str(folder / value) if name in PATHS and value in ours else value for name, value in environment.items()
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=environments(), in_process=st.booleans())
def test_it_always_ends_with_a_code_and_without_a_secret(
    tmp_path: Path, drawn: tuple[dict[str, str], bytes], *, in_process: bool
) -> None:
    chosen, content = drawn
    for name in ("folder", "pipe"):
        if not (tmp_path / name).exists():
            Path.mkdir(tmp_path / name) if name == "folder" else os.mkfifo(tmp_path / name)
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "file").chmod(0o600)
    environment = placed(chosen, tmp_path)
    if not in_process:  # only addresses of this machine, where nothing listens
        environment["POSTHOG_HOST"] = environment.get("POSTHOG_HOST", "").strip() or "http://127.0.0.1:9"
        if environment["POSTHOG_HOST"].lower() in {"us", "eu"} or "$" in environment["POSTHOG_HOST"]:
            environment["POSTHOG_HOST"] = "https://127.0.0.1:9"
    application = create_app(seed()) if in_process else None
    for as_json in (True, False):
        out, err = io.StringIO(), io.StringIO()
        began = time.monotonic()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run_doctor(environment, as_json=as_json, application=application)
        assert time.monotonic() - began < MOST_S
        assert code in {0, 1, 2}
        printed = out.getvalue()
        assert SECRET not in printed + err.getvalue()
        assert err.getvalue() == ""
        assert len(printed) < 100_000
        if as_json:
            assert json.loads(printed)["exit_code"] == code
