"""The person of the demonstration, at a browser: opens the page of an approval, and types what it asks for."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["approve_on_page"]

_TOKEN: Final = re.compile(r'name="token" value="([^"]{1,200})"')
_TIMEOUT_S: Final = 10
_MOST_BYTES: Final = 200_000


def approve_on_page(address: str, name: str) -> bool:
    """Open the page of an approval on this machine, type a name, and press the button.

    Args:
        address: of the page.
        name: what is typed.

    Returns:
        Whether the page says that it is approved.

    Raises:
        OSError: the page does not answer.
    """
    browser = build_opener(ProxyHandler({}))
    with browser.open(address, timeout=_TIMEOUT_S) as answer:
        page = answer.read(_MOST_BYTES).decode()
    token = _TOKEN.search(page)
    if token is None:
        return False
    form = urlencode({"token": token[1], "name": name, "decision": "approve"}).encode()
    parts = urlsplit(address)
    sent = Request(address, form, {"Origin": f"{parts.scheme}://{parts.netloc}"})  # noqa: S310 - a page of our own
    with browser.open(sent, timeout=_TIMEOUT_S) as answer:
        return "Approved" in answer.read(_MOST_BYTES).decode()
