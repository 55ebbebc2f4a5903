"""Writing a segment: bounded memory for everything but the hash entries, which must be sorted."""

import hashlib
import json
import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from freehold.bundle.abouts import encode_about
from freehold.bundle.layout import (
    BLOCK,
    DIGEST_BYTES,
    FENCE,
    FORMAT,
    INVERTED,
    MANIFEST,
    SMALL,
    WeakAtom,
    block_sum,
    canonical,
    machine,
)
from freehold.bundle.members import MemberSignature
from freehold.bundle.trust import to_json
from freehold.model.errors import FreeholdError
from freehold.model.filetype import Target
from freehold.model.icon import IconMetrics
from freehold.model.pki.trust import Rule
from freehold.model.signature import About, HashedPart

_FLUSH = 1 << 20
_GROUPS = struct.Struct("<HH")
_ENCODER = json.JSONEncoder(separators=(",", ":"))


class SegmentWriter:
    """Writes one segment into a new folder; ``finish`` gives its part of the manifest.

    Args:
        folder: its last name becomes the segment's name.

    Attributes:
        text_ends: see ``Segment``.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._files: dict[str, tuple[int, str]] = {}
        self._sources: dict[str, int] = {}
        self._abouts = _RecordsWriter(self, "abouts")
        self._rules = _RecordsWriter(self, "rules")
        self._programs = _RecordsWriter(self, "programs")
        self._hashes: dict[tuple[HashedPart, str], list[bytes]] = {}
        self._roots: list[str] = []
        self._logical_roots: list[str] = []
        self._members: list[list[Any]] = []
        self._passwords: list[tuple[str | None, str]] = []
        self.text_ends = False

    def source(self, name: str) -> int:
        """Return the number of a signature file."""
        return self._sources.setdefault(name, len(self._sources))

    @property
    def abouts(self) -> int:
        """How many about-records there are."""
        return len(self._abouts)

    def about(self, about: About) -> int:
        """Write what a detection says of its signature, and return the record's number."""
        file, _, line = about.source.rpartition(":")
        return self._abouts.add(encode_about(about, self.source(file), int(line)))

    def encoded_abouts(self, records: bytes, lengths: bytes) -> None:
        """Write about-records that were encoded elsewhere: one after the other, and a column (u32) of their lengths."""
        self._abouts.extend(records, lengths)

    def rule(self, record: Any) -> int:
        """Write one rule (anything that JSON can hold), and return its number."""
        return self._rules.add(_ENCODER.encode(record).encode())

    def programs(self, records: Iterable[bytes]) -> int:
        """Write encoded programs, and return the number of the first."""
        first = len(self._programs)
        for record in records:
            self._programs.add(record)
        return first

    def hashes(self, part: HashedPart, algorithm: str, entries: bytes) -> None:
        """Keep entries for the tables that ``finish`` writes.

        Args:
            part: what was hashed.
            algorithm: by which the entries' digests were made.
            entries: size (u64), digest and number of the about-record (u32), big-endian, one after the other.
        """
        width = 12 + DIGEST_BYTES[algorithm]
        table = self._hashes.setdefault((part, algorithm), [])
        table += [entries[start : start + width] for start in range(0, len(entries), width)]

    def root(self, target: Target, database: bytes, uses: Iterable[Sequence[tuple[int, int]]]) -> None:
        """Write what is compared with one group of file types.

        Args:
            target: the group.
            database: a serialised Hyperscan database whose ids count from 0.
            uses: for each needle in the database the (rule, pattern) pairs that it stands for.
        """
        name = target.name.lower()
        self._write(f"root.{name}.hs", [database.translate(INVERTED)], native=True)
        starts, pairs = array("I", [0]), array("I")
        for users in uses:
            for rule, pattern in users:
                pairs.extend((rule, pattern))
            starts.append(len(pairs) // 2)
        self._write(f"root.{name}.starts", [starts.tobytes()])
        self._write(f"root.{name}.uses", [pairs.tobytes()])
        self._roots.append(name)

    def logical_root(
        self,
        target: Target,
        database: bytes,
        users: Iterable[Sequence[int]],
        always: Mapping[str, Sequence[int]],
        pictures: Mapping[str, Sequence[int]],
    ) -> None:
        """Write what calls for programs in one group of file types.

        Args:
            target: the group.
            database: a serialised Hyperscan database of atoms whose ids count from 0; empty when there are none.
            users: for each atom the bodies that it stands for (``bundle.programs.body_number``).
            always: the programs that no atom calls for, by the container that they ask for.
            pictures: for each hash of a picture the subsignatures that it stands for, likewise.
        """
        name = f"logical.{target.name.lower()}"
        if database:
            self._write(f"{name}.hs", [database], native=True)
        starts, bodies = array("I", [0]), array("I")
        for numbers in users:
            bodies.extend(numbers)
            starts.append(len(bodies))
        self._write(f"{name}.starts", [starts.tobytes()])
        self._write(f"{name}.users", [bodies.tobytes()])
        self._write(f"{name}.always", [canonical(always)])
        if pictures:
            self._write(f"{name}.pictures", [canonical(pictures)])
        self._logical_roots.append(target.name.lower())

    def indicators(self, indicators: Sequence[tuple[str, str, int]]) -> None:
        """Write by what prohibited products are recognised: kind, value, number of the about-record."""
        self._write("indicators.json", [canonical(indicators)])

    def addresses(self, rules: Sequence[tuple[str, str, str]]) -> None:
        """Write what links in mails may show: kind, text and place of each rule."""
        self._write("addresses.json", [canonical(rules)])

    def certificates(self, rules: Sequence[tuple[int, Rule]], programs: Iterable[tuple[str, bytes]]) -> None:
        """Write rules over certificates with the numbers of their about-records, and programs that catalogues list."""
        self._write("certificates.json", [canonical(to_json(rules, programs))])

    def passwords(self, passwords: Iterable[tuple[str | None, bytes]]) -> None:
        """Keep passwords, each with ClamAV's name for its container or None, for ``finish`` to write."""
        self._passwords += [(container, password.hex()) for container, password in passwords]

    def members(self, signatures: Iterable[MemberSignature]) -> None:
        """Keep signatures over what containers say of their members, for ``finish`` to write."""
        self._members += [signature.to_record() for signature in signatures]

    def weakest(self, target: Target, atoms: Sequence[WeakAtom]) -> None:
        """Write which atoms of a group of file types are of least use, the worst first."""
        self._write(f"logical.{target.name.lower()}.weakest", [canonical(atoms)])

    def ignored(self, names: Iterable[str]) -> None:
        """Write the names of signatures that are not reported, whatever segment they are in."""
        self._write("ignored.json", [canonical(sorted(names))])

    def retracted(self, places: Iterable[str]) -> None:
        """Write where signatures of older segments come from that are not reported: files, or files with a line."""
        self._write("retracted.json", [canonical(sorted(places))])

    def yara(self, compiled: bytes, lines: dict[str, dict[str, int]]) -> None:
        """Write YARA-X's compiled rules, and the line of each by namespace and rule."""
        self._write("yara.compiled", [compiled.translate(INVERTED)], native=True)
        self._write("yara.json", [canonical(lines)])

    def macros(self, target: Target, groups: Mapping[str, Sequence[Any]]) -> None:
        """Write the bodies of macro groups (``bundle.programs.encode_body_match``) by the groups' numbers."""
        if groups:
            self._write(f"logical.{target.name.lower()}.macros", [canonical(groups)])

    def icons(self, icons: Sequence[tuple[tuple[str, str], IconMetrics]]) -> None:
        """Write icons with their groups."""
        names = [sorted({groups[place] for groups, _ in icons}) for place in (0, 1)]
        numbers = [{name: number for number, name in enumerate(group)} for group in names]
        records = (
            bytes.fromhex(metrics.digits()) + _GROUPS.pack(numbers[0][groups[0]], numbers[1][groups[1]])
            for groups, metrics in icons
        )
        self._write("icons.records", records)
        self._write("icons.groups", [canonical(names)])

    def finish(self, counts: dict[str, int], targets: dict[str, int], overlap: int) -> dict[str, Any]:
        """Write what is left and return this segment's part of the manifest."""
        for (part, algorithm), entries in sorted(self._hashes.items()):
            self._table(part, algorithm, entries)
        hashes = sorted((part.value, algorithm) for part, algorithm in self._hashes)
        self._hashes.clear()
        for records in (self._abouts, self._rules, self._programs):
            records.finish()
        if self._members:
            self._write("members.json", [canonical(self._members)])
        if self._passwords:
            self._write("passwords.json", [canonical(self._passwords)])
        self._write("sources.json", [canonical(list(self._sources))])
        return {
            "name": self._folder.name,
            "files": self._files,
            "hashes": hashes,
            "roots": self._roots,
            "logical": self._logical_roots,
            "overlap": overlap,
            "text_ends": self.text_ends,
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
        sizes, starts = array("Q"), array("I")
        last = b""
        for number, entry in enumerate(entries):
            if entry[:8] != last:
                last = entry[:8]
                sizes.append(int.from_bytes(last))
                starts.append(number)
        starts.append(len(entries))
        abouts = array("I", b"".join([entry[end:] for entry in entries]))
        if sys.byteorder == "little":
            abouts.byteswap()
        digests = (
            b"".join([entry[8:end] for entry in entries[start : start + _FLUSH]])
            for start in range(0, len(entries), _FLUSH)
        )
        self._write(f"hash.{part}.{algorithm}.digests", digests)
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

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def add(self, record: bytes) -> int:
        self._blob.write(record.translate(INVERTED))
        self._append([len(record)])
        return len(self) - 1

    def extend(self, records: bytes, lengths: bytes) -> None:
        self._blob.write(records.translate(INVERTED))
        self._append(array("I", lengths))

    def _append(self, lengths: Sequence[int]) -> None:
        ends = accumulate(lengths, initial=self._offsets.pop())
        try:
            self._offsets.extend(ends)
        except OverflowError as error:
            raise FreeholdError(f"too many signatures for one segment: {self._name} would exceed 4 GiB") from error

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
