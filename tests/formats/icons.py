"""Makes icons of every depth, and programs that have them."""

import random
import struct
from collections.abc import Sequence

from tests.formats.programs import Pe

DEPTHS = (1, 4, 8, 16, 24, 32)
_RESOURCES_AT, _RAW = 0x2000, 0x400


def line_bytes(width: int, depth: int) -> int:
    return (width * depth + 31) // 32 * 4


def dib(width: int, height: int, depth: int, lines: bytes, *, palette: bytes = b"", mask: bytes | None = None) -> bytes:
    """An icon's picture as it lies in a program; without a mask all of it is opaque."""
    header = struct.pack("<IIIHHIIIIII", 40, width, 2 * height, 1, depth, 0, 0, 0, 0, 0, 0)
    return header + palette + lines + (bytes(height * line_bytes(width, 1)) if mask is None else mask)


def random_dib(rng: random.Random, width: int, height: int, depth: int) -> bytes:
    """A picture of random rectangles and some noise, partly transparent."""
    palette = b"".join(rng.choice([_color(rng), _gray(rng)]) + b"\0" for _ in range(1 << depth)) if depth <= 8 else b""
    scheme = rng.choice([_color, _gray, _vivid])
    colors = [rng.randrange(1 << depth) if depth <= 8 else _value(rng, scheme, depth) for _ in range(rng.randint(1, 6))]
    rows = [[colors[0]] * width for _ in range(height)]
    for _ in range(rng.randint(0, 12)):
        left, top = rng.randrange(width), rng.randrange(height)
        color = rng.choice(colors)
        for y in range(top, min(height, top + rng.randint(1, height))):
            for x in range(left, min(width, left + rng.randint(1, width))):
                rows[y][x] = color
    for _ in range(rng.choice([0, 0, 40, width * height])):
        rows[rng.randrange(height)][rng.randrange(width)] = rng.choice(colors)
    return dib(
        width,
        height,
        depth,
        b"".join(_packed(row, depth) for row in rows),
        palette=palette,
        mask=_mask(rng, width, height),
    )


def _color(rng: random.Random) -> bytes:
    return rng.randbytes(3)


def _vivid(rng: random.Random) -> bytes:
    return bytes(rng.choice([0, 255, 128, rng.randrange(256)]) for _ in range(3))


def _gray(rng: random.Random) -> bytes:
    return bytes([rng.randrange(256)]) * 3


def _value(rng: random.Random, scheme, depth: int) -> int:
    alpha = rng.choice([b"\0", b"\xff", rng.randbytes(1)])
    return int.from_bytes((scheme(rng) + alpha)[: depth // 8], "little")


def _packed(row: Sequence[int], depth: int) -> bytes:
    if depth >= 8:
        line = b"".join(value.to_bytes(depth // 8, "little") for value in row)
    else:
        bits = "".join(f"{value:0{depth}b}" for value in row)
        line = int(bits.ljust(-len(bits) % 8 + len(bits), "0"), 2).to_bytes((len(bits) + 7) // 8)
    return line.ljust(line_bytes(len(row), depth), b"\0")


def _mask(rng: random.Random, width: int, height: int) -> bytes:
    length = height * line_bytes(width, 1)
    return rng.choice([bytes(length), rng.randbytes(length), bytes(length // 2) + b"\xff" * (length - length // 2)])


def icon_program(dibs: Sequence[bytes], *, ids: Sequence[int] | None = None, **fields: object) -> bytes:
    """A program whose only icon group has these pictures."""
    ids = ids or range(1, len(dibs) + 1)
    tree, contents = _tree(dibs, list(ids))
    resources = tree + contents
    size = (len(resources) + 0x1FF) // 0x200 * 0x200
    program = Pe(
        sections=[(b".rsrc", size, _RESOURCES_AT, size, _RAW)],
        entry=0x200,
        directories={2: (_RESOURCES_AT, len(resources))},
        size=_RAW + size,
        content={_RAW: resources},
    )
    for name, value in fields.items():
        setattr(program, name, value)
    return program.build()


def _directory(entries: Sequence[tuple[int, int]]) -> bytes:
    return bytes(12) + struct.pack("<HH", 0, len(entries)) + b"".join(struct.pack("<II", *entry) for entry in entries)


def _tree(dibs: Sequence[bytes], ids: Sequence[int]) -> tuple[bytes, bytes]:
    """The directories with the data entries, and what these point at."""
    deep = 0x80000000
    group = struct.pack("<HHH", 0, 1, len(dibs))
    for number, picture in zip(ids, dibs, strict=True):
        group += struct.pack("<BBBBHHIH", 32, 32, 0, 0, 1, 32, len(picture), number)
    names_at = 32
    languages_at = names_at + 16 + 8 * len(dibs)
    group_at = languages_at + 24 * len(dibs)
    entries_at = group_at + 48
    contents_at = entries_at + 16 * (len(dibs) + 1)
    tree = _directory([(3, deep | names_at), (14, deep | group_at)])
    tree += _directory([(number, deep | languages_at + 24 * index) for index, number in enumerate(ids)])
    for index in range(len(dibs)):
        tree += _directory([(1033, entries_at + 16 * index)])
    tree += _directory([(1, deep | group_at + 24)]) + _directory([(1033, entries_at + 16 * len(dibs))])
    contents = b""
    for content in (*dibs, group):
        tree += struct.pack("<IIII", _RESOURCES_AT + contents_at + len(contents), len(content), 0, 0)
        contents += content + bytes(-len(content) % 4)
    return tree, contents
