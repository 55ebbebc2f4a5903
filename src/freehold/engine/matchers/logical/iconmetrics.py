"""Measuring an icon as ClamAV does: where it is colourful, bright and edged, and which colours it has.

Every rounding counts, because signatures were made with ClamAV's own. Source: observed behaviour of ClamAV 1.4.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from math import isqrt, sqrt

from freehold.formats.peicons import Picture
from freehold.model.icon import Area, Areas, IconMetrics

_NONE = 0xFFFFFFFF
_LEAST_COLOR = 85
_LEAST_COLORED = 5
"""Percent of coloured pixels up to which an icon has no colours."""


def measure(picture: Picture) -> IconMetrics:
    """Return an icon's metrics."""
    side, square = picture.side, picture.side // 4
    values = [_hsv(pixel) for pixel in picture.pixels]
    colorful = _sums([isqrt(s * s * v) for s, v, _ in values], side)
    light = _sums([v for _, v, _ in values], side)
    red, green, blue, colored = _spread(picture, values)
    edges = _sums(_blurred(_edges(picture), side), side)
    plain = not colored
    edged = [_averaged(area, square) for area in _extremes(edges, side, 6 if plain else 3, largest=True)]
    smooth = [_averaged(area, square) for area in _extremes(edges, side, 6 if plain else 3, largest=False)]
    if plain:  # ClamAV takes the places of the most edged squares for those of the least edged ones
        color = _three(edged[3:])
        gray = _three([Area(dull.average, place.x, place.y) for dull, place in zip(smooth[3:], edged[3:], strict=True)])
    else:
        color, gray = _top(colorful, side, largest=True), _top(colorful, side, largest=False)
    bright, dark = _top(light, side, largest=True), _top(light, side, largest=False)
    return IconMetrics(side, color, gray, bright, dark, _three(edged), _three(smooth), red, green, blue, colored)


def _hsv(pixel: int) -> tuple[int, int, int]:
    """Return the saturation, the value, and the distance between the largest and the smallest of the three colours."""
    red, green, blue = pixel >> 16, pixel >> 8 & 0xFF, pixel & 0xFF
    value = max(red, green, blue)
    distance = value - min(red, green, blue)
    return (255 * distance // value if distance else 0), value, distance


def _spread(picture: Picture, values: Sequence[tuple[int, int, int]]) -> tuple[int, int, int, int]:
    """Return how red, green and blue the coloured pixels are, and how many there are, in percent."""
    reds = greens = blues = count = 0
    for pixel, (saturation, value, distance) in zip(picture.pixels, values, strict=True):
        if saturation > _LEAST_COLOR and value > _LEAST_COLOR:
            red, green, blue = pixel >> 16, pixel >> 8 & 0xFF, pixel & 0xFF
            reds += 100 - 100 * abs(green - blue) // distance
            greens += 100 - 100 * abs(red - blue) // distance
            blues += 100 - 100 * abs(red - green) // distance
            count += 1
    percent = count * 100 // picture.side // picture.side
    if percent <= _LEAST_COLORED:
        return 0, 0, 0, 0
    return reds // count, greens // count, blues // count, percent


# Squares


def _sums(values: Sequence[int], side: int) -> list[list[int]]:
    """Return the sum of each square, by row and column of its upper left corner."""
    square = side // 4
    wide = [_windows(values[start : start + side], square) for start in range(0, side * side, side)]
    columns = [_windows(column, square) for column in zip(*wide, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _windows(values: Sequence[int], length: int) -> list[int]:
    sums = list(accumulate(values, initial=0))
    return [end - start for start, end in zip(sums, sums[length:], strict=False)]


def _extremes(sums: list[list[int]], side: int, count: int, *, largest: bool) -> list[Area]:
    """Return the most extreme squares that do not overlap, and for each that there is not a stand-in at 0,0."""
    square = side // 4
    places = [(sums[y][x], x, y) for y in range(side - square) for x in range(side - 1 - square)]
    places.sort(key=lambda place: -place[0] if largest else place[0])
    found: list[Area] = []
    for _ in range(count):
        stand_in = Area(0 if largest else _NONE, 0, 0)
        found.append(next((Area(*p) for p in places if _counts(p, found, square, largest=largest)), stand_in))
    return found


def _counts(place: tuple[int, int, int], found: list[Area], square: int, *, largest: bool) -> bool:
    total, x, y = place
    return (total > 0 or not largest) and all(abs(x - one.x) >= square or abs(y - one.y) >= square for one in found)


def _top(sums: list[list[int]], side: int, *, largest: bool) -> Areas:
    return _three([_averaged(area, side // 4) for area in _extremes(sums, side, 3, largest=largest)])


def _averaged(area: Area, square: int) -> Area:
    return Area(area.average // (square * square), area.x, area.y)


def _three(areas: Sequence[Area]) -> Areas:
    return areas[0], areas[1], areas[2]


# Edges


def _edges(picture: Picture) -> list[int]:
    """Return how much each pixel differs from its neighbours (Sobel), the largest difference being 255."""
    side = picture.side
    far = [_distance(pixel) for pixel in picture.pixels]
    strengths = [0] * (side * side)
    for y in range(1, side - 1):
        for x in range(1, side - 1):
            strengths[y * side + x] = _gradient(far, y * side + x, side)
    most = max(strengths)
    if most:
        return [strength * 255 // most for strength in strengths]
    inner = range(1, side - 1)  # nothing differs: ClamAV goes on with the picture itself
    return [p & 0xFF if i // side in inner and i % side in inner else 0 for i, p in enumerate(picture.pixels)]


def _gradient(far: list[float], at: int, side: int) -> int:
    up, down = at - side, at + side
    across = far[up - 1]
    across += far[at - 1] * 2
    across += far[down - 1]
    across -= far[up + 1]
    across -= far[at + 1] * 2
    across -= far[down + 1]
    along = far[up - 1]
    along += far[up] * 2
    along += far[up + 1]
    along -= far[down - 1]
    along -= far[down] * 2
    along -= far[down + 1]
    return int(sqrt(across * across + along * along))


def _blurred(edges: list[int], side: int) -> list[int]:
    """Blur rows, then columns; each row sees the one above it as it has become, as in ClamAV."""
    rows = [[0] * side]
    for y in range(1, side - 1):
        row = edges[y * side : (y + 1) * side]
        inner = [(a + 2 * b + c) // 4 for a, b, c in zip(row, row[1:], row[2:], strict=False)]
        rows.append([0, *inner, 0])
    rows.append([0] * side)
    for y in range(1, side - 1):
        around = zip(rows[y - 1], rows[y], rows[y + 1], strict=True)
        rows[y] = [(above + 2 * here + below) // 4 for above, here, below in around]
    return [value for row in rows for value in row]


# How far a colour is from gray, in the CIE's L*a*b*; constants have the precision of single floats


def _single(value: float) -> float:
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded


_GAMMA = _single(2.4)
_THIRD = _single(_single(1) / _single(3))
_SHIFT = _single(16 / 116)
_X = tuple(map(_single, (0.4124, 0.3576, 0.1805)))
_Y = tuple(map(_single, (0.2126, 0.7152, 0.0722)))
_Z = tuple(map(_single, (0.0193, 0.1192, 0.9505)))
_WHITE = tuple(map(_single, (95.047, 100.0, 108.883)))
_GRAY = tuple(map(_single, (53.192777691077211, 0.0031420942181448197, -0.0062075877844014471)))
_THRESHOLD, _SLOPE = _single(0.008856), _single(7.787)


def _linear(value: int) -> float:
    share = value / 255.0
    if share > _single(0.04045):
        return float(((share + _single(0.055)) / _single(1.055)) ** _GAMMA) * 100.0
    return share / _single(12.92) * 100.0


_LINEAR = tuple(map(_linear, range(256)))


@lru_cache(maxsize=4096)
def _distance(pixel: int) -> float:
    red, green, blue = _LINEAR[pixel >> 16], _LINEAR[pixel >> 8 & 0xFF], _LINEAR[pixel & 0xFF]
    x, y, z = (
        _root((red * weights[0] + green * weights[1] + blue * weights[2]) / white)
        for weights, white in zip((_X, _Y, _Z), _WHITE, strict=True)
    )
    lightness = _GRAY[0] - (116.0 * y - 16.0)
    a = _GRAY[1] - 500.0 * (x - y)
    b = _GRAY[2] - 200.0 * (y - z)
    return sqrt(lightness * lightness + a * a + b * b)


def _root(value: float) -> float:
    return float(value**_THIRD) if value > _THRESHOLD else _SLOPE * value + _SHIFT
