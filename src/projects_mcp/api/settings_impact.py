"""What a change of settings does beyond the setting itself: whom it touches, and what is lost with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from projects_mcp.api.json_values import list_difference, same_json
from projects_mcp.api.settings_model import Area, Merge
from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.sanitize.text import listed, quoted

__all__ = [
    "MAY_BE_IRREVERSIBLE",
    "describe_impact",
    "describe_replaced",
    "difference",
    "irreversible",
    "lowers_privacy",
]

_LONG: Final = 400
"""Characters from which a value is shown as a difference."""
_PRIVACY: Final = "Privacy "
"""How each sentence begins that says that a change lowers privacy, or may."""
_FEARED: Final = "may be replaced whole, since this PostHog is an older one, and then loses"
_MOST_DAYS: Final = 100_000
"""Days of a retention that are told apart: a number of PostHog's may have thousands of digits."""


def describe_impact(changed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what a change has reached, or would reach, in one sentence a point.

    Args:
        changed: setting -> its value before and after.
    """
    told: dict[str, list[str]] = {}
    said: list[str] = []
    for name, values in changed.items():
        before, after = values["before"], values["after"]
        special = _SPECIAL.get(name)
        said += special(before, after) if special else _lost_items(name, before, after)
        impact = SETTINGS[name].impact if name in SETTINGS else ""
        lowers = name in SETTINGS and SETTINGS[name].area is Area.PRIVACY
        if impact and special is None and not lowers:
            told.setdefault(impact, []).append(name)
    return said + [f"{', '.join(names)}: {impact}" for impact, names in told.items()]


def lowers_privacy(changed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return those sentences of `describe_impact` that say that a change lowers privacy, or may."""
    return [sentence for sentence in describe_impact(changed) if sentence.startswith(_PRIVACY)]


def describe_replaced(lost_keys: Mapping[str, list[str]], *, done: bool) -> list[str]:
    """Say which keys are gone because PostHog has replaced what was expected to be merged, or would be.

    Args:
        lost_keys: setting -> the keys.
        done: whether it has been seen, or only has to be feared of an older version.
    """
    what = "was replaced whole, as older versions of PostHog do, and lost" if done else _FEARED
    return [f"{name} {what} {_named(keys)}." for name, keys in lost_keys.items()]


def difference(before: Any, after: Any) -> dict[str, Any]:
    """Return a value before and after; of long ones only what differs."""
    if len(repr(before)) + len(repr(after)) < _LONG:
        return {"before": before, "after": after}
    if isinstance(before, list) and isinstance(after, list):
        added, removed = list_difference(before, after)
        shown: dict[str, Any] = {
            "before": {"items": len(before)},
            "after": {"items": len(after)},
            "added": added,
            "removed": removed,
        }
        return shown if added or removed else {**shown, "order": "The same items stand in another order."}
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [key for key in {**before, **after} if not _same_at(key, before, after)]
        return {
            "before": {key: before[key] for key in keys if key in before},
            "after": {key: after[key] for key in keys if key in after},
            "same_keys_left_out": len({**before, **after}) - len(keys),
        }
    return {"before": before, "after": after}


def _same_at(key: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return key in before and key in after and same_json(before[key], after[key])


def _lost_items(name: str, before: Any, after: Any) -> Iterator[str]:
    """Say which items of a list are gone, as lists are replaced whole."""
    if not isinstance(before, list) or (name in SETTINGS and SETTINGS[name].merge is not Merge.REPLACE):
        return
    lost = list_difference(before, after if isinstance(after, list) else []).removed
    if lost:
        yield f"{name} is replaced whole and loses {_named(lost)}."


def _domains(before: Any, after: Any) -> Iterator[str]:
    if not after:
        yield "recording_domains is now empty: recordings start on every origin."
    elif not before:
        yield f"Recordings stop on every origin but {_named(after)}."
    elif isinstance(before, list) and (lost := list_difference(before, after).removed):
        yield f"Recordings stop on {_named(lost)}."


def _recording(before: Any, after: Any) -> Iterator[str]:
    if before and not after:
        yield "Recordings stop on every site and app of the project."
    elif after:
        yield "Recordings start on every site and app of the project, and may be billed."


def _anonymous(before: Any, after: Any) -> Iterator[str]:
    if before and not after:
        yield "Privacy is lowered: IP addresses of visitors are stored from now on."


def _network(before: Any, after: Any) -> Iterator[str]:
    was, now = (value if isinstance(value, dict) else {} for value in (before, after))
    for key, what in (("recordBody", "bodies"), ("recordHeaders", "headers")):
        if now.get(key) and not was.get(key):
            yield f"Privacy is lowered: {what} of network requests are recorded, and may hold passwords and tokens."


def _masking(before: Any, after: Any) -> Iterator[str]:
    was, now = (value if isinstance(value, dict) else {} for value in (before, after))
    if was.get("maskAllInputs", True) and now.get("maskAllInputs", True) is False:
        yield "Privacy is lowered: what people type is recorded in clear."
    for key, what in (("maskTextSelector", "masked"), ("blockSelector", "hidden")):
        if was.get(key) and now.get(key) != was[key]:
            yield f"Privacy may be lowered: other elements are {what} in recordings than before."


def _conversations(before: Any, after: Any) -> Iterator[str]:
    if before and not after:
        yield SETTINGS["conversations_enabled"].impact


def _webhook(before: Any, after: Any) -> Iterator[str]:
    was, now = (value not in (None, "", "absent") for value in (before, after))
    yield f"slack_incoming_webhook is {'replaced' if was and now else 'set' if now else 'removed'}."


def irreversible(changed: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the settings whose change cannot be undone, each with what is lost, as a sentence.

    Args:
        changed: setting -> its value before and after.
    """
    lost = {
        name: _IRREVERSIBLE[name](values["before"], values["after"])
        for name, values in changed.items()
        if name in _IRREVERSIBLE
    }
    return {name: sentence for name, sentence in lost.items() if sentence}


def _lost_widget_token(before: Any, after: Any) -> str:
    return SETTINGS["conversations_enabled"].impact if before and not after else ""


def _lost_logs(before: Any, after: Any) -> str:
    was, now = _retention_days(before), _retention_days(after)
    return f"Logs that are older than {now:g} days are deleted." if now < was else ""


def _retention_days(value: Any) -> float:
    days = value.get("retention_days") if isinstance(value, dict) else None
    usual: float = SETTINGS["logs_settings"].default["retention_days"]
    if not isinstance(days, int | float) or isinstance(days, bool):
        return usual
    return min(max(days, 0), _MOST_DAYS)


_IRREVERSIBLE: Final[Mapping[str, Callable[[Any, Any], str]]] = {
    "conversations_enabled": _lost_widget_token,
    "logs_settings": _lost_logs,
}
"""Settings that have an effect which no other value takes back, in one direction at least."""
MAY_BE_IRREVERSIBLE: Final = frozenset(_IRREVERSIBLE)


_SPECIAL: Final[Mapping[str, Callable[[Any, Any], Iterator[str]]]] = {
    "recording_domains": _domains,
    "session_recording_opt_in": _recording,
    "anonymize_ips": _anonymous,
    "session_recording_network_payload_capture_config": _network,
    "session_recording_masking_config": _masking,
    "conversations_enabled": _conversations,
    "slack_incoming_webhook": _webhook,
}
"""Settings of which it matters in which direction they change."""


def _named(items: Any) -> str:
    items = items if isinstance(items, list) else [items]
    return listed(items, lambda item: quoted(item if isinstance(item, str) else repr(item), 80))
