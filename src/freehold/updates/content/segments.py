"""Segments: what was added and what was removed between two releases, in columns (``FHS1``).

The content is canonical: the same additions and removals give the same bytes, whoever encodes them. Its SHA-256 is what
is signed; the compressed file is only how it travels, as no two versions of a compressor agree.

Hashes are most of what is published, so they have a form of their own: raw digests, sizes in planes of bytes, names.
They are sorted by name, because neighbours in a family share most of theirs (a tenth less than sorted by digest).
"""

import hashlib
import itertools
import re
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from freehold.model.errors import MalformedInput
from freehold.updates.content.entries import LANGUAGES, TOMBSTONE_BYTES, WHOLE_LANGUAGES, Entry, check

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"FHS1"

PACKED_BYTES = 512 << 20
"""Bytes of a compressed segment."""

CONTENT_BYTES = 1 << 30
"""Bytes of a segment's content."""

_LEVEL = 19
_WINDOW_LOG = 23
"""A decoder needs 8 MiB for its window."""

_HEADER = struct.Struct(">4sII")
_GROUP = struct.Struct(">8sBII")
_U32 = struct.Struct(">I")
_LINES, _WHOLE = 1, 2
_DIGESTS = (16, 20, 32)
_ANY_SIZE = 0xFFFFFFFF
_MOST_GROUPS = 256

_DIGEST = rb"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
_SIZE = rb"(?:\*|0|[1-9][0-9]{0,9})"
_DIGEST_FIRST = re.compile(rb"(?P<digest>%b):(?P<size>%b):(?P<name>[^\n]*)" % (_DIGEST, _SIZE))
_SIZE_FIRST = re.compile(rb"(?P<size>%b):(?P<digest>%b):(?P<name>[^\n]*)" % (_SIZE, _DIGEST))
_FORMS = dict.fromkeys(("fp", "hdb", "hdu", "hsb", "hsu", "sfp"), _DIGEST_FIRST) | dict.fromkeys(
    ("mdb", "mdu", "msb", "msu"), _SIZE_FIRST
)


class TooLarge(MalformedInput):
    """Something unpacks to more than it may."""


class Segment(NamedTuple):
    """What was added and removed; no entry is in both.

    Attributes:
        added: entries, in any order.
        removed: tombstones.
    """

    added: Sequence[Entry]
    removed: frozenset[bytes]


class _Hash(NamedTuple):
    name: bytes
    size: int
    digest: bytes


def digest(content: bytes) -> str:
    """Return what is signed of a segment's content: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def encode(segment: Segment) -> bytes:
    """Return the canonical content of a segment."""
    groups: dict[tuple[str, int], list[bytes | _Hash]] = {}
    for entry in set(segment.added):
        kind, value = _form(entry)
        groups.setdefault((entry.language, kind), []).append(value)
    heads, bodies = [], []
    for (language, kind), values in sorted(groups.items()):
        columns, text = _columns(kind, sorted(values))
        heads.append(_GROUP.pack(language.encode(), kind, len(values), len(text)))
        bodies.append(columns + text)
    header = _HEADER.pack(MAGIC, len(heads), len(segment.removed))
    return b"".join((header, *heads, *bodies, *sorted(segment.removed)))


def decode(content: bytes) -> Segment:
    """Read a segment's content; raises ``MalformedInput`` when it breaks any rule of the format."""
    reader = _Reader(content)
    magic, group_count, tombstone_count = _HEADER.unpack(reader.take(_HEADER.size))
    if magic != MAGIC or group_count > _MOST_GROUPS:
        raise MalformedInput("this is no segment of signatures")
    heads = [_GROUP.unpack(reader.take(_GROUP.size)) for _ in range(group_count)]
    if heads != sorted(heads) or len({head[:2] for head in heads}) != len(heads):
        raise MalformedInput("the groups of a segment are not in their order")
    added: list[Entry] = []
    for name, kind, count, text_bytes in heads:
        language = name.rstrip(b"\0").decode("ascii", "replace")
        if language not in LANGUAGES or not count:
            raise MalformedInput(f"a segment has {count} signatures in {language!r}")
        texts = list(_texts(reader, language, kind, count, text_bytes))
        added.extend(Entry(language, text) for text in texts)
    removed = _fixed(reader.take(tombstone_count * TOMBSTONE_BYTES), TOMBSTONE_BYTES)
    reader.end()
    _check_order(removed)
    segment = Segment(added, frozenset(removed))
    for entry in added:
        check(entry)
    return segment


def pack(content: bytes) -> bytes:
    """Compress content for its way."""
    level, window = zstd.CompressionParameter.compression_level, zstd.CompressionParameter.window_log
    options: dict[int, int] = {level: _LEVEL, zstd.CompressionParameter.checksum_flag: 0}
    if len(content) > 1 << _WINDOW_LOG:
        options[window] = _WINDOW_LOG
    return zstd.compress(content, options=options)


def unpack(packed: bytes, size: int) -> bytes:
    """Decompress a segment whose content must have ``size`` bytes, as is signed; raises ``MalformedInput``."""
    if len(packed) > PACKED_BYTES or not 0 <= size <= CONTENT_BYTES:
        raise MalformedInput(f"a segment of {len(packed):,} bytes for {size:,} is too large")
    content = decompressed(packed, size)
    if len(content) != size:
        raise MalformedInput(f"a segment has {len(content):,} bytes, {size:,} are signed")
    return content


def decompressed(packed: bytes, most: int) -> bytes:
    """Decompress one whole frame of at most ``most`` bytes; raises ``MalformedInput``, or ``TooLarge`` of its kind."""
    decompressor = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
    try:
        content: bytes = decompressor.decompress(packed, most + 1)
    except zstd.ZstdError as error:
        raise MalformedInput(f"it is not packed as it should be: {error}") from error
    if len(content) > most:
        raise TooLarge(f"it unpacks to more than {most:,} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedInput("it ends too early, or something follows it")
    return content


def _form(entry: Entry) -> tuple[int, bytes | _Hash]:
    """Return the kind of group that an entry belongs to, and its value there."""
    if entry.language in WHOLE_LANGUAGES:
        return _WHOLE, entry.text
    expression = _FORMS.get(entry.language)
    match = expression.fullmatch(entry.text) if expression else None
    if match is None or (match["size"] != b"*" and int(match["size"]) >= _ANY_SIZE):
        return _LINES, entry.text
    size = _ANY_SIZE if match["size"] == b"*" else int(match["size"])
    raw = bytes.fromhex(match["digest"].decode())
    return len(raw), _Hash(match["name"], size, raw)


def _columns(kind: int, values: Sequence[bytes | _Hash]) -> tuple[bytes, bytes]:
    """Return the columns of fixed width and the text of a group."""
    if kind == _LINES:
        return b"", b"\n".join(values)  # type: ignore[arg-type]
    if kind == _WHOLE:
        return b"".join(_U32.pack(len(value)) for value in values), b"".join(values)  # type: ignore[arg-type]
    hashes: list[_Hash] = values  # type: ignore[assignment]
    sizes = b"".join(_U32.pack(value.size) for value in hashes)
    planes = b"".join(sizes[plane::4] for plane in range(4))
    return b"".join(value.digest for value in hashes) + planes, b"\n".join(value.name for value in hashes)


class _Reader:
    """Takes a content apart from its beginning; raises ``MalformedInput`` beyond its end."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        taken = self._content[self._at : self._at + count]
        if len(taken) != count:
            raise MalformedInput("a segment ends too early")
        self._at += count
        return taken

    def end(self) -> None:
        """Raise unless everything was taken."""
        if self._at != len(self._content):
            raise MalformedInput("something follows the end of a segment")


def _texts(reader: _Reader, language: str, kind: int, count: int, text_bytes: int) -> Iterator[bytes]:
    """Yield the texts of one group."""
    if (kind == _WHOLE) != (language in WHOLE_LANGUAGES) or (kind in _DIGESTS and language not in _FORMS):
        raise MalformedInput(f"a segment has signatures in {language} in a form that is not theirs")
    if kind == _WHOLE:
        yield from _whole_texts(reader, count, text_bytes)
    elif kind == _LINES:
        lines = _split(reader.take(text_bytes), count)
        _check_order(lines)
        if language in _FORMS and any(_form(Entry(language, line))[0] != _LINES for line in lines):
            raise MalformedInput(f"a segment has hashes in {language} outside of their columns")
        yield from lines
    elif kind in _DIGESTS:
        yield from _hash_lines(reader, language, kind, count, text_bytes)
    else:
        raise MalformedInput(f"a segment has a group of an unknown kind {kind}")


def _whole_texts(reader: _Reader, count: int, text_bytes: int) -> Iterator[bytes]:
    lengths = [length for (length,) in _U32.iter_unpack(reader.take(4 * count))]
    if sum(lengths) != text_bytes:
        raise MalformedInput("the texts of a segment have other lengths than it says")
    texts = [reader.take(length) for length in lengths]
    _check_order(texts)
    yield from texts


def _hash_lines(reader: _Reader, language: str, width: int, count: int, text_bytes: int) -> Iterator[bytes]:
    digests = _fixed(reader.take(width * count), width)
    planes = reader.take(4 * count)
    interleaved = bytearray(4 * count)
    for plane in range(4):
        interleaved[plane::4] = planes[plane * count : (plane + 1) * count]
    sizes = [size for (size,) in _U32.iter_unpack(interleaved)]
    names = _split(reader.take(text_bytes), count)
    _check_order(list(map(_Hash, names, sizes, digests)))
    size_first = _FORMS[language] is _SIZE_FIRST
    for name, size, raw in zip(names, sizes, digests, strict=True):
        fields = [raw.hex().encode(), b"*" if size == _ANY_SIZE else b"%d" % size]
        yield b":".join((*(reversed(fields) if size_first else fields), name))


def _fixed(column: bytes, width: int) -> list[bytes]:
    return [column[at : at + width] for at in range(0, len(column), width)]


def _split(text: bytes, count: int) -> list[bytes]:
    lines = text.split(b"\n")
    if len(lines) != count:
        raise MalformedInput(f"a segment has {len(lines):,} lines where it says {count:,}")
    return lines


def _check_order(values: Sequence[bytes] | Sequence[_Hash]) -> None:
    """Raise unless values strictly increase: so none is there twice, and there is one order only."""
    if any(earlier >= later for earlier, later in itertools.pairwise(values)):  # type: ignore[operator]
        raise MalformedInput("the signatures of a segment are not in their order")
