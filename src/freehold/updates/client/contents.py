"""Signatures of a feed on this machine: a base, and what has changed since.

The base is large and compiled once. It is kept as it came, with the sorted ids of its entries and the place of each in
the files that it was compiled from. What came later is one small segment, the *overlay*: its entries are compiled on
top of the base, and what it takes back is left out of reports by its place. A client's base is its own affair: when the
overlay has become large, or takes back what has to be compiled away, both together become a new base.
"""

import hashlib
import json
import mmap
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates import durable
from freehold.updates.content import segments
from freehold.updates.content.entries import ID_BYTES, LINE_LANGUAGES, TOMBSTONE_BYTES, Entry, files_of, tombstone
from freehold.updates.content.segments import Segment
from freehold.updates.content.states import BUCKETS, State

CONTENT = "content.seg"
BUNDLE = "bundle"
_IDS, _PLACES, _ABOUT = "ids", "places", "base.json"
_PLACE = struct.Struct("<BI")

LEAST_FOR_A_NEW_BASE = 5_000
"""Entries that an overlay may have whatever the size of the base."""

_REPORTED = frozenset(
    ["db", "hdb", "hdu", "hsb", "hsu", "imp", "ldb", "ldu", "mdb", "mdu", "msb", "msu", "ndb", "ndu", "yar", "yara"]
)
"""Languages whose signatures do nothing but detect: leaving out what they find is as good as their absence."""


class Base:
    """A base on this machine; raises ``TrustError`` when it is damaged.

    Attributes:
        folder: where it is.
        start: the release whose signatures it has.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            about = json.loads((folder / _ABOUT).read_bytes())
            self.start = int(about["start"])
            self._content_size = int(about["bytes"])
            self._languages = [str(language) for language in about["languages"]]
            self._ids = _Records(folder / _IDS, ID_BYTES)
            self._places = _Records(folder / _PLACES, _PLACE.size)
            sound = len(self._ids) == len(self._places)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TrustError(f"{folder} is damaged ({error})") from error
        if not sound:
            raise TrustError(f"{folder} is damaged: its parts do not fit together")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ids.close()
        self._places.close()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, identity: bytes) -> bool:
        at = bisect_left(self._ids, identity)
        return at < len(self._ids) and self._ids[at] == identity

    def entries(self) -> State:
        """Return all entries; it takes some hundred bytes of memory for each."""
        try:
            packed = (self.folder / CONTENT).read_bytes()
            return State(segments.decode(segments.unpack(packed, self._content_size)).added)
        except (OSError, MalformedInput) as error:
            raise TrustError(f"{self.folder / CONTENT} is damaged ({error})") from error

    def normalised(self, overlay: Segment) -> Segment:
        """Return the smallest overlay that means the same on this base."""
        added = {entry.id: entry for entry in overlay.added}
        removed = frozenset(one for one in overlay.removed if self._taken(one) is not None)
        kept = [entry for identity, entry in added.items() if identity not in self or tombstone(identity) in removed]
        return Segment(kept, removed)

    def root(self, overlay: Segment) -> bytes:
        """Return the state root of base and overlay together; the ids of the base are never taken one by one."""
        overlay = self.normalised(overlay)
        cuts: list[list[tuple[int, bytes]]] = [[] for _ in range(BUCKETS)]
        for one in overlay.removed:
            if (at := self._taken(one)) is not None:
                cuts[one[0]].append((at, b""))
        for identity in {entry.id for entry in overlay.added}:
            at = bisect_left(self._ids, identity)
            cuts[identity[0]].append((at, identity))
        hashes = (self._bucket(number, cuts[number]) for number in range(BUCKETS))
        return hashlib.sha256(b"".join(hashes)).digest()

    def retracted(self, overlay: Segment) -> list[str] | None:
        """Return where, in the files that the base was compiled from, entries are that the overlay takes back.

        None when one of them does more than detect, so that the base has to be compiled without it.
        """
        places = []
        for one in overlay.removed:
            if (at := self._taken(one)) is None:
                continue
            number, line = _PLACE.unpack(self._places[at])
            language = self._languages[number]
            if language not in _REPORTED:
                return None
            places.append(
                f"base.{language}:{line}" if language in LINE_LANGUAGES else _whole_name(self._ids[at], language)
            )
        return sorted(places)

    def _taken(self, one: bytes) -> int | None:
        """Return the number of the entry that a tombstone takes back, None when there is none."""
        at = bisect_left(self._ids, one)
        return at if at < len(self._ids) and self._ids[at][:TOMBSTONE_BYTES] == one else None

    def _bucket(self, number: int, cuts: list[tuple[int, bytes]]) -> bytes:
        """Return the hash of one bucket: the ids of the base, with some left out and others put between them."""
        bucket = hashlib.sha256()
        at = self._edge(number)
        for cut, identity in sorted(cuts, key=lambda one: (one[0], not one[1], one[1])):
            bucket.update(self._ids.slice(at, cut))
            bucket.update(identity)
            at = cut if identity else cut + 1
        bucket.update(self._ids.slice(at, self._edge(number + 1)))
        return bucket.digest()

    def _edge(self, number: int) -> int:
        return len(self._ids) if number == BUCKETS else bisect_left(self._ids, bytes((number,)))


def make_base(folder: Path, start: int, state: State, packed: bytes | None = None) -> None:
    """Write a base for all entries of a state into a new folder, all but what is compiled.

    Args:
        folder: does not exist yet.
        start: the release whose state it is.
        state: all entries.
        packed: the same as a segment's file, where that is here already.
    """
    content = segments.encode(Segment(list(state), frozenset()))
    languages = sorted({entry.language for entry in state})
    rows = sorted(_rows(state, languages))
    durable.write(folder / CONTENT, packed or segments.pack(content))
    durable.write(folder / _IDS, b"".join(identity for identity, _ in rows))
    durable.write(folder / _PLACES, b"".join(place for _, place in rows))
    about = {"start": start, "bytes": len(content), "languages": languages}
    durable.write(folder / _ABOUT, json.dumps(about).encode())


def _rows(state: State, languages: Sequence[str]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the id of each entry, and its place in the files that ``lay_down`` writes."""
    language, line = "", 0
    for entry in sorted(state):
        line = line + 1 if entry.language == language else 1
        language = entry.language
        yield entry.id, _PLACE.pack(languages.index(language), line)


def lay_down(entries: Iterable[Entry], folder: Path, stem: str) -> Path:
    """Write entries as signature files into a new folder, in a fixed order, and return it."""
    folder.mkdir()
    listed = sorted(entries)
    for language, texts in files_of(listed).items():
        if language in LINE_LANGUAGES:
            (folder / f"{stem}.{language}").write_bytes(texts[0])
            continue
        for text in texts:
            (folder / _whole_name(Entry(language, text).id, language)).write_bytes(text)
    return folder


def is_large(base: Base, overlay: Segment) -> bool:
    """Whether an overlay has become so large that a new base is worth compiling."""
    changes = len(overlay.added) + len(overlay.removed)
    return changes > max(LEAST_FOR_A_NEW_BASE, len(base) // 8)


def _whole_name(identity: bytes, language: str) -> str:
    return f"{identity.hex()[:16]}.{language}"


class _Records(Sequence[bytes]):
    """Records of a fixed width in a mapped file."""

    def __init__(self, path: Path, width: int) -> None:
        with path.open("rb") as file:
            size = path.stat().st_size
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        if size % width:
            raise ValueError(f"{path.name} was cut off")
        self._width = width
        self._count = size // width

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]  # nobody slices
        return self._map[index * self._width : (index + 1) * self._width]

    def slice(self, start: int, stop: int) -> bytes:
        """Return the bytes of several records."""
        return self._map[start * self._width : stop * self._width]

    def close(self) -> None:
        """Unmap the file."""
        if isinstance(self._map, mmap.mmap):
            self._map.close()
