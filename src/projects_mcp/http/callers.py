"""Who may call a served server: the callers file, and what each of its callers was given."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from projects_mcp.config.parsers import SettingsError, read_personal_key
from projects_mcp.policy.access import Access
from projects_mcp.policy.authorization import KeyGrant
from projects_mcp.posthog.credentials import Credentials

__all__ = ["CALLER_NAME", "DEFAULT_CREDENTIAL", "SCOPES", "Caller", "Callers", "load_callers"]

CALLER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""The form of the name of a caller or of a credential."""
SCOPES: Final = ("project:read", "project:write")
DEFAULT_CREDENTIAL: Final = "default"
"""The credential of the process itself: `POSTHOG_PERSONAL_API_KEY`, and the session where there is one."""

_AT_ONCE, _PER_MINUTE = 64, 6_000
_OTHERS: Final = 0o077
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES: Final = 1_048_576


class Caller(NamedTuple):
    """One caller, and what it was given.

    Attributes:
        name: for the journal.
        rights: its scopes, and its organization where it has but one.
        access: the highest effect that it is allowed.
        credential: the name of the credential of PostHog's that its calls use.
        organization: the only organization that it may touch; None for any that the credential reaches.
        protected: projects that it must not destroy, besides those of the operator.
        at_once: calls under way at a time.
        per_minute: calls a minute.
        issuer: of its token, where that is a JSON Web Token.
    """

    name: str
    rights: KeyGrant
    access: Access = Access.FULL
    credential: str = DEFAULT_CREDENTIAL
    organization: UUID | None = None
    protected: frozenset[int] = frozenset()
    at_once: int = _AT_ONCE
    per_minute: int = _PER_MINUTE
    issuer: str | None = None


class Callers(NamedTuple):
    """The content of a callers file.

    Attributes:
        by_hash: each caller by the SHA-256 of its token, as hexadecimal digits.
        credentials: the named credentials of PostHog's.
    """

    by_hash: Mapping[str, Caller]
    credentials: Mapping[str, Credentials]

    def of_token(self, token: str) -> Caller | None:
        """Return whose token this is. Takes as long for a wrong token as for a right one."""
        digest = hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
        found = None
        for known, caller in self.by_hash.items():
            if hmac.compare_digest(known, digest):
                found = caller
        return found


def load_callers(path: Path, environment: Mapping[str, str]) -> Callers:
    """Read a callers file.

    Args:
        path: a TOML file that only its owner can read.
        environment: where its credentials may be.

    Raises:
        SettingsError: it cannot be read or used. The text is one line, and shows no secret.
    """
    tables = _tables(path)
    unknown = set(tables) - {"callers", "credentials"}
    _require(not unknown, f"there is no section [{_shown(unknown)}]; use [callers.NAME] and [credentials.NAME]")
    credentials = {name: _credential(name, table, environment) for name, table in _named(tables, "credentials").items()}
    by_hash: dict[str, Caller] = {}
    for name, table in _named(tables, "callers").items():
        digest, caller = _caller(name, table)
        _require(digest not in by_hash, f"[callers.{name}] has the token of another caller")
        known = caller.credential == DEFAULT_CREDENTIAL or caller.credential in credentials
        _require(known, f"[callers.{name}] names a credential that is not there: add [credentials.NAME]")
        by_hash[digest] = caller
    _require(bool(by_hash), "it names no caller")
    return Callers(by_hash, credentials)


def _tables(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if hasattr(os, "getuid") and status.st_mode & _OTHERS:
                raise SettingsError(
                    f"PROJECTS_MCP_CALLERS can be read by others: chmod {stat.S_IMODE(status.st_mode) & ~_OTHERS:o} it."
                )
            _require(status.st_size <= _MOST_BYTES, "it is larger than a megabyte")
            return tomllib.loads(file.read(_MOST_BYTES).decode())
    except OSError as error:
        raise SettingsError(f"PROJECTS_MCP_CALLERS cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise SettingsError("PROJECTS_MCP_CALLERS is not TOML: it is nested too deeply.") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at line \d+", str(error))
        raise SettingsError(f"PROJECTS_MCP_CALLERS is not TOML{f' {where[0]}' if where else ''}.") from None
    except ValueError:
        raise SettingsError("PROJECTS_MCP_CALLERS is not UTF-8 text.") from None


def _named(tables: Mapping[str, Any], section: str) -> dict[str, dict[str, Any]]:
    value = tables.get(section, {})
    _require(
        isinstance(value, dict) and all(isinstance(table, dict) for table in value.values()),
        f"each entry of {section} is a section of its own: [{section}.NAME]",
    )
    wrong = {name for name in value if not CALLER_NAME.fullmatch(name)}
    _require(not wrong, f"a name in [{section}] has 1 to 64 letters, digits, dots, hyphens or underscores")
    return dict(value)


def _caller(name: str, table: Mapping[str, Any]) -> tuple[str, Caller]:
    read = _Reader(f"[callers.{name}]", dict(table))
    digest = read.text("token_sha256").lower()
    _require(bool(_HASH.fullmatch(digest)), f"{read.where} token_sha256 must be 64 hexadecimal digits")
    scopes = read.texts("scopes")
    _require(set(scopes) <= set(SCOPES), f"{read.where} scopes may hold {' and '.join(SCOPES)}")
    access = read.text("access", Access.FULL.value)
    _require(access in list(Access), f"{read.where} access must be one of {', '.join(Access)}")
    try:  # an empty text is no UUID: only what is not there at all means any
        organization = UUID(read.text("organization")) if read.has("organization") else None
    except ValueError:
        raise _wrong(f"{read.where} organization must be a UUID") from None
    caller = Caller(
        name=name,
        rights=KeyGrant(
            scopes=frozenset(scopes), organizations=None if organization is None else frozenset([organization])
        ),
        access=Access(access),
        credential=read.text("credential", DEFAULT_CREDENTIAL),
        organization=organization,
        protected=frozenset(read.numbers("protected_projects")),
        at_once=read.number("concurrent_calls", _AT_ONCE),
        per_minute=read.number("calls_per_minute", _PER_MINUTE),
    )
    read.finish()
    return digest, caller


def _credential(name: str, table: Mapping[str, Any], environment: Mapping[str, str]) -> Credentials:
    read = _Reader(f"[credentials.{name}]", dict(table))
    _require(name != DEFAULT_CREDENTIAL, "the credential default is the key of the process itself")
    variable, file = read.text("key_env", ""), read.text("key_file", "")
    _require(bool(variable) != bool(file), f"{read.where} needs key_env, the name of a variable, or key_file, a path")
    read.finish()
    value = environment.get(variable, "").strip() if variable else None
    _require(value != "", f"{read.where} the variable of key_env is not set")
    return Credentials(key=read_personal_key(read.where, value, file))


class _Reader:
    """Takes the values out of one section, and says what is wrong with them."""

    def __init__(self, where: str, table: dict[str, Any]) -> None:
        self.where = where
        self._table = table

    def has(self, name: str) -> bool:
        return name in self._table

    def text(self, name: str, default: str | None = None) -> str:
        value = self._table.pop(name, default)
        _require(value is not None, f"{self.where} needs {name}")
        _require(isinstance(value, str), f"{self.where} {name} must be a text")
        return str(value)

    def texts(self, name: str) -> list[str]:
        value = self._table.pop(name, None)
        right = isinstance(value, list) and all(isinstance(item, str) for item in value)
        _require(right, f"{self.where} needs {name}, a list of texts")
        return list(value or ())

    def number(self, name: str, default: int) -> int:
        value = self._table.pop(name, default)
        _require(type(value) is int and value >= 1, f"{self.where} {name} must be a number from 1")
        return int(value)

    def numbers(self, name: str) -> list[int]:
        value = self._table.pop(name, [])
        right = isinstance(value, list) and all(type(item) is int and item >= 1 for item in value)
        _require(right, f"{self.where} {name} must be a list of project ids")
        return list(value)

    def finish(self) -> None:
        _require(not self._table, f"{self.where} has nothing named {_shown(self._table)}")


def _shown(names: Any) -> str:
    """Show the first of some names, as far as it is harmless."""
    first = min(names, default="")
    return first if CALLER_NAME.fullmatch(first) else "…"


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise _wrong(problem)


def _wrong(problem: str) -> SettingsError:
    return SettingsError(f"PROJECTS_MCP_CALLERS cannot be used: {problem}.")
