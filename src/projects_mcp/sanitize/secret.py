"""A value that must never be shown."""

from __future__ import annotations

from typing import Final

__all__ = ["HIDDEN", "Secret"]

HIDDEN: Final = "[hidden]"


class Secret:
    """Holds a credential so that printing, formatting or inspecting it shows nothing of it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential itself. Called only where it is put into a request, or sought to be redacted."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        raise TypeError("a secret cannot be pickled")
