"""Digests with a size and a name: the fields that allow lists and the hashes of parts of programs have in common."""

import re
from dataclasses import dataclass

from freehold.model.errors import MalformedInput
from freehold.signatures.clamav.lines import check_levels, number

ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}
"""Which algorithm makes so many hexadecimal digits."""

FIRST_LEVEL_WITH_ANY_SIZE = 73
"""An entry with size ``*`` must ask for this functionality level at least, so that older programs leave it alone."""

_DIGEST = re.compile(r"[0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Digest:
    """One entry; ``size`` None matches any size."""

    algorithm: str
    digest: bytes
    size: int | None
    name: str


def parse_digest(line: str, *, size_first: bool = False, any_size_needs_level: bool = True) -> Digest:
    """Read ``digest:size:name[:level[:level]]``, or with ``size_first`` ``size:digest:name…``.

    Raises:
        MalformedInput: for wrong fields, and for entries that are meant for another functionality level.
    """
    fields = line.split(":")
    if not 3 <= len(fields) <= 5:
        raise MalformedInput(f"{len(fields)} fields; three to five are expected")
    digest, size, name, *levels = fields
    if size_first:
        digest, size = size, digest
    algorithm = ALGORITHMS.get(len(digest))
    if algorithm is None or _DIGEST.fullmatch(digest) is None:
        raise MalformedInput(f"{digest[:80]!r} is no MD5, SHA-1 or SHA-256")
    if levels:
        check_levels(*levels)
    if size == "*" and any_size_needs_level and int((levels and levels[0]) or 0) < FIRST_LEVEL_WITH_ANY_SIZE:
        raise MalformedInput(f"size * needs functionality level {FIRST_LEVEL_WITH_ANY_SIZE} or above")
    return Digest(algorithm, bytes.fromhex(digest), _size(size), name)


def _size(text: str) -> int | None:
    if text == "*":
        return None
    size = number(text, "the size")
    if not 0 < size < 0xFFFFFFFF:
        raise MalformedInput(f"the size {size} is not possible")
    return size
