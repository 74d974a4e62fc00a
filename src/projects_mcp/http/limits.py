"""What bounds serving over HTTP: sizes, times and numbers."""

from __future__ import annotations

from typing import Final

__all__ = [
    "ACCEPTED_AT_ONCE",
    "ANSWER_AFTER_CALL_S",
    "BODY_BYTES",
    "BODY_TIMEOUT_S",
    "CALLERS_FILE_BYTES",
    "FETCHES_PER_PERIOD",
    "FETCH_PERIOD_S",
    "FETCH_TIMEOUT_S",
    "HEADERS_TIMEOUT_S",
    "IDLE_CONNECTIONS",
    "KEEP_ALIVE_S",
    "KEPT_RATE_LIMITERS",
    "KEPT_RUNNERS",
    "KEYS_BYTES",
    "KEYS_EXPIRE_S",
    "KEYS_REFRESH_S",
    "KNOWN_KEY_WAIT_S",
    "LISTEN_BACKLOG",
    "PREFLIGHT_S",
    "READINESS_S",
    "SUBJECT_CHARACTERS",
    "TOKEN_BYTES",
    "TOKEN_LEEWAY_S",
]

# Connections
LISTEN_BACKLOG: Final = 2_048
"""Connections that wait to be accepted."""
ACCEPTED_AT_ONCE: Final = 16
"""Connections that are accepted in one go, so that those to be closed are closed before there are many more."""
IDLE_CONNECTIONS: Final = 512
"""Connections without a request under way. If there is another one, the one that is idle longest is closed."""
KEEP_ALIVE_S: Final = 15
"""Seconds that a connection stays open between two requests."""
ANSWER_AFTER_CALL_S: Final = 6
"""Seconds that a process waits at its end beyond a call's own limit: to read back what became of a write."""

# Requests
HEADERS_TIMEOUT_S: Final = 10.0
"""Seconds in which the head of a request must arrive."""
BODY_TIMEOUT_S: Final = 20.0
"""Seconds in which the body of a request must arrive."""
BODY_BYTES: Final = 1_048_576
"""The longest request body. The longest that a tool takes is far below."""
PREFLIGHT_S: Final = 600
"""Seconds for which a browser may keep what a preflight has told it."""
READINESS_S: Final = 5.0
"""Seconds for which an answer on readiness is kept."""

# Callers
CALLERS_FILE_BYTES: Final = 1_048_576
"""The largest callers file."""
KEPT_RATE_LIMITERS: Final = 10_000
"""Callers whose rate limit is kept. More than the runners, so that a runner never outlives its limiter."""
KEPT_RUNNERS: Final = 1_000
"""Callers whose tool runner is kept. Those of an issuer are not known before they come."""

# JSON Web Tokens
TOKEN_BYTES: Final = 16_384
"""The longest token."""
TOKEN_LEEWAY_S: Final = 5.0
"""Seconds by which the clocks of the issuer and of this machine may differ."""
SUBJECT_CHARACTERS: Final = 160
"""The longest subject that becomes a caller's name whole."""

# The keys of an issuer
KEYS_BYTES: Final = 262_144
"""The largest document that is read from an issuer."""
KEYS_REFRESH_S: Final = 300.0
"""Age at which known keys are fetched again, while requests go on."""
KEYS_EXPIRE_S: Final = 600.0
"""Age at which a request waits for the refresh, so that a withdrawn key is not accepted much longer."""
KNOWN_KEY_WAIT_S: Final = 0.5
"""Seconds that a request whose key is known waits for that refresh at most. An issuer may hang."""
FETCH_TIMEOUT_S: Final = 5.0
"""Seconds without a byte from an issuer. All requests of one refresh together may take twice as long."""
FETCHES_PER_PERIOD: Final = 5
"""Refreshes in a period. A key that is not known makes us ask the issuer, but whoever forges tokens must not make us
ask each time."""
FETCH_PERIOD_S: Final = 60.0
