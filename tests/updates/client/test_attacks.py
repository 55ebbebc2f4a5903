"""What a lying mirror, a thief of keys and bad luck can do to a client: nothing but keep it where it is, and be named.

Everything goes through nginx and real files. Each case says which error comes, and that the release in use stays.
"""

import datetime as dt
import os
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tests.updates.client.conftest import Serve, Web
from tests.updates.client.machine import Machine
from tests.updates.client.publisher import FEED, Publisher
from tests.updates.client.test_transfer import answer, hostile

from freehold.updates import durable
from freehold.updates.client import refusals
from freehold.updates.client.refusals import Refusal
from freehold.updates.client.transfer import RetryLater
from freehold.updates.content import heads, segments
from freehold.updates.content.entries import Entry
from freehold.updates.content.segments import Segment
from freehold.updates.tlog.writing import Log

HOUR = 3600
ONE, TWO, THREE = (
    {"hsb": [f"{number:064x}:{number}:Test.{number}" for number in numbers]} for numbers in ([1], [1, 2], [2, 3])
)


class Field:
    """A publisher, its mirror, and a machine that has its first release."""

    def __init__(self, top: Path, serve: Serve) -> None:
        self.publisher = Publisher(top / "tree")
        self.publisher.release(ONE)
        self.web: Web = serve(self.publisher.tree)
        self.machine = Machine(top / "machine", self.publisher.tree, self.publisher.root_sha256)
        assert self.machine.update(self.web.address).word == "updated"
        self.top = top

    def next(self, texts: dict[str, list[str]] = TWO, **wish: object) -> None:
        self.publisher.now += 1
        self.publisher.release(texts, **wish)

    def refused(self, kind: type[Refusal], words: str, *places: str) -> Refusal:
        """Update; it must be refused, and change nothing that is in use."""
        before, seq = self.machine.signatures(), self.machine.seq
        with pytest.raises(Refusal, match=words) as raised:
            self.machine.update(*(places or (self.web.address,)))
        assert type(raised.value) is kind
        assert (self.machine.signatures(), self.machine.seq) == (before, seq)
        assert self.machine.store.state().refused.startswith(kind.word)
        return raised.value

    def taken(self, *places: str) -> None:
        """Update; everything must come out as the publisher says."""
        outcome = self.machine.update(*(places or (self.web.address,)))
        assert (outcome.word, outcome.seq) == ("updated", self.publisher.seq)
        assert self.machine.signatures() == set(self.publisher.states[self.publisher.seq])


@pytest.fixture
def field(tmp_path: Path, serve: Serve) -> Field:
    return Field(tmp_path, serve)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the clock of this process, that of TUF's client included, by some seconds."""
    real_time, real_datetime = time.time, dt.datetime

    def move(seconds: float) -> None:
        class Moved(real_datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
                return real_datetime.now(tz) + dt.timedelta(seconds=seconds)

        monkeypatch.setattr(time, "time", lambda: real_time() + seconds)
        monkeypatch.setattr(dt, "datetime", Moved)

    return move


def test_statuses_and_words_are_different() -> None:
    kinds = [kind for kind in vars(refusals).values() if isinstance(kind, type) and issubclass(kind, Refusal)]
    kinds.remove(Refusal)
    assert len({kind.status for kind in kinds}) == len({kind.word for kind in kinds}) == len(kinds)
    assert not {0, 1, 2, 3, 4}.intersection(kind.status for kind in kinds)


# Old and other histories


def test_a_mirror_offers_an_older_release(field: Field) -> None:
    old = field.publisher.copy(field.top / "old")
    field.next()
    field.taken()
    field.refused(refusals.Rollback, "must be >=", str(old))


def test_it_does_so_after_tufs_files_were_lost(field: Field) -> None:
    """TUF's own client forgets what it has seen with its files, and would take the older release."""
    old = field.publisher.copy(field.top / "old")
    field.next()
    field.taken()
    for name in ("timestamp.json", "snapshot.json"):
        (field.machine.store.trust / name).write_bytes(b"")
    field.refused(refusals.Rollback, "offers release 1; this machine has seen 2", str(old))


def test_a_log_that_is_shorter_than_before(field: Field) -> None:
    field.next()
    field.taken()
    field.publisher.now += 1
    field.publisher.publish_snapshot()
    field.machine.update(field.web.address)
    seen = field.machine.store.state()
    assert seen.log.size == 3
    field.publisher.log = Log(field.publisher.tree / "log2", field.publisher.log_key)
    field.publisher.append(field.publisher.leaf())
    field.publisher.now += 1
    field.publisher.publish_head()
    field.refused(refusals.Rollback, "the log has 1 entries; this machine has seen 3 of it")


def test_a_head_that_is_replayed_while_its_timestamp_is_still_good(
    field: Field, clock: Callable[[float], None]
) -> None:
    clock(30 * HOUR)
    field.refused(refusals.Stale, "30 hours old, and 24 are allowed")


def test_metadata_that_nobody_renews(field: Field, clock: Callable[[float], None]) -> None:
    clock(49 * HOUR)
    field.refused(refusals.Expired, "timestamp.json is expired: nobody has renewed it")


def test_a_mirror_that_always_says_that_nothing_is_new(
    field: Field, serve: Serve, clock: Callable[[float], None]
) -> None:
    frozen = serve(field.publisher.tree, "location /head { return 304; }")
    assert field.machine.update(frozen.address).word == "current"
    clock(13 * HOUR)
    with hostile(answer(b"HTTP/1.1 304 Not Modified\r\n\r\n")) as (address, sent):
        field.machine.update(address, field.web.address)
    assert b"If-Modified-Since" not in sent[0]


def test_a_log_with_another_history(field: Field) -> None:
    """The publisher itself shows this machine another past than it has shown before: that is kept as evidence."""
    publisher = field.publisher
    forged = Log(publisher.tree / "log2", publisher.log_key)
    forged.append([b"another past"])
    publisher.log = forged
    field.next()
    error = field.refused(refusals.SplitView, "is not a continuation of the one with 1")
    kept = sorted(path.name.partition(".")[2] for path in field.machine.store.evidence.iterdir())
    assert kept == ["offered", "seen-before"]
    assert str(field.machine.store.evidence) in str(error)


def test_a_split_view_is_not_covered_up_by_an_honest_mirror(field: Field) -> None:
    honest = field.publisher.copy(field.top / "honest")
    forged = Log(field.publisher.tree / "log2", field.publisher.log_key)
    forged.append([b"another past"])
    field.publisher.log = forged
    field.next()
    field.refused(refusals.SplitView, "continuation", field.web.address, str(honest))


def test_an_honest_mirror_is_believed_after_a_split_view(field: Field) -> None:
    """What was signed for a forked log leaves no memory of its higher versions, which would bar the honest ones."""
    honest = field.publisher.copy(field.top / "honest")
    forged = Log(field.publisher.tree / "log2", field.publisher.log_key)
    forged.append([b"another past"])
    field.publisher.log = forged
    field.next()
    field.next(THREE)
    field.refused(refusals.SplitView, "continuation")
    assert field.machine.update(str(honest)).word == "current"


# What is signed, and what is not


def test_a_release_that_is_signed_and_not_logged(field: Field) -> None:
    publisher = field.publisher
    proof = publisher.proof()
    publisher.append = lambda *_: None  # type: ignore[method-assign]
    publisher.proof = lambda: proof  # type: ignore[method-assign]
    field.next()
    field.refused(refusals.Unlogged, "is not proven to be in the public log")


def test_a_release_without_a_proof(field: Field) -> None:
    field.next()
    members = heads.decode((field.publisher.tree / "head").read_bytes())
    del members[heads.PROOF]
    field.publisher.write_head(heads.encode(members))
    field.refused(refusals.Unlogged, "without a proof")


def test_one_of_three_witnesses_is_missing(field: Field) -> None:
    field.publisher.cosigners = ["w1", "w3"]
    field.next()
    field.taken()


def test_two_of_three_witnesses_are_missing(field: Field) -> None:
    field.publisher.cosigners = ["w2"]
    field.next()
    field.refused(refusals.NoQuorum, "the policy wants 2 of w1, w2, w3; it has w2")


def test_a_stolen_key_of_the_feed_alone(field: Field) -> None:
    """Who can sign releases, and nothing else, cannot get them to anybody: the snapshot does not name them."""
    field.next()
    members = heads.decode((field.publisher.tree / "head").read_bytes())
    name = f"{field.publisher.feed}.{FEED}.json"
    members[name] = members[name].replace(b'"version":2', b'"version":3')
    field.publisher.write_head(heads.encode(members))
    field.refused(refusals.MixAndMatch, "hash|length")


def test_metadata_that_somebody_else_has_signed(field: Field) -> None:
    field.publisher.signers["timestamp"] = CryptoSigner.generate_ed25519()
    field.next()
    field.refused(refusals.BadSignature, "timestamp was signed by 0/1 keys")


def test_the_release_of_one_snapshot_with_the_metadata_of_another(field: Field) -> None:
    old = heads.decode((field.publisher.tree / "head").read_bytes())
    field.next()
    members = heads.decode((field.publisher.tree / "head").read_bytes())
    members["release.json"] = old["release.json"]
    field.publisher.write_head(heads.encode(members))
    field.refused(refusals.MixAndMatch, "does not belong to its metadata")


def test_the_feed_of_somebody_else_with_the_same_keys(field: Field) -> None:
    field.next(feed="other")
    field.refused(refusals.MixAndMatch, "the release is of the feed 'other', not of 'core'")


def test_a_new_root_is_followed_and_must_be_logged(field: Field) -> None:
    field.publisher.publish_root()
    field.next()
    field.taken()
    assert field.machine.store.state().log.size == 2


def test_a_head_that_hides_a_new_root(field: Field) -> None:
    field.publisher.publish_root()
    field.next()
    members = heads.decode((field.publisher.tree / "head").read_bytes()) | {"root-version": b"1"}
    field.publisher.write_head(heads.encode(members))
    field.refused(refusals.Unlogged, "not proven")


# Data


def spoil(path: Path) -> None:
    """Change a byte, in a new file: nginx may hold the old one open."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    durable.write(path, bytes(data))


def test_a_damaged_segment_everywhere(field: Field) -> None:
    field.next()
    spoil(field.publisher.segment(1))
    spoil(field.publisher.segment(0))
    field.refused(refusals.Damaged, "is not what is signed")


def test_a_damaged_segment_at_one_mirror(field: Field, serve: Serve) -> None:
    field.next()
    good = serve(field.publisher.copy(field.top / "good"))
    spoil(field.publisher.segment(1))
    field.taken(field.web.address, good.address)


def test_a_damaged_segment_and_a_longer_one(field: Field) -> None:
    field.next()
    field.taken()
    field.next(THREE)
    spoil(field.publisher.segment(2))
    field.web.requests()
    field.taken()
    assert [line.rpartition(".seg-")[2] for line in field.web.requests()][1:] == ["2-3.seg 200", "1-3.seg 200"]


def test_a_damaged_segment_and_the_base(field: Field) -> None:
    field.next()
    field.taken()
    field.next(THREE)
    spoil(field.publisher.segment(2))
    field.publisher.segment(1).unlink()
    field.refused(refusals.Damaged, "not what is signed")
    field.publisher.bases[4] = 4
    field.next(ONE, epoch=True)
    for start in (3, 2, 1):
        if (path := next((field.publisher.tree / "targets/core").glob(f"*.seg-{start}-4.seg"), None)) is not None:
            path.unlink()
    field.taken()


def test_signatures_that_do_not_add_up(field: Field) -> None:
    """Who signs a segment that does not lead to the state that is signed is found out by the state root."""
    field.publisher.tilt = Segment([Entry("hsb", f"{9:064x}:9:Test.Smuggled".encode())], frozenset())
    field.next()
    field.refused(refusals.WrongState, "does not have the signatures that were signed for")


def test_a_segment_that_is_no_segment(field: Field) -> None:
    publisher = field.publisher
    real = segments.encode
    try:
        segments.encode = lambda _: b"FHS1" + b"\xff" * 40  # type: ignore[assignment]
        field.next()
    finally:
        segments.encode = real
    field.refused(refusals.Malformed, "a segment: ")
    assert publisher.seq == 2


def test_a_small_head_that_unpacks_to_much(field: Field) -> None:
    field.publisher.now += 1
    field.publisher.write_head(segments.pack(b"\0" * (64 << 20)))
    field.refused(refusals.Bomb, "it unpacks to more than 1,048,576 bytes")


def test_a_head_that_is_none(field: Field) -> None:
    for head in (b"", b"nothing", segments.pack(b"name\0" + struct.pack(">I", 1 << 30))):
        field.publisher.now += 1
        field.publisher.write_head(head)
        field.refused(refusals.Malformed, "the head: ")


def test_a_segment_that_unpacks_to_more_than_is_signed(field: Field) -> None:
    real = segments.pack
    try:
        segments.pack = lambda content: real(content + b"\0" * (1 << 26))  # type: ignore[assignment]
        field.next()
    finally:
        segments.pack = real
    field.refused(refusals.Bomb, "it unpacks to more than")


def test_endless_data(field: Field) -> None:
    with hostile(answer(b"HTTP/1.1 200 OK\r\n\r\n" + b"\0" * 200_000)) as (address, _):
        field.refused(refusals.EndlessData, "65,536 bytes", address)


def test_a_slow_server(field: Field) -> None:
    field.machine.options = {"silence": 0.2}
    field.next()
    silent = threading.Event()
    with hostile(lambda _: silent.wait(60) and None) as (address, _):
        try:
            field.refused(refusals.SlowServer, "silent", address)
        finally:
            silent.set()
    field.taken()


def test_a_release_that_is_for_a_newer_program(field: Field) -> None:
    field.next(engine=(2, 3))
    field.refused(refusals.TooNew, "please update the program")


# The world


@pytest.mark.parametrize("years", [-10, 10])
def test_a_clock_that_is_wrong_by_years(field: Field, clock: Callable[[float], None], years: int) -> None:
    """A slow clock makes nothing old acceptable, as the witnesses' times are remembered; a fast one refuses."""
    old = field.publisher.copy(field.top / "old")
    field.publisher.now += 60 * HOUR
    field.publisher.release(TWO)
    clock(60 * HOUR)
    field.taken()
    clock(years * 365.25 * 24 * HOUR)
    if years > 0:
        field.refused(refusals.Expired, "if this machine's clock is right")
    else:
        assert field.machine.update(field.web.address).word == "current"
        for name in ("timestamp.json", "snapshot.json"):
            (field.machine.store.trust / name).write_bytes(b"")
        field.refused(refusals.Expired, "timestamp.json is expired", str(old))


def test_nobody_answers(field: Field, unused_address: str) -> None:
    field.refused(refusals.Unreachable, "refused", unused_address)
    field.refused(refusals.Unreachable, "refused", unused_address)
    state = field.machine.store.state()
    assert state.failures == 2
    field.next()
    field.taken()
    assert (field.machine.store.state().failures, field.machine.store.state().refused) == (0, "")


def test_a_server_that_wants_a_pause(field: Field, serve: Serve) -> None:
    busy = serve(field.publisher.tree, "location / { return 429; } add_header Retry-After 7200 always;")
    field.refused(RetryLater, "answers 429", busy.address)
    assert field.machine.store.state().not_before > time.time() + 7100


def test_one_mirror_lies_and_another_is_honest(field: Field, serve: Serve) -> None:
    liar = field.publisher.copy(field.top / "liar")
    durable.write(liar / "head", b"nonsense")
    os.utime(liar / "head", (1, 1))
    field.next()
    outcome = field.machine.update(serve(liar).address, field.web.address)
    assert (outcome.word, outcome.seq) == ("updated", 2)
    assert [warning.partition(":")[0] for warning in outcome.warnings] == ["malformed"]


def test_a_neighbour_is_asked_for_large_files_only_and_believed_as_little(field: Field, serve: Serve) -> None:
    field.next()
    neighbour = serve(field.publisher.copy(field.top / "neighbour"))
    spoil(next((neighbour.root / "targets/core").glob("*.seg-1-2.seg")))
    field.web.requests()
    outcome = field.machine.update(field.web.address, peers=[neighbour.address])
    assert outcome.seq == 2
    assert [line.rpartition(".")[2] for line in neighbour.requests()] == ["seg 200"]
    assert len(field.web.requests()) == 2
    field.next(THREE)
    neighbour = serve(field.publisher.copy(field.top / "good-neighbour"))
    field.machine.update(field.web.address, peers=[neighbour.address])
    assert field.web.requests() == ["GET /head 200"]
    assert field.machine.signatures() == set(field.publisher.states[3])


# Without a network


def bundle(field: Field, name: str) -> str:
    subprocess.run(["tar", "--format=ustar", "-cf", field.top / name, "-C", field.publisher.tree, "."], check=True)
    return str(field.top / name)


def test_a_bundle_that_took_three_weeks_to_come(field: Field, clock: Callable[[float], None]) -> None:
    """All of its metadata has expired by this machine's clock; it is judged by the time that its witnesses name."""
    field.next()
    carried = bundle(field, "carried.fhb")
    clock(21 * 24 * HOUR)
    field.refused(refusals.Expired, "expired")
    field.taken(carried)


def test_a_bundle_that_took_too_long(field: Field, clock: Callable[[float], None]) -> None:
    field.next()
    carried = bundle(field, "carried.fhb")
    clock(31 * 24 * HOUR + 60)
    field.refused(refusals.Stale, "744 hours old, and 720 are allowed", carried)


def test_a_bundle_is_verified_like_a_mirror(field: Field) -> None:
    old = bundle(field, "old.fhb")
    field.next()
    spoil(field.publisher.segment(1))
    spoil(field.publisher.segment(0))
    field.refused(refusals.Damaged, "not what is signed", bundle(field, "damaged.fhb"))
    field.refused(refusals.Rollback, "must be >=", old)
    (field.top / "cut.fhb").write_bytes(Path(old).read_bytes()[:-20_000])
    with pytest.raises(refusals.Refusal):
        field.machine.update(field.top / "cut.fhb")


# Harm


def test_a_release_that_does_harm_is_held_and_the_next_one_taken(field: Field) -> None:
    field.next()
    field.machine.tools.harmful = "Test.2 (core/new.hsb:1) is found in /usr/bin/true, which is good"
    field.refused(refusals.Held, r"release 2 is held back: Test.2 \(core/new.hsb:1\) is found in /usr/bin/true")
    field.machine.tools.harmful = ""
    field.refused(refusals.Held, "release 2 did harm here and is not taken again")
    assert field.machine.tools.tried == 2
    field.next(THREE)
    field.taken()


def test_a_held_release_is_taken_when_the_user_says_so(field: Field) -> None:
    field.next()
    field.machine.tools.harmful = "harm"
    field.refused(refusals.Held, "harm")
    field.machine.tools.harmful = ""
    assert field.machine.update(field.web.address, again=True).seq == 2


def test_a_release_that_its_publisher_takes_back_does_not_wait_for_a_ring(field: Field) -> None:
    field.next()
    field.taken()
    field.next(ONE, reverts=(2,), urgent=False, rings=((1000, 4 * HOUR),))
    field.taken()
    assert field.machine.store.state().bad == (2,)
