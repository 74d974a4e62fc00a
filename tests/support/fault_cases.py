"""What an upstream can do wrong, by name."""

import asyncio
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.support.fault_server import CHUNKED, HTML, PROMISING_500, Exchange, Fault, project

FAULTS: dict[str, tuple[str, Fault]] = {}
"""By name: the `kind` that a READ must report (empty: it may succeed), and what the upstream does."""


def fault(kind: str) -> Callable[[Fault], Fault]:
    def registered(function: Fault) -> Fault:
        FAULTS[function.__name__] = (kind, function)
        return function

    return registered


def _answers(name: str, kind: str, status: int, body: Any = b"", **headers: str) -> None:
    async def function(exchange: Exchange) -> None:
        await exchange.answer(status, body, {key.replace("_", "-"): value for key, value in headers.items()})

    FAULTS[name] = (kind, function)


def _envelope(code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": "x", "code": code, "detail": detail, "attr": attr}


_later = format_datetime(datetime.now(UTC) + timedelta(hours=2), usegmt=True)
_answers("status_400", "validation", 400, _envelope("invalid_choice", '"Mars/X" is not a valid choice.', "timezone"))
_answers("status_400_error_body", "validation", 400, {"error": "product_type is required"})
_answers("status_400_html", "validation", 400, HTML, Content_Type="text/html")
_answers("status_401", "authentication", 401, _envelope("authentication_failed", "x"))
_answers("status_403_scope", "missing_scope", 403, _envelope("permission_denied", "API key missing required scope 'x'"))
_answers("status_403_other", "forbidden", 403, _envelope("permission_denied", "No."))
_answers("status_404", "not_found", 404, _envelope("not_found", "Not found."))
_answers("status_404_empty", "not_found", 404)
_answers("status_405", "validation", 405, _envelope("method_not_allowed", "Method not allowed."))
_answers("status_409", "conflict", 409, _envelope("conflict", "There is already a project called that."))
_answers("status_413", "validation", 413, HTML, Content_Type="text/html")
_answers("status_418_list", "validation", 418, ["teapot"])
_answers("status_429_seconds", "throttled", 429, _envelope("throttled", "x"), Retry_After="42")
_answers("status_429_date", "throttled", 429, _envelope("throttled", "x"), Retry_After=_later)
_answers("status_429_detail", "throttled", 429, _envelope("throttled", "Expected available in 42 seconds."))
_answers("status_429_bare", "throttled", 429)
_answers("status_429_absurd", "throttled", 429, b"", Retry_After="9" * 50)
_answers("status_500", "server_error", 500, _envelope("error", "A server error occurred."))
_answers("status_500_empty", "server_error", 500)
_answers("status_502_html", "server_error", 502, HTML, Content_Type="text/html")
_answers("status_503_long", "server_error", 503, _envelope("database_unavailable", "x"), Retry_After="600")
_answers("status_504_empty", "server_error", 504)
_answers("status_599", "server_error", 599, b"\x00\x01binary")
_answers("redirect_elsewhere", "bad_answer", 302, b"", Location="https://evil.example/steal")
_answers("redirect_permanent", "bad_answer", 308, b"", Location="/login")
_answers("status_304", "bad_answer", 304)
_answers("login_page", "bad_answer", 200, HTML, Content_Type="text/html")
_answers("html_called_json", "bad_answer", 200, HTML)
_answers("plain_text", "bad_answer", 200, b"OK", Content_Type="text/plain")
_answers("empty", "bad_answer", 200)
_answers("white_space", "bad_answer", 200, b" \r\n ")
_answers("not_json", "bad_answer", 200, b"{'id': 12345}")
_answers("half_json", "bad_answer", 200, b'{"id": 12345, "na')
_answers("two_json_values", "bad_answer", 200, b'{"id": 12345}{"id": 12345}')
_answers("a_list", "bad_answer", 200, [])
_answers("a_string", "bad_answer", 200, b'"ok"')
_answers("null", "bad_answer", 200, b"null")
_answers("empty_object", "bad_answer", 200, {})
_answers("an_error_with_status_200", "bad_answer", 200, {"detail": "Authentication required."})
_answers("another_project", "not_identified", 200, project(id=99999))
_answers("id_as_text", "bad_answer", 200, project(id="12345"))
_answers("duplicate_keys", "bad_answer", 200, b'{"id": 12345, "name": "A", "id": 1}')
_answers("nan", "bad_answer", 200, b'{"id": 12345, "n": NaN}')
_answers("lone_surrogate", "bad_answer", 200, b'{"id": 12345, "name": "\\ud800"}')
_answers("huge_integer", "bad_answer", 200, b'{"id": 12345, "n": ' + b"9" * 10_000 + b"}")
_answers("deep", "bad_answer", 200, b'{"id": 12345, "n": ' + b"[" * 2_000 + b"]" * 2_000 + b"}")
_answers("very_deep", "bad_answer", 200, b"[" * 200_000)
_answers("not_utf8", "bad_answer", 200, b'{"id": 12345, "name": "\xff\xfe"}')
_answers("utf16", "bad_answer", 200, json.dumps(project()).encode("utf-16"))
_answers("unknown_encoding", "bad_answer", 200, b"xxxx", Content_Encoding="br")
_answers("not_really_gzip", "bad_answer", 200, b'{"id": 12345}', Content_Encoding="gzip")
_answers("half_gzip", "bad_answer", 200, gzip.compress(json.dumps(project()).encode())[:-12], Content_Encoding="gzip")
_answers("gzip_bomb", "bad_answer", 200, gzip.compress(b" " * 64_000_000), Content_Encoding="gzip")
_answers("too_large", "bad_answer", 200, b'{"id": 12345, "x": "' + b"x" * 11_000_000 + b'"}')
_answers("sets_cookies", "", 200, project(), Set_Cookie="sessionid=planted; Path=/")
_answers("gzip", "", 200, gzip.compress(json.dumps(project()).encode()), Content_Encoding="gzip")


@fault("connection_lost")
async def reset_at_once(exchange: Exchange) -> None:
    exchange.reset()


@fault("connection_lost")
async def closed_without_a_word(exchange: Exchange) -> None:
    exchange.writer.close()


@fault("connection_lost")
async def closed_in_the_headers(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Type: appl")
    exchange.writer.close()


@fault("connection_lost")
async def closed_in_the_body(exchange: Exchange) -> None:
    await exchange.raw(PROMISING_500 + b'{"id": 12345')
    exchange.writer.close()


@fault("connection_lost")
async def reset_in_the_body(exchange: Exchange) -> None:
    await exchange.raw(PROMISING_500 + b'{"id": 12345')
    exchange.reset()


@fault("connection_lost")
async def chunks_that_break_off(exchange: Exchange) -> None:
    await exchange.raw(CHUNKED + b"5\r\n{")
    exchange.writer.close()


@fault("connection_lost")
async def chunks_of_nonsense(exchange: Exchange) -> None:
    await exchange.raw(CHUNKED + b"zz\r\n{")
    exchange.writer.close()


@fault("connection_lost")
async def not_http(exchange: Exchange) -> None:
    await exchange.raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    exchange.writer.close()


@fault("connection_lost")
async def endless_headers(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 900) for n in range(500)))
    exchange.writer.close()


@fault("timeout")
async def silence(exchange: Exchange) -> None:
    await asyncio.sleep(30)


@fault("timeout")
async def silence_after_the_headers(exchange: Exchange) -> None:
    await exchange.raw(PROMISING_500)
    await asyncio.sleep(30)


@fault("timeout")
async def one_byte_at_a_time(exchange: Exchange) -> None:
    await exchange.raw(PROMISING_500)
    for _ in range(300):
        await exchange.raw(b" ")
        await asyncio.sleep(0.1)


@fault("timeout")
async def one_header_at_a_time(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    for number in range(300):
        await exchange.raw(b"X-%d: x\r\n" % number)
        await asyncio.sleep(0.1)


@fault("timeout")
async def early_hints_for_ever(exchange: Exchange) -> None:
    for _ in range(300):
        await exchange.raw(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.1)
