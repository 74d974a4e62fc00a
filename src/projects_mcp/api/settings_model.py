"""What a writable project setting is, and how PostHog stores one.

The rows are in `settings_table`; everything that the product says, checks or compares about settings is derived from
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

__all__ = [
    "NO_DEFAULT",
    "Area",
    "AtCreation",
    "Merge",
    "Setting",
    "decimal_text",
    "is_usual",
    "lowered_tags",
    "trimmed",
    "without_empty",
]


_LONGEST_DECIMAL: Final = 20
"""Characters of a decimal, and digits before or after its point."""


class Area(StrEnum):
    """The part of the product that a setting belongs to."""

    RECORDING = "recording"
    AUTOCAPTURE = "autocapture"
    SURVEYS = "surveys"
    FLAGS = "flags"
    WEB_ANALYTICS = "web_analytics"
    PRIVACY = "privacy"
    DISPLAY = "display"
    PRODUCT = "product"


class Merge(Enum):
    """What PostHog does with the stored value when a new one arrives."""

    REPLACE = 0
    """The new value takes its place whole."""
    SHALLOW = 1
    """Keys that are sent replace those stored; the others stay."""
    TWO_LEVELS = 2
    """As SHALLOW, and once more inside objects one level down."""


class AtCreation(Enum):
    """What PostHog does with a setting that is sent when a project is created."""

    TAKEN = "taken"
    REFUSED = "refused"
    DROPPED = "dropped"
    OVERWRITTEN = "overwritten"


class _NoDefault(Enum):
    NO_DEFAULT = "no default"


NO_DEFAULT: Final = _NoDefault.NO_DEFAULT


class Setting(NamedTuple):
    """One writable field of a project.

    Attributes:
        name: PostHog's name of the field.
        schema: a JSON Schema fragment: its type, enum and range. No null: see `nullable`.
        area: the part of the product that it belongs to.
        about: what it is, in a few words.
        default: PostHog's value for a new project; `NO_DEFAULT` where every project has its own.
        nullable: whether PostHog takes null, which is how a setting is cleared.
        member: whether an ordinary member may change it. All others need a project admin.
        merge: how a new value meets the stored one.
        at_creation: what becomes of it in `project_create`.
        stored: how PostHog writes a value before it stores it.
        hinted: whether a model needs `about` too, because name and type do not say it. Each conversation pays for it.
        reach: a sentence on what a change does outside PostHog's own pages, where it matters.
    """

    name: str
    schema: Mapping[str, Any]
    area: Area
    about: str
    default: Any = None
    nullable: bool = True
    member: bool = False
    merge: Merge = Merge.REPLACE
    at_creation: AtCreation = AtCreation.TAKEN
    stored: Callable[[Any], Any] | None = None
    hinted: bool = False
    impact: str = ""

    def normal(self, value: Any) -> Any:
        """Return a value as PostHog would store it, so that two spellings of one value compare equal."""
        return value if value is None or self.stored is None else self.stored(value)

    def combined(self, stored: Any, sent: Any) -> Any:
        """Return what should be stored after `sent` has met `stored`, by the setting's merge rule."""
        if self.merge is Merge.REPLACE or not isinstance(stored, dict) or not isinstance(sent, dict):
            return self.normal(sent)
        merged = {**stored, **sent}
        if self.merge is Merge.TWO_LEVELS:
            for key, value in sent.items():
                inner = stored.get(key)
                if isinstance(inner, dict) and isinstance(value, dict):
                    merged[key] = {**inner, **value}
        return merged


def is_usual(setting: Setting, value: Any) -> bool:
    """Whether a value says nothing beyond PostHog's default.

    Null, false and empty count as one where that is the default. An object is usual when each of its keys is.
    """
    if value is None:
        return not setting.default or setting.default is NO_DEFAULT
    if setting.default is NO_DEFAULT:
        return False
    if isinstance(value, dict) and value:
        usual = setting.default if isinstance(setting.default, dict) else {}
        return all(not item or item == usual.get(key) for key, item in value.items())
    return bool(value == setting.default) or (not setting.default and value in (False, "", [], {}))


def trimmed(value: Any) -> Any:
    """PostHog trims a text."""
    return value.strip() if isinstance(value, str) else value


def without_empty(value: Any) -> Any:
    """PostHog drops empty items of a list."""
    return [item for item in value if item] if isinstance(value, list) else value


def lowered_tags(value: Any) -> Any:
    """PostHog trims and lowers tags, keeps each once, and answers them in no stated order."""
    return sorted({str(item).strip().lower() for item in value}) if isinstance(value, list) else value


def decimal_text(value: Any) -> Any:
    """PostHog answers a decimal as a text with two places: 0.1 is `"0.10"`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    text = str(value)
    try:
        number = Decimal(text) if len(text) <= _LONGEST_DECIMAL else None
    except InvalidOperation:
        return value
    # A few characters can mean a number with billions of digits; PostHog's decimals lie between 0 and 1.
    if number is None or not number.is_finite() or abs(number.adjusted()) > _LONGEST_DECIMAL:
        return value
    return format(number, ".2f")
