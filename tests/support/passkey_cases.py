"""What the tests of passkeys share: a desk whose store other processes could share, and what a device may do wrong."""

from hashlib import sha256
from typing import Any

from tests.support.approval_desk import PORT, Desk
from tests.support.authenticator import USER_PRESENT, USER_VERIFIED
from tests.support.gates_and_approvals import SharedMemory

ORIGIN = f"http://localhost:{PORT}"


def desk_of() -> Desk:
    desk = Desk()
    desk.__init__(store=SharedMemory(clock=lambda: desk.now))  # type: ignore[misc]  # the store keeps the desk's time
    return desk


WRONG: dict[str, dict[str, Any]] = {
    "without user verification": {"flags": USER_PRESENT},
    "without a person": {"flags": USER_VERIFIED},
    "another ceremony": {"kind": "webauthn.create"},
    "another challenge": {"challenge": sha256(b"something else").digest()},
    "an empty challenge": {"challenge": b""},
    "another origin": {"origin": "http://localhost:8124"},
    "another scheme": {"origin": f"https://localhost:{PORT}"},
    "an origin that begins so": {"origin": f"{ORIGIN}.evil.example"},
    "inside another page": {"crossOrigin": True},
    "inside a named page": {"topOrigin": "https://elsewhere.example"},
}
