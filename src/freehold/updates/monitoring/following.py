"""Following a log: compared with what was seen of it before, entry by entry, and with what clients are offered."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from freehold.model.errors import FreeholdError, MalformedInput, TrustError
from freehold.updates import durable
from freehold.updates.client.refusals import Refusal, SlowServer, Unreachable
from freehold.updates.client.transfer import Absent
from freehold.updates.content import heads, leaves
from freehold.updates.monitoring import memory as memories
from freehold.updates.monitoring.findings import Finding, Severity
from freehold.updates.monitoring.memory import Memory
from freehold.updates.monitoring.rebuilding import examine
from freehold.updates.monitoring.repository import Repository
from freehold.updates.tlog import tiles
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.merkle import CompactRange, leaf_hash
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import NotWitnessed, Party, Policy, Seen
from freehold.updates.tlog.proofs import Proof

STALE_SECONDS = 24 * 3600

EVIDENCE = "evidence"

Ask = Callable[[str], bytes]
"""Gets what is at an address of a witness; raises ``Refusal``."""


class _Stop(Exception):
    """Nothing more can be checked this time."""


class Monitor:
    """Watches one repository.

    Args:
        repository: what is watched.
        folder: for what is remembered, and for evidence.
        ask: asks witnesses for the head of the log that they have signed; None asks nobody.
        clock: seconds since 1970.
        stale: seconds after which the witnesses' newest word is too old.
    """

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        *,
        ask: Ask | None = None,
        clock: Callable[[], float] = time.time,
        stale: float = STALE_SECONDS,
    ) -> None:
        self._repository = repository
        self._folder = folder
        self._ask = ask
        self._clock = clock
        self._stale = stale
        self.memory = memories.load(folder)

    def look(self) -> Iterator[Finding]:
        """Look at everything that is new, and yield what there is to tell; remembers what was seen.

        Raises:
            OSError: it cannot be remembered.
            TrustError: what is remembered is damaged.
        """
        try:
            yield from self._look()
        except _Stop:
            return
        except (Unreachable, SlowServer) as error:
            yield Finding(Severity.UNCHECKED, error.word, str(error))
        except Refusal as error:
            yield Finding(Severity.ALARM, error.word, str(error))

    def _look(self) -> Iterator[Finding]:
        self._repository.refresh()
        policy = self._repository.policy()
        served = self._repository.today()[0].version
        note, seen = yield from self._head_of_log(policy)
        tree = yield from self._compared(note, seen.checkpoint)
        self._repository.keep()
        yield from self._entries(note, seen.checkpoint.size)
        yield from self._offered(policy, tree, served)
        if self._ask:
            for witness in policy.witnesses.values():
                yield from self._asked(witness, policy, seen.checkpoint)

    def _head_of_log(self, policy: Policy) -> Generator[Finding, None, tuple[Note, Seen]]:
        """Read the signed head of the log; returns it with what the policy says."""
        try:
            note = Note.parse(self._repository.read_log(tiles.CHECKPOINT) or b"")
            seen = policy.verify(note)
        except (MalformedInput, TrustError) as error:
            kinds = {MalformedInput: "malformed", NotWitnessed: "no-quorum"}
            yield Finding(Severity.ALARM, kinds.get(type(error), "bad-signature"), str(error))
            raise _Stop from error
        if seen.time is not None and self._clock() - seen.time > self._stale:
            hours = (self._clock() - seen.time) / 3600
            yield Finding(
                Severity.ALARM, "stale", f"the witnesses' newest word is {hours:.0f} hours old: something is held back"
            )
        return note, seen

    def _compared(self, note: Note, checkpoint: Checkpoint) -> Generator[Finding, None, CompactRange]:
        """Compare the log with what was seen of it; returns its tree."""
        known = self.memory.log
        if checkpoint.size < known.size:
            self._keep_evidence(note)
            yield Finding(
                Severity.ALARM,
                "rollback",
                f"the log has {checkpoint.size} entries, and had {known.size}: this mirror is behind, or it was cut",
            )
            raise _Stop
        size = checkpoint.size
        try:
            tree = known.extend(tiles.hashes(self._repository.read_log, known.size, size, size))
            whole = CompactRange().extend(tiles.hashes(self._repository.read_log, 0, size, size))
        except MalformedInput as error:
            yield Finding(Severity.ALARM, "damaged", str(error))
            raise _Stop from error
        if whole.root != checkpoint.root:
            yield Finding(
                Severity.ALARM, "damaged", "the files of the log do not lead to its signed head: damaged by this mirror"
            )
            raise _Stop
        if tree.root != checkpoint.root:
            place = self._keep_evidence(note)
            yield Finding(
                Severity.ALARM,
                "split-view",
                f"the log was rewritten: its head does not continue the one that was seen before. Both, signed, are "
                f"in {place}: they prove it to everybody",
            )
            raise _Stop
        return tree

    def _entries(self, note: Note, size: int) -> Iterator[Finding]:
        """Look at the entries that are new."""
        try:
            texts = tiles.entries(self._repository.read_log, self.memory.log.size, size, size)
            for index, text in enumerate(texts, self.memory.log.size):
                yield from self._entry(index, text, is_newest=index == size - 1)
                self._remember(
                    replace(
                        self.memory,
                        log=self.memory.log.extend([leaf_hash(text)]),
                        checkpoint=note.encode().decode(),
                        entry=text.decode("utf-8", "backslashreplace"),
                    )
                )
        except (MalformedInput, TrustError) as error:
            if isinstance(error, Refusal):
                raise
            yield Finding(Severity.ALARM, "damaged", str(error))
            raise _Stop from error
        if self.memory.checkpoint != note.encode().decode():
            self._remember(replace(self.memory, checkpoint=note.encode().decode()))

    def _entry(self, index: int, text: bytes, *, is_newest: bool) -> Iterator[Finding]:
        """Look at one entry; raises ``Unreachable`` when that must be done another time."""
        try:
            leaf = leaves.parse(text)
            if leaf.feed != self._repository.feed:
                yield Finding(Severity.NOTE, "other-feed", f"an entry of the feed {leaf.feed}", index)
                return
            release, listed = self._repository.logged(leaf)
        except Absent as error:
            severity = Severity.ALARM if is_newest else Severity.UNCHECKED
            yield Finding(severity, "missing", f"{error}; it was logged", index)
            return
        except MalformedInput as error:
            yield Finding(Severity.ALARM, "malformed", str(error), index)
            return
        except Refusal as error:
            if isinstance(error, Unreachable | SlowServer):
                raise
            yield Finding(Severity.ALARM, error.word, str(error), index)
            return
        found = list(examine(self._repository, release, listed, self.memory, is_newest=is_newest))
        yield from (replace(finding, entry=index) for finding in found)
        if release.seq >= self.memory.seq:
            digest = sha256(release.to_bytes()).hexdigest()
            self.memory = replace(self.memory, seq=release.seq, release=digest, state=release.state)

    def _offered(self, policy: Policy, tree: CompactRange, served: int) -> Iterator[Finding]:
        """Check that what clients are offered today is what was logged last."""
        last = leaves.parse(self.memory.entry.encode()) if self.memory.entry else None
        if last is None or served > last.snapshot:
            yield Finding(
                Severity.ALARM, "unlogged", f"clients are offered snapshot {served}, which is not in the public log"
            )
        elif served < last.snapshot:
            yield Finding(
                Severity.NOTE, "behind", f"clients are offered snapshot {served}, the log has {last.snapshot} already"
            )
        try:
            members = heads.decode(self._repository.read("head", heads.PACKED_BYTES))
            proof = Proof.parse(members.get(heads.PROOF, b""))
            seen = proof.verify(leaf_hash(_leaf_in(members, self._repository)), policy)
        except Unreachable:
            raise
        except (MalformedInput, TrustError) as error:
            yield Finding(Severity.ALARM, "head", f"clients are offered a head that they must refuse: {error}")
            return
        yield from self._compare_heads(seen.checkpoint, tree, "the head that clients are offered")

    def _asked(self, witness: Party, policy: Policy, checkpoint: Checkpoint) -> Iterator[Finding]:
        """Compare the log with what a witness says that it has signed."""
        if not witness.url:
            return
        address = f"{witness.url.rstrip('/')}/{sha256(checkpoint.origin.encode()).hexdigest()}/checkpoint"
        try:
            note = Note.parse(self._ask(address)) if self._ask else None
            alone = replace(policy, witnesses={witness.name: witness}, groups={}, quorum=witness.name)
            seen = alone.verify(note) if note else None
        except (Unreachable, SlowServer) as error:
            yield Finding(Severity.UNCHECKED, "witness", f"the witness {witness.name} gives no answer: {error}")
            return
        except FreeholdError as error:
            yield Finding(Severity.ALARM, "witness", f"the witness {witness.name} answers with nonsense: {error}")
            return
        if seen and note:
            found = list(
                self._compare_heads(seen.checkpoint, self.memory.log, f"what the witness {witness.name} signed")
            )
            if any(finding.kind == "split-view" for finding in found):
                self._keep_evidence(note)
            yield from found

    def _compare_heads(self, other: Checkpoint, tree: CompactRange, what: str) -> Iterator[Finding]:
        """Check that another signed head is of the same history."""
        if other.size > tree.size:
            yield Finding(
                Severity.UNCHECKED, "behind", f"{what} has {other.size} entries, the log that is served {tree.size}"
            )
            return
        hashes = tiles.hashes(self._repository.read_log, 0, other.size, tree.size)
        if CompactRange().extend(hashes).root != other.root:
            yield Finding(
                Severity.ALARM, "split-view", f"{what} is of another history than the log: not all are told the same"
            )

    def _keep_evidence(self, note: Note) -> Path:
        place = self._folder / EVIDENCE
        for text in (self.memory.checkpoint.encode(), note.encode()):
            if text:
                durable.write(place / f"{sha256(text).hexdigest()[:16]}.checkpoint", text)
        return place

    def _remember(self, memory: Memory) -> None:
        self.memory = memory
        memories.keep(self._folder, memory)


def _leaf_in(members: dict[str, bytes], repository: Repository) -> bytes:
    """Return the entry of the log that belongs to the metadata in a head; raises ``MalformedInput`` or ``Refusal``."""
    found = [name for name in members if name.endswith(".snapshot.json")]
    version = members.get("root-version", b"").decode("ascii", "replace")
    if len(found) != 1 or not version.isdigit() or len(version) > 9:
        raise MalformedInput("the head has not one snapshot and one root-version")
    root = repository.read(f"metadata/{version}.root.json", 1 << 23)
    snapshot = int(found[0].partition(".")[0])
    return leaves.leaf_of(repository.feed, (int(version), root), (snapshot, members[found[0]])).to_bytes()
