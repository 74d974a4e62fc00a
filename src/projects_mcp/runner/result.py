"""The result of a call, and its last step: secrets removed once, nothing invisible, bounded, the same as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from projects_mcp.api.types import JSONObject
from projects_mcp.runner.bounds import cut
from projects_mcp.sanitize.json_text import compact_json
from projects_mcp.sanitize.redaction import Redactor
from projects_mcp.sanitize.text import strip_invisible_throughout

__all__ = ["ToolResult", "finalize"]

_EXACT: Final = frozenset({"revert", "next"})
"""Parts that are handed back as arguments. Their characters must stay as they are; the text escapes invisible ones."""


class ToolResult(NamedTuple):
    """What a call answers: an object and the same as text, or an explanation of why there is none.

    `error` is the machine-readable part of a failure. A write whose answer was lost, and which reading back has shown
    to have happened, has both a body and that.
    """

    text: str
    body: JSONObject | None = None
    error: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no answer but a refusal or a failure."""
        return self.body is None

    @property
    def outcome(self) -> str:
        """One word for the audit log: a receipt's outcome, or that a read was answered, refused or failed."""
        if self.body is not None:
            return str(self.body.get("outcome", "answered"))
        error = self.error or {}
        outcome = error.get("outcome")
        if outcome not in {None, "not_applied"}:
            return str(outcome)
        return "failed" if error.get("request_sent") else "refused"


def finalize(body: JSONObject, redactor: Redactor, limit: int, offset: int = 0) -> tuple[JSONObject, str]:
    """Return the result as it leaves: the object, and the same object as text.

    Args:
        body: what the tool answered: shaped, and with all values as PostHog has them.
        redactor: removes secrets.
        limit: bytes of JSON at the most.
        offset: where a list started, so that a cut list can say where it goes on.
    """
    body = _redacted(body, redactor)
    text = compact_json(body)
    if not text.isascii() or "\\u" in text or "\x7f" in text:  # something may be invisible
        body = {name: item if name in _EXACT else strip_invisible_throughout(item) for name, item in body.items()}
        text = compact_json(body)
    if len(text) * 4 > limit and len(text.encode()) > limit:
        body = cut(body, limit, offset)
        text = compact_json(body)
    return body, text


def _redacted(body: JSONObject, redactor: Redactor) -> JSONObject:
    """Remove secrets. What may not be shown cannot be handed back to be written again, so `revert` lacks it."""
    clean: JSONObject = redactor.value(body)
    if "next" in clean and clean["next"] != body["next"]:
        clean["next"] = [_exact_or_without(shown, raw) for shown, raw in zip(clean["next"], body["next"], strict=True)]
    revert = clean.get("revert")
    if revert is None or revert == body["revert"]:
        return clean
    settings = body["revert"]["settings"]
    exact = {name: value for name, value in settings.items() if revert["settings"].get(name) == value}
    lost = [*clean.get("not_revertible", ()), *(name for name in settings if name not in exact)]
    kept = {"settings": exact, "clear": revert["clear"]}
    parts = {name: item for name, item in clean.items() if name not in {"revert", "not_revertible", "next"}}
    parts |= {"revert": kept} if exact or kept["clear"] else {}
    parts |= {"not_revertible": lost}
    return parts | ({"next": clean["next"]} if "next" in clean else {})


def _exact_or_without(shown: JSONObject, raw: JSONObject) -> JSONObject:
    """Return a suggestion with exactly its arguments, or without them and with the reason."""
    if shown == raw:
        return shown
    rest = {name: item for name, item in shown.items() if name != "arguments"}
    return {**rest, "arguments_left_out": "They hold a value that is not shown: use those of your own call."}
