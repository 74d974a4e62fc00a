"""Take the pictures of docs/approvals.md from the real page of an approval, in a real Chromium.

Run it with the project's own Python: `python -m dev.docs.approval_pictures`. It needs `chromium` and `chromedriver`
(Debian: `apt-get install chromium chromium-driver`). `--to FOLDER --all` takes every view, to be looked at.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from dev.docs.png import with_palette
from dev.environments import ROOT
from dev.processes import start, wait_until_listening, without_settings

FOLDER: Final = ROOT / "docs" / "images"
_DESKTOP: Final = 640
"""Pixels of the narrowest window that is no phone's."""
_TIMEOUT_S: Final = 60.0
_PROJECT: Final = (12347, "Acme mobile")
_SEVERAL: Final = {
    "project_ids": [12345, 12346, 12347],
    "settings": {"timezone": "Asia/Tokyo", "logs_settings": {"retention_days": 7}},
}
"""The plan: settings of three projects, one of which cannot be undone."""
_FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    "--hide-scrollbars",
)


class View(NamedTuple):
    """One picture.

    Attributes:
        name: of its file, without `approval-` and `.png`.
        width: of the window, in pixels.
        scheme: light or dark.
        step: `open` for the page as it is opened, `wrong` and `granted` for what follows a name.
        published: whether it stands in the documentation.
        plan: the approval of a plan for several projects, and not that of a deletion.
    """

    name: str
    width: int
    scheme: str
    step: str = "open"
    published: bool = False
    plan: bool = False


VIEWS: Final = (
    View("page", 800, "light", published=True),
    View("phone", 320, "dark", published=True),
    View("wide", 1280, "light"),
    View("wide-dark", 1280, "dark"),
    View("page-dark", 800, "dark"),
    View("phone-light", 320, "light"),
    View("wrong", 800, "light", "wrong"),
    View("wrong-phone-dark", 320, "dark", "wrong"),
    View("granted", 800, "light", "granted"),
    View("plan", 800, "light", published=True, plan=True),
    View("plan-dark", 800, "dark", plan=True),
    View("plan-phone", 320, "dark", plan=True),
    View("plan-phone-light", 320, "light", plan=True),
    View("plan-wide", 1280, "light", plan=True),
    View("plan-wide-dark", 1280, "dark", plan=True),
)


class _Browser:
    """A Chromium that one driver drives."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        options = {"goog:chromeOptions": {"args": list(_FLAGS)}}
        created = self._send("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{created['sessionId']}"

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        response = self._client.request(method, path, json=body)
        value = response.json()["value"]
        if response.is_error:
            raise SystemExit(f"the driver says: {value['message']}")
        return value

    def devtools(self, command: str, **parameters: Any) -> Any:
        return self._send("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show(self, url: str, view: View) -> None:
        size = {"width": view.width, "height": 800, "deviceScaleFactor": 1, "mobile": view.width < _DESKTOP}
        self.devtools("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": view.scheme}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])
        self._send("POST", f"{self._session}/url", {"url": url})

    def approve(self, name: str) -> None:
        script = "document.getElementById('name').value = arguments[0];document.querySelector('button.approve').click()"
        self._send("POST", f"{self._session}/execute/sync", {"script": script, "args": [name]})

    def picture(self) -> bytes:
        return base64.b64decode(self.devtools("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def end(self) -> None:
        self._send("DELETE", self._session)


@contextlib.contextmanager
def _browser() -> Iterator[_Browser]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        driver = start(["chromedriver", f"--port={port}"], environment=without_settings(), log=Path(folder, "log"))
        try:
            wait_until_listening(driver, port)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT_S, trust_env=False) as client:
                browser = _Browser(client)
                try:
                    yield browser
                finally:
                    browser.end()
        finally:
            driver.terminate()
            driver.wait()


@contextlib.contextmanager
def _waiting_approvals() -> Iterator[tuple[str, str]]:
    """Run a server on the sandbox, and yield the addresses of two pages: of a deletion, and of a plan."""
    environment = {**without_settings(), "PROJECTS_MCP_CONFIRMATION": "human"}
    command = [sys.executable, "-m", "projects_mcp", "--sandbox"]
    pipe = subprocess.PIPE
    process = start(command, environment=environment, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    project, name = _PROJECT
    about = {"name": "assistant", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": about}
    try:
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise AssertionError("both are pipes")

        def send(message: dict[str, Any]) -> None:
            stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
            stdin.flush()

        def call(tool: str, arguments: dict[str, Any]) -> Any:
            send({"id": 2, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
            return json.loads(stdout.readline())["result"]

        send({"id": 1, "method": "initialize", "params": hello})
        stdout.readline()
        send({"method": "notifications/initialized"})
        deletion = call("project_delete", {"project_id": project, "confirm_project_name": name})
        preview = call("project_update", {**_SEVERAL, "dry_run": True})["structuredContent"]
        plan = call("project_update", {"plan": preview["plan"], "confirm_plan": preview["confirm_plan"]})
        yield _page_of(deletion), _page_of(plan)
    finally:
        process.kill()
        process.communicate()


def _page_of(refused: Any) -> str:
    url: str = refused["_meta"]["projects-mcp/error"]["approval"]["url"]
    return url


def main() -> int:
    """Take the pictures.

    Returns:
        The exit code: 0.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the pictures")
    parser.add_argument("--all", action="store_true", help="every view, and not only those of the documentation")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with _browser() as browser, _waiting_approvals() as (deletion, plan):
        for view in VIEWS:
            if not (view.published or options.all):
                continue
            browser.show(plan if view.plan else deletion, view)
            if view.step != "open":
                browser.approve(_PROJECT[1] if view.step == "granted" else "acme mobile")
            target = options.to / f"approval-{view.name}.png"
            target.write_bytes(with_palette(browser.picture()))
            print(f"{target}: {target.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
