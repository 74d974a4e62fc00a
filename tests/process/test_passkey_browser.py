"""Passkeys in a real Chromium with a virtual authenticator: the page's script, the browser and the server together.

Every request of the page is the browser's own, so this shows what a software authenticator takes for granted.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.environments import UnavailableError
from dev.toolbox import Toolbox
from tests.support.browser import Browser, browsing_or_skipped
from tests.support.passkeys import at_terminal
from tests.support.process import Piped, run, running
from tests.support.sandbox import RESET
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(sys.platform == "win32", reason="the terminal of these tests is one of Unix"),
]
STATUS = "#passkey-status"

RECORD = """
window.sent = [];
const real = window.fetch;
window.fetch = (address, options) => { window.sent.push([address, options.body]); return real(address, options); };
"""
"""Keeps what the script sends."""

SEND = """
const [address, body] = arguments;
return fetch(address, {method: "POST", headers: {"Content-Type": "application/json"}, body}).then(
  (answer) => answer.json().then((said) => [answer.status, said.error ?? ""]));
"""

SIGN_WITH_ANOTHER = """
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
const button = document.getElementById("passkey");
const {options} = JSON.parse(button.dataset.passkey);
return (async () => {
  const made = await navigator.credentials.create({publicKey: {
    challenge: new Uint8Array(32), rp: {id: "localhost", name: "another"},
    user: {id: new Uint8Array(16), name: "another", displayName: "another"},
    pubKeyCredParams: [{type: "public-key", alg: -7}],
    authenticatorSelection: {userVerification: "required"},
  }});
  const signed = await navigator.credentials.get({publicKey: {
    challenge: bytes(options.challenge), rpId: "localhost", userVerification: "required",
    allowCredentials: [{type: "public-key", id: made.rawId}],
  }});
  return JSON.stringify({
    token: button.form.elements.token.value, credential_id: signed.id,
    authenticator_data: text(signed.response.authenticatorData),
    client_data_json: text(signed.response.clientDataJSON), signature: text(signed.response.signature),
  });
})();
"""
"""Makes a passkey of its own for the same name, and signs the approval with it, as a page under our name could."""

AUDIT = """
return axe.run(document, {resultTypes: ["violations"]}).then((found) => found.violations
  .filter((each) => ["serious", "critical"].includes(each.impact))
  .map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(" ")}`));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing_or_skipped("passkeys in a browser") as each:
        yield each


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return {
        "PROJECTS_MCP_STATE": str(folder / "state.sqlite3"),
        "PROJECTS_MCP_CONFIRMATION": "passkey",
        "PROJECTS_MCP_AUDIT_LOG": str(folder / "audit"),
    }


@pytest.fixture
def server(environment: dict[str, str]) -> Iterator[Piped]:
    with running("--sandbox", **environment) as piped:
        piped.handshake()
        yield piped


@pytest.fixture
def authenticator(browser: Browser) -> Iterator[str]:
    each = browser.add_authenticator()
    yield each
    browser.remove_authenticator(each)


def make_offer(server: Piped) -> dict[str, Any]:
    result = server.call("project_reset_token", RESET)
    error: dict[str, Any] = result["_meta"]["projects-mcp/error"]
    assert error["kind"] == "passkey_needed", result
    offer: dict[str, Any] = error["approval"]
    return offer


def says(browser: Browser, sentence: str) -> None:
    """Wait until the page says so. It may be loading anew, so the text is asked for in one step."""
    seen: list[str] = []

    def said() -> bool:
        seen.append(str(browser.run("return document.body?.innerText ?? ''")))
        return sentence in seen[-1]

    assert eventually(said), seen[-1]


def enrol(browser: Browser, environment: dict[str, str], name: str = "alex") -> None:
    with at_terminal("passkey", "add", name, **environment) as terminal:
        browser.open(terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0])
        browser.click("#passkey")
        says(browser, "The passkey is enrolled")
        assert terminal.end() == 0, terminal.shown


def test_a_person_enrols_a_passkey_and_approves_a_call_with_it(
    browser: Browser, authenticator: str, server: Piped, environment: dict[str, str]
) -> None:
    enrol(browser, environment)
    (held,) = browser.passkeys(authenticator)
    assert held["rpId"] == "localhost"
    offer = make_offer(server)
    browser.open(offer["url"])
    browser.run(RECORD)
    browser.click("#passkey")
    says(browser, "Approved")
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
    make_offer(server)
    verified = run("audit", "verify", environment["PROJECTS_MCP_AUDIT_LOG"], "--json")
    assert '"good":1' in verified.stdout.replace(" ", "").replace("\n", "")


def test_what_was_sent_once_counts_once(
    browser: Browser, authenticator: str, server: Piped, environment: dict[str, str]
) -> None:
    enrol(browser, environment)
    offer = make_offer(server)
    browser.open(offer["url"])
    browser.run(RECORD.replace("return real(address, options)", "return new Promise(() => {})"))
    browser.click("#passkey")
    assert eventually(lambda: bool(browser.run("return window.sent.length")))
    ((address, body),) = browser.run("return window.sent")
    browser.open(offer["url"])
    assert browser.run(SEND, address, body) == [200, ""]
    status, said = browser.run(SEND, address, body)
    assert (status, "decided before" in said) == (409, True)
    assert server.call("project_reset_token", RESET)["structuredContent"]["outcome"] == "applied"
    again = make_offer(server)
    browser.open(again["url"])
    status, said = browser.run(SEND, f"/approve/{again['code']}/passkey", body)
    assert (status, "does not fit" in said) == (422, True)
    make_offer(server)


def test_a_device_that_does_not_verify_its_person_signs_and_enrols_nothing(
    browser: Browser, server: Piped, environment: dict[str, str]
) -> None:
    enrolled = browser.add_authenticator()
    enrol(browser, environment)
    browser.remove_authenticator(enrolled)
    careless = browser.add_authenticator(verifies=False)
    try:
        browser.open(make_offer(server)["url"])
        browser.click("#passkey")
        says(browser, "Nothing was signed")
        with at_terminal("passkey", "add", "sam", **environment) as terminal:
            browser.open(terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0])
            browser.click("#passkey")
            says(browser, "No passkey was made")
    finally:
        browser.remove_authenticator(careless)
    assert "sam" not in run("passkey", "list", **environment).stdout
    make_offer(server)


def test_another_credential_approves_nothing(browser: Browser, server: Piped, environment: dict[str, str]) -> None:
    enrolled = browser.add_authenticator()
    enrol(browser, environment)
    browser.remove_authenticator(enrolled)
    another = browser.add_authenticator()
    try:
        offer = make_offer(server)
        browser.open(offer["url"])
        body = browser.run(SIGN_WITH_ANOTHER)
        status, said = browser.run(SEND, f"/approve/{offer['code']}/passkey", body)
        assert (status, "not enrolled" in said) == (422, True)
        browser.click("#passkey")
        says(browser, "Nothing was signed")
    finally:
        browser.remove_authenticator(another)
    make_offer(server)


def test_at_another_origin_the_page_says_where_it_works(
    browser: Browser, authenticator: str, server: Piped, environment: dict[str, str]
) -> None:
    enrol(browser, environment)
    offer = make_offer(server)
    browser.open(offer["url"].replace("localhost", "127.0.0.1"))
    browser.click("#passkey")
    says(browser, f"A passkey works at {offer['url']} only")
    browser.open(offer["url"])
    browser.run(RECORD.replace("return real(address, options)", "return new Promise(() => {})"))
    browser.click("#passkey")
    assert eventually(lambda: bool(browser.run("return window.sent.length")))
    ((_, body),) = browser.run("return window.sent")
    browser.open(offer["url"].replace("localhost", "127.0.0.1"))
    with at_terminal("approve", offer["code"], "--browser", **environment) as terminal:
        elsewhere = terminal.wait_for(r"http://localhost:\d+/approve/[\w-]+")[0]
        browser.open(elsewhere)
        status, said = browser.run(SEND, f"/approve/{offer['code']}/passkey", body)
        assert (status, "does not fit" in said) == (422, True), "it was signed for another port of this machine"
        browser.click("#passkey")
        says(browser, "Approved")
        assert terminal.end() == 0, terminal.shown


def test_a_device_is_enrolled_once(browser: Browser, authenticator: str, environment: dict[str, str]) -> None:
    enrol(browser, environment)
    with at_terminal("passkey", "add", "alex", **environment) as terminal:
        browser.open(terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0])
        browser.click("#passkey")
        says(browser, "holds an enrolled passkey already")


@pytest.fixture(scope="module")
def axe() -> str:
    try:
        return Toolbox(install=os.environ.get("OFFICIAL") == "required").axe.read_text(encoding="utf-8")
    except UnavailableError as error:
        pytest.skip(f"axe on the pages of passkeys: {error}")


def test_axe_finds_nothing_serious(
    browser: Browser, authenticator: str, server: Piped, environment: dict[str, str], axe: str
) -> None:
    def audit() -> list[str]:
        found: list[str] = browser.run(f"{axe}\n{AUDIT}")
        return found

    offer = make_offer(server)
    browser.open(offer["url"])
    assert audit() == [], "nobody is enrolled"
    with at_terminal("passkey", "add", "alex", **environment) as terminal:
        browser.open(terminal.wait_for(r"http://localhost:\d+/passkey/[\w-]+")[0])
        assert audit() == []
        browser.run("document.getElementById('passkey').focus()")
        browser.type("#passkey", "\ue007")  # by the keyboard: Enter
        says(browser, "The passkey is enrolled")
        assert audit() == []
        assert terminal.end() == 0
    browser.open(offer["url"])
    assert audit() == []
    browser.open(offer["url"].replace("localhost", "127.0.0.1"))
    browser.click("#passkey")
    says(browser, "A passkey works at")
    assert audit() == [], "with an error"
    browser.open(offer["url"])
    browser.type("#passkey", "\ue007")
    says(browser, "Approved")
    assert audit() == []
