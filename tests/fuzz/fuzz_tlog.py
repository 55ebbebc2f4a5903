"""Fuzz target for the texts of transparency logs: what is read is written the same, and the rest is refused."""

from freehold.model.errors import FreeholdError, MalformedInput, TrustError
from freehold.updates.tlog import cosignatures, notes, tiles
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import Policy
from freehold.updates.tlog.proofs import Proof
from freehold.updates.tlog.witness import Request

LOG = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes(32)).verifier
WITNESS = SigningKey.of_seed("example.com/w1", Kind.COSIGNATURE, bytes(32)).verifier
POLICY = Policy.parse(f"log {LOG}\nwitness w1 {WITNESS}\nquorum w1\n".encode())


def target(data: bytes) -> None:
    for read in (_note, _proof, _policy, _bundle, _key, _request):
        try:
            read(data)
        except MalformedInput:
            continue


def _note(data: bytes) -> None:
    note = Note.parse(data)
    assert note.encode() == data
    for check in (lambda: notes.verify(note, LOG), lambda: cosignatures.time_of(note, WITNESS)):
        try:
            check()
        except TrustError:
            continue
    checkpoint = Checkpoint.parse(note.text)
    assert checkpoint.text() == note.text
    try:
        POLICY.verify(note)
    except TrustError:
        return


def _proof(data: bytes) -> None:
    proof = Proof.parse(data)
    assert Proof.parse(proof.encode()) == proof
    try:
        proof.verify(bytes(32), POLICY)
    except FreeholdError:
        return


def _policy(data: bytes) -> None:
    policy = Policy.parse(data)
    assert policy.quorum == "none" or policy.quorum in {*policy.witnesses, *policy.groups}


def _bundle(data: bytes) -> None:
    assert tiles.pack(tiles.unpack(data)) == data


def _key(data: bytes) -> None:
    vkey = data.decode("utf-8", "surrogateescape")
    assert str(VerifierKey.parse(vkey)) == vkey


def _request(data: bytes) -> None:
    assert Request.parse(data).encode() == data
