"""Makers of zip members in the ways of PKZIP 0.9, after PKWARE's APPNOTE.TXT, sections 5.1 and 5.2."""

import zlib

from tests import bombs


class _Bits:
    def __init__(self) -> None:
        self._value = self._count = 0

    def put(self, value: int, width: int) -> None:
        self._value |= value << self._count
        self._count += width

    def bytes(self) -> bytes:
        return self._value.to_bytes(-(-self._count // 8), "little")


def shrink(data: bytes) -> bytes:
    """LZW with codes of 9 to 13 bits; the dictionary is never cleared, so up to some thousand codes."""
    out = _Bits()
    known = {bytes([value]): value for value in range(256)}
    following, width, word = 257, 9, b""
    for value in data:
        longer = word + bytes([value])
        if longer in known:
            word = longer
            continue
        while known[word] >= 1 << width:
            out.put(256, width)
            out.put(1, width)
            width += 1
        out.put(known[word], width)
        known[longer] = following
        following += 1
        word = longer[-1:]
    out.put(known[word], width)
    return out.bytes()


def reduce_(data: bytes, factor: int) -> bytes:
    """Followers for two letters alone; a run of the last byte becomes one match, and the escape is escaped."""
    out = _Bits()
    followers = {ord("e"): b"t ", ord("m"): b"e"}
    for value in range(255, -1, -1):
        known = followers.get(value, b"")
        out.put(len(known), 6)
        for follower in known:
            out.put(follower, 8)
    last = 0
    at = 0
    most = (1 << (8 - factor)) - 1
    while at < len(data):
        run = 0
        while at and run < 200 and at + run < len(data) and data[at + run] == data[at - 1]:
            run += 1
        if run > 3:
            low = min(run - 3, most)
            values = [144, low, run - 3 - most, 0] if low == most else [144, low, 0]
            at += run
        else:
            values = [144, 0] if data[at] == 144 else [data[at]]
            at += 1
        for value in values:
            known = followers.get(last, b"")
            if value in known:
                out.put(0, 1)
                out.put(known.index(value), 1)
            else:
                if known:
                    out.put(1, 1)
                out.put(value, 8)
            last = value
    return out.bytes()


def archive(method: int, packed: bytes, content: bytes) -> bytes:
    """Return an archive with one member that was packed by a method."""
    checksum = zlib.crc32(content)
    local = bombs.local_header(b"old.bin", method, packed, len(content), checksum=checksum) + packed
    record = bombs.central_record(b"old.bin", method, len(packed), len(content), 0, checksum=checksum)
    return local + record + bombs.end_record(1, len(record), len(local))
