"""Makers of RAR archives of old versions, written from descriptions of the format and apart from the readers."""

import struct
import zlib

_LENGTHS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224)
_LENGTH_BITS = (0,) * 8 + (1,) * 4 + (2,) * 4 + (3,) * 4 + (4,) * 4 + (5,) * 4
SOLID = 0x10


def _distance(distance: int) -> tuple[int, int, int]:
    """Return the slot of a distance, its further bits and their number."""
    base = 1
    for slot in range(48):
        bits = 0 if slot < 4 else 16 if slot >= 34 else (slot - 2) // 2
        if distance < base + (1 << bits):
            return slot, distance - base, bits
        base += 1 << bits
    raise ValueError(distance)


def _length(length: int) -> tuple[int, int, int]:
    slot = max(slot for slot, base in enumerate(_LENGTHS) if base <= length)
    return slot, length - _LENGTHS[slot], _LENGTH_BITS[slot]


class _Packer20:
    """Codes of equal lengths; a match is taken from the farthest place, the last ones, and some fixed distances."""

    def __init__(self) -> None:
        self.bits = ""
        self.recent = [0] * 4
        self.last = (0, 0)

    def codes(self) -> None:
        self.bits += "00" + f"{5:04b}" * 19
        for size, length in ((298, 9), (48, 6), (28, 5)):
            self.bits += f"{length:05b}" * size

    def main(self, number: int) -> None:
        self.bits += f"{number:09b}"

    def match(self, distance: int, length: int) -> None:
        longer = (distance >= 0x2000) + (distance >= 0x40000)
        if (distance, length) == self.last:
            self.main(256)
        elif distance in self.recent and length - 2 - longer - (distance >= 0x101) >= 0:
            self.main(257 + self.recent[::-1].index(distance))
            slot, more, width = _length(length - 2 - longer - (distance >= 0x101))
            self.bits += f"{slot:05b}" + (f"{more:0{width}b}" if width else "")
        elif length == 2:
            slot = max(s for s, base in enumerate((0, 4, 8, 16, 32, 64, 128, 192)) if base < distance)
            width = (2, 2, 3, 4, 5, 6, 6, 6)[slot]
            self.main(261 + slot)
            self.bits += f"{distance - 1 - (0, 4, 8, 16, 32, 64, 128, 192)[slot]:0{width}b}"
        else:
            slot, more, width = _length(length - 3 - longer)
            self.main(270 + slot)
            self.bits += f"{more:0{width}b}" if width else ""
            slot, more, width = _distance(distance)
            self.bits += f"{slot:06b}" + (f"{more:0{width}b}" if width else "")
        self.recent = [*self.recent[1:], distance]
        self.last = (distance, length)

    def pack(self, before: bytes, data: bytes) -> bytes:
        if not before:
            self.codes()
        whole = before + data
        at = len(before)
        while at < len(whole):
            found = 0
            farthest = at - whole.find(whole[at : at + 8], 0, at)
            for distance in dict.fromkeys((*self.recent, farthest, 1, 45, 2, 100)):
                length = 0
                while 0 < distance <= at and at + length < len(whole) and length < 200:
                    if whole[at + length] != whole[at + length - distance]:
                        break
                    length += 1
                if length > max(found, 4) or (length >= 2 and distance < 255 and not found):
                    found, chosen = (2 if length == 3 else length), distance
            if found:
                self.match(chosen, found)
                at += found
            else:
                self.main(whole[at])
                at += 1
        bits, self.bits = self.bits, ""
        return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))


def _block(kind: int, flags: int, rest: bytes) -> bytes:
    head = struct.pack("<BHH", kind, flags, 7 + len(rest)) + rest
    return struct.pack("<H", zlib.crc32(head) & 0xFFFF) + head


def rar20(files: dict[str, bytes], *, solid: bool = False, flags: int = 0) -> bytes:
    """Return an archive as RAR 2.0 made it."""
    out = b"Rar!\x1a\x07\x00" + _block(0x73, 8 if solid else 0, bytes(6))
    before, packer = b"", _Packer20()
    for number, (name, data) in enumerate(files.items()):
        if not solid:
            before, packer = b"", _Packer20()
        packed = packer.pack(before, data)
        own = flags | 0x8000 | (SOLID if solid and number else 0)
        fields = (len(packed), len(data), 2, zlib.crc32(data), 0x21 << 16, 20, 0x33, len(name), 0x20)
        out += _block(0x74, own, struct.pack("<IIBIIBBHI", *fields) + name.encode()) + packed
        before += data
    return out
