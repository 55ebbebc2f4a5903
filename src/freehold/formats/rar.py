"""RAR archives: versions 2.9 to 5 are read by libarchive, older ones by decoders of our own.

What libarchive passes over in silence is found by walking the blocks. Solid archives of version 4 and encrypted members
cannot be read by it. What follows the archive's end is yielded as ``rest``.
"""

from collections.abc import Iterator
from functools import partial
from itertools import islice

from freehold.formats import libarchive, rarold
from freehold.formats.extents import rest
from freehold.formats.libarchive import Damage, Member, Reader
from freehold.formats.rarblocks import Layout, survey
from freehold.model import interfaces
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.native import LIBARCHIVE
from freehold.model.report import ProblemKind
from freehold.model.view import View

_KINDS = (
    ("encrypt", ProblemKind.ENCRYPTED),
    ("truncated", ProblemKind.TRUNCATED),
    ("unsupported", ProblemKind.UNSUPPORTED),
    ("not supported", ProblemKind.UNSUPPORTED),
    ("unavailable", ProblemKind.UNSUPPORTED),
    ("allocate", ProblemKind.LIMIT),
    ("memory", ProblemKind.LIMIT),
)
_NAME = 4096


class _Rar:
    name = "rar"
    types = frozenset({"rar"})

    @staticmethod
    def children(view: View, unpacking: Unpacking) -> Iterator[Child]:
        layout = survey(view, unpacking)
        if layout.split:
            unpacking.problem(ProblemKind.TRUNCATED, "a part of it lies in another volume")
        old = list(islice(rarold.files(view), unpacking.budget.limits.artifacts)) if not layout.new else []
        yield from rarold.members(view, old, unpacking)
        if layout.files > len(old):
            if libarchive.available():
                yield from _Walk(view, unpacking, layout, frozenset(file.number for file in old)).members()
            else:
                unpacking.problem(ProblemKind.UNSUPPORTED, f"rar: install {LIBARCHIVE.package}")
        if layout.end:
            yield from rest(view, layout.end, view.size)


FORMAT: Format = _Rar()


class _Walk:
    """One walk through the members of one archive, but for those with the numbers ``done``."""

    def __init__(self, view: View, unpacking: Unpacking, layout: Layout, done: frozenset[int]) -> None:
        self._done = done
        self._reader = Reader(view, unpacking.budget)
        self._unpacking = unpacking
        self._layout = layout

    def members(self) -> Iterator[Child]:
        reader = self._reader
        number = 0
        try:
            reader.open()
            while member := reader.next():
                number += 1
                self._unpacking.budget.tick()
                name = member.name[:_NAME] or f"item-{number}"
                if number in self._done:
                    continue
                if self._unpacking.wants_members:
                    self._unpacking.member(interfaces.Member(name, 0, member.size, member.encrypted, number))
                if member.encrypted:
                    self._unpacking.problem(ProblemKind.ENCRYPTED, f"{name[:100]} is encrypted")
                elif member.has_content:
                    yield Child(name, self._chunks(member), partial(_since, reader, reader.position()))
            if not number and self._layout.files and not self._layout.split:
                self._unpacking.problem(ProblemKind.MALFORMED, "its members cannot be read")
        except Damage as damage:
            self._report(damage, "the archive")
        finally:
            reader.close()

    def _chunks(self, member: Member) -> Iterator[bytes]:
        produced = 0
        try:
            for chunk in self._reader.chunks():
                produced += len(chunk)
                yield chunk
        except Damage as damage:
            self._report(damage, member.name[:100])
            return
        if produced < member.size and not self._layout.split:
            self._unpacking.problem(ProblemKind.MALFORMED, f"{member.name[:100]} is shorter than stated")

    def _report(self, damage: Damage, what: str) -> None:
        text = str(damage)
        kind = next((kind for word, kind in _KINDS if word in text.lower()), ProblemKind.MALFORMED)
        if self._layout.encrypted and kind is not ProblemKind.TRUNCATED:
            kind, text = ProblemKind.ENCRYPTED, "encrypted"
        self._unpacking.problem(kind, f"{what}: {text}")


def _since(reader: Reader, before: int) -> int:
    return reader.position() - before
