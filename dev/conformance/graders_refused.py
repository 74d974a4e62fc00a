"""What the graders ask for and do not get, each with the reason. It costs points, and none of it is hidden."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["REFUSED"]

_WORDS: Final = "the converters of client libraries take only a few words of JSON Schema (decision 69); it is enforced"
_SETTINGS: Final = "69 settings with a description each are 900 tokens in every conversation, and are found no better"
_OPEN: Final = "what is inside is PostHog's or the caller's to say; the refusal of a wrong name tells the right one"
_UNANNOUNCED: Final = "no change is announced (`subscriptions=False`), so none may be declared"

REFUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "mcpscore": {
        "capability_tools_list_changed": _UNANNOUNCED,
        "capability_prompts_list_changed": _UNANNOUNCED,
        "capability_resources_list_changed": _UNANNOUNCED,
        "tools_input_properties_documented": _SETTINGS,
    },
    "mcp-quality": {
        "$2-bloat": "project_update has every setting by its name and type, which is what stops invented ones",
        "C14-oversized-output": "a receipt's two arrays are bounded: the fields that were sent, and three next steps",
        "C14-annotation-only-safety": "the words say what is lost and that a person confirms; it looks for other words",
    },
    "mcp-tool-card-linter": {
        "ADDITIONAL_PROPERTIES_UNSPECIFIED": "one converter fails on it, for all tools at once; it is enforced",
        "ARRAY_BOUND_RECOMMENDED": _WORDS,
        "MISSING_REQUIRED_FIELDS": "nothing is required where the list is left out; draft 4 forbids an empty one",
        "MISSING_SIDE_EFFECT_WARNING": "three tools that only add: nothing is lost, so nobody is asked",
        "MISSING_USAGE_BOUNDARY": "the same three",
        "NUMERIC_BOUNDS_MISSING": "ranges as wide as nobody needs are enforced and not published",
        "OBJECT_SCHEMA_WITHOUT_PROPERTIES": _OPEN,
        "PARAMETER_DESCRIPTION_MISSING": _SETTINGS,
        "STRING_BOUND_RECOMMENDED": _WORDS,
        "TOOL_CARD_TOO_LARGE": "project_update has every setting by its name and type",
        "URL_PARAMETER_ALLOWLIST_MISSING": "PostHog alone calls the webhook, and checks it",
    },
    "agent-friend": {
        "boolean_default_missing": _WORDS,
        "enum_default_missing": _WORDS,
        "nested_objects_have_properties": _OPEN,
        "nested_param_description_missing": _SETTINGS,
        "nested_required_missing": "no setting is required, and an empty list says it no better than none",
        "numeric_constraints_missing": "ranges as wide as nobody needs are enforced and not published",
        "object_param_no_properties": _OPEN,
        "optional_string_no_minlength": "an empty search is taken as none",
        "param_name_implies_boolean": "`has_completed_onboarding_for` is PostHog's name",
        "required_missing": "nothing is required there",
        "tool_description_too_long": "project_update names what can be set, so that a search finds it",
        "tool_name_redundant_prefix": "the names are promised, and clients without prefixes need them",
    },
}
"""For each grader: the finding, as the grader names it, and why it stays."""
