"""What can be seen without asking anybody: the settings, the form of the key, and the files."""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from projects_mcp.cli.doctor.findings import Finding, Level, ok
from projects_mcp.config.settings import Settings, SettingsError, load
from projects_mcp.config.variables import VARIABLES, related
from projects_mcp.gateway.secret_file import SecretFolder, SecretFolderUnavailable

__all__ = ["files", "key_format", "misspelt", "settings_of", "unusable_key"]

_NAME: Final = re.compile(r"\b[A-Z][A-Z_]+[A-Z]\b")
_KEY_FILE: Final = "POSTHOG_PERSONAL_API_KEY_FILE"
_OTHERS: Final = 0o077
_OTHER_KINDS: Final[Mapping[str, str]] = {
    "phc_": "a project's public token, which takes events in",
    "phs_": "a project's secret token, which works for feature flags",
    "phr_": "an OAuth refresh token, which only fetches new access tokens",
    "phe_": "a token for the stream of events",
}
"""Tokens of PostHog's that this API never takes, by their prefix."""
_KNOWN_KINDS: Final[Mapping[str, str]] = {"phx_": "a personal API key", "pha_": "an OAuth access token"}


def settings_of(environment: Mapping[str, str]) -> tuple[Settings, list[Finding]]:
    """Read the settings, and find everything that is wrong with them, not only the first.

    Returns:
        The settings as far as they are right, and a finding for each that is wrong.
    """
    values, findings = dict(environment), list[Finding]()
    while True:
        try:
            return load(values), findings
        except SettingsError as error:
            findings.append(_wrong(str(error), environment))
            names = related(name for name in _NAME.findall(str(error)) if name in VARIABLES)
            values = {name: value for name, value in values.items() if name not in names} if names else {}


def _wrong(text: str, environment: Mapping[str, str]) -> Finding:
    name = next((name for name in _NAME.findall(text) if name in VARIABLES), "")
    fix = f"Correct {name} where the client or the shell sets it: {VARIABLES[name].words}." if name else ""
    if name == _KEY_FILE and "cannot be read" in text:
        fix = _unreadable(Path(environment[_KEY_FILE].strip()).expanduser())
    return Finding("settings", Level.PROBLEM, text, fix)


def _unreadable(file: Path) -> str:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return f"{file} is not a text file: put the key into it, and nothing else."
    except OSError as error:
        return f"{file}: {error.strerror or 'unreadable'}. Put the key into that file, for this user to read."
    return f"Look at {file}."


def misspelt(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Find variables that look like settings and are none."""
    for name in sorted(environment):
        if name in VARIABLES or not name.startswith(("PROJECTS_MCP_", "POSTHOG_")):
            continue
        near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.75)
        if name.startswith("PROJECTS_MCP_") or near:
            fix = f"Did you mean {near[0]}?" if near else "projects-mcp knows no such setting: remove it."
            level = Level.WARNING if name.startswith("PROJECTS_MCP_") else Level.NOTE
            yield Finding("settings", level, f"{name:.60} is set, which is no setting and has no effect.", fix)


def unusable_key(settings: Settings) -> bool:
    """Whether there is no key, or one that can be told from its prefix to be of the wrong kind."""
    key = settings.credentials.key
    return key is None or key.value.reveal()[:4] in _OTHER_KINDS


def key_format(settings: Settings) -> Finding:
    """Tell from its look what kind of key it is. PostHog decides on whatever has no known prefix."""
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
    if kind := _OTHER_KINDS.get(prefix):
        sentence = f"What is configured as the key is {kind} ({prefix}…). It opens nothing here."
        fix = f"Make a personal API key (phx_…) at {keys}, and set POSTHOG_PERSONAL_API_KEY to it."
        return Finding("key", Level.PROBLEM, sentence, fix)
    if kind := _KNOWN_KINDS.get(prefix):
        return ok("key", f"The key has the form of {kind} ({prefix}…).")
    sentence = "The key does not begin with phx_, as keys of today do. Only very old ones do not."
    return Finding("key", Level.NOTE, sentence, f"If PostHog does not accept it, make a new one at {keys}.")


def files(environment: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Look at the files and folders that the settings name."""
    key_file = environment.get(_KEY_FILE, "").strip()
    if key_file and settings.credentials.key is not None:
        yield _private("key_file", "key file", Path(key_file).expanduser())
    if settings.serving.callers is not None and settings.serving.callers.exists():
        yield _private("callers", "callers file", settings.serving.callers)
    if settings.audit_log is not None:
        yield _audit_log(settings.audit_log)
    if settings.secrets_dir is not None:
        yield _secrets_folder(settings.secrets_dir)


def _private(check: str, name: str, file: Path) -> Finding:
    if hasattr(os, "getuid") and file.stat().st_mode & _OTHERS:
        sentence = f"Others than its owner can read or write the {name} {file}."
        return Finding(check, Level.WARNING, sentence, f"chmod 600 {file}")
    return ok(check, f"Nobody but its owner can read the {name} {file}.")


def _audit_log(file: Path) -> Finding:
    if reason := _not_writable(file):
        sentence = f"The audit log {file} cannot be written: {reason}. Every change is refused until it can."
        fix = "Make it writable for the user of this process, or name another file in PROJECTS_MCP_AUDIT_LOG."
        return Finding("audit_log", Level.PROBLEM, sentence, fix)
    return ok("audit_log", f"The audit log {file} can be written.")


def _not_writable(file: Path) -> str:
    """Say why a file cannot be appended to, without creating it; empty where it can."""
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


def _secrets_folder(folder: Path) -> Finding:
    try:
        SecretFolder(folder).reserve(0).discard()  # exactly what a rotation does first; the empty file is removed again
    except SecretFolderUnavailable as error:
        sentence = f"The folder for secrets {folder} cannot be used: {error.reason}."
        fix = f"mkdir -p {folder} && chmod 700 {folder}, or name another folder in PROJECTS_MCP_SECRETS_DIR."
        return Finding("secrets_dir", Level.PROBLEM, sentence, fix)
    return ok("secrets_dir", f"The folder for secrets {folder} is private and can be written.")
