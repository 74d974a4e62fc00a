"""Check that a passkey can approve something, where only passkeys approve."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.settings import Settings
from projects_mcp.policy.confirmation import Confirmation
from projects_mcp.policy.passkey_signature import NO_LIBRARY, library_is_there
from projects_mcp.state.location import MEMORY, StateLocation
from projects_mcp.state.open import default_file, open_store
from projects_mcp.state.passkeys import NOT_KEPT, Passkeys
from projects_mcp.state.store import StoreError

__all__ = ["check_passkeys"]

_CHECK: Final = "passkeys"
_ALL_REFUSED: Final = "Every destructive call is refused until then."
_ENROL: Final = (
    "Run projects-mcp passkey add NAME in a terminal, or projects-mcp passkey invite NAME for a served team."
)


async def check_passkeys(settings: Settings) -> list[Finding]:
    """Find out whether passkeys can be checked and kept here, and whether one is enrolled. Makes no file."""
    if settings.confirmation is not Confirmation.PASSKEY:
        return []
    if not library_is_there():
        sentence = f"PROJECTS_MCP_CONFIRMATION is passkey, and {NO_LIBRARY.partition(':')[0]}. {_ALL_REFUSED}"
        return [Finding(_CHECK, Level.PROBLEM, sentence, "Install it: pip install 'projects-mcp[passkey]'.")]
    serves = settings.serving.callers is not None or settings.serving.issuer is not None
    location = default_file() if settings.state is None and not serves and not settings.sandbox else settings.state
    if location in {None, MEMORY}:
        sentence = f"PROJECTS_MCP_CONFIRMATION is passkey, and {NOT_KEPT.partition(':')[0]}. {_ALL_REFUSED}"
        fix = "Set PROJECTS_MCP_STATE to the path of a file, or to the address of a Redis server."
        return [Finding(_CHECK, Level.PROBLEM, sentence, fix)]
    try:
        return [await _count(location)]
    except StoreError:
        return []  # the check of the store has said so


async def _count(location: StateLocation | None) -> Finding:
    """Count the passkeys that are enrolled.

    Raises:
        StoreError: the store cannot be used.
    """
    if isinstance(location, Path) and not location.exists():
        return _nobody()
    store = open_store(location, private=False)
    try:
        enrolled = await Passkeys(store).enrolled()
    finally:
        await store.aclose()
    if not enrolled:
        return _nobody()
    count, people = len(enrolled), len({passkey.name for passkey in enrolled})
    keys = "1 passkey is" if count == 1 else f"{count} passkeys are"
    return Finding.ok(_CHECK, f"{keys} enrolled, of {people} {'person' if people == 1 else 'people'}.")


def _nobody() -> Finding:
    return Finding(_CHECK, Level.WARNING, f"No passkey is enrolled. {_ALL_REFUSED}", _ENROL)
