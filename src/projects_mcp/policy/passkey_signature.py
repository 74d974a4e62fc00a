"""Check what an authenticator has made, by the library `webauthn`, which is loaded for that only.

The rules are those of W3C Web Authentication (Level 3), sections 7.1 and 7.2, with user verification required, and two
more: what is signed never comes from a page inside a page of another origin, and base64url has one form only.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from importlib.util import find_spec
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from projects_mcp.policy.confirmation import Assertion

__all__ = [
    "ALGORITHMS",
    "NO_LIBRARY",
    "Credential",
    "PasskeyError",
    "PasskeyLibraryMissing",
    "base64url",
    "from_base64url",
    "library_is_there",
    "verify_assertion",
    "verify_registration",
]

ALGORITHMS: Final = (-7, -8, -257)
"""What new passkeys may sign with, as numbers of COSE: ES256, EdDSA and RS256."""
NO_LIBRARY: Final = "the library webauthn is not installed: pip install 'projects-mcp[passkey]'"
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]{1,16384}")
_BINARY: Final = ("credential_id", "authenticator_data", "client_data_json", "signature", "public_key")
_LOCAL: Final = "localhost"


class PasskeyError(Exception):
    """It proves nothing. The message is a sentence for the person who was asked."""


class PasskeyLibraryMissing(Exception):
    """The library is not installed, so that nothing can be checked."""

    def __init__(self) -> None:
        super().__init__(NO_LIBRARY)


class Credential(NamedTuple):
    """What an authenticator has made: a new credential, with its id and its key (COSE) in base64url."""

    credential_id: str
    public_key: str
    sign_count: int


def library_is_there() -> bool:
    """Whether the library is installed. Does not load it."""
    try:
        return find_spec("webauthn") is not None
    except ValueError:  # taken out by somebody who has loaded it
        return False


def base64url(data: bytes) -> str:
    """Write bytes in base64url, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Read base64url without padding, in its one form.

    Raises:
        ValueError: it is something else, empty, or longer than 16,384 characters.
    """
    if not _BASE64URL.fullmatch(text):
        raise ValueError("no base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise ValueError("another form of base64url")
    return data


def verify_assertion(assertion: Assertion, challenge: bytes, former_count: int = 0) -> int:
    """Make sure that an enrolled authenticator has verified its person, and signed exactly what was shown.

    Args:
        assertion: what it has signed, and the key and the place to check that with.
        challenge: the SHA-256 of what was shown.
        former_count: its count of signatures before this one; 0 if it does not count, or if that is not asked.

    Returns:
        Its count of signatures now.

    Raises:
        PasskeyError: something does not fit.
        PasskeyLibraryMissing: nothing can be checked.
    """
    try:
        binary = {name: from_base64url(getattr(assertion, name)) for name in _BINARY}
    except (ValueError, TypeError):
        raise PasskeyError("What the passkey has sent is not in its form.") from None
    if not _is_of(assertion.origin, assertion.rp_id):
        raise PasskeyError("The passkey is for another address than that of the page.")
    _require_top_page(binary["client_data_json"])
    try:
        from webauthn import verify_authentication_response  # noqa: PLC0415 - only who uses passkeys needs it
    except ImportError:
        raise PasskeyLibraryMissing from None
    try:
        verified = verify_authentication_response(
            credential={
                "id": assertion.credential_id,
                "rawId": assertion.credential_id,
                "type": "public-key",
                "response": {
                    "authenticatorData": assertion.authenticator_data,
                    "clientDataJSON": assertion.client_data_json,
                    "signature": assertion.signature,
                },
            },
            expected_challenge=challenge,
            expected_rp_id=assertion.rp_id,
            expected_origin=assertion.origin,
            credential_public_key=binary["public_key"],
            credential_current_sign_count=former_count,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 - whatever a library says of bytes that anybody can have sent: it is no yes
        raise PasskeyError(_why(error)) from None
    return verified.new_sign_count


def verify_registration(sent: dict[str, str], challenge: bytes, rp_id: str, origin: str) -> Credential:
    """Make sure that an authenticator has verified its person and made a new credential for this address.

    Args:
        sent: `credential_id`, `client_data_json` and `attestation_object`, in base64url.
        challenge: what it was to sign.
        rp_id: the name that the credential is for.
        origin: where the page is.

    Raises:
        PasskeyError: something does not fit.
        PasskeyLibraryMissing: nothing can be checked.
    """
    try:
        client_data = {name: from_base64url(text) for name, text in sent.items()}["client_data_json"]
    except (ValueError, TypeError, KeyError):
        raise PasskeyError("What the device has sent is not in its form.") from None
    if not _is_of(origin, rp_id):
        raise PasskeyError("The passkey is for another address than that of the page.")
    _require_top_page(client_data)
    try:
        from webauthn import verify_registration_response  # noqa: PLC0415 - as above
        from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415 - as above
    except ImportError:
        raise PasskeyLibraryMissing from None
    try:
        made = verify_registration_response(
            credential={
                "id": sent["credential_id"],
                "rawId": sent["credential_id"],
                "type": "public-key",
                "response": {
                    "clientDataJSON": sent["client_data_json"],
                    "attestationObject": sent["attestation_object"],
                },
            },
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in ALGORITHMS],
        )
    except Exception as error:  # noqa: BLE001 - as above
        raise PasskeyError(_why(error)) from None
    if base64url(made.credential_id) != sent["credential_id"]:
        raise PasskeyError("What the device has sent is of two credentials.")
    return Credential(sent["credential_id"], base64url(made.credential_public_key), made.sign_count)


def _is_of(origin: str, rp_id: str) -> bool:
    """Whether a page of this origin may ask for a passkey of this name: encrypted, or on this machine."""
    parts = urlsplit(origin)
    return parts.hostname == rp_id and (parts.scheme == "https" or (parts.scheme == "http" and rp_id == _LOCAL))


def _require_top_page(client_data: bytes) -> None:
    """Make sure that the page did not stand in a frame of another origin, which none of ours may.

    Raises:
        PasskeyError: it did, or what the browser says of it cannot be read.
    """
    try:
        value: Any = json.loads(client_data)
        framed = value.get("crossOrigin", False) is not False or "topOrigin" in value
    except (ValueError, AttributeError, RecursionError):
        raise PasskeyError("What the browser says of its page cannot be read.") from None
    if framed:
        raise PasskeyError("The passkey was asked in a page inside another one.")


def _why(error: Exception) -> str:
    """Say what is wrong, where a person can do something about it."""
    said = str(error)
    if "User verification" in said:
        return "The device has not verified its person: a fingerprint, a face or the device's PIN is needed."
    if "sign count" in said:
        return "The device has counted fewer signatures than before: it may be a copy of another one."
    return "The signature does not fit: it is not of exactly what is shown here."
