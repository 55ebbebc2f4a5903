"""States: all signatures that are alive at one release, and the one number that says which these are."""

import hashlib
from collections import Counter
from collections.abc import ItemsView, Iterable, Iterator, KeysView

from freehold.model.errors import MalformedInput
from freehold.updates.content.entries import Entry, tombstone
from freehold.updates.content.segments import Segment

BUCKETS = 256


class State:
    """The entries that are alive, by their ids."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {entry.id: entry for entry in entries}

    @classmethod
    def _of(cls, entries: dict[bytes, Entry]) -> "State":
        state = cls()
        state._entries = entries
        return state

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, entry: Entry) -> bool:
        return entry.id in self._entries

    def ids(self) -> KeysView[bytes]:
        """Return the ids of all entries."""
        return self._entries.keys()

    def items(self) -> ItemsView[bytes, Entry]:
        """Return all entries with their ids."""
        return self._entries.items()

    def by_tombstones(self, tombstones: Iterable[bytes]) -> list[Entry]:
        """Return the entries that these tombstones would take back."""
        wanted = frozenset(tombstones)
        return [entry for identity, entry in self._entries.items() if tombstone(identity) in wanted] if wanted else []

    def after(self, segment: Segment) -> "State":
        """Return the state that this one becomes with a segment: what it removes goes, then what it adds comes."""
        gone = segment.removed
        kept = self._entries.items()
        entries = {key: entry for key, entry in kept if tombstone(key) not in gone} if gone else dict(kept)
        entries.update((entry.id, entry) for entry in segment.added)
        return State._of(entries)

    def step_to(self, target: "State") -> Segment:
        """Return the smallest segment that brings this state to another one.

        Raises:
            MalformedInput: a tombstone would take away more than it should.
        """
        added = tuple(entry for identity, entry in target.items() if identity not in self._entries)
        gone = self.ids() - target.ids()
        removed = frozenset(map(tombstone, gone))
        if len(removed) != len(gone) or target.by_tombstones(removed):
            raise MalformedInput("two signatures have the same tombstone; somebody has searched for such a pair")
        return Segment(added, removed)

    def counts(self) -> dict[str, int]:
        """Return how many entries each language has."""
        counted = Counter(entry.language for entry in self._entries.values())
        return dict(sorted(counted.items()))

    def root(self) -> bytes:
        """Return the state root, see ``state_root``."""
        return state_root(self._entries.keys())


def state_root(ids: Iterable[bytes]) -> bytes:
    """Return SHA-256 over 256 bucket hashes: each is SHA-256 over the sorted ids that begin with the bucket's byte."""
    buckets: list[list[bytes]] = [[] for _ in range(BUCKETS)]
    for identity in ids:
        buckets[identity[0]].append(identity)
    hashes = (hashlib.sha256(b"".join(sorted(bucket))).digest() for bucket in buckets)
    return hashlib.sha256(b"".join(hashes)).digest()
