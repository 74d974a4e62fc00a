"""Tell a person to open a page in a browser, and try to open it."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from contextlib import suppress

import anyio.to_thread

__all__ = ["show_page"]


async def show_page(show: Callable[[str], None], address: str, why: str) -> None:
    """Tell a person to open a page, and try to open it.

    Args:
        show: shows a line.
        address: of the page.
        why: what for, as the begin of a sentence.
    """
    show(f"{why}, open {address}")
    await anyio.to_thread.run_sync(_open, address)


def _open(address: str) -> None:
    with suppress(webbrowser.Error):  # the address has been shown
        webbrowser.open(address)
