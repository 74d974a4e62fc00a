"""Parse where state is kept: `memory`, the absolute path of a file, or the address of a Redis server."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from projects_mcp.config.parsers import SettingsError, parse_path, parse_whole_number
from projects_mcp.sanitize.secret import Secret
from projects_mcp.state.location import MEMORY, RedisAddress, StateLocation

__all__ = ["parse_state"]

_REDIS_PORT: Final = 6379
_HIGHEST_DATABASE: Final = 9_999
_FORM: Final = "rediss://user:password@host:6379/0"


def parse_state(name: str, text: str) -> StateLocation:
    """Parse the setting. Nothing of a wrong text is shown, since an address may hold a password."""
    if text.lower() == MEMORY:
        return MEMORY
    if "://" in text:
        return _parse_redis(name, text)
    path = parse_path(name, text) if text.startswith("~") else Path(text)
    if not path.is_absolute() or not path.name or "\0" in text:
        raise SettingsError(f"{name} must be memory, the absolute path of a file, or an address such as {_FORM}.")
    return path


def _parse_redis(name: str, text: str) -> RedisAddress:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SettingsError(f"{name} must be an address such as {_FORM}, with a port from 1 to 65535.") from None
    if parts.scheme not in {"redis", "rediss"}:
        raise SettingsError(f"{name} must be an address that begins with redis:// or rediss://.")
    if not host or not text.isascii() or not text.isprintable() or " " in text or port == 0:
        raise SettingsError(f"{name} must be an address such as {_FORM}, with a port from 1 to 65535.")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise SettingsError(f"{name} must be an address without options; write ? and # in a password as %3F and %23.")
    password = unquote(parts.password) if parts.password else None
    return RedisAddress(
        host=host,
        port=port or _REDIS_PORT,
        database=_parse_database(name, parts),
        tls=parts.scheme == "rediss",
        username=unquote(parts.username) if parts.username else None,
        password=None if password is None else Secret(password),
        url=Secret(text),
    )


def _parse_database(name: str, parts: SplitResult) -> int:
    text = parts.path.removeprefix("/")
    number = parse_whole_number(text or "0", 0, _HIGHEST_DATABASE, digits=4)
    if number is None:
        raise SettingsError(f"{name} must end in the number of a database, such as {_FORM}.")
    return number
