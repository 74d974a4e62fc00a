"""A page in Chromium: it works with a server of another origin if that is listed, and gets nothing if it is not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from projects_mcp.api.operations import OPERATIONS
from projects_mcp.sandbox import PRODUCTION_ID
from tests.support.browser import Browser, browsing_or_skipped
from tests.support.callers import entry, token_of, write_callers
from tests.support.issuer import issuing
from tests.support.messages import MODERN, message_of
from tests.support.posthog import Upstream
from tests.support.served import HARMLESS, Served, served

pytestmark = pytest.mark.heavy

SEND = """
const [address, method, headers, body] = arguments;
return (async () => {
  try {
    const answer = await fetch(address, {method, headers, body: body ?? undefined});
    const names = ["content-type", "www-authenticate", "retry-after"];
    const read = Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]));
    return {status: answer.status, headers: read, body: await answer.text()};
  } catch (error) {
    return {failed: String(error)};
  }
})();
"""
"""Send one request as any page can, and tell what the page sees of the answer."""


FORM = b"<input id=name><button id=greet onclick='page.textContent = this.previousSibling.value'>"


@contextmanager
def site() -> Iterator[str]:
    """Serve an empty page on a port of its own, and yield its origin."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>A page</title><p id=page>A page" + FORM)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def pages() -> Iterator[tuple[str, str]]:
    """The origins of two pages: one that the server lists, and one that it does not."""
    with site() as listed, site() as other:
        yield listed, other


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing_or_skipped("PAGES ARE NOT TESTED IN A BROWSER") as chromium:
        yield chromium


@pytest.fixture(scope="module")
def server(
    browser: Browser,
    behind: Upstream,
    pages: tuple[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    callers = write_callers(tmp_path_factory.mktemp("callers") / "callers", entry("ada"))
    with issuing() as issuer:
        settings = {
            "PROJECTS_MCP_CALLERS": str(callers),
            "PROJECTS_MCP_OAUTH_ISSUER": issuer.origin,
            "PROJECTS_MCP_ALLOWED_ORIGINS": pages[0],
        }
        with served(POSTHOG_HOST=behind.origin, **HARMLESS, **settings) as process:
            yield process


def post(browser: Browser, address: str, message: dict[str, Any], token: str | None, version: str = "") -> Any:
    """Post a message from the page that the browser shows."""
    name = message["params"].get("name")
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **({} if token is None else {"Authorization": f"Bearer {token}"}),
        **({"MCP-Protocol-Version": version, "Mcp-Method": message["method"]} if version else {}),
        **({"Mcp-Name": name} if version and name else {}),
    }
    return browser.run(SEND, address, "POST", headers, json.dumps(message))


def result_of(answer: Any) -> Any:
    """The result in an answer, which is JSON or the one event of a stream."""
    assert answer.get("status") == 200, answer
    text = answer["body"]
    if answer["headers"]["content-type"].startswith("text/event-stream"):
        (text,) = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: {")]
    return json.loads(text)["result"]


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "page", "version": "1"}},
}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
READ = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "project_get", "arguments": {"project_id": PRODUCTION_ID}},
}


def modern(message: dict[str, Any]) -> dict[str, Any]:
    return message_of(message["method"], message["params"])


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_listed_page_lists_and_calls_tools(
    browser: Browser, server: Served, upstream: Upstream, pages: tuple[str, str], slash: str
) -> None:
    browser.open(pages[0])
    address, token = server.address + slash, token_of("ada")
    assert result_of(post(browser, address, INITIALIZE, token))["serverInfo"]["name"] == "projects-mcp"
    for version, message in (("2025-11-25", lambda it: it), (MODERN, modern)):
        listed = result_of(post(browser, address, message(LIST), token, version))
        assert len(listed["tools"]) == len(OPERATIONS)
        read = result_of(post(browser, address, message(READ), token, version))
        assert read["structuredContent"]["id"] == PRODUCTION_ID
    assert upstream.recorder.writes == []
    server.wait_for('"method":"OPTIONS","path":"/mcp' + slash + '","status":204')


def test_a_listed_page_reads_why_it_is_refused_and_where_to_get_a_token(
    browser: Browser, server: Served, pages: tuple[str, str]
) -> None:
    browser.open(pages[0])
    refused = post(browser, server.address, LIST, None)
    assert refused["status"] == 401
    assert "bearer token is needed" in refused["body"]
    document = refused["headers"]["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0]
    headers = {"MCP-Protocol-Version": MODERN}  # as a client sends it, so that a preflight is needed
    found = browser.run(SEND, document, "GET", headers, None)
    assert json.loads(found["body"])["resource"] == server.address
    stream = browser.run(SEND, server.address, "GET", {"Authorization": f"Bearer {token_of('ada')}"}, None)
    assert stream["status"] == 405, "clients of older revisions try it"


def test_another_page_gets_nothing(
    browser: Browser, server: Served, upstream: Upstream, pages: tuple[str, str]
) -> None:
    browser.open(pages[1])
    document = f"{server.address.removesuffix('/mcp')}/.well-known/oauth-protected-resource/mcp"
    for token in (token_of("ada"), None):
        for message in (INITIALIZE, LIST, READ):
            assert post(browser, server.address, message, token) == {"failed": "TypeError: Failed to fetch"}
    assert browser.run(SEND, document, "GET", {}, None) == {"failed": "TypeError: Failed to fetch"}
    unasked = browser.run(SEND, server.address, "POST", {"Content-Type": "text/plain"}, json.dumps(READ))
    assert unasked == {"failed": "TypeError: Failed to fetch"}, "what needs no preflight cannot be read either"
    assert upstream.recorder.requests == []


def test_the_driver_types_clicks_and_holds_passkeys(browser: Browser, pages: tuple[str, str]) -> None:
    origin = pages[0].replace("127.0.0.1", "localhost")  # passkeys need a name
    browser.open(origin)
    authenticator = browser.add_authenticator()
    try:
        made = browser.run(
            """
            const bytes = (n) => crypto.getRandomValues(new Uint8Array(n));
            return navigator.credentials.create({publicKey: {
              challenge: bytes(32), rp: {name: "Test"}, user: {id: bytes(8), name: "ada", displayName: "Ada"},
              pubKeyCredParams: [{type: "public-key", alg: -7}],
              authenticatorSelection: {residentKey: "required", userVerification: "required"},
            }}).then((credential) => credential.type);
            """
        )
        assert made == "public-key"
        assert [held["rpId"] for held in browser.passkeys(authenticator)] == ["localhost"]
    finally:
        browser.remove_authenticator(authenticator)
    assert browser.address.startswith(origin)
    assert browser.text("#page") == "A page"
    browser.type("#name", "Ada")
    browser.click("#greet")
    assert browser.text("#page") == "Ada"
