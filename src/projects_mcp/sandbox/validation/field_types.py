"""The types of fields in a body: each parses a sent value into the stored one, or refuses it.

Sentences and codes are those of Django REST framework, on which PostHog is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from projects_mcp.sandbox.errors import InvalidValueError

FieldType = Callable[[Any], Any]
"""Takes a sent value, never None; returns the stored value, or raises `InvalidValueError`."""

_TRUE = frozenset({"t", "T", "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", "1"})
_FALSE = frozenset({"f", "F", "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", "0"})
_WHOLE_NUMBER = re.compile(r"\.0*\s*$")
_MAX_NUMBER_CHARS = 1000
_RATE_DIGITS = 3
_RATE_PLACES = 2


def boolean(value: Any) -> bool:
    """Accept a bool, 0 or 1, or a word for one."""
    if isinstance(value, bool | int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value in _TRUE | _FALSE:
        return value in _TRUE
    raise InvalidValueError("Must be a valid boolean.")


def text(*, max_length: int | None = None, blank: bool = False) -> FieldType:
    """Accept a string of at most `max_length` characters, and strip it; a number becomes a string."""

    def check(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InvalidValueError("Not a valid string.")
        stripped = str(value).strip()
        if not stripped and not blank:
            raise InvalidValueError("This field may not be blank.", code="blank")
        if "\0" in stripped:
            raise InvalidValueError("Null characters are not allowed.", code="null_characters_not_allowed")
        if max_length is not None and len(stripped) > max_length:
            raise InvalidValueError(f"Ensure this field has no more than {max_length} characters.", code="max_length")
        return stripped

    return check


def integer(*, minimum: int | None = None, maximum: int | None = None) -> FieldType:
    """Accept an integer from `minimum` to `maximum`, both included; ``"5"`` and ``5.0`` count as 5."""

    def check(value: Any) -> int:
        if isinstance(value, str) and len(value) > _MAX_NUMBER_CHARS:
            raise InvalidValueError("String value too large.", code="max_string_length")
        try:
            number = int(_WHOLE_NUMBER.sub("", str(value)))
        except ValueError:
            raise InvalidValueError("A valid integer is required.") from None
        _check_range(number, minimum, maximum)
        return number

    return check


def _check_range(number: int | Decimal, minimum: int | None, maximum: int | None) -> None:
    if maximum is not None and number > maximum:
        raise InvalidValueError(f"Ensure this value is less than or equal to {maximum}.", code="max_value")
    if minimum is not None and number < minimum:
        raise InvalidValueError(f"Ensure this value is greater than or equal to {minimum}.", code="min_value")


def rate(value: Any) -> str:
    """Accept a number from 0 to 1 with at most two decimals, as a number or as a string.

    PostHog's behaviour: the stored value is always a string with two decimals, such as ``"0.10"``.
    """
    sent = str(value).strip()
    if len(sent) > _MAX_NUMBER_CHARS:
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


def choice(values: tuple[str | int, ...] | frozenset[str], *, blank: bool = False) -> FieldType:
    """Accept one of `values`, a number also as a string. With `blank`, accept the empty string too."""
    by_text: dict[str, str | int] = {str(value): value for value in values}

    def check(value: Any) -> str | int:
        if value == "" and blank:
            return ""
        if str(value) not in by_text:
            raise InvalidValueError(f'"{value}" is not a valid choice.', code="invalid_choice")
        return by_text[str(value)]

    return check


def list_of(item: FieldType, *, null_items: bool = False) -> FieldType:
    """Accept a list of items of one type; with `null_items` an item may be null."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            kind = type(value).__name__
            raise InvalidValueError(f'Expected a list of items but got type "{kind}".', code="not_a_list")
        return [_parse_item(item, part, index, null_items=null_items) for index, part in enumerate(value)]

    return check


def _parse_item(item: FieldType, value: Any, index: int, *, null_items: bool) -> Any:
    try:
        if value is None:
            return _check_null(allowed=null_items)
        return item(value)
    except InvalidValueError as error:
        raise error.within(index) from None


def _check_null(*, allowed: bool) -> None:
    if not allowed:
        raise InvalidValueError("This field may not be null.", code="null")


def anything(value: Any) -> Any:
    """Accept any JSON value."""
    return value


def mapping(value: Any) -> dict[str, Any]:
    """Accept any JSON object."""
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise InvalidValueError(f'Expected a dictionary of items but got type "{kind}".', code="not_a_dict")
    return value


def config(fields: Mapping[str, FieldType], *, nullable: frozenset[str] = frozenset()) -> FieldType:
    """Accept a JSON object with the given optional fields.

    PostHog's behaviour: unknown keys are dropped silently; errors name the field with ``__``.
    """

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            detail = f"Invalid data. Expected a dictionary, but got {type(value).__name__}."
            raise InvalidValueError(detail, path=("non_field_errors",))
        stored = {}
        for name, field_type in fields.items():
            if name in value:
                stored[name] = parse_field(field_type, value[name], name, nullable=name in nullable)
        return stored

    return check


def parse_field(field_type: FieldType, value: Any, name: str, *, nullable: bool) -> Any:
    """Return the stored value of a field, which is null only if it is `nullable`.

    PostHog's behaviour: a nullable boolean or rate also takes an empty text as null.

    Raises:
        InvalidValueError: with a path that starts at `name`.
    """
    try:
        if value is None or (nullable and isinstance(value, str) and value in _NULLS.get(field_type, ())):
            return _check_null(allowed=nullable)
        return field_type(value)
    except InvalidValueError as error:
        raise error.within(name) from None


_NULLS: Mapping[FieldType, frozenset[str]] = MappingProxyType(
    {boolean: frozenset({"", "null", "Null", "NULL"}), rate: frozenset({""})}
)
"""The texts that mean null, by type."""
