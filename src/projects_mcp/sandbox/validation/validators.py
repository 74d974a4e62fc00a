"""Validate the settings that are objects or lists with rules of their own, one function for each.

PostHog's behaviour: every refusal here has the code ``invalid_input``.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from projects_mcp.sandbox.errors import InvalidValueError
from projects_mcp.sandbox.world.catalogs import MODIFIERS, PROPERTY_OPERATORS, PROPERTY_TYPES

MAX_WILDCARDS = 5
"""Wildcards in the host of one authorized URL. PostHog's behaviour: those in the path do not count."""

_MAX_ERRORS_TO_IGNORE_CHARS = 300
_BOUNCE_RATE_RANGE_S = (1, 120)
_FILTER_KEYS = frozenset({"key", "type", "value", "operator", "label", "cohort_name", "group_type_index"})
_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|\()|(?<!\\)(?:\\\\)*\\[1-9]")


def validate_dictionary(value: Any) -> dict[str, Any]:
    """Validate a JSON object with any fields."""
    if not isinstance(value, dict):
        raise InvalidValueError("Must provide a dictionary or None.")
    return value


def validate_linked_flag(value: Any) -> dict[str, Any]:
    """Validate ``{id, key}`` or ``{id, key, variant}``, with exactly those keys. A numeric id becomes a number."""
    flag = check_flag_keys(validate_dictionary(value))
    number = flag["id"]
    if isinstance(number, bool) or not isinstance(number, int | str):
        raise InvalidValueError("Must provide an integer 'id'.")
    try:
        return {**flag, "id": int(number)}
    except ValueError:
        raise InvalidValueError("Must provide an integer 'id'.") from None


def check_flag_keys(flag: dict[str, Any]) -> dict[str, Any]:
    """Return a linked flag that has the keys of one, and no other."""
    if flag.keys() not in ({"id", "key"}, {"id", "key", "variant"}):
        detail = "Must provide a dictionary with only 'id' and 'key' keys. _or_ only 'id', 'key', and 'variant' keys."
        raise InvalidValueError(detail)
    return flag


def validate_network_payload(value: Any) -> dict[str, Any]:
    """Validate ``session_recording_network_payload_capture_config``."""
    payload = validate_dictionary(value)
    if payload.keys() - {"recordHeaders", "recordBody"}:
        detail = "Must provide a dictionary with only 'recordHeaders' and/or 'recordBody' keys."
        raise InvalidValueError(detail)
    return payload


def validate_masking(value: Any) -> dict[str, Any]:
    """Validate ``session_recording_masking_config``."""
    known = {"maskAllInputs": bool, "maskTextSelector": str, "blockSelector": str}
    config = validate_dictionary(value)
    if config.keys() - known.keys():
        raise InvalidValueError(f"Must provide a dictionary with only known keys: {', '.join(known)}.")
    for name, kind in known.items():
        if name in config and not isinstance(config[name], kind):
            raise InvalidValueError(f"{name} must be a {'boolean' if kind is bool else 'string'}.")
    return config


def validate_replay(value: Any) -> dict[str, Any]:
    """Validate ``session_replay_config`` with its ``ai_config``."""
    config = validate_dictionary(value)
    if config.keys() - {"record_canvas", "ai_config"}:
        detail = "Must provide a dictionary with only known keys. One or more of record_canvas, ai_config."
        raise InvalidValueError(detail)
    if config.get("ai_config") is not None:
        _validate_replay_ai(config["ai_config"])
    return config


def _validate_replay_ai(value: Any) -> None:
    known = (
        "included_event_properties",
        "opt_in",
        "preferred_events",
        "excluded_events",
        "important_user_properties",
    )
    if validate_dictionary(value).keys() - set(known):
        raise InvalidValueError(f"Must provide a dictionary with only allowed keys: {', '.join(known)}.")


def validate_modifiers(value: Any) -> dict[str, Any]:
    """Validate the names of HogQL query modifiers and the range of ``bounceRateDurationSeconds``."""
    sent = validate_dictionary(value)
    seconds = sent.get("bounceRateDurationSeconds")
    if seconds is not None:
        if not isinstance(seconds, int | float):
            raise InvalidValueError("Must be a number.", path=("bounceRateDurationSeconds",))
        minimum, maximum = _BOUNCE_RATE_RANGE_S
        if not minimum <= seconds <= maximum:
            detail = f"Must be between {minimum} and {maximum} seconds."
            raise InvalidValueError(detail, path=("bounceRateDurationSeconds",))
    if sent.keys() - MODIFIERS:
        raise InvalidValueError("Invalid modifier key.")
    return sent


def validate_path_cleaning(value: Any) -> Any:
    """Validate path cleaning rules: each needs a regular expression for RE2, and an alias with existing groups.

    RE2 is imitated by Python's expressions without lookaround, atomic groups, conditions and back references.
    """
    if not value:
        return value
    if not isinstance(value, list):
        raise InvalidValueError("Must provide a list of path cleaning rules.")
    for rule in value:
        if isinstance(rule, dict):
            _validate_path_rule(rule.get("regex"), rule.get("alias"))
    return value


def _validate_path_rule(regex: Any, alias: Any) -> None:
    if not isinstance(regex, str) or not regex:
        raise InvalidValueError("A path cleaning rule needs a regex. Remove the rule or give it one.")
    try:
        groups = re.compile(regex).groups
    except re.error as error:
        raise InvalidValueError(f"Invalid path cleaning regex '{regex}': {error}") from None
    if _NOT_RE2.search(regex):
        raise InvalidValueError(f"Invalid path cleaning regex '{regex}': invalid perl operator")
    for reference in _group_references(alias) if isinstance(alias, str) else ():
        if reference > groups:
            raise InvalidValueError(
                f"The alias '{alias}' references capture group \\{reference}, but its regex has "
                f"{groups} capture group(s). Add the group to the regex or fix the reference."
            )


def _group_references(alias: str) -> list[int]:
    found = re.findall(r"\\(\\|[0-9])", alias)
    return [int(digit) for digit in found if digit != "\\"]


def validate_property_filters(value: Any) -> list[Any]:
    """Validate property filters: known types, operators and keys; a cohort by id with ``in`` or ``not_in``."""
    if not isinstance(value, list):
        raise _invalid_filters("Input should be a valid list")
    for index, part in enumerate(value):
        problem = _filter_problem(part)
        if problem:
            raise _invalid_filters(f"{index}: {problem}")
    return value


def _invalid_filters(problem: str) -> InvalidValueError:
    return InvalidValueError(f"Must provide an array of valid property filters. {problem}")


def _filter_problem(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "Input should be a valid dictionary"
    if extra := sorted(value.keys() - _FILTER_KEYS):
        return f"{extra[0]}: Extra inputs are not permitted"
    if value.get("type") not in PROPERTY_TYPES:
        return "type: Input should be a known property filter type"
    if not isinstance(value.get("key"), str):
        return "key: Input should be a valid string"
    if value.get("operator", "exact") not in PROPERTY_OPERATORS:
        return "operator: Input should be a known operator"
    return _cohort_problem(value) if value["type"] == "cohort" else None


def _cohort_problem(value: dict[str, Any]) -> str | None:
    if value["key"] != "id":
        return "key: Input should be 'id'"
    number = value.get("value")
    if isinstance(number, bool) or not isinstance(number, int):
        return "value: Input should be a valid integer"
    return None if value.get("operator", "in") in {"in", "not_in"} else "operator: Input should be 'in' or 'not_in'"


def drop_cohort_names(filters: list[Any]) -> list[Any]:
    """Return property filters without the names of cohorts, which answers add and nobody writes."""
    return [
        {name: part for name, part in value.items() if name != "cohort_name"} if value["type"] == "cohort" else value
        for value in filters
    ]


def validate_authorized_urls(urls: list[Any]) -> list[Any]:
    """Return the URLs without the empty ones.

    Raises:
        InvalidValueError: A URL cannot be parsed, or its host has more than `MAX_WILDCARDS` wildcards.
    """
    kept = remove_empty(urls)
    for url in kept:
        try:
            host = urlsplit(str(url)).hostname or ""
        except ValueError:
            raise InvalidValueError(f"'{url}' is not a valid URL.") from None
        if host.count("*") > MAX_WILDCARDS:
            raise InvalidValueError(f"'{url}' has too many wildcards: at most {MAX_WILDCARDS} are allowed.")
    return kept


def remove_empty(values: list[Any]) -> list[Any]:
    """Return the values without nulls and empty strings."""
    return [value for value in values if value]


def normalize_tags(values: list[str]) -> list[str]:
    """Return the tags in lower case, without duplicates."""
    return list(dict.fromkeys(value.lower() for value in values))


def validate_errors_to_ignore(value: Any) -> None:
    """Validate ``autocapture_exceptions_errors_to_ignore``. PostHog's behaviour: the refusal names no field."""
    if not isinstance(value, list):
        raise InvalidValueError("Must provide a list for field: autocapture_exceptions_errors_to_ignore.")
    if not all(isinstance(part, str) for part in value):
        raise InvalidValueError("Must provide a list of strings to field: autocapture_exceptions_errors_to_ignore.")
    if len(json.dumps(value)) > _MAX_ERRORS_TO_IGNORE_CHARS:
        raise InvalidValueError(
            "Field autocapture_exceptions_errors_to_ignore must be less than 300 characters. "
            "Complex config should be provided in posthog-js initialization."
        )
