"""Writing a segment: bounded memory for everything but the hash entries, which must be sorted."""

import hashlib
import json
import struct
from array import array
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

from freehold.bundle.layout import (
    ANY_SIZE,
    BLOCK,
    DIGEST_BYTES,
    FENCE,
    FORMAT,
    MANIFEST,
    SMALL,
    block_sum,
    canonical,
    machine,
)
from freehold.model.errors import FreeholdError
from freehold.model.filetype import Target
from freehold.model.report import Verdict
from freehold.model.signature import About, HashedPart, HashSignature

_FLUSH = 1 << 20
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_NOTHING_FURTHER = ("", Verdict.INFECTED, "", "", ())


class SegmentWriter:
    """Writes one segment into a new folder; ``finish`` gives its part of the manifest.

    Args:
        folder: its last name becomes the segment's name.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._files: dict[str, tuple[int, str]] = {}
        self._sources: dict[str, int] = {}
        self._abouts = _RecordsWriter(self, "abouts")
        self._rules = _RecordsWriter(self, "rules")
        self._hashes: dict[tuple[HashedPart, str], list[bytes]] = {}
        self._roots: list[tuple[str, int]] = []

    def about(self, about: About) -> int:
        """Write what a detection says of its signature, and return the record's number."""
        file, _, line = about.source.rpartition(":")
        number = self._sources.setdefault(file, len(self._sources))
        further = (about.category, about.verdict, about.description, about.severity, about.references)
        if further == _NOTHING_FURTHER:  # by far the most, so these get no encoder of their own
            return self._abouts.add(f"[{encode_basestring_ascii(about.name)},{number},{int(line)}]")
        return self._abouts.add(_ENCODER.encode([about.name, number, int(line), *further]))

    def rule(self, record: Any) -> int:
        """Write one rule (anything that JSON can hold), and return its number."""
        return self._rules.add(_ENCODER.encode(record))

    def hash(self, signature: HashSignature) -> None:
        """Keep one hash signature for the tables that ``finish`` writes."""
        size = ANY_SIZE if signature.size is None else signature.size
        key = (signature.part, signature.algorithm)
        if key not in self._hashes:
            self._hashes[key] = []
        about = self.about(signature.about)
        self._hashes[key].append(struct.pack(">Q", size) + signature.digest + struct.pack(">I", about))

    def root(
        self,
        target: Target,
        database: bytes,
        anchored: int,
        uses: Iterable[Sequence[tuple[int, int]]],
        expressions: Iterable[Any],
    ) -> None:
        """Write what is compared with one group of file types.

        Args:
            target: the group.
            database: a serialised Hyperscan database whose ids count from 0.
            anchored: how many of the first expressions look at their surroundings.
            uses: for each expression the (rule, pattern) pairs that it stands for.
            expressions: for each expression what is needed to find where it matched (anything that JSON can hold).
        """
        name = target.name.lower()
        self._write(f"root.{name}.hs", [database], native=True)
        starts, pairs = array("I", [0]), array("I")
        for users in uses:
            for rule, pattern in users:
                pairs.extend((rule, pattern))
            starts.append(len(pairs) // 2)
        self._write(f"root.{name}.starts", [starts.tobytes()])
        self._write(f"root.{name}.uses", [pairs.tobytes()])
        records = _RecordsWriter(self, f"root.{name}.expressions")
        for expression in expressions:
            records.add(_ENCODER.encode(expression))
        records.finish()
        self._roots.append((name, anchored))

    def yara(self, compiled: bytes, lines: dict[str, dict[str, int]]) -> None:
        """Write YARA-X's compiled rules, and the line of each by namespace and rule."""
        self._write("yara.compiled", [compiled], native=True)
        self._write("yara.json", [canonical(lines)])

    def finish(self, counts: dict[str, int], targets: dict[str, int], overlap: int) -> dict[str, Any]:
        """Write what is left and return this segment's part of the manifest."""
        for (part, algorithm), entries in sorted(self._hashes.items()):
            self._table(part, algorithm, entries)
        hashes = sorted((part.value, algorithm) for part, algorithm in self._hashes)
        self._hashes.clear()
        self._abouts.finish()
        self._rules.finish()
        self._write("sources.json", [canonical(list(self._sources))])
        return {
            "name": self._folder.name,
            "files": self._files,
            "hashes": hashes,
            "roots": self._roots,
            "overlap": overlap,
            "counts": counts,
            "targets": targets,
        }

    def file(self, name: str, *, native: bool = False) -> "_FileWriter":
        """Begin a file of this segment; one that is ``native`` gets no checksums of blocks."""
        return _FileWriter(self._folder / name, self._files, native=native)

    def _write(self, name: str, pieces: Iterable[bytes], *, native: bool = False) -> None:
        file = self.file(name, native=native)
        for piece in pieces:
            file.write(piece)
        file.finish()

    def _table(self, part: HashedPart, algorithm: str, entries: list[bytes]) -> None:
        """Write one hash table; entries are size, digest and about-record, big-endian, so they sort as bytes."""
        entries.sort()
        end = 8 + DIGEST_BYTES[algorithm]
        sizes, starts, abouts = array("Q"), array("I"), array("I")
        digests = self.file(f"hash.{part}.{algorithm}.digests")
        last = b""
        for number, entry in enumerate(entries):
            if entry[:8] != last:
                last = entry[:8]
                sizes.append(int.from_bytes(last))
                starts.append(number)
            abouts.append(int.from_bytes(entry[end:]))
            digests.write(entry[8:end])
        starts.append(len(entries))
        digests.finish()
        for name, column in (("sizes", sizes), ("fence", sizes[::FENCE]), ("starts", starts), ("abouts", abouts)):
            self._write(f"hash.{part}.{algorithm}.{name}", [column.tobytes()])


def write_manifest(folder: Path, segments: list[dict[str, Any]]) -> None:
    """Write the manifest of a bundle whose segments lie in ``folder``."""
    manifest = {"format": FORMAT, "machine": machine(), "segments": segments}
    manifest["checksum"] = hashlib.sha256(canonical(manifest)).hexdigest()
    (folder / MANIFEST).write_bytes(json.dumps(manifest, sort_keys=True, indent=1).encode() + b"\n")


class _RecordsWriter:
    def __init__(self, segment: SegmentWriter, name: str) -> None:
        self._offsets = array("I", [0])
        self._index = segment.file(f"{name}.index")
        self._blob = segment.file(f"{name}.blob")
        self._name = name

    def add(self, text: str) -> int:
        self._blob.write(text.encode())
        try:
            self._offsets.append(self._offsets[-1] + len(text))
        except OverflowError as error:
            raise FreeholdError(f"too many signatures for one segment: {self._name} would exceed 4 GiB") from error
        return len(self._offsets) - 2

    def finish(self) -> None:
        self._blob.finish()
        self._index.write(self._offsets.tobytes())
        self._index.finish()


class _FileWriter:
    """Writes one file, taking the checksums of the whole and of its blocks on the way."""

    def __init__(self, path: Path, files: dict[str, tuple[int, str]], *, native: bool) -> None:
        self._path = path
        self._files = files
        self._native = native
        path.touch()
        self._pending = bytearray()
        self._sums = bytearray()
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes) -> None:
        self._pending += data
        if len(self._pending) >= _FLUSH:
            self._flush(len(self._pending) // BLOCK * BLOCK)

    def finish(self) -> None:
        """Enter the file, with the checksums of its blocks if it is large, into the manifest."""
        self._flush(len(self._pending))
        self._files[self._path.name] = (self._size, self._digest.hexdigest())
        if self._size > SMALL and not self._native:
            sums = _FileWriter(self._path.with_name(self._path.name + ".sums"), self._files, native=True)
            sums.write(bytes(self._sums))
            sums.finish()

    def _flush(self, length: int) -> None:
        with memoryview(self._pending) as pending, pending[:length] as ready:
            self._digest.update(ready)
            for begin in range(0, length, BLOCK):
                self._sums += block_sum(ready[begin : begin + BLOCK])
            with self._path.open("ab") as file:
                file.write(ready)
        del self._pending[:length]
        self._size += length
