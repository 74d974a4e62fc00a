"""The settings of what sites and apps send: recordings, autocapture, surveys, conversations."""

from __future__ import annotations

from typing import Final

from projects_mcp.api.settings_model import Area, Merge, Role, Setting, decimal_text, without_empty
from projects_mcp.api.settings_shapes import (
    BOOLEAN,
    INTEGER,
    OBJECT,
    OBJECTS,
    STRING,
    STRINGS,
    keys,
    one_of,
    text,
    texts,
)

__all__ = ["CAPTURE", "LESS_PRIVATE"]

_MANAGED: Final = frozenset(
    {
        "widget_public_token",
        *(f"slack_{key}" for key in ("bot_token", "team_id", "enabled", "scopes")),
        "email_enabled",
        *(f"teams_{key}" for key in ("enabled", "tenant_id", "team_id", "team_name")),
        *(f"teams_{key}" for key in ("channel_id", "channel_name", "channels")),
        *(f"github_{key}" for key in ("enabled", "integration_id", "repos")),
    }
)
"""What PostHog alone writes in the settings of conversations: tokens and integrations."""
_SITES: Final = "Takes effect on every site and app that uses this project within minutes."
LESS_PRIVATE: Final = "Stores more about the people who visit than before."

CAPTURE: Final = (
    # Recording
    Setting(
        "session_recording_opt_in",
        BOOLEAN,
        Area.RECORDING,
        "Record sessions",
        default=False,
        nullable=False,
        who=Role.MEMBER,
        impact=_SITES,
    ),
    Setting(
        "session_recording_sample_rate",
        {"type": "number", "minimum": 0, "maximum": 1, "decimals": 2},
        Area.RECORDING,
        "Share of sessions, 2 decimals",
        stored=decimal_text,
        impact=_SITES,
    ),
    Setting(
        "session_recording_minimum_duration_milliseconds",
        {"type": "integer", "minimum": 0, "maximum": 30000},
        Area.RECORDING,
        "Shortest recording, ms",
        impact=_SITES,
    ),
    Setting(
        "session_recording_linked_flag",
        keys(["id", "key"], id=INTEGER, key=STRING, variant=STRING),
        Area.RECORDING,
        "Record only with this flag: {id, key, variant}",
        impact=_SITES,
    ),
    Setting(
        "session_recording_network_payload_capture_config",
        keys(recordHeaders=BOOLEAN, recordBody=BOOLEAN),
        Area.PRIVACY,
        "Record network payloads: {recordHeaders, recordBody}",
        impact=LESS_PRIVATE,
    ),
    Setting(
        "session_recording_masking_config",
        keys(maskAllInputs=BOOLEAN, maskTextSelector=STRING, blockSelector=STRING),
        Area.PRIVACY,
        "Masking in recordings: {maskAllInputs, maskTextSelector, blockSelector}",
        impact=LESS_PRIVATE,
    ),
    Setting(
        "session_replay_config",
        keys(record_canvas=BOOLEAN, ai_config=OBJECT),
        Area.RECORDING,
        "Canvas and AI",
        merge=Merge.TWO_LEVELS,
    ),
    Setting(
        "recording_domains",
        texts(200, filled=True),
        Area.RECORDING,
        "Empty: every origin",
        stored=without_empty,
        impact="Recordings stop on origins that are no longer listed.",
        hinted=True,
    ),
    Setting(
        "session_recording_url_trigger_config",
        OBJECTS,
        Area.RECORDING,
        "{url, matching: regex}",
        impact=_SITES,
    ),
    Setting(
        "session_recording_url_blocklist_config",
        OBJECTS,
        Area.RECORDING,
        "{url, matching: regex}",
        impact=_SITES,
    ),
    Setting("session_recording_event_trigger_config", STRINGS, Area.RECORDING, "Events that start one", impact=_SITES),
    Setting(
        "session_recording_trigger_match_type_config",
        text(24),
        Area.RECORDING,
        "all or any",
        impact=_SITES,
    ),
    Setting("session_recording_trigger_groups", OBJECT, Area.RECORDING, "{version: 2, groups}", impact=_SITES),
    Setting(
        "session_recording_retention_period",
        one_of("30d", "90d", "1y", "5y"),
        Area.RECORDING,
        "How long to keep; more than 30d by plan",
        "30d",
        nullable=False,
        impact="It concerns recordings from now on; existing ones keep the period that they had.",
    ),
    Setting("capture_console_log_opt_in", BOOLEAN, Area.RECORDING, "Console logs", default=True, impact=_SITES),
    Setting("capture_performance_opt_in", BOOLEAN, Area.RECORDING, "Network timings", default=True, impact=_SITES),
    # Autocapture and errors
    Setting("autocapture_opt_out", BOOLEAN, Area.AUTOCAPTURE, "true = off", impact=_SITES),
    Setting("autocapture_exceptions_opt_in", BOOLEAN, Area.AUTOCAPTURE, "Exceptions", who=Role.MEMBER, impact=_SITES),
    Setting(
        "autocapture_exceptions_errors_to_ignore",
        STRINGS,
        Area.AUTOCAPTURE,
        "Error texts, 300 chars in all",
        [],
        nullable=False,
        impact=_SITES,
    ),
    Setting("autocapture_web_vitals_opt_in", BOOLEAN, Area.AUTOCAPTURE, "Web vitals", who=Role.MEMBER, impact=_SITES),
    Setting(
        "autocapture_web_vitals_allowed_metrics",
        STRINGS,
        Area.AUTOCAPTURE,
        "LCP, CLS, FCP, INP",
        who=Role.MEMBER,
        impact=_SITES,
    ),
    Setting("capture_dead_clicks", BOOLEAN, Area.AUTOCAPTURE, "Dead clicks", impact=_SITES),
    Setting("heatmaps_opt_in", BOOLEAN, Area.AUTOCAPTURE, "Heatmaps", impact=_SITES),
    Setting("data_attributes", STRINGS, Area.AUTOCAPTURE, "HTML attributes for actions", ["data-attr"], nullable=False),
    # Surveys and conversations
    Setting("surveys_opt_in", BOOLEAN, Area.SURVEYS, "Surveys", who=Role.MEMBER, impact=_SITES),
    Setting("survey_config", OBJECT, Area.SURVEYS, "Appearance", merge=Merge.SHALLOW, impact=_SITES),
    Setting(
        "conversations_enabled",
        BOOLEAN,
        Area.SURVEYS,
        "Support widget",
        impact="Switching it off invalidates the public token of widgets that are deployed.",
    ),
    Setting(
        "conversations_settings",
        OBJECT,
        Area.SURVEYS,
        "Widget and integrations; what PostHog itself manages in it stays, also when it is cleared",
        merge=Merge.SHALLOW,
        managed=_MANAGED,
    ),
)
"""The rows, in the order of the table."""
