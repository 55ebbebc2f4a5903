"""The maps of sparse members of tar: where the pieces of data belong that were stored one behind the other.

Source: the GNU tar manual, "Storing Sparse Files".
"""

from collections.abc import Callable, Iterator

from freehold.model.view import View

LARGEST = 16 << 20
"""Bytes of a member, holes included, up to which it is also examined with its holes."""

MOST_PIECES = 1 << 16
"""Pieces of one member that are put in their places; with more of them, the holes' places are not certain."""

_MAP_BYTES = 1 << 20
_PIECE = 1 << 18
Map = list[tuple[int, int]]


def old_map(block: bytes, start: int, pairs: int, number: Callable[[bytes], int | None]) -> Map:
    """Return the pairs that stand in a block from ``start`` on; ``number`` reads a numeric field."""
    found = []
    for at in range(start, start + 24 * pairs, 24):
        place, size = number(block[at : at + 12]), number(block[at + 12 : at + 24])
        if place is not None and size:
            found.append((place, size))
    return found


def pax_map(text: bytes) -> Map:
    """Return the pairs of a list of decimal numbers with commas or newlines between them; none when it is no list."""
    numbers = text[:_MAP_BYTES].replace(b"\n", b",").split(b",")[: 2 * MOST_PIECES]
    if not all(number.isdigit() and len(number) < 20 for number in numbers) or len(numbers) % 2:
        return []
    values = [int(number) for number in numbers]
    return [pair for pair in zip(values[::2], values[1::2], strict=True) if pair[1]]


def map_in_front(view: View, start: int, length: int) -> Map:
    """Return the map of a pax 1.0 member: the number of pairs, then the pairs, a number a line."""
    lines = view.read(start, min(length, _MAP_BYTES)).split(b"\n")
    count = int(lines[0]) if lines[0].isdigit() and len(lines[0]) < 8 else 0
    return pax_map(b",".join(lines[1 : 1 + 2 * count])) if count else []


def with_holes(view: View, start: int, pieces: Map, size: int) -> Iterator[bytes]:
    """Yield the ``size`` bytes of a member whose data stand from ``start`` on."""
    done = 0
    for place, length in pieces:
        if place < done or place + length > size:
            return
        yield from _zeros(place - done)
        for at in range(0, length, _PIECE):
            data = view.read(start + at, min(_PIECE, length - at))
            if not data:
                return
            yield data
        start += length
        done = place + length
    yield from _zeros(size - done)


def _zeros(count: int) -> Iterator[bytes]:
    for at in range(0, count, _PIECE):
        yield bytes(min(_PIECE, count - at))
