"""Whether what a caller was given still holds while its call is under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["CallerStanding", "Standing", "TokenStanding"]


class Standing(Protocol):
    """Whether what a caller was given still holds. The one part of its rights that can change during a call."""

    @property
    def withdrawn(self) -> bool:
        """Its token has been taken out or has expired, or its rights have been changed."""
        ...


class CallerStanding:
    """The standing of a caller, whatever tokens it has.

    Attributes:
        withdrawn: its token has been taken out, or its rights have been changed.
    """

    __slots__ = ("__weakref__", "withdrawn")

    def __init__(self) -> None:
        self.withdrawn = False


class TokenStanding:
    """The standing of a caller in a request whose token expires: it ends with the token, if not before.

    Args:
        caller: the standing of the caller.
        expires_at: seconds since 1970.
        clock: the same, for tests.
    """

    __slots__ = ("_caller", "_clock", "_expires_at")

    def __init__(self, caller: Standing, expires_at: float, clock: Callable[[], float] = time.time) -> None:
        self._caller = caller
        self._expires_at = expires_at
        self._clock = clock

    @property
    def withdrawn(self) -> bool:
        """Its token has been taken out or has expired, or its rights have been changed."""
        return self._caller.withdrawn or self._clock() >= self._expires_at
