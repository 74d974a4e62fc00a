"""Which command starts this program in the entry of a client, for as long as the client keeps it."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

__all__ = ["CHECKOUT", "PUBLISHED", "UVX", "Command", "NoCommandError", "find_command"]

PUBLISHED: Final = False
"""Whether the package index has this package. Until it has, whoever registers the name would be started by `uvx`."""
_PACKAGE: Final = "projects-mcp"
_OF_UVX: Final = ("archive-v", "environments-v")
"""How the folders begin from which `uvx` runs a program. It empties them from time to time."""
_LONGEST_ORIGIN: Final = 65_536


class Command(NamedTuple):
    """A program and its arguments."""

    program: str
    arguments: tuple[str, ...] = ()


UVX: Final = Command("uvx", (_PACKAGE,))
"""Starts the published package, also if nothing is installed."""
CHECKOUT: Final = Command(f"/path/to/the/checkout/.venv/bin/{_PACKAGE}")
"""Stands for a checkout in documents."""


class NoCommandError(Exception):
    """No command would start this program later. The text says why, and what to do."""


def find_command(*, full_path: bool, published: bool = PUBLISHED) -> Command:
    """Return the command that starts this installation, today and later.

    Args:
        full_path: whether the client is not started by a shell, so that its PATH is not the user's.
        published: whether the package index has this package.

    Raises:
        NoCommandError: this program runs from a folder that its runner deletes, and nothing else starts it.
    """
    script = shutil.which(_PACKAGE, path=sysconfig.get_path("scripts"))
    temporary = _is_temporary(Path(sys.prefix).parts)
    if script is not None and not temporary:
        return Command(str(Path(script).absolute()))
    origin = None if published else _origin()
    if not published and origin is None:
        where = "from a temporary folder, which is deleted later" if temporary else "without an installed command"
        raise NoCommandError(
            f"This program runs {where}, and {_PACKAGE} is not published: `uvx {_PACKAGE}` would start whatever "
            "somebody has put under that name. Install it from a checkout (`pipx install .`, "
            "`uv tool install .` or `pip install .`), and run install again."
        )
    uvx = shutil.which("uvx")
    if uvx is None and full_path:
        raise NoCommandError(
            "This program runs from a temporary folder, and uvx is not on the PATH here. Install uv, or install this "
            "program with `pipx install`, and run install again."
        )
    program = str(Path(uvx).absolute()) if uvx is not None and full_path else "uvx"
    return Command(program, (_PACKAGE,) if origin is None else ("--from", origin, _PACKAGE))


def _is_temporary(parts: tuple[str, ...]) -> bool:
    """Tell whether a folder is one of those from which `uvx` or `pipx run` start a program."""
    of_pipx = "pipx" in parts or ".pipx" in parts
    return any(part.startswith(_OF_UVX) for part in parts) or (of_pipx and "venvs" not in parts)


def _origin() -> str | None:
    """Return what this program was installed from, as `uvx --from` takes it; None if it came from an index.

    The installer has noted it: PEP 610, https://packaging.python.org/en/latest/specifications/direct-url/.
    """
    try:
        text = distribution(_PACKAGE).read_text("direct_url.json") or ""
        noted = json.loads(text[:_LONGEST_ORIGIN])
    except (PackageNotFoundError, OSError, ValueError):
        return None
    return _origin_of(noted) if isinstance(noted, dict) else None


def _origin_of(noted: Mapping[str, Any]) -> str | None:
    url, vcs = noted.get("url"), noted.get("vcs_info")
    if not isinstance(url, str) or "@" in urlsplit(url).netloc:  # an address with a password is no part of an entry
        return None
    if isinstance(vcs, dict):
        return f"{vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"
    if not url.startswith("file://"):
        return url
    path = unquote(urlsplit(url).path)
    return path[1:] if sys.platform == "win32" else path
