"""CryptFF: a 16-byte header, and content of which every bit is inverted. Source: observed behaviour of ClamAV."""

from collections.abc import Iterator

from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.view import View

_HEADER = 16
_INVERTED = bytes(255 - value for value in range(256))


class _Cryptff:
    name = "cryptff"
    types = frozenset({"cryptff"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:  # noqa: ARG002 - nothing can go wrong
        """See ``Format.children``."""
        content = view.slice(_HEADER, view.size)
        if content.size:
            yield Child("content", (bytes(piece).translate(_INVERTED) for _, piece in content.windows(0)))


FORMAT: Format = _Cryptff()
