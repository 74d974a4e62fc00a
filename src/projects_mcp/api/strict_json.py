"""Read JSON that every reader takes alike: no key twice, no NaN, no Infinity, no number too large for one."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["load_strictly", "unique_keys"]


def load_strictly(text: str) -> Any:
    """Parse a text.

    Raises:
        ValueError: it is not JSON, or an object has a key twice, or a number is not finite.
        RecursionError: it is nested too deeply for the parser.
    """
    return json.loads(text, object_pairs_hook=unique_keys, parse_constant=_refuse_constant, parse_float=_finite)


def unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Make the object of pairs.

    Raises:
        ValueError: a key is there twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice, so it has two readings")
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):  # 1e999
        raise ValueError("the exponent is too large")
    return number


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("JSON has no NaN and no Infinity")
