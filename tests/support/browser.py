"""Chromium, driven by the WebDriver protocol of its own driver: W3C WebDriver, and its part in W3C WebAuthn.

Each browser has a fresh profile and no window. Every wait is bounded.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.support.waiting import PATIENCE_S, eventually

_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_DRIVERS: Final = ("chromedriver", "chromium.chromedriver")
_STARTED: Final = "started successfully on port "
_ELEMENT: Final = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's id, as the standard has it."""
_FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"),
    *("--no-default-browser-check", "--no-proxy-server"),
)


class NoBrowserError(Exception):
    """There is no browser, or no driver of it, on this machine."""


class WebDriverError(Exception):
    """The driver refused a command, or the page's script failed."""


class Programs(NamedTuple):
    """Where the browser and its driver are."""

    browser: str
    driver: str


def find_programs() -> Programs:
    """Find the browser and its driver.

    Raises:
        NoBrowserError: one of them is not installed.
    """
    found = [next((path for path in map(shutil.which, names) if path), None) for names in (_BROWSERS, _DRIVERS)]
    browser, driver = found
    if browser is None or driver is None:
        missing = _BROWSERS[0] if browser is None else _DRIVERS[0]
        raise NoBrowserError(f"{missing} is not installed here: apt-get install chromium chromium-driver")
    return Programs(browser, driver)


class Browser:
    """One session of a browser.

    Args:
        client: speaks to the session's address at the driver.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def open(self, address: str) -> None:
        """Go to a page and wait until it has loaded."""
        self._command("POST", "/url", {"url": address})

    @property
    def address(self) -> str:
        """Where the browser is."""
        return str(self._command("GET", "/url"))

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page, and return its value, or that of the promise it returns.

        Args:
            script: in JavaScript, with `arguments`.
            arguments: of JSON.

        Raises:
            WebDriverError: it threw something, or took too long.
        """
        return self._command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        """Return the text of an element as a person sees it."""
        return str(self._command("GET", f"/element/{self._find(selector)}/text"))

    def click(self, selector: str) -> None:
        """Click on an element."""
        self._command("POST", f"/element/{self._find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into an element."""
        self._command("POST", f"/element/{self._find(selector)}/value", {"text": text})

    def has(self, selector: str) -> bool:
        """Whether there is such an element now."""
        return bool(self._command("POST", "/elements", {"using": "css selector", "value": selector}))

    def add_authenticator(self, *, verifies: bool = True, consents: bool = True) -> str:
        """Plug in a virtual authenticator for passkeys, and return its id.

        Args:
            verifies: whether it finds that the right person is there.
            consents: whether that person agrees.
        """
        return str(
            self._command(
                "POST",
                "/webauthn/authenticator",
                {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserConsenting": consents,
                    "isUserVerified": verifies,
                },
            )
        )

    def passkeys(self, authenticator: str) -> list[dict[str, Any]]:
        """Return the passkeys that a virtual authenticator holds."""
        held: list[dict[str, Any]] = self._command("GET", f"/webauthn/authenticator/{authenticator}/credentials")
        return held

    def remove_authenticator(self, authenticator: str) -> None:
        """Unplug a virtual authenticator, with its passkeys."""
        self._command("DELETE", f"/webauthn/authenticator/{authenticator}")

    def _find(self, selector: str) -> str:
        """Wait for an element and return its id."""
        assert eventually(lambda: self.has(selector)), f"{selector} does not come up at {self.address}"
        found = self._command("POST", "/element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    def _command(self, method: str, path: str, parameters: dict[str, Any] | None = None) -> Any:
        return command(self._client, method, path, parameters)


def command(client: httpx.Client, method: str, path: str, parameters: dict[str, Any] | None = None) -> Any:
    """Send one command to a driver and return the value of its answer.

    Raises:
        WebDriverError: the answer is an error.
    """
    response = client.request(method, path, json=parameters)
    value = response.json()["value"]
    if response.is_error:
        raise WebDriverError(f"{method} {path}: {value['error']}: {value['message']}")
    return value


@contextmanager
def browsing(programs: Programs) -> Iterator[Browser]:
    """Start a driver and a browser, and end both."""
    # chromium leaves files behind for a moment
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, _driver(programs, profile) as port:
        options = {"binary": programs.browser, "args": [*_FLAGS, f"--user-data-dir={profile}/profile"]}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "timeouts": {"script": PATIENCE_S * 1000, "pageLoad": PATIENCE_S * 1000, "implicit": 0},
        }
        driver = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=driver, timeout=PATIENCE_S * 2, trust_env=False) as client:
            created = command(client, "POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            session = f"{driver}/session/{created['sessionId']}"
            client.base_url = httpx.URL(session)
            try:
                yield Browser(client)
            finally:
                with suppress(httpx.HTTPError, WebDriverError):
                    command(client, "DELETE", session)


@contextmanager
def _driver(programs: Programs, home: str) -> Iterator[int]:
    """Start a driver, and yield the port of this machine that it listens on."""
    lines: list[str] = []
    environment = {"HOME": home, "PATH": os.environ["PATH"], "TMPDIR": home}
    with subprocess.Popen(
        [programs.driver, "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        start_new_session=True,
    ) as process:
        stream = process.stdout
        assert stream is not None
        reading = threading.Thread(target=lambda: lines.extend(stream), daemon=True)
        reading.start()
        try:
            assert eventually(lambda: any(_STARTED in line for line in lines)), "".join(lines)
            (port,) = [line.partition(_STARTED)[2].strip().rstrip(".") for line in lines if _STARTED in line]
            yield int(port)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # a browser that has not ended
            reading.join(PATIENCE_S)


@contextmanager
def browsing_or_skipped(what: str) -> Iterator[Browser]:
    """Start a browser; where there is none, skip the test and say what is not tested, or fail if all is required."""
    try:
        programs = find_programs()
    except NoBrowserError as error:
        if os.environ.get("OFFICIAL") == "required":
            pytest.fail(str(error))
        pytest.skip(f"{what}: {error}")
    with browsing(programs) as browser:
        yield browser
