"""Files of settings as tests write them, and read without a server."""

from typing import Any

from projects_mcp.cli.fleet.settings_input import check_value
from projects_mcp.fleet.settings_document import DocumentError, read_document
from projects_mcp.fleet.settings_tables import SettingsDocument
from projects_mcp.sandbox import ACME_ID

PLACE = f'host = "us"\norganization = "{ACME_ID}"\n'
"""What every file begins with."""


def document_of(text: str, place: str = PLACE) -> SettingsDocument:
    return read_document(f"{place}{text}".encode(), check_value)


def problems_of(text: str | bytes, place: str = PLACE) -> list[str]:
    """What is said of a file that cannot be used."""
    data = place.encode() + text if isinstance(text, bytes) else f"{place}{text}".encode()
    try:
        read_document(data, check_value)
    except DocumentError as error:
        return list(error.problems)
    return []


def wanted_of(**tables: Any) -> SettingsDocument:
    """A document of tables, as they are after reading."""
    return SettingsDocument.model_validate({"host": "us", "organization": ACME_ID, **tables})
