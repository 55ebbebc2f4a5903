"""What is measured of a part of a program: how random it is, and its digest."""

import hashlib
from collections import Counter
from math import log2

from freehold.model.limits import MIB, Budget
from freehold.model.view import View

LARGEST = 64 * MIB
"""Bytes of one part that are looked at; counting bytes is the slowest thing that ``explain`` does."""

_PIECE = MIB


def measured(view: View, start: int, size: int, budget: Budget) -> str:
    """Return size, entropy (0 to 8 bits a byte) and MD5 of a range, in words; of parts above ``LARGEST`` the size."""
    size = max(min(size, view.size - start), 0)
    if not size:
        return "empty"
    if size > LARGEST:
        return f"{size} bytes"
    counts: Counter[int] = Counter()
    digest = hashlib.md5(usedforsecurity=False)
    for position in range(start, start + size, _PIECE):
        piece = view.read(position, min(_PIECE, start + size - position))
        counts.update(piece)
        digest.update(piece)
        budget.tick()
    return f"{size} bytes, entropy {entropy(counts):.2f}, md5 {digest.hexdigest()}"


def entropy(counts: Counter[int]) -> float:
    """Return Shannon's entropy of bytes that were counted, in bits a byte."""
    total = counts.total()
    return abs(sum(count / total * log2(total / count) for count in counts.values()))
