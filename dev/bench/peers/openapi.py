"""The OpenAPI document of the Projects API as a server is made of it: without references, and without answers.

The page has examples instead of schemas for its answers, so nothing more is said of one than that it is an object.
"""

import json
from pathlib import Path
from typing import Any, Final

__all__ = ["document"]

_DOCUMENT: Final = Path(__file__).resolve().parents[2] / "openapi" / "projects.json"
_NO_PART_OF_A_TOOL: Final = "/api/personal_api_keys/@current/"


def document() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    whole = json.loads(_DOCUMENT.read_text(encoding="utf-8"))
    paths = {
        path: {method: _operation(operation, whole) for method, operation in operations.items()}
        for path, operations in whole["paths"].items()
        if path != _NO_PART_OF_A_TOOL
    }
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths}


def _operation(operation: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    shown = {name: _inlined(part, whole) for name, part in operation.items() if name not in {"responses", "security"}}
    nothing = operation["responses"].get("204")
    return {**shown, "responses": {"204": nothing} if nothing else _answer()}


def _inlined(part: Any, whole: dict[str, Any]) -> Any:
    """Put what a reference points to in its place. No part of the document refers to itself."""
    if isinstance(part, list):
        return [_inlined(item, whole) for item in part]
    if not isinstance(part, dict):
        return part
    if "$ref" not in part:
        return {name: _inlined(item, whole) for name, item in part.items()}
    found: Any = whole
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _inlined(found, whole)


def _answer() -> dict[str, Any]:
    return {"200": {"description": "RESPONSE", "content": {"application/json": {"schema": {"type": "object"}}}}}
