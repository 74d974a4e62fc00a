"""Keep keys in the keyring of the system: macOS Keychain, Windows Credential Locker, Secret Service, KWallet.

The library is an extra, and loaded when a profile says that its key is there. A keyring may ask a person to unlock it,
so every use has a bound of time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Final, TypeVar

__all__ = ["KeyringError", "delete_key", "is_keyring_usable", "read_key", "write_key"]

_SERVICE: Final = "projects-mcp"
_WAIT_S: Final = 60.0
"""Seconds that a person gets to unlock it."""
_SECURE: Final = 1
"""The priority from which the library calls a backend recommended; those below keep keys in plain files, or nowhere."""
_ResultT = TypeVar("_ResultT")


class KeyringError(Exception):
    """The keyring cannot be used. The text says why, and follows "and"."""


def is_keyring_usable() -> bool:
    """Whether the library is installed, and has a keyring of this system to keep a key in."""
    if find_spec("keyring") is None:
        return False

    def ask() -> bool:
        import keyring  # noqa: PLC0415 - an extra, loaded on first use

        return keyring.get_keyring().priority >= _SECURE

    try:
        return _within_bound(ask)
    except KeyringError:
        return False


def read_key(profile: str) -> str | None:
    """Return the key of a profile; None if the keyring holds none.

    Raises:
        KeyringError: it cannot be asked.
    """

    def ask() -> str | None:
        import keyring  # noqa: PLC0415 - as above

        return keyring.get_password(_SERVICE, profile)

    _require_library()
    return _within_bound(ask)


def write_key(profile: str, key: str) -> None:
    """Keep the key of a profile.

    Raises:
        KeyringError: it cannot be kept.
    """

    def put() -> None:
        import keyring  # noqa: PLC0415 - as above

        keyring.set_password(_SERVICE, profile, key)

    _require_library()
    _within_bound(put)


def delete_key(profile: str) -> bool:
    """Take the key of a profile out.

    Returns:
        Whether there was one.

    Raises:
        KeyringError: the keyring cannot be used.
    """

    def take_out() -> bool:
        import keyring  # noqa: PLC0415 - as above

        if keyring.get_password(_SERVICE, profile) is None:
            return False
        keyring.delete_password(_SERVICE, profile)
        return True

    _require_library()
    return _within_bound(take_out)


def _require_library() -> None:
    if find_spec("keyring") is None:
        raise KeyringError("the library keyring is not installed: pip install 'projects-mcp[keyring]'")


def _within_bound(use: Callable[[], _ResultT]) -> _ResultT:
    """Use the keyring in a thread that the end of the process does not wait for."""
    results: list[_ResultT] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(use())
        except Exception as error:  # noqa: BLE001 - backends raise whatever their systems raise
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(_WAIT_S)
    if failures:
        # The text of the error is the system's, and may hold what was asked for.
        raise KeyringError(f"it cannot be used ({type(failures[0]).__name__})") from None
    if not results:
        raise KeyringError(f"it did not answer within {_WAIT_S:.0f} seconds")
    return results[0]
