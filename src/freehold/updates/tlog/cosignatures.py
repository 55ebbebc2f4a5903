"""Cosignatures (C2SP tlog-cosignature): "at this time, this was the largest tree of this log that I have seen"."""

import struct

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog import notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.keys import VerifierKey as Key
from freehold.updates.tlog.merkle import LARGEST
from freehold.updates.tlog.notes import Note, Signature

_TIME = struct.Struct(">Q")
_ML_DSA_LABEL = b"subtree/v1\n\x00"
_LONGEST_ORIGIN = 255
_ED25519_SIZE = 64
_LATEST = 1 << 40
"""Seconds since 1970 that no clock shows in a long time."""


def cosign(text: bytes, key: SigningKey, time: int) -> Signature:
    """Sign a checkpoint's text at ``time``, in seconds since 1970; raises ``MalformedInput``."""
    verifier = key.verifier
    return Signature(
        verifier.name, verifier.id, _TIME.pack(time) + key.sign(_message(verifier.kind, verifier.name, text, time))
    )


def time_of(note: Note, key: Key) -> int | None:
    """Return when ``key`` has cosigned a checkpoint, in seconds since 1970; None when it does not claim to have.

    Raises:
        TrustError: a cosignature that claims to be of this key is wrong, which spoils the whole note.
        MalformedInput: what is signed is no checkpoint.
    """
    times = [_verified(note.text, one, key) for one in note.by(key)]
    return max(times, default=None)


def has_signed(note: Note, log: Key) -> bool:
    """Whether a log has signed its checkpoint, with a key of either kind; False when it does not claim to.

    Raises:
        TrustError: a signature that claims to be of this key is wrong, which spoils the whole note.
    """
    return notes.verify(note, log) if log.kind is Kind.NOTE else time_of(note, log) is not None


def claimed_time(signature: Signature) -> int:
    """Return when an Ed25519 cosignature says that it was made, 0 for other signatures; nothing is verified."""
    if len(signature.blob) != _TIME.size + _ED25519_SIZE:
        return 0
    (time,) = _TIME.unpack_from(signature.blob)
    return int(time) if time < _LATEST else 0


def _verified(text: bytes, signature: Signature, key: Key) -> int:
    if len(signature.blob) <= _TIME.size:
        raise TrustError(f"a cosignature that claims to be of {key.name} is too short")
    (time,) = _TIME.unpack_from(signature.blob)
    if not 0 < time <= LARGEST:
        raise TrustError(f"a cosignature that claims to be of {key.name} has no time")
    key.check(signature.blob[_TIME.size :], _message(key.kind, key.name, text, time))
    return int(time)


def _message(kind: Kind, name: str, text: bytes, time: int) -> bytes:
    if kind is Kind.COSIGNATURE:
        return b"cosignature/v1\ntime %d\n%b" % (time, text)
    if kind is not Kind.COSIGNATURE_ML_DSA_44:
        raise TrustError(f"the key of {name} does not cosign checkpoints")
    checkpoint = Checkpoint.parse(text)
    origin, cosigner = checkpoint.origin.encode(), name.encode()
    if len(origin) > _LONGEST_ORIGIN:
        raise MalformedInput("ML-DSA cosignatures take origins of at most 255 bytes")
    return b"".join(
        (
            _ML_DSA_LABEL,
            bytes([len(cosigner)]),
            cosigner,
            _TIME.pack(time),
            bytes([len(origin)]),
            origin,
            _TIME.pack(0),
            _TIME.pack(checkpoint.size),
            checkpoint.root,
        )
    )
