"""Check the certificates that SSL_CERT_FILE and SSL_CERT_DIR name, before a connection needs them."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.sanitize.redaction import Redactor

__all__ = ["check_trust"]

_MOST_BYTES: Final = 16_777_216
"""Bytes that are read of a file of certificates. The lists of whole systems have a quarter of a megabyte."""
_MOST_NAMES: Final = 10_000
"""Names of one folder that are looked at."""
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]{1,3}")
"""How OpenSSL names the certificates that it finds in a folder."""


def check_trust(environment: Mapping[str, str]) -> Finding | None:
    """Check the file, or else the folder, that https to PostHog trusts; None if neither is set.

    Returns:
        A problem if no connection could be made with it.
    """
    if file := environment.get("SSL_CERT_FILE", ""):
        problem = _file_problem(Path(file))
        what, shown = "file", file
    elif folders := environment.get("SSL_CERT_DIR", ""):
        problem = _folders_problem(folders)
        what, shown = "dir", folders
    else:
        return None
    name, shown = f"SSL_CERT_{what.upper()}", Redactor().text(shown)
    if problem is None:
        return Finding.ok("tls", f"Certificates are read from {shown} of {name}.")
    sentence = f"{name} names {shown}, which {problem}: nothing can be trusted, so no connection over https is made."
    fix = f"Correct {name}, or remove it to trust the certificates that are built in."
    return Finding("tls", Level.PROBLEM, sentence, fix)


def _file_problem(file: Path) -> str | None:
    try:
        if not file.exists():
            return "does not exist"
        if not file.is_file():
            return "is no regular file"
        with file.open("rb") as opened:
            data = opened.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        return _unreadable(error)
    try:
        ssl.create_default_context(cadata=data.decode("ascii", errors="replace"))
    except (ssl.SSLError, ValueError):
        return "holds no certificate in the form of PEM (BEGIN CERTIFICATE)"
    return None


def _folders_problem(folders: str) -> str | None:
    problems = [_folder_problem(Path(folder)) for folder in folders.split(os.pathsep) if folder]
    return None if None in problems else next(filter(None, problems), "names no folder")


def _folder_problem(folder: Path) -> str | None:
    try:
        if not folder.exists():
            return "does not exist"
        if not folder.is_dir():
            return "is no folder"
        names = [entry.name for entry in islice(os.scandir(folder), _MOST_NAMES)]
    except (OSError, ValueError) as error:
        return _unreadable(error)
    if not any(map(_HASHED.fullmatch, names)):
        return "holds no certificate under the name that OpenSSL looks for (run: openssl rehash, on it)"
    return None


def _unreadable(error: Exception) -> str:
    return f"cannot be read ({(getattr(error, 'strerror', None) or 'no such name').lower()})"
