"""An authenticator in software: it makes credentials and signs, as a browser would hand it on.

ES256 only, attestation `none`. What a browser and an authenticator would refuse, it does too if it is told to: the
flags, the origin, the challenge and the type of what is signed can all be wrong.
"""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, ATTESTED = 0x01, 0x04, 0x40
VERIFIED = USER_PRESENT | USER_VERIFIED
_AAGUID = bytes(16)


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Credential:
    """A credential on an authenticator, for one relying party."""

    rp_id: str = "localhost"
    origin: str = "http://localhost:8787"
    id: bytes = field(default_factory=lambda: token_bytes(32))
    user_handle: bytes = b""
    sign_count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_key(self) -> bytes:
        """The key in the form of COSE."""
        numbers = self.key.public_key().public_numbers()
        coordinates = {-2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        return cbor2.dumps({1: 2, 3: -7, -1: 1, **coordinates})

    def client_data(self, kind: str, challenge: bytes, **other: Any) -> bytes:
        """What the browser says of the ceremony. `other` replaces and adds members."""
        data = {"type": kind, "challenge": base64url(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps(data | other, separators=(",", ":")).encode()

    def authenticator_data(self, flags: int, attested: bytes = b"") -> bytes:
        head = sha256(self.rp_id.encode()).digest() + bytes([flags | (ATTESTED if attested else 0)])
        return head + self.sign_count.to_bytes(4, "big") + attested

    def create(self, challenge: bytes, *, flags: int = VERIFIED, **client_data: Any) -> dict[str, Any]:
        """What `navigator.credentials.create()` gives, as JSON."""
        attested = _AAGUID + len(self.id).to_bytes(2, "big") + self.id + self.public_key
        attestation = {"fmt": "none", "attStmt": {}, "authData": self.authenticator_data(flags, attested)}
        return self._credential(
            {
                "clientDataJSON": base64url(self.client_data("webauthn.create", challenge, **client_data)),
                "attestationObject": base64url(cbor2.dumps(attestation)),
                "transports": ["internal"],
            }
        )

    def get(
        self, challenge: bytes, *, flags: int = VERIFIED, kind: str = "webauthn.get", **client_data: Any
    ) -> dict[str, Any]:
        """What `navigator.credentials.get()` gives, as JSON."""
        self.sign_count += 1
        data, client = self.authenticator_data(flags), self.client_data(kind, challenge, **client_data)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            {
                "clientDataJSON": base64url(client),
                "authenticatorData": base64url(data),
                "signature": base64url(signature),
                "userHandle": base64url(self.user_handle),
            }
        )

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = base64url(self.id)
        return {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "response": response,
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }
