"""The formats that 7-Zip's library reads.

Freehold says which format to read; the library never guesses. Where a format can give a stream of an item (file
systems, disk images) the stream is read in chunks. All others push their content, and cannot be suspended: their items
are extracted in batches into the spool, a solid block at once so that nothing is decoded twice, and yielded from there.
What follows the archive's own end is yielded as ``rest``.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats import sevencrypt
from freehold.formats.extents import rest
from freehold.formats.sevenzip.abi import Flaw, Outcome, Property
from freehold.formats.sevenzip.archive import Archive, Extraction, Failure
from freehold.formats.sevenzip.callbacks import Piece
from freehold.formats.sevenzip.library import available
from freehold.model.interfaces import Child, Member, Unpacking
from freehold.model.native import SEVEN_ZIP
from freehold.model.report import ProblemKind
from freehold.model.view import View

_BATCH = 16 << 20
"""Declared bytes that are extracted at once where the library can begin with any item."""

_UNKNOWN_SIZE = 1 << 20
"""Taken for the size of an item that declares none."""

_ATTEMPTS = 100
"""So often an extraction that the library gave up is continued behind the item that it gave up at."""

_ATTEMPTS_TO_UNLOCK = 4
"""Items on which all passwords are tried."""

_MEMORY = r"(?:LZMA2?:|mem|Quantum:|LZX:)(\d{1,12})([bkmgBKMG]?)"
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

_FLAWS = (
    (Flaw.ENCRYPTED_HEADERS, ProblemKind.ENCRYPTED, "its list of members is encrypted"),
    (Flaw.UNEXPECTED_END | Flaw.NO_START, ProblemKind.TRUNCATED, "a part of it is missing"),
    (Flaw.UNSUPPORTED_METHOD | Flaw.UNSUPPORTED_FEATURE, ProblemKind.UNSUPPORTED, "it uses an unknown method"),
    (Flaw.HEADERS | Flaw.DATA | Flaw.CHECKSUM, ProblemKind.MALFORMED, "its headers are damaged"),
)
_OUTCOMES = {
    Outcome.UNSUPPORTED_METHOD: (ProblemKind.UNSUPPORTED, "is packed with an unknown method"),
    Outcome.DATA_ERROR: (ProblemKind.MALFORMED, "is damaged"),
    Outcome.CHECKSUM_ERROR: (ProblemKind.MALFORMED, "has another checksum than stated"),
    Outcome.UNAVAILABLE: (ProblemKind.TRUNCATED, "lies in another part of the archive"),
    Outcome.UNEXPECTED_END: (ProblemKind.TRUNCATED, "is cut off"),
    Outcome.NOT_ARCHIVE: (ProblemKind.MALFORMED, "is damaged"),
    Outcome.HEADERS_ERROR: (ProblemKind.MALFORMED, "has a damaged header"),
    Outcome.WRONG_PASSWORD: (ProblemKind.ENCRYPTED, "is encrypted"),
    Outcome.MEMORY_LIMIT: (ProblemKind.LIMIT, "needs too much memory to be decoded"),
}


_WITH_PACKED_SIZES = frozenset({"arj", "lha"})
"""Formats of which ClamAV's signatures see the size of a member in the archive; of others they see 0."""


class _Item(NamedTuple):
    """An item that has content.

    Attributes:
        block: what must be decoded together; None when the format does not say.
    """

    index: int  # type: ignore[assignment]  # nobody asks an item for tuple.index
    name: str
    size: int | None
    block: int | None


class SevenZipFormat:
    """A format that 7-Zip's library reads.

    Args:
        name: of the format, and its only file type.
        number: of its class in the library.
        sure: whether its magic alone proves the format: content that is none of it then is a damaged file.
        alone: whether nobody else speaks of its members: what the archive says of them is told to the engine.
        elsewhere: the method of members that are decoded elsewhere.
    """

    def __init__(self, name: str, number: int, *, sure: bool = True, alone: bool = True, elsewhere: str = "") -> None:
        self.name = name
        self.alone = alone
        self.elsewhere = elsewhere
        self.types = frozenset({name})
        self._number = number
        self._sure = sure

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format``."""
        archive = Archive(self._number, view, unpacking.budget)
        try:
            if not available():
                unpacking.problem(ProblemKind.UNSUPPORTED, f"{self.name}: install {SEVEN_ZIP.package}")
            elif not archive.exists:
                unpacking.problem(ProblemKind.LIMIT, f"{self.name}: too many archives in one another")
            elif self._open(archive, unpacking):
                yield from _Walk(archive, view, unpacking, self).children()
            elif archive.password_asked:
                archive.close()
                yield from self._unlocked(view, unpacking)
        finally:
            archive.close()

    def _unlocked(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """Yield what is in an archive whose list of members is encrypted, where a password opens that."""
        for password in unpacking.passwords(1 << sevencrypt.power(view)):
            archive = Archive(self._number, view, unpacking.budget, password.decode("utf-8", "replace"))
            try:
                with contextlib.suppress(Failure):
                    archive.open()
                if archive.opened:
                    yield from _Walk(archive, view, unpacking, self).children()
                    return
            finally:
                archive.close()
        unpacking.problem(ProblemKind.ENCRYPTED, "the list of members is encrypted")

    def _open(self, archive: Archive, unpacking: Unpacking) -> bool:
        """Open the archive, or say why that cannot be done."""
        try:
            archive.open()
        except Failure as failure:
            if not archive.password_asked:
                unpacking.problem(_kind_of(failure), f"the {self.name} headers cannot be read")
            return False
        reported = _report_flaws(archive, unpacking)
        if not archive.opened and not reported and self._sure:
            unpacking.problem(ProblemKind.MALFORMED, f"the {self.name} headers are damaged")
        return archive.opened


def _report_flaws(archive: Archive, unpacking: Unpacking) -> bool:
    errors = archive.property(Property.ERROR_FLAGS) or 0
    warnings = archive.property(Property.WARNING_FLAGS) or 0
    flags = int(errors) | int(warnings)
    for flaw, kind, text in _FLAWS:
        if flags & flaw:
            unpacking.problem(kind, text)
            return True
    return False


def _kind_of(failure: Failure) -> ProblemKind:
    if failure.no_memory:
        return ProblemKind.LIMIT
    return ProblemKind.UNSUPPORTED if failure.unsupported else ProblemKind.MALFORMED


class _Walk:
    """One walk through the items of one archive."""

    def __init__(self, archive: Archive, view: View, unpacking: Unpacking, form: SevenZipFormat) -> None:
        self._archive = archive
        self._hopeful = _ATTEMPTS_TO_UNLOCK
        self._names_packed_sizes = form.name in _WITH_PACKED_SIZES
        self._first = int(form.name == "arj")
        self._tells = form.alone and unpacking.wants_members
        self._elsewhere = form.elsewhere
        self._view = view
        self._unpacking = unpacking
        self._solid = bool(archive.property(Property.SOLID))

    def children(self) -> Iterator[Child]:
        batch: list[_Item] = []
        held = 0
        for item in self._items():
            stream = self._archive.stream(item.index)
            if stream:
                yield self._streamed(item, stream)
                continue
            if held >= _BATCH and self._may_begin_with(item, batch[-1]):
                yield from self._extracted(batch)
                batch, held = [], 0
            batch.append(item)
            held += _UNKNOWN_SIZE if item.size is None else item.size
        yield from self._extracted(batch)
        end = self._archive.property(Property.PHYSICAL_SIZE)
        if isinstance(end, int) and end > 0:
            yield from rest(self._view, end, self._view.size)

    def _may_begin_with(self, item: _Item, before: _Item) -> bool:
        return item.block != before.block if item.block is not None else not self._solid

    def _items(self) -> Iterator[_Item]:
        archive = self._archive
        for index in range(archive.count()):
            self._unpacking.budget.tick()
            if archive.item(index, Property.IS_DIRECTORY) or archive.item(index, Property.SYMBOLIC_LINK):
                continue
            size = archive.item(index, Property.SIZE)
            if self._tells:
                self._tell(index, int(size or 0))
            block = archive.item(index, Property.BLOCK)
            item = _Item(
                index,
                str(archive.item(index, Property.PATH) or f"item-{index + 1}"),
                int(size) if isinstance(size, int) else None,
                int(block) if isinstance(block, int) else None,
            )
            if item.size != 0 and self._can_be_decoded(item):
                yield item

    def _tell(self, index: int, size: int) -> None:
        """Say what the archive says of an item."""
        item = self._archive.item
        packed = int(item(index, Property.PACKED_SIZE) or 0) if self._names_packed_sizes else 0
        encrypted = bool(item(index, Property.ENCRYPTED))
        name = str(item(index, Property.PATH) or "")
        checksum = int(item(index, Property.CHECKSUM) or 0)
        self._unpacking.member(Member(name, packed, size, encrypted, index + self._first, checksum))

    def _can_be_decoded(self, item: _Item) -> bool:
        if self._archive.item(item.index, Property.ENCRYPTED) and not self._unlocks(item):
            self._unpacking.problem(ProblemKind.ENCRYPTED, f"{item.name[:100]} is encrypted")
            return False
        limit = self._unpacking.budget.limits.decoder_memory
        method = str(self._archive.item(item.index, Property.METHOD) or "")
        if self._elsewhere and method == self._elsewhere:
            return False
        if _memory(method) > limit:
            self._unpacking.problem(ProblemKind.LIMIT, f"{item.name[:100]} needs more than {limit} bytes to be decoded")
            return False
        return True

    def _unlocks(self, item: _Item) -> bool:
        """Whether the password is known, or found by extracting this item with one after the other."""
        archive = self._archive
        if archive.password is None and self._hopeful:
            self._hopeful -= 1
            method = str(archive.item(item.index, Property.METHOD) or "")
            rounds = (1 << sevencrypt.power_of(method)) + (item.size or 0) // sevencrypt.BYTES_OF_ROUND
            for password in self._unpacking.passwords(rounds):
                archive.password = password.decode("utf-8", "replace")
                tried = archive.extract([item.index], self._unpacking.spool)
                if tried.failure is not None and not isinstance(tried.failure, Failure):
                    raise tried.failure
                if any(p.index == item.index and p.outcome == Outcome.OK for p in tried.pieces):
                    return True
            archive.password = None
        return archive.password is not None

    def _streamed(self, item: _Item, stream: int) -> Child:
        before = self._archive.consumed()
        return Child(item.name, self._chunks(item, stream), lambda: self._archive.consumed() - before)

    def _chunks(self, item: _Item, stream: int) -> Iterator[bytes]:
        produced = 0
        try:
            for chunk in self._archive.chunks(stream):
                produced += len(chunk)
                yield chunk
        except Failure as failure:
            self._unpacking.problem(_kind_of(failure), f"{item.name[:100]} is damaged")
        else:
            if item.size is not None and produced < item.size:
                self._unpacking.problem(ProblemKind.TRUNCATED, f"{item.name[:100]} is cut off")

    def _extracted(self, batch: list[_Item]) -> Iterator[Child]:
        """Extract items; go on behind an item that the library gave up at, unless that would decode all again."""
        left = batch
        for _ in range(_ATTEMPTS):
            if not left:
                return
            items = {item.index: item for item in left}
            extraction = self._archive.extract(list(items), self._unpacking.spool)
            yield from self._pieces(extraction, items)
            failure = extraction.failure
            if failure is None:
                self._report_missing(extraction, left)
                return
            if not isinstance(failure, Failure):
                raise failure
            came = [piece.index for piece in extraction.pieces if piece.index in items]
            last = came[-1] if came else left[0].index
            self._gave_up(failure, items[last])
            left = [] if self._solid else [item for item in left if item.index > last]

    def _pieces(self, extraction: Extraction, items: dict[int, _Item]) -> Iterator[Child]:
        for piece in extraction.pieces:
            item = items.get(piece.index)
            if item is None:
                continue
            self._report(piece, item)
            if piece.length:
                yield Child(item.name, extraction.region.slice(piece.start, piece.length))

    def _report(self, piece: Piece, item: _Item) -> None:
        if piece.outcome is None or piece.outcome in (Outcome.OK, Outcome.DATA_AFTER_END):
            return
        kind, text = _OUTCOMES.get(piece.outcome, (ProblemKind.MALFORMED, "is damaged"))
        if self._archive.password_asked:
            kind, text = ProblemKind.ENCRYPTED, "is encrypted"
        self._unpacking.problem(kind, f"{item.name[:100]} {text}")

    def _report_missing(self, extraction: Extraction, items: list[_Item]) -> None:
        came = {piece.index for piece in extraction.pieces}
        for item in items:
            if item.index not in came:
                self._unpacking.problem(ProblemKind.MALFORMED, f"{item.name[:100]} cannot be extracted")

    def _gave_up(self, failure: Failure, item: _Item) -> None:
        if self._archive.password_asked:
            self._unpacking.problem(ProblemKind.ENCRYPTED, f"{item.name[:100]} is encrypted")
        else:
            self._unpacking.problem(_kind_of(failure), f"{item.name[:100]} cannot be extracted: {failure}")


def _memory(method: str) -> int:
    """Return how many bytes the largest dictionary needs that a description of methods names: ``LZMA2:26 BCJ``."""
    largest = 0
    for number, unit in re.findall(_MEMORY, method):
        value = int(number)
        largest = max(largest, value * _UNITS[unit.lower()] if unit else 1 << min(value, 63))
    return largest


FORMATS = (
    SevenZipFormat("7z", 0x07),
    SevenZipFormat("cab", 0x08),
    SevenZipFormat("chm", 0xE9),
    SevenZipFormat("arj", 0x04, sure=False),
    SevenZipFormat("nsis", 0x09),
    SevenZipFormat("rpm", 0xEB),
    SevenZipFormat("xar", 0xE1),
    SevenZipFormat("wim", 0xE6),
    SevenZipFormat("udf", 0xE0),
    SevenZipFormat("dmg", 0xE4),
    SevenZipFormat("hfs", 0xE3, sure=False),
    SevenZipFormat("apfs", 0xC3, sure=False),
    SevenZipFormat("vhd", 0xDC),
    SevenZipFormat("vhdx", 0xC4),
    SevenZipFormat("vmdk", 0xC8),
    SevenZipFormat("vdi", 0xC9),
    SevenZipFormat("qcow2", 0xCA),
    SevenZipFormat("ext", 0xC7, sure=False),
    SevenZipFormat("ntfs", 0xD9, sure=False),
    SevenZipFormat("fat", 0xDA, sure=False),
    SevenZipFormat("squashfs", 0xD2),
    SevenZipFormat("cramfs", 0xD3),
)
"""By the file type that each of them opens."""
