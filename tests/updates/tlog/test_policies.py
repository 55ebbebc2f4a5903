"""Policies and proofs: whom to believe, and what is then believed."""

import itertools

import pytest

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog import cosignatures, notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.merkle import CompactRange, ProofFailed, inclusion_proof, leaf_hash
from freehold.updates.tlog.notes import Note, Signature
from freehold.updates.tlog.policies import NotWitnessed, Policy
from freehold.updates.tlog.proofs import Proof

LOG = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes(32))
WITNESSES = {
    name: SigningKey.of_seed(f"witness.example/{name}", Kind.COSIGNATURE, name.encode() * 16)
    for name in ("X1", "X2", "X3", "Y1", "Y2", "Y3")
}
LINES = "".join(f"witness {name} {key.verifier}\n" for name, key in WITNESSES.items())
# The example of C2SP tlog-policy, with keys
TWO_LEVELS = f"""
log {LOG.verifier}
{LINES}
group X-witnesses 2 X1 X2 X3
group Y-witnesses any Y1 Y2 Y3
# both
group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
""".encode()
LEAVES = [leaf_hash(b"%d" % number) for number in range(7)]
TEXT = Checkpoint("example.com/log", 7, CompactRange().extend(LEAVES).root).text()


def note(*names: str, time: int = 1_700_000_000) -> Note:
    signed = Note(TEXT, (notes.sign(TEXT, LOG),))
    return signed.signed(*(cosignatures.cosign(TEXT, WITNESSES[name], time) for name in names))


def policy(rest: str, log: bool = True) -> Policy:
    return Policy.parse((f"log {LOG.verifier}\n" * log + LINES + rest).encode())


def test_quorum_of_two_levels_is_what_the_example_says() -> None:
    two_levels = Policy.parse(TWO_LEVELS)
    for count in range(len(WITNESSES) + 1):
        for names in itertools.combinations(WITNESSES, count):
            enough = sum(name < "Y" for name in names) >= 2 and any(name > "Y" for name in names)
            try:
                seen = two_levels.verify(note(*names))
            except NotWitnessed:
                assert not enough, names
            else:
                assert enough, names
                assert set(seen.times) == set(names)


def test_the_refusal_says_who_is_missing() -> None:
    with pytest.raises(NotWitnessed, match=r"the policy wants 2 of X1, X2, X3; it has X3"):
        policy("group g 2 X1 X2 X3\nquorum g\n").verify(note("X3"))
    with pytest.raises(NotWitnessed, match=r"wants X1; it has none"):
        policy("quorum X1").verify(note())


def test_no_quorum_is_said_in_so_many_words() -> None:
    assert policy("quorum none").verify(note()).times == {}
    assert policy("quorum none").verify(note()).time is None
    with pytest.raises(MalformedInput, match="quorum none"):
        policy("")


def test_only_logs_of_the_policy_are_believed() -> None:
    other = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes([1]) * 32)
    signed_by_other = Note(TEXT, (notes.sign(TEXT, other),))
    with pytest.raises(TrustError, match="not signed by a log"):
        policy("quorum none").verify(signed_by_other)
    renamed = Checkpoint("example.com/fork", 7, bytes(32)).text()  # the right key, about another log
    with pytest.raises(TrustError, match="not signed by a log"):
        policy("quorum none").verify(Note(renamed, (notes.sign(renamed, LOG),)))
    with pytest.raises(TrustError, match="not signed by a log"):
        policy("quorum none", log=False).verify(note())


def test_one_forged_cosignature_spoils_a_quorum_that_others_make() -> None:
    key = WITNESSES["X3"].verifier
    forged = note("X1", "X2").signed(Signature(key.name, key.id, bytes(72)))
    with pytest.raises(TrustError):
        policy("group g 2 X1 X2 X3\nquorum g").verify(forged)


def test_the_time_is_one_that_half_of_the_witnesses_would_have_to_forge() -> None:
    signed = note().signed(
        *(
            cosignatures.cosign(TEXT, WITNESSES[name], time)
            for name, time in (("X1", 100), ("X2", 2_000_000_000), ("X3", 150))
        )
    )
    assert policy("group g 3 X1 X2 X3\nquorum g").verify(signed).time == 150


def test_a_witness_that_signed_twice_counts_once_and_late() -> None:
    signed = note("X1", time=100).signed(cosignatures.cosign(TEXT, WITNESSES["X1"], 200))
    assert policy("quorum X1").verify(signed).times == {"X1": 200}
    with pytest.raises(NotWitnessed):
        policy("group g 2 X1 X2\nquorum g").verify(signed)


def test_ml_dsa_keys_can_log_and_witness() -> None:
    log = SigningKey.of_seed("example.com/log", Kind.COSIGNATURE_ML_DSA_44, bytes(32))
    witness = SigningKey.of_seed("w", Kind.COSIGNATURE_ML_DSA_44, bytes([1]) * 32)
    quantum = Policy.parse(f"log {log.verifier}\nwitness w {witness.verifier}\nquorum w\n".encode())
    signed = Note(TEXT, (cosignatures.cosign(TEXT, log, 5), cosignatures.cosign(TEXT, witness, 6)))
    assert quantum.verify(Note.parse(signed.encode())).times == {"w": 6}


@pytest.mark.parametrize(
    ("rest", "complaint"),
    [
        ("quorum X9", "not defined before"),
        ("quorum X1\nquorum X1", "a second quorum"),
        ("quorum", "expected"),
        ("quorum X1 X2", "expected"),
        ("Quorum X1", "expected"),
        ("group g 1\nquorum g", "expected"),
        ("group g 0 X1\nquorum g", "from 1 to 1"),
        ("group g 2 X1\nquorum g", "from 1 to 1"),
        ("group g ² X1 X2\nquorum g", "from 1 to 2"),
        ("group g -1 X1\nquorum g", "from 1 to 1"),
        ("group g 99999999999999999999 X1\nquorum g", "from 1 to 1"),
        ("group g any X1 X1\nquorum g", "once"),
        ("group g any X1\ngroup h any X1\nquorum h", "one group only"),
        ("group g any none\nquorum g", "not defined"),
        ("group g any g\nquorum g", "not defined"),
        ("group X1 any X2\nquorum X1", "defined already"),
        ("group none any X2\nquorum none", "defined already"),
        (f"witness Z {WITNESSES['X1'].verifier}\nquorum Z", "that of another witness"),
        (f"witness Z {LOG.verifier}\nquorum Z", "does not fit"),
        (f"log {LOG.verifier}\nquorum none", "that of another log"),
        (f"log {WITNESSES['X1'].verifier}\nquorum none", "does not fit"),
        ("log nonsense\nquorum none", "three parts"),
        ("quorum\fnone", "control characters"),
        ("quorum none\r\n", "control characters"),
    ],
)
def test_what_is_no_policy_is_refused_and_the_line_is_named(rest: str, complaint: str) -> None:
    with pytest.raises(MalformedInput, match=complaint) as caught:
        policy(rest)
    if "control" not in complaint:
        assert "line" in str(caught.value)


def test_spaces_tabs_comments_and_urls_are_as_the_specification_says() -> None:
    text = f" \t log\t {LOG.verifier}  https://log.example/ \n\t# \xff\n{LINES}\nquorum\tnone".encode("latin-1")
    parsed = Policy.parse(text)
    assert parsed.logs[0].url == "https://log.example/"
    assert parsed.quorum == "none"


def test_a_proof_holds_for_its_leaf_alone() -> None:
    believed = policy("group g 2 X1 X2 X3\nquorum g")
    for index, leaf in enumerate(LEAVES):
        proof = Proof(index, tuple(inclusion_proof(index, LEAVES)), note("X1", "X2"), b"extra" * (index % 2))
        read = Proof.parse(proof.encode())
        assert read == proof
        assert read.verify(leaf, believed).checkpoint.size == 7
        with pytest.raises(ProofFailed):
            read.verify(LEAVES[index - 1], believed)
        with pytest.raises(NotWitnessed):
            Proof(index, proof.hashes, note("X1")).verify(leaf, believed)


def test_a_proof_is_written_as_the_specification_says() -> None:
    proof = Proof(2, (bytes(32),), note(), b"xyz").encode()
    assert proof.startswith(b"c2sp.org/tlog-proof@v1\nextra eHl6\nindex 2\n" + b"A" * 43 + b"=\n\nexample.com/log\n7\n")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"c2sp.org/tlog-proof@v2\nindex 0",
        b"c2sp.org/tlog-proof@v1",
        b"c2sp.org/tlog-proof@v1\nindex",
        b"c2sp.org/tlog-proof@v1\nindex 00",
        b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA",
        b"c2sp.org/tlog-proof@v1\nindex 0\nextra AAAA",
        b"c2sp.org/tlog-proof@v1\nextra A\nindex 0",
        b"c2sp.org/tlog-proof@v1\nindex 0" + (b"\n" + b"A" * 43 + b"=") * 64,
        b"c2sp.org/tlog-proof@v1\nindex 0" + (b"\n" + b"A" * 43 + b"=") * 1000,
    ],
)
def test_what_is_no_proof_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedInput):
        Proof.parse(head + b"\n\n" + note().encode())
