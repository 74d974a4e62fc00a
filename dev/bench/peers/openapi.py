"""PostHog's documentation page of the Projects API as an OpenAPI document: what it lists, no less and no more.

The page repeats one list of body fields for each of the eight operations that take a body, gives a type for most of
them, and describes few things. So does this document.
"""

from typing import Any, Final

__all__ = ["document"]

_FIELDS: Final = """
name:string product_description:string app_urls:array slack_incoming_webhook:string anonymize_ips:boolean
completed_snippet_onboarding:boolean test_account_filters test_account_filters_default_checked:boolean
path_cleaning_filters is_demo:boolean timezone data_attributes person_display_name_properties:array correlation_config
autocapture_opt_out:boolean autocapture_exceptions_opt_in:boolean autocapture_web_vitals_opt_in:boolean
autocapture_web_vitals_allowed_metrics autocapture_exceptions_errors_to_ignore capture_console_log_opt_in:boolean
capture_performance_opt_in:boolean session_recording_opt_in:boolean session_recording_sample_rate:string
session_recording_minimum_duration_milliseconds:integer session_recording_linked_flag
session_recording_network_payload_capture_config session_recording_masking_config session_replay_config survey_config
access_control:boolean week_start_day primary_dashboard:integer live_events_columns:array recording_domains:array
inject_web_apps:boolean extra_settings modifiers has_completed_onboarding_for surveys_opt_in:boolean
heatmaps_opt_in:boolean flags_persistence_default:boolean
"""
"""The fields of every body, with the types that the page gives."""

_ORGANIZATION_HINT: Final = (
    "To get your organization ID, use the /api/organizations/@current endpoint or check the endpoint directly on "
    "US Cloud or EU Cloud."
)
_LIST: Final = f"Returns a list of projects in your organization.\n\n{_ORGANIZATION_HINT}"
_CREATE: Final = (
    "In most cases, we recommend using a single project across your product, but if you want to programmatically "
    f"create multiple projects, this is the endpoint for you.\n\n{_ORGANIZATION_HINT}"
)

_OPERATIONS: Final = (
    ("project_list", "get", "", "Retrieve list", _LIST),
    ("project_create", "post", "", "Create create", _CREATE),
    ("project_get", "get", "{id}/", "Retrieve retrieve", ""),
    ("project_update", "patch", "{id}/", "Update partial update", ""),
    ("project_delete", "delete", "{id}/", "Delete destroy", ""),
    ("project_activity", "get", "{id}/activity/", "Retrieve activity", ""),
    ("project_add_product_intent", "patch", "{id}/add_product_intent/", "Update add product intent", ""),
    ("project_change_organization", "post", "{id}/change_organization/", "Create change organization", ""),
    (
        "project_complete_product_onboarding",
        "patch",
        "{id}/complete_product_onboarding/",
        "Update complete product onboarding",
        "",
    ),
    (
        "project_delete_secret_token_backup",
        "patch",
        "{id}/delete_secret_token_backup/",
        "Update delete secret token backup",
        "",
    ),
    (
        "project_is_generating_demo_data",
        "get",
        "{id}/is_generating_demo_data/",
        "Retrieve is generating demo data",
        "",
    ),
    ("project_reset_token", "patch", "{id}/reset_token/", "Update reset token", ""),
    ("project_rotate_secret_token", "patch", "{id}/rotate_secret_token/", "Update rotate secret token", ""),
)
"""Name, method, path below the projects of an organization, heading and text of the page, in its order."""

_ID: Final = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "A unique value identifying this project.",
    "schema": {"type": "integer"},
}
_ORGANIZATION: Final = {"name": "organization_id", "in": "path", "required": True, "schema": {"type": "string"}}
_PAGE: Final = (
    {
        "name": "limit",
        "in": "query",
        "description": "Number of results to return per page.",
        "schema": {"type": "integer"},
    },
    {
        "name": "offset",
        "in": "query",
        "description": "The initial index from which to return the results.",
        "schema": {"type": "integer"},
    },
)


def document() -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    paths: dict[str, dict[str, Any]] = {}
    for name, method, suffix, heading, text in _OPERATIONS:
        path = f"/api/organizations/{{organization_id}}/projects/{suffix}"
        paths.setdefault(path, {})[method] = _operation(name, method, suffix, heading, text)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Projects", "version": "1", "description": "Projects for the current organization."},
        "paths": paths,
    }


def _operation(name: str, method: str, suffix: str, heading: str, text: str) -> dict[str, Any]:
    parameters = [_ID, _ORGANIZATION] if suffix else [_ORGANIZATION]
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": heading,
        "parameters": parameters if name != "project_list" else [*parameters, *_PAGE],
        "responses": {"204": {"description": "No response body"}} if method == "delete" else _answer(),
    }
    if text:
        operation["description"] = text
    if method in {"post", "patch"}:
        schema = {"type": "object", "properties": _properties()}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _answer() -> dict[str, Any]:
    """Return the answer's shape. The page has an example instead of a schema, so nothing more is said of it."""
    return {"200": {"description": "RESPONSE", "content": {"application/json": {"schema": {"type": "object"}}}}}


def _properties() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in _FIELDS.split():
        name, _, kind = field.partition(":")
        properties[name] = {"type": kind} if kind else {}
        if kind == "array":
            properties[name]["items"] = {"type": "string"}
    return properties
