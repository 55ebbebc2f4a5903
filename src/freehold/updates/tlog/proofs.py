"""Proofs that can be checked offline (C2SP tlog-proof): where a leaf stands in a tree that log and witnesses signed."""

from dataclasses import dataclass

from freehold.model.errors import MalformedInput
from freehold.updates.tlog import text as forms
from freehold.updates.tlog.cosignatures import claimed_time
from freehold.updates.tlog.merkle import HASH_SIZE, LONGEST_PROOF, verify_inclusion
from freehold.updates.tlog.notes import LARGEST, Note
from freehold.updates.tlog.policies import Policy, Seen

_MAGIC = b"c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a leaf stands.

    Attributes:
        index: of the leaf.
        hashes: the inclusion proof, the leaf's sibling first.
        checkpoint: the signed head of the tree.
        extra: bytes that nothing vouches for.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> "Proof":
        """Read a ``.tlog-proof`` file; raises ``MalformedInput``."""
        if len(data) > LARGEST:
            raise MalformedInput(f"a proof of more than {LARGEST >> 10} KiB")
        head, gap, note = data.partition(b"\n\n")
        magic, *lines = head.split(b"\n", LONGEST_PROOF + 4)
        if magic != _MAGIC or not gap:
            raise MalformedInput(f"a proof begins with {_MAGIC.decode()}")
        extra = forms.base64(lines.pop(0).removeprefix(b"extra ")) if lines and lines[0].startswith(b"extra ") else b""
        if not lines or not lines[0].startswith(b"index "):
            raise MalformedInput("a proof says the index of its leaf")
        index, *hashes = lines
        if len(hashes) > LONGEST_PROOF:
            raise MalformedInput(f"a proof of more than {LONGEST_PROOF} hashes")
        return cls(
            forms.number(index.removeprefix(b"index ")),
            tuple(forms.base64(line, HASH_SIZE) for line in hashes),
            Note.parse(note),
            extra,
        )

    def encode(self) -> bytes:
        """Return the proof as a ``.tlog-proof`` file."""
        lines = [_MAGIC]
        if self.extra:
            lines.append(b"extra " + forms.write_base64(self.extra))
        lines.append(b"index %d" % self.index)
        lines += map(forms.write_base64, self.hashes)
        return b"\n".join(lines) + b"\n\n" + self.checkpoint.encode()

    @property
    def newest_time(self) -> int:
        """The newest time that a cosignature names, in seconds since 1970, 0 without any; nothing vouches for it."""
        return max((time for one in self.checkpoint.signatures if (time := claimed_time(one))), default=0)

    def verify(self, leaf: bytes, policy: Policy) -> Seen:
        """Check that a leaf (its hash) is in a tree that satisfies the policy.

        Raises:
            MalformedInput: the checkpoint is none.
            NotWitnessed: too few witnesses have seen it.
            ProofFailed: the leaf is not in the tree.
            TrustError: the log has not signed it, or a signature is wrong.
        """
        seen = policy.verify(self.checkpoint)
        verify_inclusion(self.index, seen.checkpoint.size, leaf, self.hashes, seen.checkpoint.root)
        return seen
