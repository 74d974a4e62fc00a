"""A person with a passkey: enrols it, and signs approvals, as the script of the pages does in a browser."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sys
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx

from dev.processes import start
from projects_mcp.state.passkeys import Passkey, Passkeys
from tests.support.approval_desk import Desk
from tests.support.approval_page import read
from tests.support.authenticator import Credential, base64url
from tests.support.process import CLEAN, COMMAND, TIMEOUT_S


def passkey_of(credential: Credential, name: str = "alex") -> Passkey:
    """What is kept of a passkey."""
    return Passkey(
        name=name,
        credential_id=base64url(credential.id),
        public_key=base64url(credential.public_key),
        sign_count=credential.sign_count,
        rp_id=credential.rp_id,
        added_at="2026-01-01T00:00:00+00:00",
    )


async def enrol(desk: Desk, credential: Credential, name: str = "alex") -> None:
    await Passkeys(desk.approvals.store).add(passkey_of(credential, name))


class _Told(HTMLParser):
    told: Any = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = dict(attrs).get("data-passkey")
        if text is not None:
            self.told = json.loads(text)


def told(html: str) -> Any:
    """What the page tells its script; None if it has no button for a passkey."""
    reader = _Told()
    reader.feed(html)
    return reader.told


@dataclass
class Device:
    """A browser with an authenticator.

    Args:
        url: of the page.
        client: asks for it.
        public: the origin that the browser sees, if a proxy stands between.
    """

    url: str
    client: httpx.Client
    public: str = ""

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return self.public or f"{parts.scheme}://{parts.netloc}"

    def options(self) -> dict[str, Any]:
        page = self.client.get(self.url)
        assert page.status_code == 200, page.text
        found: dict[str, Any] = told(page.text)
        assert found["origin"] == self.origin
        options: dict[str, Any] = found["options"]
        return options

    def post(self, address: str, body: Any, **headers: str) -> httpx.Response:
        sent = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"} | headers
        return self.client.post(address, json=body, headers=sent)

    def enrol(self, credential: Credential, **made: Any) -> httpx.Response:
        options = self.options()
        assert options["rp"]["id"] == credential.rp_id
        credential.origin = self.origin
        return self.post(self.url, registration(credential, from_base64(options["challenge"]), **made))

    def token(self) -> str:
        return read(self.client.get(self.url).text).fields["token"]["value"]

    def signed(self, credential: Credential, **signing: Any) -> dict[str, str]:
        """Return what the script would send."""
        page = self.client.get(self.url).text
        options = told(page)["options"]
        challenge = signing.pop("challenge", from_base64(options["challenge"]))
        return assertion(credential, read(page).fields["token"]["value"], challenge, **signing)

    def send(self, body: Any, **headers: str) -> httpx.Response:
        return self.post(f"{self.url}/passkey", body, **headers)

    def approve(self, credential: Credential, **signing: Any) -> httpx.Response:
        credential.origin = signing.pop("origin", self.origin)
        return self.send(self.signed(credential, **signing))


def from_base64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def registration(credential: Credential, challenge: bytes, **made: Any) -> dict[str, str]:
    given = credential.create(challenge, **made)
    response = given["response"]
    return {
        "credential_id": given["id"],
        "client_data_json": response["clientDataJSON"],
        "attestation_object": response["attestationObject"],
    }


def assertion(credential: Credential, token: str, challenge: bytes, **signing: Any) -> dict[str, str]:
    given = credential.get(challenge, **signing)
    response = given["response"]
    return {
        "token": token,
        "credential_id": given["id"],
        "authenticator_data": response["authenticatorData"],
        "client_data_json": response["clientDataJSON"],
        "signature": response["signature"],
    }


_WITH_TERMINAL = """
import contextlib, fcntl, os, sys, termios
with contextlib.suppress(PermissionError):  # it leads a session already
    os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes its stdin the terminal that the process belongs to, and goes on as the given command."""


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.parent, child = pty.openpty()
        given = {**CLEAN, "BROWSER": "true", **environment}
        command = [sys.executable, "-c", _WITH_TERMINAL, *COMMAND, *arguments]
        self.process = start(command, environment=given, stdin=child, stdout=child, stderr=child)
        os.close(child)
        self.shown = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read until a pattern is shown."""
        return self._read_until(lambda: re.search(pattern, self.shown))

    def _read_until(self, found: Callable[[], re.Match[str] | None]) -> re.Match[str]:
        ends = monotonic() + TIMEOUT_S
        while monotonic() < ends:
            match = found()
            if match is not None:
                return match
            if not self._read(0.1) and self.process.poll() is not None and not self._read(0.1):
                break
        match = found()
        assert match is not None, self.shown
        return match

    def _read(self, wait_s: float) -> bool:
        if not select.select([self.parent], [], [], wait_s)[0]:
            return False
        try:
            data = os.read(self.parent, 65_536)
        except OSError:  # the process has ended
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def end(self) -> int:
        """Wait for the end of the command and return its exit code."""
        code: int = self.process.wait(TIMEOUT_S)
        while self._read(0.1):
            pass
        return code


@contextmanager
def at_terminal(*arguments: str, **environment: str) -> Iterator[Terminal]:
    """Run a command at a terminal while the block runs."""
    terminal = Terminal(*arguments, **environment)
    try:
        yield terminal
    finally:
        terminal.process.kill()
        terminal.process.wait(TIMEOUT_S)
        os.close(terminal.parent)


def add_passkey(credential: Credential, name: str, **environment: str) -> None:
    """Enrol a passkey on this machine."""
    with at_terminal("passkey", "add", name, **environment) as terminal, httpx.Client(trust_env=False) as client:
        url = terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0]
        answer = Device(url, client).enrol(credential)
        assert answer.status_code == 200, answer.text
        assert terminal.end() == 0, terminal.shown
