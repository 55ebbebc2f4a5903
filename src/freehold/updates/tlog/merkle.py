"""Merkle trees over SHA-256 as in RFC 6962, section 2.1: hashes, proofs, and the few hashes that stand for a tree.

Sizes and indexes count leaves. A proof is a list of 32-byte hashes, the nearest to the leaves first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from freehold.model.errors import MalformedInput, TrustError

HASH_SIZE = 32
EMPTY_ROOT = sha256().digest()
LARGEST = (1 << 63) - 1
"""Leaves that a tree can have; a proof never needs more than 63 hashes."""

LONGEST_PROOF = 63


class ProofFailed(TrustError):
    """A Merkle proof does not lead to the root that it must lead to."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that ``leaf`` (a hash) stands at ``index`` in the tree of ``size`` leaves (RFC 9162, section 2.1.3.2).

    Raises:
        ProofFailed: it cannot be shown.
    """
    if not 0 <= index < size <= LARGEST:
        raise ProofFailed(f"a tree of {size} leaves has no leaf {index}")
    _check_sizes(leaf, root, *proof)
    here, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofFailed("the inclusion proof is too long")
        if here & 1 or here == last:
            computed = node_hash(sibling, computed)
            here, last = _up_from_right(here, last)
        else:
            computed = node_hash(computed, sibling)
        here >>= 1
        last >>= 1
    if last or computed != root:
        raise ProofFailed(f"the inclusion proof of leaf {index} does not lead to the root of the {size} leaves")


def verify_consistency(old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of ``size`` leaves begins with the ``old_size`` leaves of another (RFC 9162, 2.1.4.2).

    Raises:
        ProofFailed: it cannot be shown. An empty old tree begins every tree, so a proof for it is never accepted.
    """
    if not 0 < old_size <= size <= LARGEST:
        raise ProofFailed(f"there is no consistency proof from {old_size} to {size} leaves")
    if old_size == size:
        if proof or old_root != root:
            raise ProofFailed(f"two different trees of {size} leaves")
        return
    _check_sizes(old_root, root, *proof)
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        raise ProofFailed("the consistency proof is empty")
    here, last = old_size - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofFailed("the consistency proof is too long")
        if here & 1 or here == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            here, last = _up_from_right(here, last)
        else:
            new = node_hash(new, sibling)
        here >>= 1
        last >>= 1
    if last or old != old_root or new != root:
        raise ProofFailed(f"the {size} leaves do not begin with the {old_size} that were there before")


def _check_sizes(*hashes: bytes) -> None:
    """Refuse what is no hash: two of other lengths could pass for two others."""
    if any(len(one) != HASH_SIZE for one in hashes):
        raise ProofFailed("a hash of a proof has not 32 bytes")


def _up_from_right(here: int, last: int) -> tuple[int, int]:
    """Climb from a node without a right neighbour to the first that has a left one."""
    while here and not here & 1:
        here, last = here >> 1, last >> 1
    return here, last


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that leaf ``index`` is in the tree of these leaf hashes; raises ``IndexError``."""
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    proof = []
    start, stop = 0, len(leaves)
    while stop - start > 1:
        middle = start + _left_half(stop - start)
        if index < middle:
            proof.append(CompactRange().extend(leaves[middle:stop]).root)
            stop = middle
        else:
            proof.append(CompactRange().extend(leaves[start:middle]).root)
            start = middle
    return proof[::-1]


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree of these leaf hashes begins with its first ``old_size``; raises ``IndexError``.

    It is empty when ``old_size`` is 0, as witnesses want it.
    """
    if not 0 <= old_size <= len(leaves):
        raise IndexError(old_size)
    proof = []
    start, stop = 0, len(leaves)
    whole = True  # the old tree is a whole subtree here, whose root the verifier knows
    while old_size not in {start, stop}:
        middle = start + _left_half(stop - start)
        if old_size <= middle:
            proof.append(CompactRange().extend(leaves[middle:stop]).root)
            stop = middle
        else:
            proof.append(CompactRange().extend(leaves[start:middle]).root)
            start, whole = middle, False
    if old_size and not whole:
        proof.append(CompactRange().extend(leaves[start:stop]).root)
    return proof[::-1]


def _left_half(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << ((count - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class CompactRange:
    """A tree, known by the roots of its whole subtrees: enough to append leaves to it and to say its root.

    Attributes:
        size: of the tree, in leaves.
        hashes: roots of the subtrees, one for each bit of ``size`` that is set, the largest first.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= LARGEST or len(self.hashes) != self.size.bit_count():
            raise MalformedInput(f"{len(self.hashes)} hashes do not stand for a tree of {self.size} leaves")
        if any(len(one) != HASH_SIZE for one in self.hashes):
            raise MalformedInput("a hash of a tree has 32 bytes")

    def extend(self, leaves: Iterable[bytes]) -> "CompactRange":
        """Return the tree with these leaf hashes appended."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            hashes.append(leaf)
            carry = size
            while carry & 1:
                right = hashes.pop()
                hashes[-1] = node_hash(hashes[-1], right)
                carry >>= 1
            size += 1
        return CompactRange(size, tuple(hashes))

    @property
    def root(self) -> bytes:
        """The root hash of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root
