"""What a writable project setting is, and how PostHog stores one.

The rows are in `settings_table`; everything that the product says, checks or compares about settings is derived from
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple

from projects_mcp.api.json_values import same_json

__all__ = [
    "NO_DEFAULT",
    "Area",
    "AtCreation",
    "Merge",
    "Role",
    "Setting",
    "decimal_text",
    "is_usual",
    "lowered_tags",
    "plain_filters",
    "trimmed",
    "without_empty",
]


_SOURCES: Final = "sources_map"
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
    """What PostHog does with the stored value when a new one arrives. Older versions replace some that newer merge."""

    REPLACE = 0
    """The new value takes its place whole."""
    SHALLOW = 1
    """Keys that are sent replace those stored; the others stay."""
    TWO_LEVELS = 2
    """As SHALLOW, and once more inside objects one level down."""
    SOURCES = 3
    """As SHALLOW, and once more inside `sources_map`, where null takes a source away."""


class Role(StrEnum):
    """The lowest role that may change a setting."""

    MEMBER = "member"
    ADMIN = "admin"
    """Of the project."""
    ORGANIZATION_ADMIN = "organization admin"


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
        who: the lowest role that may change it, in the newest version.
        merge: how a new value meets the stored one.
        at_creation: what becomes of it in `project_create`.
        stored: how PostHog writes a value before it stores it.
        bare: takes away what PostHog adds to a value in its answers, and what makes no difference there.
        managed: keys that PostHog alone writes, and keeps when the setting is cleared.
        hinted: whether a model needs `about` too, because name and type do not say it. Each conversation pays for it.
        impact: a sentence on what a change does outside PostHog's own pages, where it matters.
    """

    name: str
    schema: Mapping[str, Any]
    area: Area
    about: str
    default: Any = None
    nullable: bool = True
    who: Role = Role.ADMIN
    merge: Merge = Merge.REPLACE
    at_creation: AtCreation = AtCreation.TAKEN
    stored: Callable[[Any], Any] | None = None
    bare: Callable[[Any], Any] | None = None
    managed: frozenset[str] = frozenset()
    hinted: bool = False
    impact: str = ""

    def plain(self, value: Any) -> Any:
        """Return a value without what PostHog adds to it in its answers."""
        return value if self.bare is None else self.bare(value)

    def normal(self, value: Any) -> Any:
        """Return a value as PostHog would store it."""
        return value if value is None or self.stored is None else self.stored(value)

    def forms(self, *values: Any) -> list[Any]:
        """Return values in the form in which equal ones are equal, however PostHog or a caller spells them."""
        return [self.normal(self.plain(value)) for value in values]

    def same(self, first: Any, second: Any) -> bool:
        """Whether two values are one to PostHog."""
        return same_json(*self.forms(first, second))

    def combined(self, stored: Any, sent: Any) -> Any:
        """Return what should be stored after `sent` has met `stored`, by the setting's merge rule."""
        if self.managed:
            kept = {key: item for key, item in _object(stored).items() if key in self.managed}
            if sent is None:
                return kept or None
            if isinstance(sent, dict):
                sent = {key: item for key, item in sent.items() if key not in self.managed}
        if self.merge is Merge.REPLACE or not isinstance(stored, dict) or not isinstance(sent, dict):
            return self.normal(sent)
        merged = {**stored, **sent}
        if self.merge is Merge.TWO_LEVELS:
            for key, value in sent.items():
                inner = stored.get(key)
                if isinstance(inner, dict) and isinstance(value, dict):
                    merged[key] = {**inner, **value}
        if self.merge is Merge.SOURCES and isinstance(sources := sent.get(_SOURCES), dict):
            together = {**_object(stored.get(_SOURCES)), **sources}
            merged[_SOURCES] = {key: item for key, item in together.items() if item is not None}
        return merged

    def undoing(self, old: Any, new: Any) -> Any:
        """Return what to write over `new` so that `old` is stored again, if that can be done at all."""
        if self.merge is not Merge.SOURCES or not isinstance(old, dict) or not isinstance(new, dict):
            return old
        added = {key: None for key, item in _object(new.get(_SOURCES)).items() if item is not None}
        return {**old, _SOURCES: {**added, **_object(old.get(_SOURCES))}} if added else old


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
    """PostHog trims a text, and each text of a list."""
    if isinstance(value, list):
        return [trimmed(item) for item in value]
    return value.strip() if isinstance(value, str) else value


def without_empty(value: Any) -> Any:
    """PostHog trims the texts of a list and drops empty items; older versions keep null, which makes no difference."""
    return [item for item in trimmed(value) if item] if isinstance(value, list) else value


def plain_filters(value: Any) -> Any:
    """PostHog adds `cohort_name` to the filters that it answers, and null to what a filter does not say."""
    if not isinstance(value, list):
        return value
    return [
        {key: part for key, part in item.items() if part is not None and key != "cohort_name"}
        if isinstance(item, dict)
        else item
        for item in value
    ]


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


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
