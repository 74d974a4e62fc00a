"""The connections to a Redis server: the only place that imports its library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool, Connection, Redis, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import (
    ConnectionError as NotConnected,
)
from redis.exceptions import (
    TimeoutError as TimedOut,
)

from projects_mcp.state.location import RedisAddress
from projects_mcp.state.store import StoreError

__all__ = ["RedisClient"]

_CONNECT_TIMEOUT_S: Final = 2.0
_COMMAND_TIMEOUT_S: Final = 2.0
_MOST_CONNECTIONS: Final = 32

_WORDS: Final[tuple[tuple[type[Exception], str], ...]] = (
    # The narrow ones first.
    (NoPermissionError, "the Redis server does not allow this user what a store needs"),
    (AuthenticationError, "the Redis server does not accept the user or the password"),
    (BusyLoadingError, "the Redis server is still starting"),
    (OutOfMemoryError, "the store is full: the Redis server has no memory left"),
    (ReadOnlyError, "the Redis server is a replica that only reads"),
    (TimedOut, "the Redis server did not answer in time"),
    (NotConnected, "the Redis server cannot be reached"),
)


class RedisClient:
    """Sends commands to a Redis server, each once."""

    def __init__(self, address: RedisAddress) -> None:
        encrypted: dict[str, Any] = {"ssl_cert_reqs": "required", "ssl_check_hostname": True} if address.tls else {}
        pool = BlockingConnectionPool(
            max_connections=_MOST_CONNECTIONS,
            timeout=_CONNECT_TIMEOUT_S,
            connection_class=SSLConnection if address.tls else Connection,
            host=address.host,
            port=address.port,
            db=address.database,
            username=address.username,
            password=address.password.reveal() if address.password is not None else None,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            socket_timeout=_COMMAND_TIMEOUT_S,
            # Never by itself: what was sent may have been done. A connection that the server has closed is noticed, and
            # made anew, before anything is sent over it.
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
            **encrypted,
        )
        self._pool = pool
        self._execute: Callable[..., Awaitable[Any]] = Redis(connection_pool=pool).execute_command

    async def execute(self, *command: Any) -> Any:
        """Send one command, and return its answer.

        Raises:
            StoreError: it could not be sent, was refused, or got no answer. Its text is none of the server's.
        """
        try:
            return await self._execute(*command)
        except (RedisError, OSError) as error:
            raise StoreError(_explain(error)) from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.disconnect()


def _explain(error: Exception) -> str:
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return "the Redis server refuses to work, as its log may say"
