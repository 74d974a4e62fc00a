"""Compare JSON values as JSON has them, not as Python does: `true` is not 1, and the order of a list counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

__all__ = ["ListDifference", "canonical", "list_difference", "same_json"]


def same_json(first: Any, second: Any) -> bool:
    """Whether two JSON values are equal. A number equals the same number written otherwise: 1 and 1.0."""
    if first is second:
        return True
    if isinstance(first, bool) or isinstance(second, bool):
        return False
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(same_json(item, second[key]) for key, item in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same_json, first, second))
    return bool(first == second)


def canonical(value: Any) -> str:
    """Write a value so that equal JSON values, and no others, have the same text."""
    return _ENCODER.encode(_plain_numbers(value))


_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


class ListDifference(NamedTuple):
    """What has become of the items of a list. The same item twice counts twice."""

    added: list[Any]
    removed: list[Any]


def list_difference(before: Sequence[Any], after: Iterable[Any]) -> ListDifference:
    """Compare two lists as multisets, in time that grows linearly with their length."""
    left = Counter(map(_key, before))
    added: list[Any] = []
    for item in after:
        key = _key(item)
        if left[key] > 0:
            left[key] -= 1
        else:
            added.append(item)
    removed: list[Any] = []
    for item in reversed(before):  # the last of several equal items is the one that is gone
        key = _key(item)
        if left[key] > 0:
            left[key] -= 1
            removed.append(item)
    return ListDifference(added, removed[::-1])


def _key(item: Any) -> Any:
    """Return what is equal for equal items of a list, and only for these."""
    if isinstance(item, dict | list):
        return canonical(item)
    return type(item) is bool, isinstance(item, str), item


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    return value
