"""A witness signs one history, whoever asks, in whatever order, and whatever kills it."""

import gc
import itertools
import os
import shutil
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tests.responses.quarantine import faults

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.updates.tlog import cosignatures, notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.merkle import EMPTY_ROOT, CompactRange, consistency_proof, leaf_hash
from freehold.updates.tlog.notes import Note, Signature
from freehold.updates.tlog.witness import Request, Witness

LOG = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes(32))
WITNESS = SigningKey.of_seed("witness.example/w1", Kind.COSIGNATURE, bytes([1]) * 32)
QUANTUM = SigningKey.of_seed("witness.example/w1", Kind.COSIGNATURE_ML_DSA_44, bytes([1]) * 32)
HISTORIES = {
    name: [leaf_hash(b"%d" % number) for number in range(4)]
    + [leaf_hash(f"{name} {number}".encode()) for number in range(9)]
    for name in ("true", "forked")
}
"""Two histories of one log, which differ from the fifth leaf on."""


def head(size: int, history: str = "true", origin: str = "example.com/log") -> bytes:
    return Checkpoint(origin, size, CompactRange().extend(HISTORIES[history][:size]).root).text()


def request(old: int, size: int, history: str = "true") -> Request:
    text = head(size, history)
    proof = consistency_proof(old, HISTORIES[history][:size]) if old <= size else []
    return Request(old, tuple(proof), Note(text, (notes.sign(text, LOG),)))


def open_witness(folder: Path, time: float = 1_800_000_000) -> Witness:
    return Witness(folder, [WITNESS], [LOG.verifier], lambda: time)


def ask(witness: Witness, asked: Request) -> tuple[int, bytes]:
    answer = witness.add_checkpoint(asked.encode())
    return answer.status, answer.body


def cosigned(asked: Request, body: bytes) -> int | None:
    return cosignatures.time_of(asked.checkpoint.signed(*notes.parse_lines(body)), WITNESS.verifier)


def test_a_log_that_grows_is_signed_with_the_time(tmp_path: Path) -> None:
    witness = open_witness(tmp_path, 1_800_000_007.9)
    for old, size in ((0, 1), (1, 1), (1, 2), (2, 7), (7, 13)):
        asked = request(old, size)
        status, body = ask(witness, asked)
        assert status == 200
        assert cosigned(asked, body) == 1_800_000_007


def test_statuses_are_those_of_the_specification(tmp_path: Path) -> None:
    witness = open_witness(tmp_path)
    assert ask(witness, request(0, 5))[0] == 200
    assert ask(witness, request(0, 6)) == (409, b"5\n")
    assert witness.add_checkpoint(request(3, 6).encode()).content_type == "text/x.tlog.size"
    assert ask(witness, request(7, 6))[0] == 400  # above the size of the checkpoint
    assert ask(witness, request(5, 5, "forked"))[0] == 422
    assert ask(witness, request(5, 8, "forked"))[0] == 422
    right = request(5, 8)
    assert ask(witness, Request(5, right.proof[:-1], right.checkpoint))[0] == 422
    assert ask(witness, Request(5, (*right.proof, bytes(32)), right.checkpoint))[0] == 422
    assert (
        ask(witness, Request(5, right.proof, Note(right.checkpoint.text, (Signature("x", bytes(4), b"x"),))))[0] == 403
    )
    forged = Signature(LOG.verifier.name, LOG.verifier.id, bytes(64))
    assert ask(witness, Request(5, right.proof, right.checkpoint.signed(forged)))[0] == 403
    stranger = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes([9]) * 32)
    by_stranger = notes.sign(right.checkpoint.text, stranger)
    assert ask(witness, Request(5, right.proof, Note(right.checkpoint.text, (by_stranger,))))[0] == 403
    other = head(8, origin="example.com/other")
    assert ask(witness, Request(5, (), Note(other, (notes.sign(other, LOG),))))[0] == 404
    assert (
        ask(witness, Request(5, right.proof, right.checkpoint.signed(by_stranger)))[0] == 200
    )  # unknown keys are ignored


def test_an_empty_tree_has_one_root_and_needs_no_proof(tmp_path: Path) -> None:
    witness = open_witness(tmp_path)
    wrong = Checkpoint("example.com/log", 0, bytes(32)).text()
    assert ask(witness, Request(0, (), Note(wrong, (notes.sign(wrong, LOG),))))[0] == 422
    assert ask(witness, Request(0, (bytes(32),), request(0, 3).checkpoint))[0] == 422
    empty = Checkpoint("example.com/log", 0, EMPTY_ROOT).text()
    assert ask(witness, Request(0, (), Note(empty, (notes.sign(empty, LOG),))))[0] == 200
    assert ask(witness, request(0, 3))[0] == 200


def test_monitors_get_the_last_head_with_all_signatures(tmp_path: Path) -> None:
    witness = open_witness(tmp_path)
    name = sha256(b"example.com/log").hexdigest()
    assert witness.checkpoint(name).status == 404
    assert witness.checkpoint("0" * 64).status == 404
    ask(witness, request(0, 5))
    note = Note.parse(witness.checkpoint(name).body)
    assert notes.verify(note, LOG.verifier)
    assert cosignatures.time_of(note, WITNESS.verifier) == 1_800_000_000
    assert note.text == head(5)


def test_two_keys_sign_both_and_a_new_one_may_come_later(tmp_path: Path) -> None:
    one = open_witness(tmp_path)
    ask(one, request(0, 3))
    one.close()
    witness = Witness(tmp_path, [WITNESS, QUANTUM], [LOG.verifier], lambda: 1_800_000_000)
    asked = request(3, 5)
    status, body = ask(witness, asked)
    assert status == 200
    note = asked.checkpoint.signed(*notes.parse_lines(body))
    assert cosignatures.time_of(note, WITNESS.verifier)
    assert cosignatures.time_of(note, QUANTUM.verifier)


def test_two_processes_may_not_share_a_memory(tmp_path: Path) -> None:
    witness = open_witness(tmp_path)
    with pytest.raises(UsageError, match="another witness uses"):
        open_witness(tmp_path)
    witness.close()
    open_witness(tmp_path).close()


def test_a_damaged_memory_ends_the_witness(tmp_path: Path) -> None:
    witness = open_witness(tmp_path)
    ask(witness, request(0, 5))
    (path,) = tmp_path.glob("*.checkpoint")
    path.write_bytes(path.read_bytes().replace(b"\n5\n", b"\n4\n"))
    status, body = ask(witness, request(5, 6))
    assert status == 500
    assert b"may sign nothing more" in body
    witness.close()
    with pytest.raises(TrustError, match="is damaged"):
        open_witness(tmp_path)


def test_a_clock_that_was_set_back_ends_signing_until_it_is_right(tmp_path: Path) -> None:
    now = [2000.0]
    witness = Witness(tmp_path, [WITNESS], [LOG.verifier], lambda: now[0])
    assert ask(witness, request(0, 5))[0] == 200
    now[0] = 1999.0
    status, body = ask(witness, request(5, 6))
    assert (status, b"clock" in body) == (500, True)
    now[0] = 2000.0
    assert ask(witness, request(5, 6))[0] == 200


def test_a_full_disk_gives_no_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = open_witness(tmp_path)
    ask(witness, request(0, 5))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, body = ask(witness, request(5, 6))
        assert (status, body) == (500, b"this witness cannot sign: [Errno 28] No space left on device\n")
    assert ask(witness, request(5, 8, "true"))[0] == 200
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".new")] == []


_STEPS = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13), st.sampled_from(sorted(HISTORIES))), max_size=12)


@given(_STEPS)
@examples(deadline=None, max_examples=60)
def test_whatever_is_asked_all_that_was_signed_is_one_history(steps: list[tuple[int, int, str]]) -> None:
    folder = Path(os.environ["XDG_STATE_HOME"], "witness")
    shutil.rmtree(folder, ignore_errors=True)
    signed: list[tuple[int, str]] = []
    for old, size, history in steps:
        witness = open_witness(folder)  # a restart before every request
        if ask(witness, request(old, size, history))[0] == 200:
            signed.append((size, history))
        witness.close()
    for (size, history), (later, after) in itertools.pairwise(signed):
        assert size <= later
        assert HISTORIES[history][:size] == HISTORIES[after][:size]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_killed_at_any_system_call_it_signs_one_history(tmp_path: Path) -> None:
    """The process that answers about one history is killed; the next one is asked to sign the other."""
    folder, told = tmp_path / "memory", tmp_path / "told"

    def answer() -> int:
        gc.disable()
        witness = open_witness(folder)
        status, body = ask(witness, request(4, 8, "true"))
        told.write_bytes(body)
        return 0 if status == 200 else 1

    def begin() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        told.unlink(missing_ok=True)
        witness = open_witness(folder)
        assert ask(witness, request(0, 4))[0] == 200
        witness.close()

    gc.collect()  # what other tests left over is not closed in the middle of this one
    for _ in range(2):  # the first run may read more than those after it
        begin()
        outcome = faults.run_action(answer, tmp_path)
    assert outcome.status == 0, outcome.errors
    calls = outcome.calls[faults.number_of(outcome.calls, "memory") :]
    durable = max(number for number, call in enumerate(calls) if call.startswith("fsync"))
    assert durable < faults.number_of(calls, "told")  # on the disk before anybody is told
    ends = set()
    for name, number in faults.places(outcome.calls, "memory"):
        begin()
        killed = faults.run_action(answer, tmp_path, f"{name}:signal=KILL:when={number}")
        assert killed.status in (-9, 0), killed.errors
        has_told = told.exists() and told.read_bytes() != b""
        witness = open_witness(folder)
        status, _ = ask(witness, request(4, 9, "forked"))
        assert status == 409 or not has_told, (name, number)
        if status == 409:  # it remembers, so it goes on with the same history
            assert ask(witness, request(8, 13, "true"))[0] == 200
        witness.close()
        ends.add((has_told, status))
    assert ends == {(False, 200), (False, 409), (True, 409)}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 01\n\n" + request(0, 3).checkpoint.encode(),
        b"old  0\n\n" + request(0, 3).checkpoint.encode(),
        b"old 0\nAAAA\n\n" + request(0, 3).checkpoint.encode(),
        b"new 0\n\n" + request(0, 3).checkpoint.encode(),
        b"old 0" + (b"\n" + b"A" * 43 + b"=") * 64 + b"\n\n" + request(0, 3).checkpoint.encode(),
        b"old 0\n\nno checkpoint\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"old 0\n\n" + bytes(300_000),
        b"old 0\r\n\r\n" + request(0, 3).checkpoint.encode(),
    ],
)
def test_what_is_no_request_is_refused(tmp_path: Path, body: bytes) -> None:
    assert open_witness(tmp_path).add_checkpoint(body).status == 400
    try:
        Request.parse(body)
    except MalformedInput:
        return
    assert b"no checkpoint" in body


def test_requests_come_back() -> None:
    for old, size in ((0, 3), (3, 13), (13, 13)):
        assert Request.parse(request(old, size).encode()) == request(old, size)
