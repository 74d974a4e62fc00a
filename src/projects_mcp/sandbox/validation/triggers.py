"""Validate ``session_recording_trigger_groups``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from projects_mcp.sandbox.errors import InvalidValueError

_VERSION = 2
_MAX_DURATION_MS = 30_000
_OPERATORS = ("exact", "gt", "icontains", "is_not", "lt", "not_icontains", "not_regex", "regex")
_TYPES = ("event", "person")


def validate_trigger_groups(value: Any) -> dict[str, Any]:
    """Validate ``{version: 2, groups: [...], fallbackSampleRate?}`` and return it unchanged."""
    if not isinstance(value, dict):
        raise InvalidValueError("Must provide a dictionary or None.")
    if "version" not in value:
        raise InvalidValueError("Missing required field: 'version'.")
    if value["version"] != _VERSION:
        raise InvalidValueError(f"Invalid version: {value['version']}. Only version 2 is supported.")
    if "groups" not in value:
        raise InvalidValueError("Missing required field: 'groups'.")
    if not isinstance(value["groups"], list):
        raise InvalidValueError("Field 'groups' must be an array.")
    for index, group in enumerate(value["groups"]):
        _validate_group(group, f"Group {index}")
    if "fallbackSampleRate" in value and not _is_rate(value["fallbackSampleRate"]):
        rate = value["fallbackSampleRate"]
        raise InvalidValueError(f"Invalid fallbackSampleRate: {rate}. Must be a number between 0 and 1.")
    return value


def _is_rate(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 <= value <= 1


def _validate_group(group: Any, where: str) -> None:
    if not isinstance(group, dict):
        raise InvalidValueError(f"{where}: must be a dictionary.")
    for name in ("id", "sampleRate", "conditions"):
        if name not in group:
            raise InvalidValueError(f"{where}: missing required field '{name}'.")
    if not _is_rate(group["sampleRate"]):
        rate = group["sampleRate"]
        raise InvalidValueError(f"{where}: invalid sampleRate '{rate}'. Must be a number between 0 and 1.")
    if "minDurationMs" in group:
        _validate_duration(group["minDurationMs"], where)
    _validate_conditions(group["conditions"], where)


def _validate_duration(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValueError(f"{where}: 'minDurationMs' must be an integer, got {type(value).__name__}.")
    if not 0 <= value <= _MAX_DURATION_MS:
        detail = f"{where}: 'minDurationMs' must be between 0 and 30000 (30 seconds). Got: {value}."
        raise InvalidValueError(detail)


def _validate_conditions(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise InvalidValueError(f"{where}: field 'conditions' must be a dictionary.")
    if value.get("matchType", "any") not in ("any", "all"):
        raise InvalidValueError(f"{where}: invalid matchType '{value['matchType']}'. Must be 'any' or 'all'.")
    for index, event in enumerate(_array(value, "events", where)):
        _validate_event(event, index, where)
    for url in _array(value, "urls", where):
        _validate_url(url, where)
    _validate_flag(value.get("flag"), where)
    if "properties" in value:
        _validate_properties(value["properties"], where)


def _array(conditions: Mapping[str, Any], name: str, where: str) -> list[Any]:
    value = conditions.get(name, [])
    if not isinstance(value, list):
        raise InvalidValueError(f"{where}: field '{name}' must be an array.")
    return value


def _validate_event(event: Any, index: int, where: str) -> None:
    if isinstance(event, str):
        return
    if not isinstance(event, dict):
        raise InvalidValueError(f"{where}: event {index} must be a string or object with 'name'.")
    if not isinstance(event.get("name"), str):
        raise InvalidValueError(f"{where}: event {index} object must have a string 'name' field.")
    if "properties" in event:
        _validate_properties(event["properties"], f"{where}, event '{event['name']}'")


def _validate_url(url: Any, where: str) -> None:
    if not isinstance(url, dict):
        raise InvalidValueError(f"{where}: URL config must be a dictionary.")
    if "url" not in url or "matching" not in url:
        raise InvalidValueError(f"{where}: URL config must have 'url' and 'matching' fields.")
    if url["matching"] != "regex":
        raise InvalidValueError(f"{where}: URL matching must be 'regex'. Got: '{url['matching']}'.")
    try:
        re.compile(str(url["url"]))
    except re.error:
        raise InvalidValueError(f"{where}: invalid regex pattern in URL: '{url['url']}'.") from None


def _validate_flag(flag: Any, where: str) -> None:
    if flag is None or isinstance(flag, str):
        return
    if not isinstance(flag, dict):
        detail = f"{where}: 'flag' must be a string (flag key), object (LinkedFeatureFlag), or null."
        raise InvalidValueError(detail)
    if "key" not in flag:
        raise InvalidValueError(f"{where}: flag object must have 'key' field.")
    if not isinstance(flag["key"], str):
        raise InvalidValueError(f"{where}: flag 'key' must be a string.")


def _validate_properties(value: Any, where: str) -> None:
    if not isinstance(value, list):
        raise InvalidValueError(f"{where}: 'properties' must be an array.")
    for index, part in enumerate(value):
        _validate_property(part, f"{where}: property {index}")


def _validate_property(value: Any, where: str) -> None:
    if not isinstance(value, dict):
        raise InvalidValueError(f"{where} must be a dictionary.")
    if not isinstance(value.get("key"), str):
        raise InvalidValueError(f"{where} must have a string 'key' field.")
    if value.get("type") not in _TYPES:
        raise InvalidValueError(f"{where} must have a 'type' field with value: {', '.join(_TYPES)}.")
    operator = value.get("operator", "exact")
    if operator not in _OPERATORS:
        known = ", ".join(_OPERATORS)
        raise InvalidValueError(f"{where} has invalid operator '{operator}'. Valid operators: {known}.")
    if "value" not in value:
        raise InvalidValueError(f"{where} must have a 'value' field.")
