"""What the audit log keeps of a passkey proves that its person has signed what was shown, and nothing else passes."""

import json
import sys
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn import verify_registration_response

from projects_mcp.cli.audit.command import run_audit_verify
from projects_mcp.cli.audit.passkeys import SignatureCheck
from projects_mcp.policy.confirmation import Channel, ConfirmationEvidence
from projects_mcp.sandbox import READ_WRITE_KEY
from projects_mcp.sanitize.redaction import Redactor
from tests.support.audit_log import SHOWN, by_passkey, call, log_at, verify
from tests.support.authenticator import USER_PRESENT, USER_VERIFIED, Credential, base64url

CREDENTIAL, ANOTHER = Credential(), Credential()


def logged(file: Path, confirmed: ConfirmationEvidence) -> Path:
    call(log_at(file), "project_delete", confirmed)
    return file


def intent(file: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(file.read_bytes().splitlines()[0])
    return record


def test_the_software_authenticator_makes_what_the_library_takes() -> None:
    challenge = bytes(range(32))
    made = verify_registration_response(
        credential=CREDENTIAL.create(challenge),
        expected_challenge=challenge,
        expected_rp_id=CREDENTIAL.rp_id,
        expected_origin=CREDENTIAL.origin,
        require_user_verification=True,
    )
    assert (made.credential_id, made.credential_public_key) == (CREDENTIAL.id, CREDENTIAL.public_key)
    assert made.user_verified


def test_a_signature_of_what_was_shown_is_good(tmp_path: Path) -> None:
    file = logged(tmp_path / "audit", by_passkey(CREDENTIAL))
    record = intent(file)
    assert (record["confirmed"], record["approver"], record["shown"]) == ("passkey", "alex", SHOWN)
    assert record["digest"] == sha256(SHOWN.encode()).hexdigest()
    verified = verify(file)
    assert (verified.code, verified.found) == (0, [])
    assert verified.report["signatures"] == {"good": 1, "not_checked": 0}
    assert verified.report["confirmed"] == {"passkey": 1}


@pytest.mark.parametrize(
    "signing",
    [
        {"flags": USER_PRESENT},
        {"flags": USER_VERIFIED},
        {"kind": "webauthn.create"},
        {"challenge": sha256(b"something else").digest()},
        {"challenge": sha256(SHOWN.encode()).hexdigest().encode()},
        {"origin": "https://elsewhere.example"},
        {"origin": "http://localhost:8788"},
        {"crossOrigin": True},
        {"topOrigin": "https://elsewhere.example"},
    ],
    ids=str,
)
def test_a_signature_of_anything_else_is_found(tmp_path: Path, signing: dict[str, Any]) -> None:
    if "challenge" in signing:
        evidence = by_passkey(CREDENTIAL, challenge=signing["challenge"])
    else:
        evidence = by_passkey(CREDENTIAL, **signing)
    assert verify(logged(tmp_path / "audit", evidence)).found == [("signature", 1)]


@pytest.mark.parametrize("field", ["public_key", "credential_id", "signature", "authenticator_data", "rp_id", "origin"])
def test_a_part_of_another_credential_or_place_is_found(tmp_path: Path, field: str) -> None:
    mine, other = by_passkey(CREDENTIAL), by_passkey(Credential("example.com", "https://example.com"))
    assert mine.assertion is not None
    assert other.assertion is not None
    mixed = mine._replace(assertion=mine.assertion._replace(**{field: getattr(other.assertion, field)}))
    found = verify(logged(tmp_path / "audit", mixed), "--passkeys", enrolled(tmp_path, CREDENTIAL)).found
    assert found == [("signature", 1)]


def test_another_text_than_the_signed_one_is_found(tmp_path: Path) -> None:
    evidence = by_passkey(CREDENTIAL)._replace(shown=SHOWN.replace("12346", "12345"))
    assert verify(logged(tmp_path / "audit", evidence)).found == [("signature", 1)]


BINARY = ("authenticator_data", "client_data_json", "signature", "public_key")


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BINARY), st.data())
def test_no_changed_byte_passes(field: str, data: st.DataObject) -> None:
    evidence = by_passkey(CREDENTIAL)
    assert evidence.assertion is not None
    assertion = evidence.assertion._asdict()
    value = urlsafe_b64decode(assertion[field] + "==")
    at = data.draw(st.integers(0, 10_000)) % len(value)  # a signature is of one length or another
    edit = data.draw(st.sampled_from(["replace", "cut", "repeat"]))
    changed = {
        "replace": value[:at] + bytes([value[at] ^ data.draw(st.integers(1, 255))]) + value[at + 1 :],
        "cut": value[:at],
        "repeat": value[: at + 1] + value[at:],
    }[edit]
    record = {"digest": evidence.digest, "approver": "alex", "shown": SHOWN, "assertion": assertion}
    assert SignatureCheck()(record).wrong is None
    record["assertion"] = {**assertion, field: base64url(changed)}
    came = SignatureCheck()(record)
    if field == "public_key" and edit == "repeat" and at == len(value) - 1:
        return  # bytes behind the key, which the signature does not cover, change nothing of it
    assert came.wrong is not None, (field, edit, at)


def enrolled(folder: Path, credential: Credential, name: str = "alex", **times: str) -> Path:
    file = folder / "passkeys"
    entry = {
        "name": name,
        "credential_id": base64url(credential.id),
        "public_key": base64url(credential.public_key),
        "added_at": "2026-01-01T00:00:00Z",
    }
    file.write_text(json.dumps({"passkeys": [entry | times]}), encoding="utf-8")
    return file


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("credential", "name", "times", "wrong"),
    [
        (CREDENTIAL, "alex", {}, None),
        (CREDENTIAL, "alex", {"removed_at": (NOW + timedelta(days=1)).isoformat()}, None),
        (CREDENTIAL, "alex", {"removed_at": (NOW - timedelta(days=1)).isoformat()}, "not enrolled at that time"),
        (CREDENTIAL, "alex", {"added_at": (NOW + timedelta(days=1)).isoformat()}, "not enrolled at that time"),
        (CREDENTIAL, "sam", {}, "somebody else"),
        (ANOTHER, "alex", {}, "not among the enrolled"),
        (Credential(id=CREDENTIAL.id), "alex", {}, "another key"),
    ],
)
def test_the_list_of_enrolled_passkeys_vouches_for_a_key_in_its_time(
    tmp_path: Path, credential: Credential, name: str, times: dict[str, str], wrong: str | None
) -> None:
    file = logged(tmp_path / "audit", by_passkey(CREDENTIAL))
    verified = verify(file, "--passkeys", enrolled(tmp_path, credential, name, **times))
    assert verified.report["enrolled_keys"] is True
    if wrong is None:
        assert (verified.code, verified.report["signatures"]["good"]) == (0, 1)
    else:
        assert verified.found == [("signature", 1)]
        assert wrong in verified.report["shown"][0]["sentence"]


def test_without_the_library_no_signature_counts_as_good_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "audit"
    for _ in range(3):
        logged(file, by_passkey(CREDENTIAL))
    monkeypatch.setitem(sys.modules, "webauthn", None)
    assert run_audit_verify([str(file)], heads=[], passkeys=None, as_json=False) == 1
    out, _ = capsys.readouterr()
    assert "3 signatures not checked" in out
    assert out.count("not_checked") == 3


def test_evidence_is_kept_to_the_letter_and_a_secret_elsewhere_is_not(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes that look like a token of PostHog's, in base64url, are what a redactor of texts would damage."""
    credential = Credential(id=urlsafe_b64decode("phx_" + "aB3" * 20 + "="))
    assert "[redacted]" in Redactor().text(base64url(credential.id))
    log = log_at(tmp_path / "audit")
    log.redactor.add_secrets([READ_WRITE_KEY])
    evidence = by_passkey(credential, approver=f"alex {READ_WRITE_KEY}")
    with caplog.at_level("INFO", "projects_mcp.audit"):
        call(log, "project_delete", evidence)
    text = (tmp_path / "audit").read_text(encoding="utf-8")
    assert READ_WRITE_KEY not in text
    assert intent(tmp_path / "audit")["approver"] == "alex [redacted]"
    assert intent(tmp_path / "audit")["assertion"]["credential_id"] == base64url(credential.id)
    assert verify(tmp_path / "audit").report["signatures"]["good"] == 1
    assert evidence.digest is not None
    assert evidence.digest in caplog.text
    assert "assertion" not in caplog.text


def test_a_text_that_holds_a_secret_is_left_out_and_its_signature_still_counts(tmp_path: Path) -> None:
    log = log_at(tmp_path / "audit")
    log.redactor.add_secrets([READ_WRITE_KEY])
    call(log, "project_delete", by_passkey(CREDENTIAL, f"Delete {READ_WRITE_KEY}?"))
    assert READ_WRITE_KEY not in (tmp_path / "audit").read_text(encoding="utf-8")
    assert "shown" not in intent(tmp_path / "audit")
    assert verify(tmp_path / "audit").report["signatures"]["good"] == 1


def test_what_the_other_channels_leave(tmp_path: Path) -> None:
    file = tmp_path / "audit"
    for channel in (Channel.CLIENT, Channel.TERMINAL, Channel.PAGE):
        logged(file, ConfirmationEvidence(channel, "alex", SHOWN))
    logged(file, ConfirmationEvidence(Channel.ARGUMENT))
    intents = [json.loads(line) for line in file.read_bytes().splitlines() if b'"intent"' in line]
    assert [record.get("confirmed") for record in intents] == ["client", "terminal", "page", "argument"]
    assert [record.get("digest") for record in intents] == [sha256(SHOWN.encode()).hexdigest()] * 3 + [None]
    assert SHOWN.encode() not in file.read_bytes(), "a text of PostHog's is kept only where a signature needs it"
    assert verify(file).code == 0
