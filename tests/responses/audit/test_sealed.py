"""Evidence: whatever is changed in it, it is refused."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.model.errors import FreeholdError, MalformedInput, TrustError
from freehold.responses.audit.sealed import seal, unseal

RECORD: dict[str, Any] = {
    "format": 1,
    "machine": "desk",
    "began": "2026-11-28T08:00:00Z",
    "as_of": "2026-11-28",
    "jurisdictions": [],
    "version": "1",
    "packs": [{"name": "own", "version": "1", "sha256": "00"}],
    "targets": ["/"],
    "examined": 12,
    "complete": True,
    "problems": [],
    "findings": [],
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return seal(RECORD, tmp_path_factory.mktemp("state") / "below" / "audit.key")


def test_it_opens_again(sealed: bytes) -> None:
    opened = unseal(sealed)
    assert opened.record == RECORD
    assert len(opened.fingerprint) == 64


@settings(deadline=None)
@given(st.data())
def test_no_changed_byte_changes_what_is_said(sealed: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        opened = unseal(bytes(changed))
    except FreeholdError:
        return
    assert (opened.record, opened.fingerprint) == (RECORD, unseal(sealed).fingerprint)  # only spaces changed


def test_values_of_other_kinds_are_refused_even_with_a_right_signature(tmp_path: Path) -> None:
    for key, value in (("format", 2), ("findings", [1]), ("targets", [1]), ("complete", 1), ("packs", [{}])):
        with pytest.raises(MalformedInput):
            unseal(seal(RECORD | {key: value}, tmp_path / "key"))


def test_a_signature_for_something_else_is_none(sealed: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    whole = json.loads(sealed)
    key = Ed25519PrivateKey.generate()
    whole["key"] = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    bare = json.dumps(whole["record"], sort_keys=True, separators=(",", ":")).encode()
    whole["signature"] = base64.b64encode(key.sign(bare)).decode()
    with pytest.raises(TrustError):
        unseal(json.dumps(whole).encode())


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300), st.recursive(st.none() | st.text(max_size=5), st.lists).map(json.dumps).map(str.encode)
    )
)
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises(FreeholdError):
        unseal(text)
