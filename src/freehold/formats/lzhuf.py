"""The decoder of LHarc's ``-lh1-``: LZSS whose symbols have adaptive Huffman codes (LZHUF).

The tree is kept in arrays, ordered by frequency: nodes move before the last one that is as frequent when they grow.

Source: H. Yoshizaki's and H. Okumura's description of LZHUF (1988).
"""

from collections.abc import Iterator

from freehold.formats.bits import HighBits, high_prefixes
from freehold.formats.deflate64 import repeat
from freehold.formats.pulled import EndOfInput, Source

_SYMBOLS = 256 + 60 - 2
_NODES = 2 * _SYMBOLS - 1
_ROOT = _NODES - 1
_MOST = 0x8000
_WINDOW = 1 << 12
_SHORTEST = 3
_CHUNK = 1 << 14
_PLACES = high_prefixes([3, *[4] * 3, *[5] * 8, *[6] * 12, *[7] * 24, *[8] * 16])


class _Tree:
    """``sons``: of a node its lower one, of a leaf its symbol plus ``_NODES``; ``parents`` has symbols likewise."""

    def __init__(self) -> None:
        self.counts = [1] * _SYMBOLS + [0] * (_SYMBOLS - 1) + [0xFFFF]
        self.sons = [symbol + _NODES for symbol in range(_SYMBOLS)] + [0] * (_SYMBOLS - 1)
        self.parents = [0] * (_NODES + _SYMBOLS)
        for symbol in range(_SYMBOLS):
            self.parents[symbol + _NODES] = symbol
        for node in range(_SYMBOLS, _NODES):
            son = 2 * (node - _SYMBOLS)
            self.counts[node] = self.counts[son] + self.counts[son + 1]
            self.sons[node] = son
            self.parents[son] = self.parents[son + 1] = node

    def symbol(self, bits: HighBits) -> int:
        """Read one symbol and count it."""
        sons = self.sons
        node = sons[_ROOT]
        while node < _NODES:
            node = sons[node + bits.take(1)]
        self._count(node)
        return node - _NODES

    def _count(self, leaf: int) -> None:
        if self.counts[_ROOT] == _MOST:
            self._halve()
        counts, sons, parents = self.counts, self.sons, self.parents
        node = parents[leaf]
        while True:
            count = counts[node] + 1
            counts[node] = count
            if count > counts[node + 1]:
                other = node + 1
                while count > counts[other + 1]:
                    other += 1
                counts[node], counts[other] = counts[other], count
                sons[node], sons[other] = sons[other], sons[node]
                self._adopt(node)
                self._adopt(other)
                node = other
            if node == _ROOT:
                return
            node = parents[node]

    def _adopt(self, node: int) -> None:
        """Tell the sons of a node where it is now."""
        son = self.sons[node]
        self.parents[son] = node
        if son < _NODES:
            self.parents[son + 1] = node

    def _halve(self) -> None:
        """Halve all counts, and build the tree anew."""
        leaves = [(self.counts[n] + 1 >> 1, self.sons[n]) for n in range(_NODES) if self.sons[n] >= _NODES]
        counts = [count for count, _ in leaves]
        sons = [son for _, son in leaves]
        for node in range(_SYMBOLS, _NODES):
            first = 2 * (node - _SYMBOLS)
            count = counts[first] + counts[first + 1]
            place = node
            while count < counts[place - 1]:
                place -= 1
            counts.insert(place, count)
            sons.insert(place, first)
        self.counts[:_NODES] = counts
        self.sons = sons
        for node in range(_NODES):
            self._adopt(node)


def decode(source: Source, size: int) -> Iterator[bytes]:
    """Decode ``size`` bytes; what lies before the beginning counts as spaces."""
    bits = HighBits(source)
    tree = _Tree()
    out = bytearray(b" " * _WINDOW)
    left = size
    try:
        while left > 0:
            symbol = tree.symbol(bits)
            if symbol < 256:
                out.append(symbol)
                left -= 1
            else:
                distance = (bits.symbol(_PLACES) << 6 | bits.take(6)) + 1
                length = min(symbol - 256 + _SHORTEST, left)
                repeat(out, distance, length)
                left -= length
            if len(out) > _WINDOW + _CHUNK:
                yield bytes(out[_WINDOW:])
                del out[:-_WINDOW]
    except EndOfInput:
        yield bytes(out[_WINDOW:])
        raise
    yield bytes(out[_WINDOW:])
