"""Answers in JSON that are not of the Model Context Protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

__all__ = ["json_response"]


def json_response(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON object as an answer that nobody may cache."""
    return Response(
        json.dumps(body), status, {"Cache-Control": "no-store", **(headers or {})}, media_type="application/json"
    )
