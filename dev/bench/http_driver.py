"""Drives a server over Streamable HTTP: raw keep-alive connections, one request at a time on each."""

import selectors
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from dev.bench.processes import STDERR_LOG
from dev.bench.wire import Failed, answered
from dev.environments import CACHE
from dev.processes import NotListeningError, free_port, start, stop, wait_until_listening

__all__ = ["HttpServer", "is_complete"]

_CHUNK: Final = 1 << 18
_TIMEOUT_S: Final = 30
_LAST_CHUNK: Final = b"0\r\n\r\n"


class HttpServer:
    """A subject over HTTP, as a context: it has answered `ready` when the block begins."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], ready: Callable[[int], bytes]) -> None:
        self.port = free_port()
        self._process = start([*command, str(self.port)], environment=environment, folder=CACHE, log=STDERR_LOG)
        self._connections: list[socket.socket] = []
        try:
            wait_until_listening(self._process, self.port)
            self._connections.append(self._connect())
            self.times([ready(self.port)])
        except NotListeningError as error:
            self._end()
            raise Failed(str(error)) from None
        except BaseException:
            self._end()
            raise

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        for connection in self._connections:
            connection.close()
        stop(self._process)

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def times(self, messages: Sequence[bytes]) -> list[float]:
        """Send requests one after the other on one connection, and return how many seconds each took."""
        taken = []
        for message in messages:
            start = time.perf_counter()
            self._connections[0].sendall(message)
            answer = b""
            while not is_complete(answer):
                answer += _receive(self._connections[0])
            taken.append(time.perf_counter() - start)
        return taken

    def flood(self, messages: Sequence[bytes], in_flight: int) -> float:
        """Keep that many requests under way, each on its connection, and return how many seconds all took."""
        while len(self._connections) < in_flight:
            self._connections.append(self._connect())
        waiting = iter(messages)
        left = len(messages)
        with selectors.DefaultSelector() as selector:
            start = time.perf_counter()
            for connection, message in zip(self._connections, waiting, strict=False):
                selector.register(connection, selectors.EVENT_READ, (connection, bytearray()))
                connection.sendall(message)
            while left:
                ready = selector.select(_TIMEOUT_S)
                if not ready:
                    raise Failed("no answer within 30 seconds")
                for key, _ in ready:
                    connection, answer = key.data
                    answer += _receive(connection)
                    if is_complete(answer):
                        answer.clear()
                        left -= 1
                        if message := next(waiting, b""):
                            connection.sendall(message)
            return time.perf_counter() - start


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(_CHUNK)
    if not data:
        raise Failed("the server closed the connection")
    return data


def is_complete(answer: bytes | bytearray) -> bool:
    """Tell whether a whole response is there: as long as it says, or up to its last chunk.

    Raises:
        Failed: it is an error.
    """
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = bytes(answer[:end]).lower()
    at = head.find(b"content-length:")
    if at >= 0:
        length = int(head[at + 15 :].split(b"\r\n", 1)[0])
        if len(answer) < end + 4 + length:
            return False
    elif not answer.endswith(_LAST_CHUNK):
        return False
    body = bytes(answer[answer.find(b"{", end) :])
    if not head.startswith(b"http/1.1 200") or answered(body) is None:
        raise Failed(bytes(answer[:300]).decode(errors="replace"))
    return True
