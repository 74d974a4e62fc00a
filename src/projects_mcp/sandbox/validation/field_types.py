"""The kinds of values in a body: each turns what was sent into what is stored, or refuses it.

The wording and the codes are those of Django REST framework, which PostHog is built on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from projects_mcp.sandbox.errors import InvalidValueError

Check = Callable[[Any], Any]
"""Takes what was sent, never None; returns what is stored; raises `InvalidValueError`."""

_TRUE = frozenset({"t", "T", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "1"})
_FALSE = frozenset({"f", "F", "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", "0"})
_WHOLE_NUMBER = re.compile(r"\.0*\s*$")
_LONGEST_NUMBER = 1000
_RATE_DIGITS = 3
_RATE_PLACES = 2


def boolean(value: Any) -> bool:
    """Accept a bool, 0 or 1, or a word for one."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value in _TRUE | _FALSE:
        return value in _TRUE
    raise InvalidValueError("Must be a valid boolean.")


def text(*, most: int | None = None, blank: bool = False) -> Check:
    """Accept text, without white space around it, at most `most` characters; numbers become text."""

    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InvalidValueError("Not a valid string.")
        stripped = str(value).strip()
        if not stripped and not blank:
            raise InvalidValueError("This field may not be blank.", code="blank")
        if "\0" in stripped:
            raise InvalidValueError("Null characters are not allowed.", code="null_characters_not_allowed")
        if most is not None and len(stripped) > most:
            raise InvalidValueError(f"Ensure this field has no more than {most} characters.", code="max_length")
        return stripped

    return check


def integer(*, least: int | None = None, most: int | None = None) -> Check:
    """Accept a whole number between `least` and `most`, both included; ``"5"`` and ``5.0`` count as 5."""

    def check(value: Any) -> int:
        if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
            raise InvalidValueError("String value too large.", code="max_string_length")
        try:
            number = int(_WHOLE_NUMBER.sub("", str(value)))
        except ValueError:
            raise InvalidValueError("A valid integer is required.") from None
        _check_range(number, least, most)
        return number

    return check


def _check_range(number: int | Decimal, least: int | None, most: int | None) -> None:
    if most is not None and number > most:
        raise InvalidValueError(f"Ensure this value is less than or equal to {most}.", code="max_value")
    if least is not None and number < least:
        raise InvalidValueError(f"Ensure this value is greater than or equal to {least}.", code="min_value")


def rate(value: Any) -> str:
    """Accept a number from 0 to 1 with at most two decimals, sent as number or text.

    PostHog's behaviour: it is always answered as text with two decimals, such as ``"0.10"``.
    """
    sent = str(value).strip()
    if len(sent) > _LONGEST_NUMBER:
        raise InvalidValueError("String value too large.", code="max_string_length")
    try:
        number = Decimal(sent)
    except InvalidOperation:
        raise InvalidValueError("A valid number is required.") from None
    if not number.is_finite():
        raise InvalidValueError("A valid number is required.")
    _check_digits(number)
    _check_range(number, 0, 1)
    return str(number.quantize(Decimal("0.01")))


def _check_digits(number: Decimal) -> None:
    _, digits, exponent = number.as_tuple()
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    total = max(len(digits) + (exponent if isinstance(exponent, int) and exponent > 0 else 0), places)
    if total > _RATE_DIGITS:
        raise InvalidValueError(
            f"Ensure that there are no more than {_RATE_DIGITS} digits in total.", code="max_digits"
        )
    if places > _RATE_PLACES:
        raise InvalidValueError(
            f"Ensure that there are no more than {_RATE_PLACES} decimal places.", code="max_decimal_places"
        )
    if total - places > _RATE_DIGITS - _RATE_PLACES:
        raise InvalidValueError(
            f"Ensure that there are no more than {_RATE_DIGITS - _RATE_PLACES} digits before the decimal point.",
            code="max_whole_digits",
        )


def choice(values: tuple[str | int, ...] | frozenset[str], *, blank: bool = False) -> Check:
    """Accept one of `values`; a number may be sent as text. With `blank` the empty text is accepted too."""
    by_text: dict[str, str | int] = {str(value): value for value in values}

    def check(value: Any) -> str | int:
        if value == "" and blank:
            return ""
        if str(value) not in by_text:
            raise InvalidValueError(f'"{value}" is not a valid choice.', code="invalid_choice")
        return by_text[str(value)]

    return check


def list_of(item: Check, *, null_items: bool = False) -> Check:
    """Accept a list whose items all pass `item`; with `null_items` an item may be null."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            kind = type(value).__name__
            raise InvalidValueError(f'Expected a list of items but got type "{kind}".', code="not_a_list")
        return [_item(item, part, index, null_items=null_items) for index, part in enumerate(value)]

    return check


def _item(item: Check, value: Any, index: int, *, null_items: bool) -> Any:
    try:
        if value is None:
            return _null(allowed=null_items)
        return item(value)
    except InvalidValueError as error:
        raise error.under(index) from None


def _null(*, allowed: bool) -> None:
    if not allowed:
        raise InvalidValueError("This field may not be null.", code="null")


def anything(value: Any) -> Any:
    """Accept any JSON value, unchecked."""
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Accept a JSON object, its values unchecked."""
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise InvalidValueError(f'Expected a dictionary of items but got type "{kind}".', code="not_a_dict")
    return value


def config(checks: Mapping[str, Check], *, nullable: frozenset[str] = frozenset()) -> Check:
    """Accept a JSON object with the fields of `checks`, none of them required.

    PostHog's behaviour: unknown keys are dropped silently, as everywhere; errors name the field with ``__``.
    """

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            detail = f"Invalid data. Expected a dictionary, but got {type(value).__name__}."
            raise InvalidValueError(detail, path=("non_field_errors",))
        stored = {}
        for name, part in checks.items():
            if name in value:
                stored[name] = field(part, value[name], name, nullable=name in nullable)
        return stored

    return check


def field(check: Check, value: Any, name: str, *, nullable: bool) -> Any:
    """Return the value of the field `name` as it is stored, null only where `nullable`.

    Raises:
        InvalidValueError: with a path that starts at `name`.
    """
    try:
        if value is None:
            return _null(allowed=nullable)
        return check(value)
    except InvalidValueError as error:
        raise error.under(name) from None
