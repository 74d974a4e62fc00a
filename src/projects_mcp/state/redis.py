"""The store in a Redis server, shared by the processes of several machines."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio
import anyio.to_thread

from projects_mcp.state.checks import check_key, check_prefix, check_time, check_value
from projects_mcp.state.location import RedisAddress
from projects_mcp.state.redis_scripts import PROBE, REPLACE, TAKE
from projects_mcp.state.store import StateStore, StoreError

if TYPE_CHECKING:
    from projects_mcp.state.redis_client import RedisClient

__all__ = ["RedisStore"]

_PREFIX: Final = "projects-mcp:"
"""What every key begins with, as a database may be shared."""
_STEP_TIMEOUT_S: Final = 6.0
"""Seconds for a step, above those of the client to connect, sign in and get an answer."""
_FIND_TIMEOUT_S: Final = 10.0
_KEYS_A_SCAN: Final = 1_000
_MOST_SCANS: Final = 1_000
"""Rounds of a search: a million keys, of whomever they are."""
_GLOB: Final = re.compile(r"([\\*?\[\]^-])")

T = TypeVar("T")


@dataclass(eq=False)
class RedisStore(StateStore):
    """Keeps records in Redis 6 or newer, or what speaks its protocol. Each step is one command or one script.

    Records expire by the server's clock, to the millisecond. Nothing is loaded or opened before the first step, and
    no step is sent twice: if its answer is lost, it raises `StoreError`. A step that has begun ends, also if its caller
    is cancelled; it takes `_STEP_TIMEOUT_S` at the most. A server that was away is used again as soon as it is back.

    Args:
        address: of the server.
    """

    address: RedisAddress
    _client: RedisClient | None = field(default=None, init=False, repr=False)

    shared = True

    async def get(self, key: str) -> str | None:
        """Return a record; None if there is none."""
        check_key(key)
        return _text(await self._run(lambda client: client.execute("GET", _PREFIX + key)))

    async def add(self, key: str, value: str, for_s: float) -> bool:
        """Keep a record if there is none under its key. Return whether it was kept."""
        check_key(key)
        check_value(value)
        check_time(for_s)
        command = ("SET", _PREFIX + key, value.encode(), "PX", _milliseconds(for_s), "NX")
        return await self._run(lambda client: client.execute(*command)) is not None

    async def replace(self, key: str, old: str, new: str | None, for_s: float | None = None) -> bool:
        """Put a new record in the place of exactly the old one, or remove that one."""
        check_key(key)
        if new is not None:
            check_value(new)
        if for_s is not None:
            check_time(for_s)
        how = "remove" if new is None else "keep" if for_s is None else str(_milliseconds(for_s))
        arguments = (_PREFIX + key, old.encode(errors="surrogatepass"), (new or "").encode(), how)
        return bool(await self._run(lambda client: client.execute("EVAL", REPLACE, 1, *arguments)))

    async def find(self, prefix: str, most: int) -> list[tuple[str, str]]:
        """Return at most so many records whose keys begin so, in the order of the keys.

        Unlike the other steps it is several commands: of records that come or go meanwhile it may return some.
        """
        check_prefix(prefix)
        return await self._run(lambda client: _find(client, prefix, most), _FIND_TIMEOUT_S)

    async def take(self, key: str, count: int, window_s: float, amount: int = 1) -> float:
        """Take from an allowance that comes back evenly, or learn how long to wait."""
        check_key(key)
        arguments = (_PREFIX + key, count, repr(float(window_s)), amount)
        answer = await self._run(lambda client: client.execute("EVAL", TAKE, 1, *arguments))
        try:
            return float(answer)
        except (TypeError, ValueError):
            raise StoreError("what the store keeps is damaged") from None

    async def probe(self) -> None:
        """Make sure that a record can be kept now, and that the server runs scripts: one is kept, and removed."""
        await self._run(lambda client: client.execute("EVAL", PROBE, 1, f"{_PREFIX}probe:"))

    async def read_setting(self, name: str) -> str | None:
        """Return a setting of the server, such as `maxmemory-policy`; None if it does not tell this user."""
        try:
            answer = await self._run(lambda client: client.execute("CONFIG", "GET", name))
        except StoreError:
            await self.probe()  # not away, so it is this command that is not allowed
            return None
        found = list(answer.values()) if isinstance(answer, dict) else list(answer or ())[1:]
        return _text(found[0]) if found else None

    async def aclose(self) -> None:
        """Close the connections. The store can be used again afterwards."""
        client, self._client = self._client, None
        if client is not None:
            with anyio.move_on_after(_STEP_TIMEOUT_S, shield=True):
                await client.aclose()

    async def _run(self, step: Callable[[RedisClient], Awaitable[T]], timeout_s: float = _STEP_TIMEOUT_S) -> T:
        try:
            # Shielded: a connection that is torn off in the middle of a step leaves its outcome unknown.
            with anyio.fail_after(timeout_s, shield=True):
                return await step(self._client or await self._connect())
        except TimeoutError:
            raise StoreError("the Redis server did not answer in time") from None

    async def _connect(self) -> RedisClient:
        """Load the library in a thread, since it takes some tenths of a second, and make the client."""
        try:
            module = await anyio.to_thread.run_sync(import_module, "projects_mcp.state.redis_client")
        except ImportError:
            raise StoreError("the library redis is not installed; install projects-mcp[redis]") from None
        if self._client is None:  # another step may have waited for the library too
            self._client = module.RedisClient(self.address)
        return self._client


async def _find(client: RedisClient, prefix: str, most: int) -> list[tuple[str, str]]:
    pattern = _GLOB.sub(r"\\\1", _PREFIX + prefix) + "*"
    names, cursor = set[str](), "0"
    for _ in range(_MOST_SCANS):
        answer = await client.execute("SCAN", cursor, "MATCH", pattern, "COUNT", _KEYS_A_SCAN)
        cursor = str(_text(answer[0]))
        names.update(str(_text(name)) for name in answer[1])
        if cursor == "0":
            break
    else:
        raise StoreError("the Redis database holds too many other keys; give this program one of its own")
    found: list[tuple[str, str]] = []
    waiting = sorted(names)
    while waiting and len(found) < most:
        batch, waiting = waiting[: most - len(found)], waiting[most - len(found) :]
        values = await client.execute("MGET", *batch)
        pairs = zip(batch, map(_text, values), strict=True)
        found += [(name.removeprefix(_PREFIX), value) for name, value in pairs if value is not None]
    return found


def _milliseconds(for_s: float) -> int:
    """Round down: a record never lives longer than its time. Redis has no shorter one than a millisecond."""
    return max(1, int(for_s * 1_000))


def _text(answer: Any) -> str | None:
    if isinstance(answer, bytes):
        try:
            return answer.decode()
        except UnicodeDecodeError:
            raise StoreError("what the store keeps is damaged") from None
    return None if answer is None else str(answer)
