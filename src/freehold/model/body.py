"""Byte patterns with gaps, wildcards, alternatives and boundaries: what ClamAV calls body signatures.

A body is a row of parts with gaps between them. A part is found as one piece; its first byte is its start, and the
byte after its last is its end. What a body means is written here once, exactly; how it is found quickly is the
compiler's and the matcher's business. Where ClamAV's documentation and its program differ, the program counts.
"""

from dataclasses import dataclass
from enum import StrEnum


class Anchor(StrEnum):
    """What an offset is counted from."""

    ANY = "any"
    START = "start"
    END = "end"
    ENTRY = "entry"
    SECTION = "section"
    SECTION_EXTENT = "section-extent"
    LAST_SECTION = "last-section"
    VERSION_INFO = "version-info"
    MACRO = "macro"


@dataclass(frozen=True, slots=True)
class Offset:
    """Where the first part of a body may start.

    Except with ``ANY``, ``SECTION_EXTENT``, ``VERSION_INFO`` and ``MACRO`` a start is allowed from ``anchor + value``
    to ``anchor + value + shift``, both included. Offsets from ``END``, ``ENTRY`` and sections hold nowhere in a
    program whose header cannot be parsed, and nowhere when ``anchor + value`` lies before the artifact's start.

    Attributes:
        anchor: ``START`` and ``END`` of the artifact, the file offset of the ``ENTRY`` point, of a ``SECTION`` or of
            the ``LAST_SECTION``; ``SECTION_EXTENT``: from a section's first byte to ``shift`` bytes behind its end, the
            end itself included; ``VERSION_INFO``: where a key of the version information starts; ``MACRO``: anywhere,
            but the body counts only for the macro group ``number``.
        value: bytes added to the anchor; negative before it.
        shift: how many bytes later the start may be.
        number: of the section from 0, or of the macro group.
    """

    anchor: Anchor = Anchor.ANY
    value: int = 0
    shift: int = 0
    number: int = 0


ANYWHERE = Offset()


@dataclass(frozen=True, slots=True)
class Bytes:
    """A run of bytes, some of them perhaps only in part.

    Attributes:
        value: what stands there; bits that do not matter are 0.
        mask: as long as ``value``: ff exact, f0 or 0f a nibble, 00 any byte; empty when all are exact.
    """

    value: bytes
    mask: bytes = b""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several sequences; negated (then all are exact and of one length): as many bytes that are none of them."""

    options: "tuple[tuple[Element, ...], ...]"
    negated: bool = False


class Edge(StrEnum):
    """A kind of boundary; the bytes of a ``SEPARATOR`` are not the same on both sides."""

    SEPARATOR = "B"
    LINE = "L"
    WORD = "W"


SEPARATOR_LEFT = frozenset(b" -/_.<@")
"""Bytes that make a ``SEPARATOR`` boundary when they stand before a part."""

SEPARATOR_RIGHT = frozenset(b"\n\r \"'=>-/_")
"""Bytes that make a ``SEPARATOR`` boundary when they stand behind a part."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A boundary. Before or behind a part it has no width; as an element it consumes what makes the boundary.

    Without width: ``SEPARATOR``: the neighbour is in the side's set; ``LINE``: LF before, LF or CRLF behind;
    ``WORD``: the neighbour is no ASCII letter or digit, in a wide body no such byte followed by NUL. The artifact's
    edges are boundaries of every kind. As an element: ``SEPARATOR``: a byte of either set, ``LINE``: LF or CRLF,
    ``WORD``: no letter or digit. Negated it is false where it would be true, and as an element consumes one byte.
    """

    kind: Edge
    negated: bool = False


Element = Bytes | Choice | Mark


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A byte near a part, with ``minimum`` to ``maximum`` bytes between; it changes neither its start nor its end."""

    value: int
    mask: int
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Part:
    """A piece that is found as a whole.

    Attributes:
        elements: in order, without anything between them.
        left: the boundary that must lie at its start.
        right: the boundary that must lie at its end.
        before: a byte that must stand before its start.
        after: a byte that must stand behind its end.
    """

    elements: tuple[Element, ...]
    left: Mark | None = None
    right: Mark | None = None
    before: Neighbour | None = None
    after: Neighbour | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """How many bytes lie between the end of one part and the start of the next; no maximum: any number."""

    minimum: int = 0
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """One byte form of a pattern.

    Attributes:
        parts: at least one.
        gaps: one fewer than parts.
        nocase: exact bytes match ASCII letters in either case; nibbles do not.
        wide: bytes are already interleaved with NUL as in UTF-16LE; only ``WORD`` boundaries still ask for this.
    """

    parts: tuple[Part, ...]
    gaps: tuple[Gap, ...] = ()
    nocase: bool = False
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Where the places lie that offsets of an artifact are counted from, in bytes from its start.

    Attributes:
        entry_point: file offset of a program's entry point.
        sections: file offset and length of each section of a program, rounded as its loader rounds them.
        version_info: where the keys of its version information start.
    """

    entry_point: int | None = None
    sections: tuple[tuple[int, int], ...] = ()
    version_info: frozenset[int] = frozenset()
