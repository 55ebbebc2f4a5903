"""What signers say of what they did, and that nothing else gets into the public tree."""

import hashlib
import json

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from tests.updates.publisher import START, Publisher, hashes
from tuf.api.metadata import Metadata


@pytest.fixture
def publisher(tmp_path):
    made = Publisher(tmp_path)
    made.write(hdb=hashes(1, 2))
    made.build()
    made.run("sign", "--demo")
    return made


def keys_of(publisher):
    return Metadata.from_bytes((publisher.public / "metadata" / "1.targets.json").read_bytes()).signed.delegations.keys


def test_each_signer_leaves_a_statement(publisher):
    publisher.run("publish")
    found = sorted((publisher.public / "evidence" / "1").iterdir())
    keys = keys_of(publisher)
    assert len(found) == 2
    release = publisher.current()
    for path in found:
        envelope = Envelope.from_dict(json.loads(path.read_bytes()))
        keyid = path.name.partition(".")[0]
        assert envelope.verify([keys[keyid]], 1).keys() == {keyid}
        with pytest.raises(VerificationError):
            envelope.verify([key for other, key in keys.items() if other != keyid], 1)
        statement = json.loads(envelope.payload)
        assert statement["_type"] == "https://in-toto.io/Statement/v1"
        digest = hashlib.sha256(publisher.head()["release.json"]).hexdigest()
        assert statement["subject"] == [{"name": "core/release.json", "digest": {"sha256": digest}}]
        predicate = statement["predicate"]
        assert (predicate["state"], predicate["inputs"], predicate["how"]) == (release.state, release.inputs, "rebuilt")


@pytest.mark.parametrize(
    "place",
    [
        "targets/core/index.html",
        "inputs/" + "0" * 64,
        "evidence/1/" + "0" * 64 + ".intoto.json",
        "evidence/2/x",
        "metadata/9.other.json",
        "new/x",
    ],
)
def test_what_nothing_signed_names_does_not_become_public(publisher, place):
    path = publisher.folder / "staged" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"<script>alert(1)</script>")
    publisher.run("publish")
    assert not (publisher.public / place).exists()
    assert publisher.current().seq == 1


def test_evidence_of_something_else_does_not_become_public(publisher):
    folder = publisher.folder / "staged" / "evidence" / "1"
    one, two = sorted(folder.iterdir())
    one.write_bytes(two.read_bytes())
    publisher.run("publish")
    assert [path.name for path in (publisher.public / "evidence" / "1").iterdir()] == [two.name]


def test_who_signs_targets_is_shown_what_they_decide(tmp_path):
    made = Publisher(tmp_path, "--mirror", "https://mirror.example/")
    made.write(hdb=hashes(1))
    made.build("--published", START)
    said = made.run("sign", "--demo")["stderr"]
    assert "core: releases are signed by 2 of " in said
    assert "policy/core.mirrors: https://mirror.example/" in said
    assert "policy/core.tlog-policy: quorum none" in said
