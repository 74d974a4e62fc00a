"""The page of an approval as a browser sees it: what is visible, and what its form sends."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

_VOID = frozenset({"meta", "link", "input", "br"})
_HIDDEN = frozenset({"head", "style", "script"})


_POLICY = {
    "default-src": "'none'",
    "script-src": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


def assert_kept_apart(headers: Mapping[str, str], scripts: str = "'none'") -> None:
    """Nothing of a page is framed, kept, guessed at or told to anybody."""
    policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
    assert {name: policy[name] for name in _POLICY} == {**_POLICY, "script-src": scripts}
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy["style-src"])
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["permissions-policy"].startswith(
        "publickey-credentials-get=(self), publickey-credentials-create=(self),"
    )
    assert {name for name in headers if name.startswith("access-control-")} == set()


@dataclass
class Seen:
    """What a page holds."""

    title: str = ""
    text: str = ""
    rows: list[tuple[str, str]] = field(default_factory=list)
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    """The attributes of each input, by its name."""
    buttons: list[str] = field(default_factory=list)
    alert: str = ""
    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return "".join(f"{label}: {value}\n" for label, value in self.rows)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen = Seen()
        self.open: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.seen.tags.append(tag)
        if "id" in attributes:
            self.seen.ids.append(attributes["id"])
        if tag == "input":
            self.seen.fields[attributes["name"]] = attributes
        elif tag == "dt":
            self.seen.rows.append(("", ""))
        if tag not in _VOID:
            self.open.append((tag, attributes))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, "every element is closed where it was opened"

    def handle_data(self, data: str) -> None:
        inside = {tag for tag, _ in self.open}
        if "title" in inside:
            self.seen.title += data
        if inside & _HIDDEN:
            return
        self.seen.text += data
        if inside & {"dt", "dd"}:
            label, value = self.seen.rows[-1]
            self.seen.rows[-1] = (label + data, value) if "dt" in inside else (label, value + data)
        if "button" in inside:
            self.seen.buttons.append(data)
        if any(attributes.get("role") == "alert" for _, attributes in self.open):
            self.seen.alert += data


def read(html: str) -> Seen:
    """Read a page as a browser does."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader.seen


class Browser:
    """Opens a page, and sends its form as a browser would.

    Args:
        url: of the page.
        client: asks for it; one over the network if there is none.
        token: of the form, if it is not the one that the page has.
    """

    def __init__(self, url: str, client: httpx.Client | None = None) -> None:
        self.url = url
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.client = client or httpx.Client(timeout=20, trust_env=False)
        self.sent: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.client.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, **headers: str) -> httpx.Response:
        return self.client.get(self.url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def open(self) -> Seen:
        response = self.get()
        assert response.status_code == 200, response.text
        return read(response.text)

    def send(self, form: dict[str, str], **headers: str) -> httpx.Response:
        """Send a form, and follow where that leads."""
        self.sent = form
        given = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
        return self.client.post(self.url, data=form, headers=chosen, follow_redirects=True)

    def decide(self, decision: str, name: str = "", **headers: str) -> httpx.Response:
        token = self.open().fields["token"]["value"]
        return self.send({"token": token, "decision": decision, "name": name}, **headers)
