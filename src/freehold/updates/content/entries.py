"""Entries: single signatures, as releases carry them.

An entry is the language that it is written in (the suffix of its files, without the dot) and its text: one line of a
language with a signature to a line, else a whole file. Two publishers who have the same signatures have the same
entries, whatever their files are called and however these are ordered.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from freehold.model.errors import MalformedInput

LINE_LANGUAGES = frozenset(
    {
        "cdb",
        "crb",
        "db",
        "fp",
        "gdb",
        "hdb",
        "hdu",
        "hsb",
        "hsu",
        "idb",
        "ign",
        "ign2",
        "imp",
        "ldb",
        "ldu",
        "mdb",
        "mdu",
        "msb",
        "msu",
        "ndb",
        "ndu",
        "pdb",
        "pwdb",
        "rmd",
        "sfp",
        "wdb",
        "zmd",
    }
)
"""Languages with a signature to a line."""

WHOLE_LANGUAGES = frozenset({"cat", "policy", "toml", "yar", "yara"})
"""Languages in which only a whole file has a meaning. None of either kind is code."""

LANGUAGES = LINE_LANGUAGES | WHOLE_LANGUAGES

LINE_BYTES = 32_768
"""Bytes of a line, without its end."""

TEXT_BYTES = 16 << 20
"""Bytes of a whole file."""

ID_BYTES = 32
TOMBSTONE_BYTES = 16


class Entry(NamedTuple):
    """One signature.

    Attributes:
        language: one of ``LANGUAGES``.
        text: a line without its end, or a whole file.
    """

    language: str
    text: bytes

    @property
    def id(self) -> bytes:
        """What identifies it: SHA-256 over language, a zero byte and text."""
        return hashlib.sha256(b"%b\0%b" % (self.language.encode(), self.text)).digest()


def tombstone(identity: bytes) -> bytes:
    """Return what takes an entry back, by its id."""
    return identity[:TOMBSTONE_BYTES]


def check(entry: Entry) -> None:
    """Raise ``MalformedInput`` unless this is an entry as releases carry them."""
    language, text = entry
    if language not in LANGUAGES:
        raise MalformedInput(f"releases carry no signatures in {language!r}")
    if not text:
        raise MalformedInput(f"an entry in {language} is empty")
    if language in WHOLE_LANGUAGES:
        if len(text) > TEXT_BYTES:
            raise MalformedInput(f"an entry in {language} has {len(text):,} bytes; {TEXT_BYTES:,} are allowed")
    elif len(text) > LINE_BYTES:
        raise MalformedInput(f"a line in {language} has {len(text):,} bytes; {LINE_BYTES:,} are allowed")
    elif text[0] == ord("#") or text[-1] == ord("\r") or b"\n" in text:
        raise MalformedInput(f"an entry in {language} is not one line with a signature")


def entries_of(language: str, content: bytes) -> list[Entry]:
    """Return the entries of a signature file: in languages with lines, without empty lines and comments.

    Raises:
        MalformedInput: releases carry no such signatures, or a line or the file is too long.
    """
    if language in LINE_LANGUAGES:
        bare = (line.rstrip(b"\r") for line in content.split(b"\n"))
        found = [Entry(language, line) for line in bare if line and not line.startswith(b"#")]
    else:
        found = [Entry(language, content)] if content or language not in WHOLE_LANGUAGES else []
    for entry in found:
        check(entry)
    return found


def files_of(entries: Iterable[Entry]) -> Mapping[str, Sequence[bytes]]:
    """Return contents of signature files that hold these entries and no others, by language, in a fixed order."""
    texts: dict[str, list[bytes]] = {}
    for language, text in sorted(entries):
        texts.setdefault(language, []).append(text)
    return {
        language: [b"".join(b"%b\n" % line for line in lines)] if language in LINE_LANGUAGES else lines
        for language, lines in texts.items()
    }
