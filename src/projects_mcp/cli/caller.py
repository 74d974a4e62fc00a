"""`projects-mcp caller new`: create the token of a new caller, and its entry for the callers file."""

from __future__ import annotations

import hashlib
from secrets import token_urlsafe
from typing import Final

from projects_mcp.cli.exit_codes import DONE
from projects_mcp.cli.terminal import say
from projects_mcp.config.settings import SettingsError
from projects_mcp.http.callers import CALLER_NAME

__all__ = ["new_entry", "run_caller"]

_TOKEN_BYTES: Final = 32
"""Random bytes in a token."""


def run_caller(name: str) -> int:
    """Print the entry of a new caller on stdout, and its token on stderr.

    Args:
        name: the caller's name.

    Returns:
        The exit code.

    Raises:
        SettingsError: the name cannot be used.
    """
    token, entry = new_entry(name)
    say(f"The token of {name}, which is shown this once: {token}", error=True)
    say(entry, end="")
    return DONE


def new_entry(name: str) -> tuple[str, str]:
    """Create a token for a new caller.

    Args:
        name: 1 to 64 letters, digits, dots, hyphens or underscores.

    Returns:
        The token, which is stored nowhere, and the lines for the callers file, which hold only its hash.

    Raises:
        SettingsError: the name cannot be used.
    """
    if not CALLER_NAME.fullmatch(name):
        raise SettingsError("A caller's name has 1 to 64 letters, digits, dots, hyphens or underscores.")
    token = f"pmcp_{token_urlsafe(_TOKEN_BYTES)}"
    digest = hashlib.sha256(token.encode()).hexdigest()
    table = f'"{name}"' if "." in name else name
    return token, (
        f"[callers.{table}]\n"
        f'token_sha256 = "{digest}"\n'
        'scopes = ["project:read"]       # and "project:write" for changes\n'
        'access = "read"                 # read, write or full\n'
        'credential = "default"          # or a name from [credentials.NAME]\n'
        '# organization = "…"            # the UUID of the only organization it may touch\n'
        "# protected_projects = [12345]  # project ids that it must not destroy\n"
    )
