"""Check the settings, the format of the key, and the files, without a connection."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level
from projects_mcp.config.settings import Settings, SettingsError, load
from projects_mcp.config.variables import VARIABLES, related
from projects_mcp.gateway.secret_file import SecretFolder, SecretFolderUnavailable
from projects_mcp.posthog.credentials import OTHER_TOKENS

__all__ = ["check_files", "check_key_format", "check_settings", "check_variable_names", "is_key_usable"]

_VARIABLE: Final = re.compile(r"\b[A-Z][A-Z_]+[A-Z]\b")
_KEY_FILE: Final = "POSTHOG_PERSONAL_API_KEY_FILE"
_OTHERS: Final = 0o077
"""The permissions of everybody but the owner."""
_KEY_PREFIXES: Final[Mapping[str, str]] = {"phx_": "a personal API key", "pha_": "an OAuth access token"}


def check_settings(environment: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Load the settings, and find every wrong one, not only the first.

    Returns:
        The settings without the wrong ones, and a finding for each wrong one.
    """
    values, findings = dict(environment), list[Finding]()
    while True:
        try:
            return load(values), findings
        except SettingsError as error:
            findings.append(_explain_wrong_setting(str(error), environment))
            names = related(name for name in _VARIABLE.findall(str(error)) if name in VARIABLES)
            values = {name: value for name, value in values.items() if name not in names} if names else {}


def _explain_wrong_setting(text: str, environment: Mapping[str, str]) -> Finding:
    name = next((name for name in _VARIABLE.findall(text) if name in VARIABLES), "")
    fix = f"Correct {name} where the client or the shell sets it: {VARIABLES[name].words}." if name else ""
    if name == _KEY_FILE and "cannot be read" in text:
        fix = _explain_unreadable(Path(environment[_KEY_FILE].strip()).expanduser())
    return Finding("settings", Level.PROBLEM, text, fix)


def _explain_unreadable(file: Path) -> str:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"{file} is not a text file: put the key into it, and nothing else."
    except OSError as error:
        return f"{file}: {error.strerror or 'unreadable'}. Put the key into that file, for this user to read."
    return f"Look at {file}."


def check_variable_names(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find variables with the prefix of a setting that are not settings."""
    for name in sorted(environment):
        if name in VARIABLES or not name.startswith(("PROJECTS_MCP_", "POSTHOG_")):
            continue
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.75)
        if name.startswith("PROJECTS_MCP_") or near:
            fix = f"Did you mean {near[0]}?" if near else "projects-mcp knows no such setting: remove it."
            level = Level.WARNING if name.startswith("PROJECTS_MCP_") else Level.NOTE
            yield Finding("settings", level, f"{name:.60} is set, which is no setting and has no effect.", fix)


def is_key_usable(settings: Settings) -> bool:
    """Return whether there is a key, and its prefix is not that of another kind of token."""
    key = settings.credentials.key
    return key is not None and key.value.reveal()[:4] not in OTHER_TOKENS


def check_key_format(settings: Settings) -> Finding:
    """Tell the kind of the key by its prefix. Only PostHog can tell if the prefix is unknown."""
    keys = f"{settings.origin}/settings/user-api-keys"
    if settings.credentials.key is None:
        return Finding(
            "key",
            Level.PROBLEM,
            "No PostHog key is configured.",
            f"Make a personal API key at {keys}, and set POSTHOG_PERSONAL_API_KEY or {_KEY_FILE}; or set "
            "PROJECTS_MCP_SANDBOX=1 to practise without one.",
        )
    prefix = settings.credentials.key.value.reveal()[:4]
    if kind := OTHER_TOKENS.get(prefix):
        sentence = f"What is configured as the key is {kind} ({prefix}…). It opens nothing here."
        fix = f"Make a personal API key (phx_…) at {keys}, and set POSTHOG_PERSONAL_API_KEY to it."
        return Finding("key", Level.PROBLEM, sentence, fix)
    if kind := _KEY_PREFIXES.get(prefix):
        return Finding.ok("key", f"The key has the form of {kind} ({prefix}…).")
    sentence = "The key does not begin with phx_, as keys of today do. Only very old ones do not."
    return Finding("key", Level.NOTE, sentence, f"If PostHog does not accept it, make a new one at {keys}.")


def check_files(environment: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Check the permissions of the files and folders in the settings."""
    key_file = environment.get(_KEY_FILE, "").strip()
    if key_file and settings.credentials.key is not None:
        yield _check_private("key_file", "key file", Path(key_file).expanduser())
    if settings.serving.callers is not None and settings.serving.callers.exists():
        yield _check_private("callers", "callers file", settings.serving.callers)
    if settings.audit_log is not None:
        yield _check_audit_log(settings.audit_log)
    if settings.secrets_dir is not None:
        yield _check_secrets_folder(settings.secrets_dir)


def _check_private(check: str, name: str, file: Path) -> Finding:
    if hasattr(os, "getuid") and file.stat().st_mode & _OTHERS:
        sentence = f"Others than its owner can read or write the {name} {file}."
        return Finding(check, Level.WARNING, sentence, f"chmod 600 {file}")
    return Finding.ok(check, f"Nobody but its owner can read the {name} {file}.")


def _check_audit_log(file: Path) -> Finding:
    if reason := _write_obstacle(file):
        sentence = f"The audit log {file} cannot be written: {reason}. Every change is refused until it can."
        fix = "Make it writable for the user of this process, or name another file in PROJECTS_MCP_AUDIT_LOG."
        return Finding("audit_log", Level.PROBLEM, sentence, fix)
    return Finding.ok("audit_log", f"The audit log {file} can be written.")


def _write_obstacle(file: Path) -> str:
    """Return why a file cannot be appended to; empty if it can. Does not create it."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        if not file.parent.is_dir():
            return f"the folder {file.parent} does not exist"
        return "" if os.access(file.parent, os.W_OK | os.X_OK) else f"the folder {file.parent} cannot be written"
    except OSError as error:
        return (error.strerror or "unknown reason").lower()
    regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    full = regular and hasattr(os, "fstatvfs") and os.fstatvfs(descriptor).f_bavail == 0
    os.close(descriptor)
    return "the disk is full" if full else ""


def _check_secrets_folder(folder: Path) -> Finding:
    try:
        SecretFolder(folder).reserve(0).discard()  # as a rotation does first; removes its empty file
    except SecretFolderUnavailable as error:
        sentence = f"The folder for secrets {folder} cannot be used: {error.reason}."
        fix = f"mkdir -p {folder} && chmod 700 {folder}, or name another folder in PROJECTS_MCP_SECRETS_DIR."
        return Finding("secrets_dir", Level.PROBLEM, sentence, fix)
    return Finding.ok("secrets_dir", f"The folder for secrets {folder} is private and can be written.")
