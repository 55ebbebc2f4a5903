"""Makers of installers that no free tool makes, written from their descriptions and apart from the readers."""

import gzip
import itertools
import json
import struct
import zlib


def _rotated(value: int, count: int) -> int:
    return (value << count | value >> 32 - count) & 0xFFFFFFFF


def _ranrot(seed: int, length: int) -> bytes:
    """The generator of EA06 as a ring of 17 words, one output at a time."""
    ring = []
    for _ in range(17):
        seed = (1 - seed * 0x53A9B4FB) & 0xFFFFFFFF
        ring.append(seed)
    first, second = 0, 10

    def step() -> int:
        nonlocal first, second
        ring[first] = (_rotated(ring[first], 9) + _rotated(ring[second], 13)) & 0xFFFFFFFF
        value = ring[first]
        first, second = (first - 1) % 17, (second - 1) % 17
        return value

    for _ in range(9):
        step()
    return bytes((step(), step())[1] >> 24 for _ in range(length))


def _twister(seed: int, length: int) -> bytes:
    """The Mersenne Twister by Matsumoto and Nishimura (1998, seeding of 2002), each output shifted by one."""
    state = [seed]
    for index in range(1, 624):
        state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + index) & 0xFFFFFFFF)
    out = bytearray()
    while len(out) < length:
        for index in range(624):
            mixed = state[index] & 0x80000000 | state[(index + 1) % 624] & 0x7FFFFFFF
            state[index] = state[(index + 397) % 624] ^ mixed >> 1 ^ (0x9908B0DF if mixed & 1 else 0)
        for word in state:
            word ^= word >> 11  # noqa: PLW2901 - tempering
            word ^= word << 7 & 0x9D2C5680  # noqa: PLW2901
            word ^= word << 15 & 0xEFC60000  # noqa: PLW2901
            word ^= word >> 18  # noqa: PLW2901
            out.append(word >> 1 & 0xFF)
    return bytes(out[:length])


def _lz(data: bytes, literal: str) -> bytes:
    """Pack data in AutoIt's way; a match is taken where the line before says the same."""
    match = "01"[literal == "0"]
    bits = ""
    at = 0
    while at < len(data):
        length = 0
        distance = data.find(b"\n", 0) + 1
        if 0 < distance <= at:
            while length < 600 and at + length < len(data) and data[at + length] == data[at + length - distance]:
                length += 1
        if length < 3:
            bits += literal + f"{data[at]:08b}"
            at += 1
            continue
        bits += match + f"{distance:015b}" + _length(length)
        at += length
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8))


def _length(length: int) -> str:
    bits = ""
    for base, width in ((3, 2), (6, 3), (13, 5), (44, 8)):
        if length - base < (1 << width) - 1:
            return bits + f"{length - base:0{width}b}"
        bits += "1" * width
    length -= 299
    while length >= 255:
        bits += "1" * 8
        length -= 255
    return bits + f"{length:08b}"


def autoit(version: int, files: dict[str, bytes], *, packed: bool = True) -> bytes:
    """Return a script archive of AutoIt, EA05 or EA06; names that begin with ">" are kinds of scripts."""
    mask, codec, mark, kind, name, size, checksum, content, literal = {
        5: (_twister, "latin-1", 0x16FA, (0x29BC, 0xA25E), (0x29AC, 0xF25E), 0x45AA, 0xC3D2, 0x22AF, "0"),
        6: (_ranrot, "utf-16-le", 0x18EE, (0xADBC, 0xB33F), (0xF820, 0xF479), 0x87BC, 0xA685, 0x2477, "1"),
    }[version]
    salt = bytes(range(16))

    def masked(data: bytes, seed: int) -> bytes:
        return bytes(a ^ b for a, b in zip(data, mask(seed & 0xFFFFFFFF, len(data)), strict=True))

    def string(text: str, keys: tuple[int, int]) -> bytes:
        return struct.pack("<I", len(text) ^ keys[0]) + masked(text.encode(codec), len(text) + keys[1])

    out = bytes.fromhex("a3484bbe986c4aa9994c530a86d6487d") + b"AU3!EA0%d" % version + salt
    for label, data in files.items():
        body = b"EA0%d" % version + struct.pack(">I", len(data)) + _lz(data, literal) if packed else data
        seed = content + (sum(salt) if version == 5 else 0)
        out += masked(b"FILE", mark) + string(label, kind) + string("C:\\made\\here", name)
        out += bytes([packed]) + struct.pack("<3I", len(body) ^ size, len(data) ^ size, zlib.adler32(body) ^ checksum)
        out += bytes(16) + masked(body, seed)
    return out + bytes(32)


def autoit_tokens(*tokens: tuple[int, bytes | str]) -> bytes:
    """Return a script as tokens, each a code and its bytes or its text."""
    out = struct.pack("<I", 1)
    for code, value in tokens:
        out += bytes([code])
        if isinstance(value, str):
            key = len(value)
            words = struct.unpack(f"<{key}H", value.encode("utf-16-le"))
            out += struct.pack(f"<I{key}H", key, *(word ^ key for word in words))
        else:
            out += value
    return out


def setup_stream(files: dict[str, bytes], *, named: bool, in_blocks: bool = True) -> bytes:
    """Return what InstallShield's launcher carries: fixed headers, or such with long names."""
    out = (b"ISSetupStream\0" if named else b"InstallShield\0") + struct.pack("<HI", len(files), 4) + bytes(26)
    for name, data in files.items():
        salt = itertools.cycle(b"\x13\x35\x86\x07")
        key = bytes(a ^ b ^ 0xFF for a, b in zip(name.encode(), salt, strict=False))
        packed = zlib.compress(data)
        period = (key * 1024)[:1024] if in_blocks else key
        masked = bytes(
            (value ^ mask) >> 4 | ((value ^ mask) & 15) << 4
            for value, mask in zip(packed, itertools.cycle(period), strict=False)
        )
        flags = 6 if in_blocks else 2
        if named:
            wide = name.encode("utf-16-le")
            out += struct.pack("<II2xI8xH", len(wide), flags, len(packed), 1) + wide
        else:
            out += name.encode().ljust(260, b"\0") + struct.pack("<I4xI8xH30x", flags, len(packed), 1)
        out += masked
    return out


def _blocks(data: bytes) -> bytes:
    out = b""
    for at in range(0, len(data), 1000):
        packer = zlib.compressobj(9, wbits=-15)
        block = packer.compress(data[at : at + 1000]) + packer.flush()
        out += struct.pack("<H", len(block)) + block
    return out


def _obfuscated(data: bytes) -> bytes:
    sums = ((value + index % 0x47) & 0xFF for index, value in enumerate(data))
    return bytes(((value << 2 | value >> 6) & 0xFF) ^ 0xD5 for value in sums)


def _common(version: int, place: int, size: int) -> bytes:
    return struct.pack("<4sIIII", b"ISc(", version, 0, place, size)


def cabinet_5(files: dict[str, bytes]) -> bytes:
    """Return a cabinet of release 5: all in one; the first file is stored, the second one obfuscated."""
    content, entries, names = b"", [], b"\0"
    for index, (name, data) in enumerate(files.items()):
        packed = data if index == 0 else _blocks(data)
        flags = (0, 6, 4)[min(index, 2)]
        entries.append((len(names), flags, len(data), len(packed), 40 + len(content)))
        names += name.encode() + b"\0"
        content += _obfuscated(packed) if flags & 2 else packed
    pointers = 4 * (1 + len(files))
    table = struct.pack("<I", pointers)
    table += b"".join(struct.pack("<I", pointers + len(names) + 60 * index) for index in range(len(files))) + names
    for name, flags, size, packed, start in entries:
        table += struct.pack("<IIHII12x8xI16x", pointers + name, 0, flags, size, packed, start).ljust(60, b"\0")
    descriptor = bytearray(64)
    struct.pack_into("<I", descriptor, 0x0C, len(descriptor))
    struct.pack_into("<I", descriptor, 0x1C, 1)
    struct.pack_into("<I", descriptor, 0x28, len(files))
    head = _common(0x01005000, 40 + len(content), len(descriptor))
    return head.ljust(40, b"\0") + content + descriptor + table


def cabinet_6(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return ``data1.hdr`` and two volumes of release 6; the last file begins in one and goes on in the other."""
    first, second = bytearray(256), bytearray(256)
    entries, names = [], b"\0"
    last = len(files) - 1
    for index, (name, data) in enumerate(files.items()):
        packed = _blocks(data)
        entries.append((4 | (index == last), len(data), len(packed), len(first), len(names)))
        names += name.encode() + b"\0"
        half = len(packed) // 2 if index == last else len(packed)
        if index == last:
            struct.pack_into("<8x2I6Q", first, 20, 0, last, 0, 0, 0, len(first), len(data), half)
            struct.pack_into("<8x2I6Q", second, 20, last, last, 256, len(data), len(packed) - half, 0, 0, 0)
        first += packed[:half]
        second += packed[half:]
    table = struct.pack("<I", 4) + names
    second_table = len(table)
    for flags, size, packed_size, start, name in entries:
        table += struct.pack("<HQQQ32xIH12xIIBH", flags, size, packed_size, start, 4 + name, 0, 0, 0, 0, 1)
    descriptor = bytearray(64)
    struct.pack_into("<I", descriptor, 0x0C, len(descriptor))
    struct.pack_into("<I", descriptor, 0x1C, 1)
    struct.pack_into("<II", descriptor, 0x28, len(files), second_table)
    first[:20] = second[:20] = _common(0x01009500, 0, 0)
    header = _common(0x01009500, 20, len(descriptor)) + descriptor + table
    return {"data1.hdr": header, "data1.cab": bytes(first), "data2.cab": bytes(second)}


def setup_files(files: dict[str, bytes], codec: str = "latin-1") -> bytes:
    """Return files as a self-extracting setup has them behind its program."""
    out = b""
    for name, data in files.items():
        head = f"{name}\0Disk1\\{name}\x000.0.0.0\0{len(data)}\0"
        out += head.encode(codec) + data
    return out


def pyinstaller(program: bytes, files: dict[str, bytes]) -> bytes:
    """Return a program with an archive of PyInstaller behind it, every other member packed."""
    body, table = b"", b""
    for number, (name, data) in enumerate(files.items()):
        packed = zlib.compress(data) if number % 2 else data
        label = name.encode() + b"\0"
        fields = (18 + len(label), len(body), len(packed), len(data), number % 2, b"b")
        table += struct.pack(">IIIIBc", *fields) + label
        body += packed
    length = len(body) + len(table) + 88
    cookie = struct.pack(">8sIIII64s", b"MEI\x0c\x0b\x0a\x0b\x0e", length, len(body), len(table), 311, b"libpython3.11")
    return program + body + table + cookie


def _blob(magic: int, content: bytes) -> bytes:
    return struct.pack(">II", magic, 8 + len(content)) + content


def code_signature(identifier: str, team: str, *, signed: bool = True) -> bytes:
    """Return a signature of macOS, whose digests and certificates are made up."""
    names = identifier.encode() + b"\0"
    fixed = 52
    place = 8 + fixed - 8
    head = struct.pack(">IIII", 0x20400, 0x10000 | (0 if signed else 2), 0, place)
    head += struct.pack(">IIIBBBBI", 0, 0, 0, 32, 2, 0, 12, 0) + struct.pack(">I", 0)
    head += struct.pack(">I", place + len(names) if team else 0)
    directory = _blob(0xFADE0C02, head + names + team.encode() + b"\0")
    blobs = [(0, directory), (5, _blob(0xFADE7171, b"<plist/>"))]
    if signed:
        blobs.append((0x10000, _blob(0xFADE0B01, b"not a message")))
    index, at = b"", 12 + 8 * len(blobs)
    for slot, blob in blobs:
        index += struct.pack(">II", slot, at)
        at += len(blob)
    content = b"".join(blob for _, blob in blobs)
    return struct.pack(">III", 0xFADE0CC0, 12 + len(index) + len(content), len(blobs)) + index + content


DOTNET_MARK = bytes.fromhex("8b1202b96a612038727b930214d7a03213f5b9e6efae3318ee3b2dce24b36aae")


def dotnet_bundle(program: bytes, mark_at: int, files: dict[str, bytes], release: int = 6) -> bytes:
    """Return a program of .NET in a single file; from release 6 on every other file is packed."""
    out = bytearray(program)
    entries = b""
    for number, (name, data) in enumerate(files.items()):
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(data) + packer.flush() if release >= 6 and number % 2 else b""
        fields = (len(out), len(data), *([len(packed)] if release >= 6 else []))
        label = name.encode()
        assert len(label) < 128
        entries += struct.pack(f"<{len(fields)}qBB", *fields, 1, len(label)) + label
        out += packed or data
    out[mark_at : mark_at + 40] = struct.pack("<Q", len(out)) + DOTNET_MARK
    settings = bytes(40) if release > 1 else b""
    return bytes(out) + struct.pack("<IIIB", release, 0, len(files), 12) + b"bundle-ident" + settings + entries


def nuitka(files: dict[str, bytes], *, windows: bool, checksums: bool = False, mode: str = "together") -> bytes:
    """Return a payload of Nuitka: packed together, each for itself ("cache"), or not at all ("stored")."""
    from backports import zstd

    body = b""
    for name, content in files.items():
        body += (name + "\0").encode("utf-16-le" if windows else "utf-8") + (b"" if windows else b"\1")
        body += struct.pack("<Q", len(content)) + (struct.pack("<I", zlib.crc32(content)) if checksums else b"")
        packed = zstd.compress(content) if mode == "cache" else content
        body += (struct.pack("<I", len(packed)) if mode == "cache" else b"") + packed
    if not windows:
        body += b"link\0\2target\0"
    body += bytes(2 if windows else 1)
    if mode == "together":
        body = zstd.compress(body)
    return (b"KAX" if mode == "stored" else b"KAY") + body


def pkg(files: dict[str, bytes], *, packing: int = 0) -> bytes:
    """Return the end of a program by pkg: the payload, then the prelude whose last arguments are tables."""
    body = b""
    table = {}
    for number, content in enumerate(files.values()):
        packed = gzip.compress(content) if packing == 1 else content
        table[f"/0/{number + 1:x}"] = {"1": [len(body), len(packed)], "3": [len(body), 0]}
        body += packed
    segments = {"snapshot": "0"} | {name: f"{number + 1:x}" for number, name in enumerate(files)}
    arguments = "\n,\n".join((json.dumps(table), '"/0/1"', "{}", json.dumps(segments), str(packing)))
    head = "(function(process, require, console, EXECPATH_FD, PAYLOAD_POSITION, PAYLOAD_SIZE) {"
    return body + f"{head} return (function () {{\n}})(function (exports) {{\n}},\n{arguments}\n);\n}})".encode()
