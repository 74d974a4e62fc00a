"""Answers with a page: each has all headers that keep it away from other pages, caches and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from projects_mcp.http.approval.style import STYLE_SOURCE

__all__ = ["page_response", "redirect", "script_response"]

_POLICY: Final = (
    "default-src 'none'; style-src {style}; img-src data:; script-src {script}; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_FEATURES: Final = (
    *("accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation"),
    *("gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock"),
    *("serial", "usb", "hid", "xr-spatial-tracking"),
)
_PASSKEYS: Final = ("publickey-credentials-get", "publickey-credentials-create")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join((*(f"{name}=(self)" for name in _PASSKEYS), *(f"{name}=()" for name in _FEATURES))),
    # Sends no path, which holds the code, to anybody. With `no-referrer`, browsers send `Origin: null` with a form.
    "Referrer-Policy": "strict-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def page_response(
    html: str, status: int = 200, headers: Mapping[str, str] | None = None, *, scripts: bool = False
) -> Response:
    """Return an answer with a page.

    Args:
        html: the page.
        status: of the answer.
        headers: more of them.
        scripts: whether scripts of the page's own origin run, and may ask it.
    """
    policy = _POLICY.format(style=STYLE_SOURCE, script="'self'; connect-src 'self'" if scripts else "'none'")
    return Response(
        html.encode("utf-8", "replace"),
        status,
        {**_HEADERS, "Content-Security-Policy": policy, **(headers or {})},
        media_type="text/html; charset=utf-8",
    )


def redirect(place: str) -> Response:
    """Send a browser that has sent a form on, with a GET, to an address relative to the present one."""
    policy = _POLICY.format(style=STYLE_SOURCE, script="'none'")
    return Response(b"", 303, {**_HEADERS, "Content-Security-Policy": policy, "Location": place})


def script_response(script: bytes) -> Response:
    """Return an answer with the pages' script."""
    headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin"}
    return Response(script, 200, {**headers, "X-Content-Type-Options": "nosniff"}, media_type="text/javascript")
