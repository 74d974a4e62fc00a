"""Read the file of settings that a command is given, and hold it against the server that it is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final
from uuid import UUID

from projects_mcp.api.settings_table import SETTINGS
from projects_mcp.api.types import CURRENT
from projects_mcp.config.parsers import parse_host
from projects_mcp.config.settings import Settings, SettingsError
from projects_mcp.errors.refusals import InvalidArguments
from projects_mcp.fleet.settings_document import LARGEST_FILE, DocumentError, read_document
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.runner.build import SANDBOX_ORIGIN
from projects_mcp.sanitize.text import on_one_line, quoted
from projects_mcp.tools.names import unknown_name
from projects_mcp.tools.schema import closed_object, settings_schema
from projects_mcp.tools.validation import validate

__all__ = ["check_value", "host_of", "read_settings_file", "require_place"]

_SCHEMA: Final = closed_object({"settings": settings_schema()})


def read_settings_file(settings: Settings, file: Path) -> SettingsDocument:
    """Read a file of settings, and make sure that it is for this server. Nothing is asked of PostHog.

    Raises:
        DocumentError: the file cannot be read or used, or is for another PostHog or organization. Each problem names
            the file.
    """
    shown = on_one_line(str(file))
    if not file.is_file():  # a pipe would be waited for
        raise DocumentError([f"{shown}: there is no such file"])
    try:
        with file.open("rb") as stream:
            document = read_document(stream.read(LARGEST_FILE + 1), check_value)
        require_place(settings, document.host, document.organization)
    except OSError as error:
        raise DocumentError([f"{shown}: it cannot be read: {error.strerror}"]) from None
    except DocumentError as error:
        raise DocumentError([f"{shown}: {problem}" for problem in error.problems]) from None
    return document


def check_value(name: str, value: Any) -> tuple[Any, list[str]]:
    """Check a value by the rules of its setting, as a call of `project_update` would be.

    Args:
        name: of the setting.
        value: of the file; null where it clears the setting.

    Returns:
        The value in its strict form, and what is wrong with it.
    """
    if name not in SETTINGS:
        return value, [unknown_name(name, "settings", list(SETTINGS)).removesuffix(".")]
    setting = SETTINGS[name]
    if value is None:
        return None, [] if setting.nullable else [f"`{name}` cannot be cleared: PostHog wants a value for it"]
    problems: list[str] = []
    for form in (value, setting.normal(value)):  # older versions have stored what no version takes
        try:
            return validate(_SCHEMA, {"settings": {name: form}}).values["settings"][name], []
        except InvalidArguments as error:
            problems = problems or [problem.removesuffix(".") for problem in error.problems]
    return value, problems


def host_of(settings: Settings) -> str:
    """Return the address of the PostHog that a server speaks to."""
    return SANDBOX_ORIGIN if settings.sandbox is not None else settings.origin


def require_place(settings: Settings, host: str, organization: UUID) -> None:
    """Make sure that a file is about what this server speaks to.

    Args:
        settings: of the server.
        host: of the file: an address, or `us` or `eu`.
        organization: of the file.

    Raises:
        DocumentError: it is not.
    """
    ours = host_of(settings)
    try:
        theirs = ours if host == ours else parse_host("host", host)
    except SettingsError as error:
        raise DocumentError([str(error).removesuffix(".")]) from None
    if theirs != ours:
        raise DocumentError([f"it is for {quoted(host, 100)}, and this server speaks to {ours}"])
    if settings.organization not in (CURRENT, organization):
        raise DocumentError([f"it is for the organization {organization}, and this server for {settings.organization}"])
