"""The three tools that end a token or secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from projects_mcp.api.effects import Effect
from projects_mcp.api.settings_diff import Outcome
from projects_mcp.errors.refusals import Refusal, RefusalKind
from projects_mcp.gateway.context import Call
from projects_mcp.gateway.secret_file import ReservedSecretFile, SecretFolderUnavailable
from projects_mcp.policy.confirmation import Consequence, ProjectSnapshot, ending
from projects_mcp.posthog.client import JSONObject
from projects_mcp.tools import readback as proof
from projects_mcp.tools.receipt import receipt
from projects_mcp.tools.tool import tool

__all__ = ["project_delete_secret_token_backup", "project_reset_token", "project_rotate_secret_token"]

_SECRET, _BACKUP = "secret_api_token", "secret_api_token_backup"


def _loss_of_token(target: ProjectSnapshot) -> str:
    return (
        f"Every site and app using {ending(target.state.get('api_token'))} stops sending events at once, and stays "
        "silent until it ships the new token."
    )


def _loss_of_rotation(target: ProjectSnapshot) -> str:
    secret, backup = target.state.get(_SECRET), target.state.get(_BACKUP)
    kept = f"The secret {ending(secret)} becomes the backup and keeps working" if secret else "A first secret is made"
    lost = f", and the present backup {ending(backup)} stops working at once." if backup else "."
    return kept + lost


def _loss_of_backup(target: ProjectSnapshot) -> str:
    if backup := target.state.get(_BACKUP):
        return f"Every server still using the former secret {ending(backup)} stops working at once."
    return "There is no backup secret, so nothing should stop working."


@tool(
    "project_reset_token",
    "Reset the project token",
    "Replace the public token. Sites stop sending events until they ship the new one, so ask the user first.",
    Effect.DESTROY,
    "reset_token",
)
async def project_reset_token(call: Call, *, confirm_project_name: str) -> JSONObject:
    """Replace the public token of the confirmed project."""
    return await _replace(
        call,
        "project_reset_token",
        ("Reset the public token of project", _loss_of_token),
        confirm_project_name,
        ["api_token"],
        "Put the new token into every site and app: the former one no longer works.",
    )


@tool(
    "project_rotate_secret_token",
    "Rotate the secret token",
    "Make a new secret; the present one becomes the backup, and the former backup dies. Never twice in a row.",
    Effect.DESTROY,
    "rotate_secret_token",
)
async def project_rotate_secret_token(call: Call, *, confirm_project_name: str) -> JSONObject:
    """Rotate the secret of the confirmed project."""
    with _reserved(call) as reserved:
        confirmed = await call.confirm("Rotate the secret token of project", _loss_of_rotation, confirm_project_name)
        target = confirmed.target
        after = await call.destroy(confirmed, lambda: proof.replaced(call, target, [_SECRET, _BACKUP]))
        before = target.state
        dead = f" The former backup {ending(before[_BACKUP])} no longer works." if before.get(_BACKUP) else ""
        return _receipt(
            call,
            "project_rotate_secret_token",
            before,
            after,
            [_SECRET, _BACKUP],
            "Move every server to the new secret now: another rotation, or dropping the backup, ends the one in use."
            + dead,
            **_handed_over(reserved, before.get(_SECRET), after.get(_SECRET)),
        )


@tool(
    "project_delete_secret_token_backup",
    "Drop the backup secret",
    "Drop the backup secret. Servers that still use it stop working, so ask the user first.",
    Effect.DESTROY,
    "delete_secret_token_backup",
)
async def project_delete_secret_token_backup(call: Call, *, confirm_project_name: str) -> JSONObject:
    """Drop the backup secret of the confirmed project."""
    return await _replace(
        call,
        "project_delete_secret_token_backup",
        ("Drop the backup secret of project", _loss_of_backup),
        confirm_project_name,
        [_BACKUP],
        "Only the present secret works now.",
    )


async def _replace(
    call: Call, operation: str, asking: tuple[str, Consequence], name: str, fields: list[str], note: str
) -> JSONObject:
    confirmed = await call.confirm(*asking, name)
    after = await call.destroy(confirmed, lambda: proof.replaced(call, confirmed.target, fields))
    return _receipt(call, operation, confirmed.target.state, after, fields, note)


def _receipt(
    call: Call,
    operation: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    fields: list[str],
    note: str,
    **more: Any,
) -> JSONObject:
    changed = _changed(before, after, fields)
    outcome = Outcome.APPLIED if changed else Outcome.UNCHANGED
    return receipt(call, operation, {**before, **after}, outcome, changed=changed, note=note if changed else "", **more)


@contextmanager
def _reserved(call: Call) -> Iterator[ReservedSecretFile | None]:
    """Make sure that the new secret can be written before there is one.

    Raises:
        Refusal: `secrets_folder`: the operator's folder cannot be used.
    """
    vault = call.means.vault
    if vault is None or not isinstance(call.project, int):
        yield None
        return
    try:
        reserved = vault.reserve(call.project)
    except SecretFolderUnavailable as error:
        raise Refusal(RefusalKind.SECRETS_FOLDER, reason=error.reason) from None
    try:
        yield reserved
    finally:
        reserved.discard()


def _handed_over(reserved: ReservedSecretFile | None, before: object, after: object) -> JSONObject:
    """Write the new secret to its file, and say where it is; the answer itself never holds it."""
    if reserved is None or not isinstance(after, str) or after == before:
        return {}
    try:
        return {"secret_file": str(reserved.fill(after))}
    except SecretFolderUnavailable:
        return {"secret_file_problem": "The new secret could not be written to a file; read it in PostHog's settings."}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], fields: list[str]) -> dict[str, dict[str, Any]]:
    return {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in fields
        if name in after and before.get(name) != after[name]
    }
