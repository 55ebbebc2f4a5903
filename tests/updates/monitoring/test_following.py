"""A monitor against publishers, mirrors and witnesses that do what they must not."""

import copy
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.updates.publisher import Publisher, Refused, hashes
from tests.updates.witnesses import log_key, witnesses

from freehold.model.errors import TrustError
from freehold.updates.client.origins import Folder
from freehold.updates.client.transfer import Client
from freehold.updates.content.entries import Entry
from freehold.updates.content.states import State
from freehold.updates.monitoring.findings import Finding, Severity
from freehold.updates.monitoring.following import Monitor
from freehold.updates.monitoring.repository import Repository
from freehold.updates.publish import building, releasing, signing
from freehold.updates.tlog.notes import Note

ONE = hashes(1)
TWO = hashes(1, 2)
THREE = hashes(1, 2, 3)
SNEAKED = Entry("ndb", b"Sneaked:0:*:00112233445566778899")


class Watch:
    """A monitor of a publisher's tree, opened anew for each look as from a timer."""

    def __init__(self, folder: Path, publisher: Publisher) -> None:
        self.folder = folder
        self.publisher = publisher

    def look(
        self, tree: Path | None = None, *, ask: bool = False, clock: Callable[[], float] = time.time
    ) -> list[Finding]:
        origin = Folder(tree or self.publisher.public)
        first = (
            None if (self.folder / "trust").exists() else (self.publisher.public / "metadata/1.root.json").read_bytes()
        )
        with closing(Client()) as client, Repository(origin, self.folder / "trust", first) as repository:
            witness = (lambda address: client.get(address, 1 << 18) or b"") if ask else None
            return list(Monitor(repository, self.folder, ask=witness, clock=clock).look())

    def alarms(self, tree: Path | None = None, **options: object) -> set[str]:
        """Return the kinds of all alarms; nothing may be left unchecked."""
        found = self.look(tree, **options)  # type: ignore[arg-type]
        assert Severity.UNCHECKED not in {finding.severity for finding in found}, found
        return {finding.kind for finding in found if finding.severity is Severity.ALARM}


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(tmp_path / "publisher")


@pytest.fixture
def watch(tmp_path: Path, publisher: Publisher) -> Watch:
    return Watch(tmp_path / "watch", publisher)


def test_an_honest_publisher_gives_no_alarm_and_every_release_is_made_again(publisher: Publisher, watch: Watch) -> None:
    publisher.release(hdb=ONE)
    publisher.release(hdb=TWO)
    first = watch.look()
    assert [(finding.severity, finding.kind, finding.entry, finding.seq) for finding in first] == [
        (Severity.NOTE, "rebuilt", 0, 1),
        (Severity.NOTE, "rebuilt", 1, 2),
    ]
    assert watch.look() == []
    publisher.release(hdb=ONE)
    assert [finding.seq for finding in watch.look()] == [3]


def test_a_repository_with_witnesses_is_compared_with_each_of_them(tmp_path: Path) -> None:
    with watched(tmp_path, quorum=2) as (publisher, watch):
        publisher.release(hdb=ONE)
        publisher.release(hdb=TWO)
        assert watch.alarms(ask=True) == set()
        assert watch.alarms(ask=True, clock=lambda: time.time() + 25 * 3600) == {"stale"}
    found = watch.look(ask=True)  # nobody serves any more
    assert [(finding.severity, finding.kind) for finding in found] == [(Severity.UNCHECKED, "witness")] * 3


@contextmanager
def watched(tmp_path: Path, quorum: int) -> Iterator[tuple[Publisher, Watch]]:
    with witnesses(tmp_path, 3) as three:
        lines = [option for one in three for option in ("--witness", one.line)]
        publisher = Publisher(tmp_path / "publisher", *lines, "--quorum", quorum)
        for one in three:
            one.logs.append(log_key(publisher.folder))
        yield publisher, Watch(tmp_path / "watch", publisher)


def fork(publisher: Publisher, folder: Path) -> Publisher:
    """Return a second publisher with all the keys of the first, who goes on from here."""
    shutil.copytree(publisher.folder.parent, folder)
    other = copy.copy(publisher)
    other.folder, other.sources = folder / publisher.folder.name, folder / publisher.sources.name
    return other


def test_a_log_that_was_rewritten_is_proven_with_both_heads(publisher: Publisher, watch: Watch, tmp_path: Path) -> None:
    publisher.release(hdb=ONE)
    forked = fork(publisher, tmp_path / "fork")
    publisher.release(hdb=TWO)
    assert watch.alarms() == set()
    forked.release(hdb=THREE)
    forked.release(hdb=ONE)
    assert watch.alarms(forked.public) == {"split-view"}
    evidence = [Note.parse(path.read_bytes()) for path in (watch.folder / "evidence").iterdir()]
    assert sorted(note.text.split(b"\n")[1] for note in evidence) == [b"2", b"3"]
    assert watch.alarms() == set()  # it goes on with what it has seen
    assert watch.alarms(forked.public) == {"split-view"}


def test_a_victim_that_is_shown_a_log_of_its_own_learns_it_from_a_witness(tmp_path: Path) -> None:
    with watched(tmp_path, quorum=0) as (publisher, watch):
        publisher.release(hdb=ONE)
        forked = fork(publisher, tmp_path / "fork")
        publisher.release(hdb=TWO)  # this is what the witnesses have seen
        forked.release(hdb=THREE)
        assert watch.alarms(forked.public) == set()
        assert watch.alarms(forked.public, ask=True) == {"split-view"}
        assert (watch.folder / "evidence").is_dir()


def test_witnesses_of_a_quorum_do_not_sign_a_second_history(tmp_path: Path) -> None:
    with watched(tmp_path, quorum=2) as (publisher, watch):
        publisher.release(hdb=ONE)
        forked = fork(publisher, tmp_path / "fork")
        publisher.release(hdb=TWO)
        with pytest.raises(Refused, match="too few witnesses"):
            forked.release(hdb=THREE)
        assert watch.alarms(ask=True) == set()


def test_builders_who_add_something_to_their_inputs_are_found_out(
    publisher: Publisher, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.release(hdb=ONE)
    honest = building._state
    monkeypatch.setattr(building, "_state", lambda *args: State([*honest(*args), SNEAKED]))
    publisher.release(hdb=TWO)
    found = [finding for finding in watch.look() if finding.severity is Severity.ALARM]
    assert [(finding.kind, finding.seq, finding.entry) for finding in found] == [("different-state", 2, 1)]


def test_files_that_lead_elsewhere_than_was_signed_are_found_out(
    publisher: Publisher, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is right, and what clients would apply is not."""
    publisher.release(hdb=ONE)
    honest = State.step_to

    def more(self: State, target: State) -> object:
        segment = honest(self, target)
        return segment._replace(added=[*segment.added, SNEAKED])

    monkeypatch.setattr(State, "step_to", more)
    publisher.release(hdb=TWO)
    assert watch.alarms() == {"different-state"}


def test_a_release_that_was_never_logged_is_found_out(
    publisher: Publisher, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.release(hdb=ONE)
    with monkeypatch.context() as patch:
        patch.setattr(releasing, "_log", lambda *_: shutil.copy(*_proofs(publisher)))
        publisher.release(hdb=TWO)
    assert watch.alarms() == {"unlogged", "head"}
    publisher.release(hdb=THREE)
    assert watch.alarms() == {"gap"}


def _proofs(publisher: Publisher) -> Iterator[Path]:
    for seq in (1, 2):
        yield publisher.public / f"log/proof/{seq}.tlog-proof"


def test_a_release_that_too_few_have_signed_is_found_out(
    publisher: Publisher, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher.release(hdb=ONE)
    assert watch.alarms() == set()
    true = signing._thresholds  # its own tools take one signature for enough
    monkeypatch.setattr(signing, "_thresholds", lambda *args: [(keys, 1) for keys, _ in true(*args)])
    publisher.write(hdb=TWO)
    publisher.build()
    publisher.run("sign", "--key", publisher.folder / "keys" / "north.pem")
    publisher.run("publish")
    assert watch.alarms() == {"bad-signature"}


@pytest.mark.parametrize("pattern", ["targets/core/*.base-1.seg", "targets/core/*.seg-1-2.seg", "inputs/*"])
def test_what_a_mirror_damages_or_lacks_is_told(
    publisher: Publisher, watch: Watch, tmp_path: Path, pattern: str
) -> None:
    publisher.release(hdb=ONE)
    publisher.release(hdb=TWO)
    mirror = tmp_path / "mirror"
    shutil.copytree(publisher.public, mirror)
    for path in mirror.glob(pattern):
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    damaged = Watch(tmp_path / "other", publisher).look(mirror)
    assert {finding.kind for finding in damaged if finding.severity is Severity.ALARM} == {
        "inputs" if pattern.startswith("inputs") else "damaged"
    }
    for path in mirror.glob(pattern):
        path.unlink()
    missing = watch.look(mirror)
    if pattern.startswith("inputs"):
        assert {(finding.severity, finding.kind) for finding in missing} == {(Severity.UNCHECKED, "inputs")}
    else:
        assert (Severity.ALARM, "missing", 2) in {(finding.severity, finding.kind, finding.seq) for finding in missing}


def test_a_mirror_that_goes_back_is_told(publisher: Publisher, watch: Watch, tmp_path: Path) -> None:
    publisher.release(hdb=ONE)
    old = tmp_path / "old"
    shutil.copytree(publisher.public, old)
    publisher.release(hdb=TWO)
    assert watch.alarms() == set()
    assert watch.alarms(old) == {"rollback"}
    for name in ("timestamp.json", "snapshot.json", "core.json"):  # the memory of TUF's client is lost
        (watch.folder / "trust" / name).unlink()
    assert watch.alarms(old) == {"rollback"}


def test_a_log_whose_files_a_mirror_has_damaged_is_no_split_view(
    publisher: Publisher, watch: Watch, tmp_path: Path
) -> None:
    publisher.release(hdb=ONE)
    mirror = tmp_path / "mirror"
    shutil.copytree(publisher.public, mirror)
    tile = mirror / "log/tile/0/000.p/1"
    tile.write_bytes(bytes(32))
    assert watch.alarms(mirror) == {"damaged"}
    tile.unlink()
    assert watch.alarms(mirror) == {"damaged"}
    (mirror / "log/checkpoint").write_bytes(b"nonsense")
    assert watch.alarms(mirror) == {"malformed"}
    assert watch.alarms() == set()


def test_who_cannot_be_reached_gives_no_alarm(publisher: Publisher, watch: Watch, tmp_path: Path) -> None:
    publisher.release(hdb=ONE)
    (tmp_path / "empty").mkdir()
    found = watch.look(tmp_path / "empty")
    assert [finding.severity for finding in found] == [Severity.UNCHECKED]


def test_a_monitor_that_was_killed_while_it_kept_what_it_knows_goes_on(publisher: Publisher, watch: Watch) -> None:
    publisher.release(hdb=ONE)
    assert watch.alarms() == set()
    (watch.folder / "trust").rename(watch.folder / ".trust.old")
    (watch.folder / ".trust.new").mkdir()
    with Repository(Folder(publisher.public), watch.folder / "trust") as repository:
        assert list(Monitor(repository, watch.folder).look()) == []
    assert sorted(path.name for path in watch.folder.iterdir()) == ["monitor.json", "trust"]


def test_a_memory_that_is_damaged_is_not_begun_anew_in_silence(publisher: Publisher, watch: Watch) -> None:
    publisher.release(hdb=ONE)
    watch.look()
    (watch.folder / "monitor.json").write_text('{"log": {"size": 5, "hashes": []}}')
    with pytest.raises(TrustError, match="does not know any more"):
        watch.look()
