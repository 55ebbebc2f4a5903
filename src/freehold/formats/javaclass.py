"""Java classes: what a class is called, what it is made from, and which other classes it speaks of, as facts.

Nothing is unpacked: the strings of a class lie in it as they are, and were compared with it.

Source: The Java Virtual Machine Specification, chapter 4.
"""

import struct
from collections.abc import Iterator

from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.limits import MIB
from freehold.model.view import View

_LARGEST = 16 * MIB
_TEXT, _CLASS = 1, 7
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
_TWO_PLACES = (5, 6)
_FIRST_RELEASE = 44
_MOST_NAMED = 100
_LONGEST_NAME = 200


class _Pool:
    """The constants of a class; raises ``MalformedInput`` where they make no sense."""

    def __init__(self, data: bytes) -> None:
        self._texts: dict[int, bytes] = {}
        self._classes: dict[int, int] = {}
        at, index = 10, 1
        count = int.from_bytes(data[8:10], "big")
        while index < count:
            kind = data[at] if at < len(data) else 0
            if kind == _TEXT:
                size = 2 + int.from_bytes(data[at + 1 : at + 3], "big")
                self._texts[index] = data[at + 3 : at + 1 + size]
            elif kind in _SIZES:
                size = _SIZES[kind]
                if kind == _CLASS:
                    self._classes[index] = int.from_bytes(data[at + 1 : at + 3], "big")
            else:
                raise MalformedInput("the constants are damaged or cut off")
            at += 1 + size
            index += 1 + (kind in _TWO_PLACES)
        self.end = at

    def name(self, index: int) -> str:
        """Return the name of a class, "" when there is none."""
        text = self._texts.get(self._classes.get(index, 0), b"")
        return text[:_LONGEST_NAME].decode("utf-8", "surrogateescape").replace("/", ".")

    def classes(self) -> Iterator[str]:
        """Yield the names of all classes that are spoken of."""
        yield from filter(None, map(self.name, self._classes))


class _JavaClass:
    name = "javaclass"
    types = frozenset({"java-class"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; that a class cannot be read is one more fact."""
        if unpacking.wants_facts:
            try:
                _tell(view.read(0, _LARGEST), unpacking)
            except MalformedInput as error:
                unpacking.fact("java-class", f"cannot be read: {error}")
        yield from ()


def _tell(data: bytes, unpacking: Unpacking) -> None:
    pool = _Pool(data)
    head = data[pool.end : pool.end + 8]
    if len(head) < 8:
        raise MalformedInput("the class is cut off")
    _, own, above, interfaces = struct.unpack(">4H", head)
    listed = data[pool.end + 8 : pool.end + 8 + 2 * interfaces]
    numbers = [number for (number,) in struct.iter_unpack(">H", listed[: len(listed) & ~1])]
    unpacking.fact("java-class", pool.name(own))
    unpacking.fact("java-extends", pool.name(above))
    unpacking.fact("java-release", int.from_bytes(data[6:8], "big") - _FIRST_RELEASE)
    if implemented := list(filter(None, map(pool.name, numbers[:_MOST_NAMED]))):
        unpacking.fact("java-implements", ", ".join(implemented))
    spoken_of = [name for name in pool.classes() if name != pool.name(own)]
    unpacking.fact("java-classes", ", ".join(sorted(spoken_of)[:_MOST_NAMED]))


FORMAT: Format = _JavaClass()
