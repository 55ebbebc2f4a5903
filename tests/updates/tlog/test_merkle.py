"""Merkle trees, against the definitions of RFC 6962 and against vectors that others made."""

import base64
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput
from freehold.updates.tlog.merkle import (
    EMPTY_ROOT,
    CompactRange,
    ProofFailed,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

LARGEST = 64
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(LARGEST)]
VECTORS = Path(os.environ.get("FREEHOLD_MERKLE", os.devnull))
needs_vectors = pytest.mark.skipif(
    not VECTORS.is_dir(), reason="FREEHOLD_MERKLE does not name the folder testdata of transparency-dev/merkle"
)


def defined_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + defined_root(leaves[:split]) + defined_root(leaves[split:])).digest()


ROOTS = [defined_root(LEAVES[:size]) for size in range(LARGEST + 1)]


def test_roots_of_the_specification() -> None:
    # RFC 6962, section 2.1: the hash of the empty tree, and of its leaf without content
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_roots_are_as_defined() -> None:
    for size in range(LARGEST + 1):
        assert CompactRange().extend(LEAVES[:size]).root == ROOTS[size]


def test_every_leaf_of_every_tree_has_a_proof_that_fits_nowhere_else() -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, LEAVES[:size])
            verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
            for other in {index ^ 1, index + 1, 0, size} - {index}:
                with pytest.raises(ProofFailed):
                    verify_inclusion(other, size, LEAVES[index], proof, ROOTS[size])
            with pytest.raises(ProofFailed):
                verify_inclusion(index, size, LEAVES[index - 1] if size > 1 else ROOTS[0], proof, ROOTS[size])


def test_every_tree_is_consistent_with_each_before_it_and_with_no_other() -> None:
    for size in range(1, LARGEST + 1):
        for old in range(1, size + 1):
            proof = consistency_proof(old, LEAVES[:size])
            verify_consistency(old, size, ROOTS[old], ROOTS[size], proof)
            for damaged in ([*proof, ROOTS[1]], [ROOTS[1], *proof], proof[:-1] if proof else [ROOTS[2]]):
                with pytest.raises(ProofFailed):
                    verify_consistency(old, size, ROOTS[old], ROOTS[size], damaged)
            with pytest.raises(ProofFailed):
                verify_consistency(old, size, ROOTS[old - 1], ROOTS[size], proof)
            if old < size:
                with pytest.raises(ProofFailed):
                    verify_consistency(old, size, ROOTS[old], ROOTS[size - 1], proof)


def test_there_is_no_proof_outside_a_tree() -> None:
    assert consistency_proof(0, LEAVES) == []
    for index in (-1, LARGEST):
        with pytest.raises(IndexError):
            inclusion_proof(index, LEAVES)
    for size in (-1, LARGEST + 1):
        with pytest.raises(IndexError):
            consistency_proof(size, LEAVES)
    with pytest.raises(ProofFailed):
        verify_consistency(0, 4, EMPTY_ROOT, ROOTS[4], [])
    with pytest.raises(ProofFailed):
        verify_consistency(5, 4, ROOTS[5], ROOTS[4], [])


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_tree_grows_to_the_same_in_any_steps(steps: list[int]) -> None:
    leaves = [leaf_hash(bytes([number % 256, number // 256])) for number in range(sum(steps))]
    tree, at = CompactRange(), 0
    for step in steps:
        tree = tree.extend(leaves[at : at + step])
        at += step
        assert CompactRange(tree.size, tree.hashes) == tree  # it can be stored and read again
    assert tree.size == len(leaves)
    assert tree.root == defined_root(leaves)


@given(st.integers(1, 300), st.data())
def test_a_flipped_bit_spoils_a_proof(size: int, data: st.DataObject) -> None:
    leaves = [node_hash(bytes(32), number.to_bytes(32)) for number in range(size)]
    root = CompactRange().extend(leaves).root
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, leaves)
    verify_inclusion(index, size, leaves[index], proof, root)
    if proof:
        at, bit = data.draw(st.integers(0, len(proof) - 1)), data.draw(st.integers(0, 255))
        proof[at] = (int.from_bytes(proof[at]) ^ 1 << bit).to_bytes(32)
        with pytest.raises(ProofFailed):
            verify_inclusion(index, size, leaves[index], proof, root)


@pytest.mark.parametrize(
    ("size", "hashes"), [(1, ()), (0, (bytes(32),)), (3, (bytes(32),)), (1, (bytes(31),)), (-1, ())]
)
def test_a_stored_range_that_cannot_be_is_refused(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedInput):
        CompactRange(size, hashes)


@needs_vectors
def test_vectors_of_inclusion() -> None:
    cases = sorted((VECTORS / "inclusion").rglob("*.json"))
    for path in cases:
        case = json.loads(path.read_text())
        leaf, root = (base64.b64decode(case[name] or "") for name in ("leafHash", "root"))
        proof = [base64.b64decode(one) for one in case["proof"] or []]
        _expect(path, case, verify_inclusion, case["leafIdx"], case["treeSize"], leaf, proof, root)
    assert len(cases) == 98


@needs_vectors
def test_vectors_of_consistency() -> None:
    cases = sorted((VECTORS / "consistency").rglob("*.json"))
    for path in cases:
        case = json.loads(path.read_text())
        old, new = (base64.b64decode(case[name] or "") for name in ("root1", "root2"))
        proof = [base64.b64decode(one) for one in case["proof"] or []]
        _expect(path, case, verify_consistency, case["size1"], case["size2"], old, new, proof)
    assert len(cases) == 98


def _expect(path: Path, case: dict[str, object], verify: Callable[..., None], *arguments: object) -> None:
    try:
        verify(*arguments)
    except ProofFailed:
        assert case["wantErr"], path
    else:
        assert not case["wantErr"], path
