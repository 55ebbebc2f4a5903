"""What a signature says, taken apart for people."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a pattern.

    Attributes:
        words: what stands there; for exact bytes their encoding, where it is known.
        exact: the bytes that must stand there; empty when the words say what does.
        text: the exact bytes as people read them, a dot for each that is no printable ASCII; "" when most are not.
        options: alternatives, each in pieces.
    """

    words: str = ""
    exact: bytes = b""
    text: str = ""
    options: "tuple[tuple[Piece, ...], ...]" = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One of the things that a signature looks for.

    Attributes:
        label: how conditions call it.
        kind: ``bytes``, ``regular expression`` ...
        where: where it may stand, in words; "" when it has no place of its own.
        notes: what else must be known of it, a sentence each.
        pieces: the pattern, from left to right.
    """

    label: str
    kind: str
    where: str = ""
    notes: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A signature in words.

    Attributes:
        name: the signature's.
        kind: what kind of signature it is.
        source: file and line.
        facts: what it is and what it looks at: (label, words), in the order to be shown.
        parts: what it looks for.
        condition: when it matches, in words; "" when the facts say everything.
    """

    name: str
    kind: str
    source: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...] = ()
    condition: str = ""
