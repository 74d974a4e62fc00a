"""Where the operator wants state to be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias

from projects_mcp.sanitize.secret import Secret

__all__ = ["MEMORY", "RedisAddress", "StateLocation"]

MEMORY: Final = "memory"
"""In this process alone."""

_SHORTEST_HIDDEN: Final = 8
"""Characters of a password that is sought in every text: a shorter one is a part of ordinary words."""


class RedisAddress(NamedTuple):
    """A database of a Redis server.

    Attributes:
        host: its name or address, an IPv6 one without brackets.
        port: 1 to 65535.
        database: its number.
        tls: whether the connection is encrypted, and the server proves its name by the system's trust.
        username: whom to sign in as; None for the default user.
        password: None if the server asks for none.
        url: as the operator wrote it.
    """

    host: str
    port: int
    database: int
    tls: bool
    username: str | None
    password: Secret | None
    url: Secret

    @property
    def shown(self) -> str:
        """The address without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{host}:{self.port}/{self.database}"

    def secrets(self) -> tuple[str, ...]:
        """Return what must be shown nowhere: the password, and the URL that it is in."""
        if self.password is None:
            return ()
        password = self.password.reveal()
        return (self.url.reveal(), *([password] if len(password) >= _SHORTEST_HIDDEN else []))


StateLocation: TypeAlias = Path | RedisAddress | Literal["memory"]
"""A SQLite file, a Redis server, or `MEMORY`."""
