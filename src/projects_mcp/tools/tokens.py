"""Replace or drop a project's token and secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from projects_mcp.api.outcome import Outcome
from projects_mcp.api.types import JSONObject
from projects_mcp.errors.refusals import FirstSecretRefused, SecretsFolderUnusable
from projects_mcp.gateway.confirmation import confirm
from projects_mcp.gateway.context import ToolContext
from projects_mcp.gateway.secret_file import ReservedSecretFile, SecretFolderUnavailable
from projects_mcp.policy.confirmation import ProjectSnapshot
from projects_mcp.sanitize.secret_fields import token_ending
from projects_mcp.tools import readback, readback_checks
from projects_mcp.tools.receipt import receipt
from projects_mcp.tools.tool import tool

__all__ = ["project_delete_secret_token_backup", "project_reset_token", "project_rotate_secret_token"]

_SECRET, _BACKUP = "secret_api_token", "secret_api_token_backup"
_NOT_SHOWN: Final = (
    "PostHog accepted it, but its answer does not show the result: look at the project with project_get."
)


@tool(
    "project_reset_token",
    "Reset the project token",
    "Reset a PostHog project's token. Rotate, regenerate, revoke, change the public phc_ key (API key), if leaked, "
    "hardcoded. A new one stops the old: requires the user's confirmation.",
)
async def project_reset_token(context: ToolContext, *, confirm_project_name: str) -> JSONObject:
    """Replace the public token of the confirmed project."""
    target = await context.read_target()
    action, consequence = "Reset the public token of project", _consequence_of_reset(target)
    before, after = await _replace(context, target, confirm_project_name, action, consequence, ["api_token"])
    note = "Put the new token into every site and app: the former one no longer works."
    return _receipt(context, before, after, ["api_token"], note)


@tool(
    "project_rotate_secret_token",
    "Rotate the secret token",
    "Rotate a PostHog project's secret phs_ token. A new secret, secure key (feature flags, local evaluation); the "
    "old is backup, the former dies. Requires the user's confirmation.",
)
async def project_rotate_secret_token(context: ToolContext, *, confirm_project_name: str) -> JSONObject:
    """Rotate the secret of the confirmed project."""
    with _reserved(context) as file:
        target = await context.read_target()
        if _is_first_refused(target):
            raise FirstSecretRefused
        action, consequence = "Rotate the secret token of project", _consequence_of_rotation(target)
        fields = [_SECRET, _BACKUP]
        before, after = await _replace(context, target, confirm_project_name, action, consequence, fields)
        dead = f" The former backup {token_ending(before[_BACKUP])} no longer works." if before.get(_BACKUP) else ""
        note = "Move every server to the new secret now: another rotation, or dropping the backup, ends the one in use."
        written = _hand_over(file, before.get(_SECRET), after.get(_SECRET))
        return _receipt(context, before, after, fields, note + dead, **written)


@tool(
    "project_delete_secret_token_backup",
    "Drop the backup secret",
    "Delete the backup of the secret token kept by PostHog after rotating. Remove, revoke the old, previous phs_ key "
    "(secure key). Servers on it stop: requires the user's confirmation.",
)
async def project_delete_secret_token_backup(context: ToolContext, *, confirm_project_name: str) -> JSONObject:
    """Drop the backup secret of the confirmed project."""
    target = await context.read_target()
    action, consequence = "Drop the backup secret of project", _consequence_of_drop(target)
    before, after = await _replace(context, target, confirm_project_name, action, consequence, [_BACKUP])
    return _receipt(context, before, after, [_BACKUP], "Only the present secret works now.")


def _is_first_refused(target: ProjectSnapshot) -> bool:
    """Whether PostHog will refuse a first secret. Versions that still make one know no conversations."""
    state = target.state
    has_none = all(name in state and not state[name] for name in (_SECRET, _BACKUP))
    return has_none and "conversations_enabled" in state and state["conversations_enabled"] is not True


def _consequence_of_reset(target: ProjectSnapshot) -> str:
    return (
        f"Every site and app using {token_ending(target.state.get('api_token'))} stops sending events at once, and "
        "stays silent until it ships the new token."
    )


def _consequence_of_rotation(target: ProjectSnapshot) -> str:
    secret, backup = target.state.get(_SECRET), target.state.get(_BACKUP)
    kept = (
        f"The secret {token_ending(secret)} becomes the backup and keeps working"
        if secret
        else "A first secret is made"
    )
    lost = f", and the present backup {token_ending(backup)} stops working at once." if backup else "."
    return kept + lost


def _consequence_of_drop(target: ProjectSnapshot) -> str:
    if backup := target.state.get(_BACKUP):
        return f"Every server still using the former secret {token_ending(backup)} stops working at once."
    return "There is no backup secret, so nothing should stop working."


async def _replace(
    context: ToolContext, target: ProjectSnapshot, name: str, action: str, consequence: str, fields: Sequence[str]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Confirm and send; return the project before and after."""
    confirmed = await confirm(context, target, name, action, consequence)
    target = confirmed.target
    after = await readback.destroy(context, confirmed, lambda: readback_checks.replaced(context, target, fields))
    return target.state, after


def _receipt(
    context: ToolContext,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    fields: Sequence[str],
    note: str,
    **more: Any,
) -> JSONObject:
    changed = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in fields
        if name in after and before.get(name) != after[name]
    }
    outcome = _outcome(before, after, fields[0])
    notes = {Outcome.APPLIED: note, Outcome.UNKNOWN: _NOT_SHOWN}
    return receipt(context, {**before, **after}, outcome, changed=changed, note=notes.get(outcome, ""), **more)


def _outcome(before: Mapping[str, Any], after: Mapping[str, Any], field: str) -> Outcome:
    """Say what PostHog's answer shows: a new token, no backup any more, the same as before, or none of these."""
    if field not in after:
        return Outcome.UNKNOWN
    value = after[field]
    if value == before.get(field):
        return Outcome.UNCHANGED
    replaced = not value if field == _BACKUP else isinstance(value, str) and bool(value)
    return Outcome.APPLIED if replaced else Outcome.UNKNOWN


@contextmanager
def _reserved(context: ToolContext) -> Iterator[ReservedSecretFile | None]:
    """Make sure that the new secret can be written before there is one.

    Raises:
        SecretsFolderUnusable: the operator's folder cannot be used.
    """
    folder = context.services.secret_folder
    if folder is None or not isinstance(context.project, int):
        yield None
        return
    try:
        reserved = folder.reserve(context.project)
    except SecretFolderUnavailable as error:
        raise SecretsFolderUnusable(reason=error.reason) from None
    try:
        yield reserved
    finally:
        reserved.discard()


def _hand_over(file: ReservedSecretFile | None, before: object, after: object) -> JSONObject:
    """Write the new secret to its file, and say where it is; the answer itself never holds it."""
    if file is None or not isinstance(after, str) or after == before:
        return {}
    try:
        return {"secret_file": str(file.fill(after))}
    except SecretFolderUnavailable:
        return {"secret_file_problem": "The new secret could not be written to a file; read it in PostHog's settings."}
