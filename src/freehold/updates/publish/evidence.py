"""Evidence: what a signer says of having made a release again, as an in-toto statement in a DSSE envelope.

The signature under the metadata is what counts for clients; the statement is for people and monitors who want to know
what it rests on. https://github.com/in-toto/attestation, https://github.com/secure-systems-lab/dsse
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SigningError
from securesystemslib.signer import Signer

import freehold
from freehold.model.errors import FreeholdError
from freehold.updates import durable
from freehold.updates.content import releases
from freehold.updates.content.releases import Release
from freehold.updates.publish import signing
from freehold.updates.publish.checking import gate_of
from freehold.updates.publish.repository import Repository

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:freehold:rebuild:v1"

LARGEST = 256 << 10
"""Bytes of one file of evidence."""


def attest(repository: Repository, signers: Sequence[Signer], *, how: str) -> None:
    """Stage a statement for each of the keys that has signed the staged release.

    Args:
        repository: where the release is staged.
        signers: with these keys.
        how: ``rebuilt`` from inputs, or ``compared`` with upstream.

    Raises:
        FreeholdError: a device or service fails.
    """
    metadata = repository.staged_metadata(repository.feed)
    if metadata is None:
        return
    release = repository.release_in(metadata)  # type: ignore[arg-type]
    for signer in signers:
        keyid = signer.public_key.keyid
        if keyid in metadata.signatures:
            envelope = Envelope(_statement(repository, release, how), PAYLOAD, {})
            try:
                envelope.sign(signer)
            except (SigningError, OSError, ValueError) as error:
                raise FreeholdError(f"the key {keyid[:12]} could not sign its evidence: {error}") from error
            path = repository.staged / "evidence" / str(release.seq) / f"{keyid}.intoto.json"
            durable.write(path, releases.canonical(envelope.to_dict()) + b"\n")


def _statement(repository: Repository, release: Release, how: str) -> bytes:
    gate = gate_of(repository, release.state)
    subject = {
        "name": releases.release_target(repository.feed),
        "digest": {"sha256": hashlib.sha256(release.to_bytes()).hexdigest()},
    }
    predicate = {
        "feed": release.feed,
        "seq": release.seq,
        "state": release.state,
        "inputs": release.inputs,
        "how": how,
        "gate": asdict(gate) if gate else None,
        "freehold": freehold.__version__,
    }
    return releases.canonical(
        {"_type": STATEMENT, "subject": [subject], "predicateType": PREDICATE, "predicate": predicate}
    )


def staged(repository: Repository, release: Release) -> Iterator[Path]:
    """Yield the staged files of evidence that are of keys which may sign the feed, and rightly signed."""
    for keyid, key in signing.authorised(repository, repository.feed).items():
        path = repository.staged / "evidence" / str(release.seq) / f"{keyid}.intoto.json"
        try:
            if path.stat().st_size <= LARGEST and is_of(path.read_bytes(), key, release):
                yield path
        except OSError:
            continue


def is_of(data: bytes, key: Any, release: Release) -> bool:
    """Whether evidence is signed by a key, and about a release."""
    try:
        envelope = Envelope.from_dict(json.loads(data))
        envelope.verify([key], 1)
        statement = json.loads(envelope.payload)
        digest = statement["subject"][0]["digest"]["sha256"]
    except (SigningError, ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        return False
    return bool(digest == hashlib.sha256(release.to_bytes()).hexdigest())
