"""Signed notes, checkpoints and cosignatures, against the examples that stand in the specifications."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog import cosignatures, notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.notes import Note, Signature

# The example of C2SP signed-note: a key, and a note that it has signed.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

# The example of C2SP tlog-checkpoint and tlog-cosignature; its keys are not published there.
CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()

# A key that the sum database of Go publishes, secret and all, in the documentation of golang.org/x/mod/sumdb/note.
GO_SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

KINDS = list(Kind)


def key(name: str = "example.com/log", kind: Kind = Kind.NOTE, seed: int = 1) -> SigningKey:
    return SigningKey.of_seed(name, kind, bytes([seed]) * 32)


def test_the_example_of_the_specification() -> None:
    verifier, note = VerifierKey.parse(EXAMPLE_KEY), Note.parse(EXAMPLE)
    assert notes.verify(note, verifier)
    assert note.text == b"This is an example message.\n"
    assert str(verifier) == EXAMPLE_KEY
    assert note.encode() == EXAMPLE


def test_keys_are_those_of_go() -> None:
    signing = SigningKey.parse(GO_SECRET)
    assert str(signing.verifier) == GO_KEY
    assert signing.secret() == GO_SECRET
    assert "AYEKFALV" not in repr(signing)


def test_the_checkpoint_of_the_specification() -> None:
    note = Note.parse(CHECKPOINT)
    checkpoint = Checkpoint.parse(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root == base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert checkpoint.text() == note.text
    assert [one.name for one in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert int.from_bytes(note.signatures[1].blob[:8]) == 1679315147  # the time that the specification names
    assert note.encode() == CHECKPOINT


def test_what_an_ed25519_cosignature_signs_is_the_text_of_the_specification() -> None:
    text = Note.parse(CHECKPOINT).text
    witness = key("witness.example.com/w1", Kind.COSIGNATURE)
    signature = cosignatures.cosign(text, witness, 1679315147)
    message = (
        b"cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n"
        b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    )
    assert signature.blob == (1679315147).to_bytes(8) + witness.sign(message)


def test_what_an_ml_dsa_cosignature_signs_is_the_structure_of_the_specification() -> None:
    text = Note.parse(CHECKPOINT).text
    witness = key("w", Kind.COSIGNATURE_ML_DSA_44)
    signature = cosignatures.cosign(text, witness, 7)
    root = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    message = b"subtree/v1\n\0\1w" + (7).to_bytes(8) + b"\x1bexample.com/behind-the-sofa"
    message += (0).to_bytes(8) + (20852163).to_bytes(8) + root
    assert signature.blob[:8] == (7).to_bytes(8)
    assert len(signature.blob) == 8 + 2420
    witness.verifier.check(signature.blob[8:], message)


@pytest.mark.parametrize("kind", [Kind.COSIGNATURE, Kind.COSIGNATURE_ML_DSA_44])
def test_a_cosignature_holds_for_its_key_time_and_text_alone(kind: Kind) -> None:
    text = Checkpoint("example.com/log", 3, bytes(32)).text()
    witness, other = key("w1", kind), key("w1", kind, seed=2)
    good = cosignatures.cosign(text, witness, 1_700_000_000)
    assert cosignatures.time_of(Note(text, (good,)), witness.verifier) == 1_700_000_000
    assert cosignatures.time_of(Note(text, (good,)), other.verifier) is None
    later = Signature(good.name, good.id, (1_700_000_001).to_bytes(8) + good.blob[8:])
    short = Signature(good.name, good.id, good.blob[:8])
    timeless = cosignatures.cosign(text, witness, 0)
    for forged in (later, short, timeless):
        with pytest.raises(TrustError):
            cosignatures.time_of(Note(text, (good, forged)), witness.verifier)
    with pytest.raises(TrustError):
        cosignatures.time_of(Note(Checkpoint("example.com/log", 4, bytes(32)).text(), (good,)), witness.verifier)


def test_a_wrong_signature_of_a_known_key_spoils_the_note_and_others_are_ignored() -> None:
    text = b"text\n"
    mine, stranger = key(seed=1), key(seed=2)
    note = Note(text, (notes.sign(text, stranger), notes.sign(text, mine)))
    assert notes.verify(note, mine.verifier)
    assert not notes.verify(Note(text, (notes.sign(text, stranger),)), mine.verifier)
    forged = Signature(mine.verifier.name, mine.verifier.id, bytes(64))
    with pytest.raises(TrustError):
        notes.verify(note.signed(forged), mine.verifier)
    namesake = Signature("example.com/other", mine.verifier.id, bytes(64))  # an id alone says nothing
    assert notes.verify(note.signed(namesake), mine.verifier)


def test_a_key_signs_only_what_it_is_for() -> None:
    text = Checkpoint("example.com/log", 0, bytes(32)).text()
    log, witness = key(), key(kind=Kind.COSIGNATURE)
    with pytest.raises(TrustError):
        cosignatures.cosign(text, log, 1)
    with pytest.raises(TrustError):
        notes.verify(Note(text), witness.verifier)


@pytest.mark.parametrize("kind", KINDS)
def test_generated_keys_can_be_written_and_read(kind: Kind) -> None:
    made = SigningKey.generate("example.org/münchen", kind)
    again = SigningKey.parse(made.secret())
    assert again.verifier == made.verifier == VerifierKey.parse(str(made.verifier))
    made.verifier.check(again.sign(b"x"), b"x")


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("example.com/foo", "example.com/fox"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        EXAMPLE_KEY + "AAAA",
        EXAMPLE_KEY[:-1],
        EXAMPLE_KEY + "\n",
        "a b" + EXAMPLE_KEY[15:],
        "name+00000000+AA==",
        "name+00000000+",
        "name+00000000+/w==",
        "\udcff" + EXAMPLE_KEY[15:],
        "x" * 5000,
    ],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(MalformedInput):
        VerifierKey.parse(vkey)
    with pytest.raises(MalformedInput):
        SigningKey.parse(vkey)


LINE = "— a AAAAAAA=\n".encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n" + LINE,
        b"text\n\n" + LINE[:-1],
        b"text\n\n" + LINE + b"\n",
        b"text\n\n- a AAAAAAA=\n",
        "text\n\n—a AAAAAAA=\n".encode(),
        "text\n\n—  AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAA==\n".encode(),  # an id without a signature
        "text\n\n— a AAAAAAB=\n".encode(),  # bits that stand for nothing
        "text\n\n— a AAAAAAA\n".encode(),
        "text\n\n— a AAAA AAA=\n".encode(),
        "text\n\n— a\u00a0b AAAAAAA=\n".encode(),
        "text\n\n— a+b AAAAAAA=\n".encode(),
        b"te\rxt\n\n" + LINE,
        b"te\0xt\n\n" + LINE,
        b"te\xffxt\n\n" + LINE,
        b"text\n\n" + LINE * 65,
        b"x" * (256 << 10) + b"\n\n" + LINE,
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        Note.parse(data)


def test_a_note_may_have_empty_lines_and_many_signatures() -> None:
    note = Note.parse(b"one\n\ntwo\n\n" + LINE * 64)
    assert note.text == b"one\n\ntwo\n"
    assert len(note.signatures) == 64


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"a\n1\n",
        b"\n1\n" + b"A" * 43 + b"=\n",
        b"a\n01\n" + b"A" * 43 + b"=\n",
        b"a\n-1\n" + b"A" * 43 + b"=\n",
        b"a\n+1\n" + b"A" * 43 + b"=\n",
        b"a\n1_0\n" + b"A" * 43 + b"=\n",
        "a\n\u0661\n".encode() + b"A" * 43 + b"=\n",
        b"a\n9223372036854775808\n" + b"A" * 43 + b"=\n",
        b"a\n1\n" + b"A" * 42 + b"B=\n",
        b"a\n1\nAAAA\n",
        b"a\n1\n" + b"A" * 43 + b"=",
        b"a\n1\n" + b"A" * 43 + b"=\n\n",
        b"a\n1\n" + b"A" * 43 + b"=\nx\n\ny\n",
        b"a\n1\n" + b"A" * 43 + b"=\n" + b"x\n" * 17,
        b"\xff\n1\n" + b"A" * 43 + b"=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedInput):
        Checkpoint.parse(text)


_ORIGINS = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(_ORIGINS, st.integers(0, (1 << 63) - 1), st.binary(min_size=32, max_size=32), st.lists(_ORIGINS, max_size=3))
def test_every_checkpoint_comes_back_from_its_note(origin: str, size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    log = key()
    note = Note(checkpoint.text(), (notes.sign(checkpoint.text(), log),))
    read = Note.parse(note.encode())
    assert read == note
    assert notes.verify(read, log.verifier)
    assert Checkpoint.parse(read.text) == checkpoint


@given(st.binary(max_size=200))
def test_whatever_is_read_as_a_note_is_written_the_same(data: bytes) -> None:
    for candidate in (data, b"text\n\n" + data, EXAMPLE[: len(data)] + data):
        try:
            note = Note.parse(candidate)
        except MalformedInput:
            continue
        assert note.encode() == candidate
