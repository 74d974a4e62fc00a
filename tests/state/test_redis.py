"""The Redis store alone: a server that goes and comes back, one that does not answer, and what it says then."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import anyio
import pytest

from projects_mcp.config.state_parser import parse_state
from projects_mcp.state.location import RedisAddress
from projects_mcp.state.redis import RedisStore
from projects_mcp.state.store import StateStore, StoreError
from tests.support.redis_server import RedisServer, redis_server
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.anyio

PASSWORD = "planted-password"
KEEPER = f"keeper on >{PASSWORD} ~* -@all +ping"


def address(url: str) -> RedisAddress:
    parsed = parse_state("PROJECTS_MCP_STATE", url)
    assert isinstance(parsed, RedisAddress)
    return parsed


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as started:
        yield started


async def refusal(store: StateStore) -> str:
    """What each kind of step says: all the same, within seconds, and nothing of the password."""
    said = set()
    for step in (store.add("b:1", "x", 60), store.get("b:1"), store.find("b:", 1), store.take("r:1", 1, 60)):
        began = monotonic()
        with pytest.raises(StoreError) as caught:
            await step
        assert monotonic() - began < 7
        assert caught.value.__cause__ is None
        said.add(str(caught.value))
    (text,) = said
    assert "planted" not in text
    return text


async def test_a_server_that_was_away_is_used_again_and_has_kept_what_was_spent(server: RedisServer) -> None:
    store = RedisStore(server.address)
    assert await store.add("a:1", "spent", 3_600)
    async with anyio.create_task_group() as tasks:  # so that several connections are open
        for _ in range(8):
            tasks.start_soon(store.get, "a:1")
    server.stop()
    assert await refusal(store) == "the Redis server cannot be reached"
    server.start()
    assert not await store.add("a:1", "again", 3_600)
    assert await store.add("a:2", "value", 3_600)

    server.stop()  # and nothing is asked of it until it is back
    server.start()
    await anyio.sleep(0.05)  # the loop learns that the connections have ended
    assert await store.get("a:1") == "spent"
    await store.aclose()


async def test_records_of_others_in_the_database_are_left_alone(server: RedisServer) -> None:
    store = RedisStore(server.address)
    with socket.create_connection(("127.0.0.1", server.port), 2) as other:
        other.sendall(b"".join(b"SET other:%d x\r\n" % number for number in range(5_000)))
        other.sendall(b"SET projects-mcp:b:1 \xff\r\nLPUSH projects-mcp:list 1\r\nPING\r\n")
        while b"+PONG" not in other.recv(65_536):
            pass
    await store.add("a:1", "value", 60)
    assert await store.find("a:", 5) == [("a:1", "value")]
    assert await store.find("other:", 5) == []
    for step in (store.get("b:1"), store.get("list"), store.take("b:1", 1, 60), store.take("list", 1, 60)):
        with pytest.raises(StoreError):
            await step
    assert await store.find("list", 5) == []
    await store.aclose()


@pytest.mark.parametrize(
    ("options", "url", "words"),
    [
        (
            ["--requirepass", "another-password"],
            "redis://:{0}@127.0.0.1:{1}",
            "does not accept the user or the password",
        ),
        (["--requirepass", "another-password"], "redis://127.0.0.1:{1}", "does not accept the user or the password"),
        (["--databases", "2"], "redis://127.0.0.1:{1}/7", "refuses to work"),
        (
            ["--user", *f"keeper on >{PASSWORD} ~* -@all +ping".split()],
            "redis://keeper:{0}@127.0.0.1:{1}",
            "does not allow",
        ),
        ([], "rediss://:{0}@127.0.0.1:{1}", "did not answer in time"),  # it waits for the rest of a command
    ],
)
async def test_a_server_that_refuses_is_told(tmp_path: Path, options: list[str], url: str, words: str) -> None:
    with redis_server(tmp_path, *options) as server:
        store = RedisStore(address(url.format(PASSWORD, server.port)))
        assert words in await refusal(store)
        await store.aclose()


async def test_a_full_server_is_told_and_still_read(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as server:
        store = RedisStore(server.address)
        await store.add("a:1", "spent", 3_600)
        with pytest.raises(StoreError, match="full"):  # noqa: PT012 - one of them
            for number in range(8):
                await store.add(f"b:{number}", "x" * 900_000, 3_600)
        assert await store.get("a:1") == "spent"
        await store.aclose()


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that reads commands and does not answer as Redis does. Gives its port, and what it has read."""
    read: list[bytes] = []
    ends = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.1)
            while not ends.is_set():
                try:
                    data = connection.recv(65_536)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not data:
                    return
                read.append(data)
                answer(connection)

    def accept() -> None:
        while not ends.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                continue
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1], read
        finally:
            ends.set()
            accepting.join()
            for thread in threads:
                thread.join()


ANSWERS: dict[str, Callable[[socket.socket], None]] = {
    "nothing": lambda _: None,
    "the end": lambda connection: connection.close(),
    "another protocol": lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "half an answer": lambda connection: connection.sendall(b"$5\r\nab"),
}


@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_lost_answer_is_never_asked_for_again(answer: str) -> None:
    with listening(ANSWERS[answer]) as (port, read):
        store = RedisStore(address(f"redis://127.0.0.1:{port}"))
        with anyio.fail_after(PATIENCE_S), pytest.raises(StoreError):
            await store.add("a:1", "value", 60)
        await store.aclose()
        assert b"".join(read).count(b"projects-mcp:a:1") == 1


async def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    store = RedisStore(address(f"redis://keeper:{PASSWORD}@127.0.0.1:{port}"))
    assert await refusal(store) == "the Redis server cannot be reached"
    assert "planted" not in repr(store)
    await store.aclose()


async def test_what_the_server_is_set_to_can_be_read(tmp_path: Path) -> None:
    with redis_server(tmp_path, "--maxmemory-policy", "allkeys-lru", "--rename-command", "CONFIG", "") as server:
        store = RedisStore(server.address)
        assert await store.read_setting("maxmemory-policy") is None
        await store.aclose()
    with redis_server(tmp_path, "--maxmemory-policy", "allkeys-lru") as server:
        store = RedisStore(server.address)
        assert await store.read_setting("maxmemory-policy") == "allkeys-lru"
        assert await store.read_setting("no-such-setting") is None
        server.stop()
        with pytest.raises(StoreError):
            await store.read_setting("maxmemory-policy")
        await store.aclose()
