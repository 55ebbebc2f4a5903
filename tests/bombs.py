"""Makers of hostile containers. Everything is computed here; nothing is stored, and nothing is malware."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20


def gzip_zeros(size: int) -> bytes:
    """Repeats a synced block, so that gigabytes are made in no time; the trailer's checksum is not right."""
    compressor = zlib.compressobj(9, wbits=-15)
    header = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    block = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    body = header + block * (size // MIB - 1) + compressor.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + body + struct.pack("<II", 0, size & 0xFFFFFFFF)


def xz_zeros(size: int) -> bytes:
    """Several streams of 64 MiB, one behind the other."""
    return lzma.compress(bytes(64 * MIB), preset=0) * (size // (64 * MIB))


def bzip2_zeros(size: int) -> bytes:
    return bz2.compress(bytes(32 * MIB)) * (size // (32 * MIB))


def zstd_zeros(size: int) -> bytes:
    return zstd.compress(bytes(64 * MIB)) * (size // (64 * MIB))


ZEROS: dict[str, Callable[[int], bytes]] = {
    "gzip": gzip_zeros,
    "bzip2": bzip2_zeros,
    "xz": xz_zeros,
    "zstd": zstd_zeros,
}


def nested_gzip(content: bytes, depth: int) -> bytes:
    for _ in range(depth):
        content = gzip.compress(content, mtime=0)
    return content


def local_header(name: bytes, method: int, content: bytes, size: int, *, checksum: int = 0, flags: int = 0) -> bytes:
    return (
        struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 0, checksum, len(content), size, len(name), 0)
        + name
    )


def central_record(
    name: bytes, method: int, packed: int, size: int, offset: int, *, checksum: int = 0, flags: int = 0
) -> bytes:
    return (
        struct.pack(
            "<4s6H3I5H2I",
            b"PK\x01\x02",
            20,
            20,
            flags,
            method,
            0,
            0,
            checksum,
            packed,
            size,
            len(name),
            0,
            0,
            0,
            0,
            0,
            offset,
        )
        + name
    )


def end_record(count: int, size: int, offset: int) -> bytes:
    return struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, size, offset, 0)


def overlapping_zip(files: int, kernel_size: int) -> bytes:
    """Every file quotes the local headers of those behind it, and ends in one kernel that they share.

    After David Fifield, "A better zip bomb" (WOOT 2019): quoted overlap with stored deflate blocks.
    """
    compressor = zlib.compressobj(9, wbits=-15)
    content = bytes(kernel_size)
    body = compressor.compress(content) + compressor.flush()
    heads: list[tuple[bytes, int, int, int]] = []
    for number in reversed(range(files)):
        name = b"%04d" % number
        heads.append((name, len(body), len(content), zlib.crc32(content)))
        header = local_header(name, 8, body, len(content), checksum=zlib.crc32(content))
        body = b"\0" + struct.pack("<HH", len(header), len(header) ^ 0xFFFF) + header + body
        content = header + content
    out = body[5:]
    records = b""
    for name, packed, unpacked, checksum in heads:
        records += central_record(name, 8, packed, unpacked, len(out) - packed - 30 - len(name), checksum=checksum)
    return out + records + end_record(files, len(records), len(out))


def many_members_zip(count: int, content: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}", content)
    return out.getvalue()


def sparse_tar(real_size: int) -> bytes:
    """A GNU sparse member of one byte that claims to be ``real_size`` bytes long."""
    info = tarfile.TarInfo("sparse")
    info.size = 512
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386 : 386 + 24] = b"%011o\0%011o\0" % (0, 512)
    header[483:495] = b"\x80" + real_size.to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"x" * 512 + bytes(1024)


def nested_mail(depth: int, payload: bytes) -> bytes:
    layer = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
    return b"From: a@example.org\n" + layer * depth + b"Content-Transfer-Encoding: base64\n\n" + payload


def quine_gzip() -> bytes:
    """A gzip file that decompresses to itself, checksum included.

    After Russ Cox, "Zip Files All The Way Down" (2010): a program in a language of two instructions, print the next
    bytes (a stored block) and repeat the last ones (a block with matches), each of which takes the same number of
    bytes. The checksum is a fixed point of a function that is linear over bits, so it is found by elimination.
    """
    head = b"\x1f\x8b\x08\x08" + bytes(6) + b"r.gz\0"
    size = len(_quine(head, bytes(13), 5))

    def build(checksum: int) -> bytes:
        return _quine(head, _LAST_BLOCK + struct.pack("<II", checksum, size), 5)

    return build(_fixed_point(lambda checksum: zlib.crc32(build(checksum))))


def quine_zip() -> bytes:
    """A zip archive whose only member is the archive itself; see ``quine_gzip``."""
    name = b"r"

    def build(checksum: int, packed: int, size: int) -> bytes:
        fields = struct.pack("<5H3I2H", 20, 0, 8, 0, 0, checksum, packed, size, len(name), 0)
        head = b"PK\x03\x04" + fields + name
        record = central_record(name, 8, packed, size, 0, checksum=checksum)
        return _quine(head, _LAST_BLOCK + record + end_record(1, len(record), len(head) + packed), 10)

    size = len(build(0, 0, 0))
    packed = size - (30 + len(name)) - (46 + len(name)) - 22
    return build(_fixed_point(lambda checksum: zlib.crc32(build(checksum, packed, size))), packed, size)


_LAST_BLOCK = b"\x01\0\0\xff\xff"


def _quine(head: bytes, tail: bytes, unit: int) -> bytes:
    """Return a program that prints itself between head and tail; ``unit`` is the length of an instruction, 5 or 10."""
    print_head, repeat_head = _print(len(head) + unit, unit), _repeat(len(head) + unit, unit)
    print_1, print_4, repeat_4, nothing = (
        _print(unit, unit),
        _print(4 * unit, unit),
        _repeat(4 * unit, unit),
        _print(0, unit),
    )
    print_tail, repeat_tail = _print(len(tail) + unit, unit), _repeat(len(tail) + unit, unit)
    program = [head, print_head, head, print_head, repeat_head, print_1, repeat_head, print_1, print_1]
    program += [print_4, repeat_head, print_1, print_1, print_4, repeat_4, print_4, repeat_4, print_4]
    program += [repeat_4, print_4, repeat_4, print_4, repeat_4, nothing, nothing, print_tail]
    program += [repeat_4, nothing, nothing, print_tail, repeat_tail, tail, repeat_tail, tail]
    return b"".join(program)


def _print(count: int, unit: int) -> bytes:
    return b"\0\0\0\xff\xff" * (unit // 5 - 1) + struct.pack("<BHH", 0, count, count ^ 0xFFFF)


def _repeat(count: int, unit: int) -> bytes:
    """Repeat the last bytes in a block with the fixed code: 17 to 20 of them in 5 bytes, 33 to 90 in 10.

    A short one has two matches of up to 10 bytes each; a long one has one match, then an empty block with the fixed
    code and an empty stored one, which ends with a byte.
    """
    if unit == 5:
        matches = [_match(count - 10, count), _match(10, count)]
        return _packed("010" + "".join(matches) + "0000000")
    bits = "010" + _match(count, count) + "0000000" + "010" + "0000000" + "000"
    assert 40 < len(bits) <= 48
    return _packed(bits.ljust(48, "0")) + b"\0\0\xff\xff"


def _match(length: int, distance: int) -> str:
    """Return the bits of a match with the fixed code (RFC 1951, section 3.2.5 and 3.2.6)."""
    bits = ""
    for value, lowest, first in ((length, 3, 257), (distance, 1, 0)):
        groups = 4 if first else 2
        above = value - lowest
        extra = max((above // groups).bit_length() - 1, 0)
        code = first + groups * extra + (above >> extra)
        bits += f"{code - 256:07b}" if first else f"{code:05b}"
        bits += f"{above & ((1 << extra) - 1):0{extra}b}"[::-1] if extra else ""
    return bits


def _packed(bits: str) -> bytes:
    return int(bits[::-1], 2).to_bytes(len(bits) // 8, "little")


def _fixed_point(function: Callable[[int], int]) -> int:
    """Return x with function(x) = x, for a function of 32 bits that is affine over them."""
    constant = function(0)
    rows = [0] * 32
    for bit in range(32):
        column = function(1 << bit) ^ constant ^ 1 << bit
        for row in range(32):
            rows[row] |= (column >> row & 1) << bit
    rows = [row | (constant >> number & 1) << 32 for number, row in enumerate(rows)]
    solved: list[tuple[int, int]] = []
    for bit in range(32):
        pivot = next((row for row in rows if row >> bit & 1), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [row ^ pivot if row >> bit & 1 else row for row in rows]
        solved = [(b, row ^ pivot if row >> bit & 1 else row) for b, row in solved]
        solved.append((bit, pivot))
    assert not any(rows), "no fixed point"
    return sum((row >> 32 & 1) << bit for bit, row in solved)
