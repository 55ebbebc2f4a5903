"""The icons of a PE program, decoded and scaled as ClamAV does before it measures them.

Only pictures without compression (DIB) count: ClamAV passes over PNG. Its ways with unusual depths are followed,
because signatures were made with them.

Source: Microsoft's documentation of icon resources (RT_GROUP_ICON, RT_ICON) and of BITMAPINFOHEADER; observed behaviour
of ClamAV 1.4.
"""

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from freehold.formats.peresources import Resources
from freehold.model.layout import Layout
from freehold.model.limits import Budget
from freehold.model.view import View

_ICON, _GROUP = 3, 14
_MOST_ICONS = 100
"""ClamAV looks at no more entries of a group."""

_HEADER = struct.Struct("<IIIHHIIIIII")
_SMALLEST, _LARGEST = 16, 256
_WHITE = 0xFFFFFF
_OPAQUE = 0xFF000000
_WORD = 0xFFFFFFFF
_SIZES = (16, 24, 32)


class Picture(NamedTuple):
    """A square picture of at most 32 pixels a side.

    Attributes:
        side: in pixels.
        pixels: 0xRRGGBB, from the upper left corner on, line by line.
    """

    side: int
    pixels: list[int]


def icons(view: View, layout: Layout, budget: Budget) -> Iterator[Picture]:
    """Yield the icons of a program's first icon group; a library has none that count. Raises ``LimitReached``."""
    resources = Resources(view, layout)
    if layout.is_library or not resources or not resources.address:
        return
    known: dict[int, Picture | None] = {}
    for number in _numbers(view, resources):
        for _, address in resources.find(_ICON, number):
            if address not in known:
                budget.tick()
                known[address] = _picture(view, resources, address)
                if (picture := known[address]) is not None:
                    yield picture


def _numbers(view: View, resources: Resources) -> Iterator[int]:
    """Yield the numbers of the icons that make up the first group, in all its languages."""
    first: int | None = None
    count = 0
    for name, address in resources.find(_GROUP):
        first = name if first is None else first
        if name != first:
            return
        for number in _group(view, resources, address):
            yield number
            count += 1
            if count >= _MOST_ICONS:
                return


def _group(view: View, resources: Resources, address: int) -> Iterator[int]:
    entry = resources.at(address)
    header = view.read(entry, 16) if entry is not None else b""
    if len(header) < 16:
        return
    content, size = struct.unpack_from("<II", header)
    start = resources.at(content)
    if start is None or size <= 6 or size > view.size - start:
        return
    head = view.read(start, 6)
    (count,) = struct.unpack_from("<H", head, 4)
    table = view.read(start + 6, 14 * min(count, _MOST_ICONS, (size - 6) // 14))
    for (number,) in struct.iter_unpack("<12xH", table):
        yield number


class _Bitmap(NamedTuple):
    """An icon as it is stored: its lines, and a bit for each pixel that is transparent, begin at the bottom."""

    width: int
    height: int
    depth: int
    palette: tuple[int, ...]
    lines: bytes
    masks: bytes


def _picture(view: View, resources: Resources, address: int) -> Picture | None:
    """Decode the icon with this data entry; None when it does not count."""
    bitmap = _bitmap(view, resources, address)
    if bitmap is None:
        return None
    width, height = bitmap.width, bitmap.height
    row = _row_reader(bitmap)
    if width == height and width in _SIZES:
        return Picture(width, [pixel for y in range(height) for pixel in row(y)])
    if width == height and (not width % 32 or not width % 24):
        return _halved(width, [row(y) for y in range(height)])
    return _sampled(width, height, row)


def _bitmap(view: View, resources: Resources, address: int) -> _Bitmap | None:
    entry = resources.at(address)
    pointer = view.read(entry, 4) if entry is not None else b""
    at = resources.at(int.from_bytes(pointer, "little")) if len(pointer) == 4 else None
    header = view.read(at, _HEADER.size) if at is not None else b""
    if at is None or len(header) < _HEADER.size:
        return None
    size, width, double_height, _, depth, *_ = _HEADER.unpack(header)
    height = double_height // 2
    if size < _HEADER.size or not (_SMALLEST <= width <= _LARGEST and _SMALLEST <= height <= _LARGEST):
        return None
    if width < height * 3 // 4 or height < width * 3 // 4 or depth not in {1, 4, 8, 16, 24, 32}:
        return None
    at = (at + size) & _WORD
    palette: tuple[int, ...] = ()
    if depth <= 8:
        table = view.read(at, 4 << depth)
        if len(table) < 4 << depth:
            return None
        palette = struct.unpack(f"<{1 << depth}I", table)
        at += 4 << depth
    content = _content(view, at, width, height, depth)
    return None if content is None else _Bitmap(width, height, depth, palette, *content)


def _content(view: View, at: int, width: int, height: int, depth: int) -> tuple[bytes, bytes] | None:
    """Return the lines of the picture, and those that say what is transparent; none when the picture says so itself."""
    length = height * _line_bytes(width, depth)
    mask_length = height * _line_bytes(width, 1)
    needed = length + (mask_length if depth != 32 else 0)
    lines = view.read(at, length + mask_length)
    if len(lines) < needed:
        return None
    lines, masks = lines[:length], lines[length:]
    if depth == 32 and any(lines[3::4]):
        masks = b""  # its own fourth byte says what is transparent
    elif len(masks) < mask_length:
        masks = bytes(mask_length)  # 32 bits without transparency, whose mask is cut: all of it is opaque
    return lines, masks


def _line_bytes(width: int, depth: int) -> int:
    return (width * depth + 31) // 32 * 4


def _row_reader(bitmap: _Bitmap) -> Callable[[int], list[int]]:
    """Return what reads a row, counted from the top, as it looks on white."""
    decode = _DECODERS[bitmap.depth]
    length, mask_length = _line_bytes(bitmap.width, bitmap.depth), _line_bytes(bitmap.width, 1)

    def row(y: int) -> list[int]:
        line = bitmap.height - 1 - y
        pixels = decode(bitmap.lines[line * length : (line + 1) * length], bitmap)
        if bitmap.masks:
            mask = bitmap.masks[line * mask_length : (line + 1) * mask_length]
            bits = f"{int.from_bytes(mask):0{8 * mask_length}b}"
            pixels = [pixel if bit == "1" else pixel | _OPAQUE for pixel, bit in zip(pixels, bits, strict=False)]
        return list(map(_on_white, pixels))

    return row


def _indexed(line: bytes, bitmap: _Bitmap) -> list[int]:
    palette, depth = bitmap.palette, bitmap.depth
    if depth == 8:
        return [palette[byte] for byte in line[: bitmap.width]]
    mask = (1 << depth) - 1
    shifts = range(8 - depth, -1, -depth)
    return [palette[byte >> shift & mask] for byte in line for shift in shifts][: bitmap.width]


def _sixteen(line: bytes, bitmap: _Bitmap) -> list[int]:
    """ClamAV's colours of 16 bits are not those that people see; signatures are about its own."""
    pixels = []
    for (value,) in struct.iter_unpack("<H", line[: 2 * bitmap.width]):
        blue, green, red = value & 0x1F, value >> 5 & 0x1F, value >> 8 & 0xFC
        blue = blue << 3 | blue >> 2
        green = (green << 3 | green >> 2) << 11
        red = (red << 3 | red >> 2) << 17
        pixels.append(red | green | blue)
    return pixels


def _twenty_four(line: bytes, bitmap: _Bitmap) -> list[int]:
    end = 3 * bitmap.width
    return [b | g << 8 | r << 16 for b, g, r in zip(line[0:end:3], line[1:end:3], line[2:end:3], strict=True)]


def _thirty_two(line: bytes, bitmap: _Bitmap) -> list[int]:
    return list(struct.unpack(f"<{bitmap.width}I", line))


_DECODERS: dict[int, Callable[[bytes, _Bitmap], list[int]]] = {
    1: _indexed,
    4: _indexed,
    8: _indexed,
    16: _sixteen,
    24: _twenty_four,
    32: _thirty_two,
}


def _on_white(pixel: int) -> int:
    alpha = pixel >> 24
    if alpha == 0xFF:
        return pixel & _WHITE
    if not alpha:
        return _WHITE
    rest = 0xFF - alpha
    red = rest + alpha * (pixel >> 16 & 0xFF) // 0xFF
    green = rest + alpha * (pixel >> 8 & 0xFF) // 0xFF
    blue = rest + alpha * (pixel & 0xFF) // 0xFF
    return red << 16 | green << 8 | blue


def _halved(side: int, rows: list[list[int]]) -> Picture:
    """Halve the sides until they have 32 pixels or fewer."""
    while side > 32:
        rows = [
            [
                _average(_average(a, b), _average(c, d))
                for a, b, c, d in zip(upper[::2], upper[1::2], lower[::2], lower[1::2], strict=True)
            ]
            for upper, lower in zip(rows[::2], rows[1::2], strict=True)
        ]
        side //= 2
    return Picture(side, [pixel for row in rows for pixel in row])


def _average(one: int, other: int) -> int:
    """Return the average of each colour, rounded down."""
    return (((one ^ other) & 0xFEFEFE) >> 1) + (one & other)


def _sampled(width: int, height: int, row: Callable[[int], list[int]]) -> Picture:
    """Take one of several pixels, or one several times, so that the side is the nearest of 16, 24 and 32."""

    def distance(side: int) -> int:
        return abs(width - side) + abs(height - side)

    side = 32 if distance(32) < distance(24) else 24 if distance(24) < distance(16) else 16
    columns = [int(x * (width / side) + 0.5) for x in range(side)]
    pixels: list[int] = []
    for y in range(side):
        line = row(int(y * (height / side)))
        pixels += [line[column] for column in columns]
    return Picture(side, pixels)
