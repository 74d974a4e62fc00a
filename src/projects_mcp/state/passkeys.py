"""The enrolled passkeys, and the invitations to enrol one.

A passkey is the exception to the rule that every record is there for a limited time only: it is kept for ten years, and
a removed one as long, so that what it has signed can be checked later. Nothing in it is a secret.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from secrets import token_bytes, token_urlsafe
from typing import Final

from projects_mcp.state.store import StateStore, StoreError

__all__ = ["INVITATION_S", "MOST_PASSKEYS", "NOT_KEPT", "Invitation", "Passkey", "PasskeyRefused", "Passkeys"]

INVITATION_S: Final = 600.0
"""Seconds that an invitation can be used."""
MOST_PASSKEYS: Final = 200
"""Passkeys that are enrolled at a time."""
NOT_KEPT: Final = (
    "passkeys cannot be kept in the memory of one process: set PROJECTS_MCP_STATE to the path of a file, or to the "
    "address of a Redis server"
)
_MOST_RECORDS: Final = 1_000
"""Passkeys that are kept, those that were removed included."""
_KEPT_S: Final = 10 * 365 * 86_400.0
_TRIES: Final = 5
"""How often a step is tried again if another process was faster."""
_USES: Final = 20
"""How often an invitation's page may be opened, and its form be sent."""
_CODE_BYTES: Final = 18


class PasskeyRefused(Exception):
    """It cannot be enrolled, or is not enrolled any more. The message is a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """An enrolled passkey.

    Attributes:
        name: of its person.
        credential_id: in base64url.
        public_key: in the form of COSE, in base64url.
        sign_count: the signatures that it had counted when it last signed; 0 if it does not count.
        rp_id: the name of the site that it is for.
        added_at: when it was enrolled, in ISO 8601.
        removed_at: when it was removed; None if it is enrolled.
    """

    name: str
    credential_id: str
    public_key: str
    sign_count: int
    rp_id: str
    added_at: str
    removed_at: str | None = None

    def dump(self) -> str:
        """Return it as one JSON text."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)

    @classmethod
    def load(cls, text: str) -> Passkey:
        """Read it.

        Raises:
            StoreError: the text is not one of ours.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            raise StoreError("a passkey in the store cannot be read") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation to enrol one passkey, once.

    Attributes:
        name: of the person.
        challenge: what the authenticator signs, in hexadecimal.
        until: when it ends, in seconds since 1970.
    """

    name: str
    challenge: str
    until: float


@dataclass(frozen=True, slots=True)
class Passkeys:
    """Everything about passkeys in one store.

    Args:
        store: keeps it; must be one that other processes share.
        clock: seconds since 1970, for tests.
    """

    store: StateStore
    clock: Callable[[], float] = time.time

    async def all(self) -> list[Passkey]:
        """Return every passkey, those that were removed included, the oldest first.

        Raises:
            StoreError: the store cannot be used.
        """
        kept = [Passkey.load(text) for _key, text in await self.store.find("passkey:", _MOST_RECORDS)]
        return sorted(kept, key=lambda passkey: (passkey.added_at, passkey.name, passkey.credential_id))

    async def enrolled(self, rp_id: str | None = None, names: tuple[str, ...] | None = None) -> list[Passkey]:
        """Return the passkeys that count now.

        Args:
            rp_id: only those for this site; None for all.
            names: only those of these people; None for all.

        Raises:
            StoreError: the store cannot be used.
        """
        return [
            passkey
            for passkey in await self.all()
            if passkey.removed_at is None
            and rp_id in {None, passkey.rp_id}
            and (names is None or passkey.name in names)
        ]

    async def find(self, credential_id: str) -> Passkey | None:
        """Return the enrolled passkey with an id; None if there is none, or if it was removed.

        Raises:
            StoreError: the store cannot be used.
        """
        text = await self.store.get(_key("passkey", credential_id))
        passkey = None if text is None else Passkey.load(text)
        counts = passkey is not None and passkey.credential_id == credential_id and passkey.removed_at is None
        return passkey if counts else None

    async def add(self, passkey: Passkey) -> None:
        """Enrol a passkey.

        Raises:
            PasskeyRefused: it was enrolled before, or there are too many.
            StoreError: the store cannot be used, or keeps nothing for long.
        """
        kept = await self.all()
        if len(kept) >= _MOST_RECORDS or sum(other.removed_at is None for other in kept) >= MOST_PASSKEYS:
            raise PasskeyRefused(f"There are {MOST_PASSKEYS} passkeys already: remove one before.")
        if not await self.store.add(_key("passkey", passkey.credential_id), passkey.dump(), _KEPT_S):
            raise PasskeyRefused("This passkey was enrolled before.")

    async def count(self, passkey: Passkey, sign_count: int) -> None:
        """Keep how many signatures a passkey has counted.

        Args:
            passkey: as it was when its signature was checked.
            sign_count: with that signature.

        Raises:
            PasskeyRefused: it has signed something else meanwhile, or was removed.
            StoreError: the store cannot be used.
        """
        if sign_count == passkey.sign_count:
            return
        counted = replace(passkey, sign_count=sign_count)
        if not await self.store.replace(_key("passkey", passkey.credential_id), passkey.dump(), counted.dump()):
            raise PasskeyRefused("This passkey was used or removed meanwhile. Sign again.")

    async def remove(self, name: str) -> int:
        """Remove every passkey of a person. They stay on record.

        Returns:
            How many there were.

        Raises:
            StoreError: the store cannot be used.
        """
        return len([passkey for passkey in await self.enrolled(names=(name,)) if await self._remove(passkey)])

    async def _remove(self, passkey: Passkey) -> bool:
        key = _key("passkey", passkey.credential_id)
        for _ in range(_TRIES):
            text = await self.store.get(key)
            now = None if text is None else Passkey.load(text)
            if text is None or now is None or now.removed_at is not None:
                return False
            if await self.store.replace(key, text, replace(now, removed_at=self.now()).dump()):
                return True
        raise StoreError("other processes are changing the same passkey")

    def now(self) -> str:
        """Return the present time in ISO 8601, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")

    async def invite(self, name: str) -> str:
        """Let one passkey be enrolled for a person, once.

        Returns:
            The code of the invitation. The store keeps its SHA-256.

        Raises:
            StoreError: the store cannot be used.
        """
        code = token_urlsafe(_CODE_BYTES)
        invitation = Invitation(name=name, challenge=token_bytes(32).hex(), until=self.clock() + INVITATION_S)
        await self.store.add(_key("invitation", code), json.dumps(asdict(invitation)), INVITATION_S)
        return code

    async def invitation(self, code: str) -> Invitation | None:
        """Return the invitation that a code opens; None if it was used, is over, or was opened too often.

        Raises:
            StoreError: the store cannot be used.
        """
        text = await self.store.get(_key("invitation", code))
        if text is None or await self.store.take(_key("invited", code), _USES, _USES * INVITATION_S):
            return None
        return _read_invitation(text)

    async def is_open(self, code: str) -> bool:
        """Whether an invitation can still be used.

        Raises:
            StoreError: the store cannot be used.
        """
        return await self.store.get(_key("invitation", code)) is not None

    async def accept(self, code: str, invitation: Invitation) -> bool:
        """Use up an invitation. Return whether it could still be used.

        Raises:
            StoreError: the store cannot be used.
        """
        key = _key("invitation", code)
        text = await self.store.get(key)
        return text is not None and _read_invitation(text) == invitation and await self.store.replace(key, text, None)


def _read_invitation(text: str) -> Invitation:
    try:
        return Invitation(**json.loads(text))
    except (ValueError, TypeError):
        raise StoreError("an invitation in the store cannot be read") from None


def _key(kind: str, what: str) -> str:
    return f"{kind}:{hashlib.sha256(what.encode('utf-8', 'surrogatepass')).hexdigest()}"
