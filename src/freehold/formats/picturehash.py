"""The perceptual hash of a picture, as ClamAV computes it: alike pictures have equal hashes.

A picture becomes gray and 32 pixels a side; the lowest 64 frequencies are compared with their median. ClamAV computes
with numbers of 24 bits. A smooth picture has frequencies that are nothing but the errors of such numbers, so this does
exactly the same, where it matters; Pillow decodes, and does what is exact anyhow.

Sources: the hash ``phash`` of the Python package imagehash; observed behaviour of ClamAV 1.4.
"""

import math
import struct
import zlib
from array import array
from collections.abc import Iterable, Sequence
from io import BytesIO
from operator import mul
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from freehold.model.errors import LimitReached
from freehold.model.limits import MIB, Budget
from freehold.model.view import View

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 40_000_000
"""Pixels of a picture that is decoded."""

MOST_BYTES = 100 * MIB
"""Bytes of a picture that is decoded."""

FORMATS = {"png": "PNG", "gif": "GIF", "jpeg": "JPEG", "tiff": "TIFF", "bmp": "BMP"}
"""Pillow's names of the file types that have hashes."""

_NOT_AS_TIFF = frozenset({"LA", "P", "PA"})
"""Kinds of TIFF that ClamAV does not decode."""

_NO_PICTURE = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError),
    *(TypeError, ValueError, struct.error, zlib.error),
)
"""What Pillow raises for content that it cannot decode."""

_SIDE = 32
_LOW = 8
_LUMA = (0.299, 0.587, 0.114, 0.0)
_SUPPORT = 3.0
_BAND = 1 << 20
"""Pixels that are turned into floating-point numbers at once."""
_DOUBT = 6e-7
"""Per weight, how far a sum of numbers with 24 bits may be off."""
_MOST_WORK = 1 << 22
"""Products that are computed to dispel doubts about one picture."""

Vector: TypeAlias = "array[float]"


def load_decoders() -> None:
    """Load all that Pillow needs, as long as that is possible: it cannot be loaded late."""
    from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS  # for sizes that Pillow learns of only while it decodes
    del BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin


def picture_hash(view: View, file_type: str, budget: Budget) -> bytes | None:
    """Return the hash of a picture, None when it cannot be decoded.

    Raises:
        LimitReached: it is too large, or time is up.
    """
    if view.size > MOST_BYTES:
        raise LimitReached("picture_bytes", MOST_BYTES)
    gray = _gray(view.read(0, view.size), FORMATS[file_type])
    if gray is None:
        return None
    budget.tick()
    return _bits(_low_frequencies(_shrunk(gray, budget)))


def _gray(data: bytes, name: str) -> "Image | None":
    import warnings

    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(BytesIO(data), formats=[name]) as picture:
                _check(picture)
                if name == "TIFF" and picture.mode in _NOT_AS_TIFF:
                    return None
                picture.load()
                return _luma(picture)
        except (MemoryError, Image.DecompressionBombError):
            raise LimitReached("picture_pixels", MOST_PIXELS) from None
        except _NO_PICTURE:
            return None


def _check(picture: "Image") -> None:
    if picture.width * picture.height > MOST_PIXELS:
        raise LimitReached("picture_pixels", MOST_PIXELS)


def _luma(picture: "Image") -> "Image":
    if picture.mode == "L":
        return picture.copy()
    if picture.mode in {"I;16", "I;16B", "I;16L", "I"}:
        return picture.convert("I").point(lambda value: value / 257 + 0.5).convert("L")
    if picture.mode == "LA":
        return picture.getchannel("L")
    rgb = picture if picture.mode == "RGB" else picture.convert("RGBA" if picture.mode == "P" else "RGB").convert("RGB")
    return rgb.convert("L", _LUMA)


# Resizing with the filter of Lanczos, rows first


class _Window(NamedTuple):
    start: int
    weights: Vector


def _shrunk(gray: "Image", budget: Budget) -> list[Vector]:
    """Return 32 rows of 32 pixels, from 0 to 1."""
    if gray.size == (_SIDE, _SIDE):
        pixels: Sequence[float] = gray.tobytes()
    else:
        pixels = _resized(gray, budget)
    levels = _vector(pixel / 255 for pixel in pixels)
    return [levels[start : start + _SIDE] for start in range(0, _SIDE * _SIDE, _SIDE)]


def _resized(gray: "Image", budget: Budget) -> list[int]:
    """Return the pixels of the small picture; those that are close to a half are computed once more, exactly."""
    values = _approximate(gray, budget)
    rows, columns = _windows(gray.height), _windows(gray.width)
    work = _MOST_WORK
    pixels = []
    for index, approximate in enumerate(values):
        row, column = rows[index // _SIDE], columns[index % _SIDE]
        doubt = _DOUBT * (len(row.weights) + len(column.weights)) + 1e-5
        products = len(row.weights) * len(column.weights)
        value = approximate
        if abs(approximate % 1 - 0.5) < doubt and 0 < approximate < 255 and work > products:
            work -= products
            budget.tick()
            value = _exact(gray, row, column)
        pixels.append(min(255, max(0, math.floor(value + 0.5))))
    return pixels


def _approximate(gray: "Image", budget: Budget) -> Sequence[float]:
    from PIL import Image

    lanczos = Image.Resampling.LANCZOS
    narrow = Image.new("F", (_SIDE, gray.height))
    step = max(1, _BAND // gray.width)
    for top in range(0, gray.height, step):
        band = gray.crop((0, top, gray.width, min(top + step, gray.height))).convert("F")
        narrow.paste(band.resize((_SIDE, band.height), lanczos), (0, top))
        budget.tick()
    return struct.unpack(f"{_SIDE * _SIDE}f", narrow.resize((_SIDE, _SIDE), lanczos).tobytes())


def _exact(gray: "Image", row: _Window, column: _Window) -> float:
    width = len(column.weights)
    box = (column.start, row.start, column.start + width, row.start + len(row.weights))
    data = gray.crop(box).tobytes()
    sums = array("f", bytes(4 * width))
    for index, weight in enumerate(row.weights):
        line = data[index * width : (index + 1) * width]
        products = array("f", [pixel * weight for pixel in line])
        sums = array("f", map(float.__add__, sums, products))
    total = array("f", [0.0])
    for product in array("f", map(mul, sums, column.weights)):
        total[0] += product
    return total[0]


def _windows(length: int) -> list[_Window]:
    """Return for each of the 32 places what is added up there, with weights."""
    ratio = _single(length / _SIDE)
    scale = max(ratio, 1.0)
    support = _single(_SUPPORT * scale)
    windows = []
    for place in range(_SIDE):
        centre = _single((place + 0.5) * ratio)
        first = min(max(math.floor(_single(centre - support)), 0), length - 1)
        last = min(max(math.ceil(_single(centre + support)), first + 1), length)
        middle = _single(centre - 0.5)
        weights = _vector(_lanczos(_single(_single(index - middle) / scale)) for index in range(first, last))
        total = 0.0
        for weight in weights:
            total = _single(total + weight)
        windows.append(_Window(first, _vector(weight / total for weight in weights)))
    return windows


def _lanczos(x: float) -> float:
    return _single(_sinc(x) * _sinc(_single(x / _SUPPORT))) if abs(x) < _SUPPORT else 0.0


def _sinc(t: float) -> float:
    if not t:
        return 1.0
    angle = _single(t * _PI)
    return _single(_single(math.sin(angle)) / angle)


def _single(value: float) -> float:
    rounded: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    return rounded


_SINGLE = struct.Struct("f")
_PI = _single(math.pi)


# Frequencies (DCT-II), split in halves and quarters; each operation on a row of numbers of 24 bits


def _low_frequencies(rows: list[Vector]) -> list[float]:
    """Return the lowest eight frequencies across of each of the lowest eight frequencies down."""
    down = [_vector(2 * value for value in row) for row in _frequencies(rows)[:_LOW]]
    columns = [_vector(column) for column in zip(*down, strict=True)]
    across = [_vector(2 * value for value in column) for column in _frequencies(columns)[:_LOW]]
    return [across[x][y] for y in range(_LOW) for x in range(_LOW)]


def _frequencies(rows: list[Vector]) -> list[Vector]:
    length = len(rows)
    if length == 1:
        return rows
    if length == 2:
        return [_add(rows[0], rows[1]), _times(_subtract(rows[0], rows[1]), _single(math.sqrt(0.5)))]
    half, quarter = length // 2, length // 4
    inner = [_add(rows[i], rows[length - 1 - i]) for i in range(half)]
    evens: list[Vector] = []
    odds: list[Vector] = []
    for i in range(quarter):
        lower = _subtract(rows[i], rows[length - 1 - i])
        upper = _subtract(rows[half - 1 - i], rows[half + i])
        angle = math.pi * 2 / (length * 4) * (2 * i + 1)
        cosine, sine = _single(math.cos(angle)), _single(math.sin(angle))
        evens.append(_add(_times(lower, cosine), _times(upper, sine)))
        odd = _subtract(_times(upper, cosine), _times(lower, sine))
        odds.append(odd if i % 2 == 0 else _times(odd, -1.0))
    return _merged(_frequencies(inner), _frequencies(evens), _frequencies(odds[::-1]))


def _merged(inner: list[Vector], evens: list[Vector], odds: list[Vector]) -> list[Vector]:
    quarter = len(evens)
    merged = [inner[0], evens[0], inner[1]]
    for i in range(1, quarter):
        odd = odds[quarter - i]
        signed = _times(odd, -1.0) if (i + quarter) % 2 == 0 else odd
        merged += [_add(evens[i], signed), inner[2 * i], _subtract(evens[i], signed), inner[2 * i + 1]]
    return [*merged, _times(odds[0], -1.0)]


def _vector(values: Iterable[float]) -> Vector:
    return array("f", values)


def _add(one: Vector, other: Vector) -> Vector:
    return array("f", map(float.__add__, one, other))


def _subtract(one: Vector, other: Vector) -> Vector:
    return array("f", map(float.__sub__, one, other))


def _times(vector: Vector, factor: float) -> Vector:
    return array("f", [value * factor for value in vector])


def _bits(frequencies: list[float]) -> bytes:
    ordered = sorted(frequencies)
    median = _single(_single(ordered[31] + ordered[32]) / 2)
    bits = "".join("1" if frequency > median else "0" for frequency in frequencies)
    return int(bits, 2).to_bytes(_LOW)
