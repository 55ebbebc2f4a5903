"""Content that costs workers: who sends it again and again gets an error at once, and takes nothing from others.

Content is told apart by its size and a digest of its ends and of samples in between. That is bounded work, and a
collision makes an error of what would have been examined, never a clean verdict.
"""

import hashlib
import os
import time
from collections import OrderedDict

STRIKES = 2
"""A content is refused once it has cost so many workers."""

LIFETIME = 3600.0
"""Seconds for which a content is remembered after it has cost a worker."""

_MOST = 1_000
_END = 64 * 1024
_SAMPLES = 16
_SAMPLE = 4096

_Key = tuple[int, bytes]


class Poison:
    """Remembers content that has cost workers, for a while."""

    def __init__(self) -> None:
        self._strikes: OrderedDict[_Key, tuple[int, float]] = OrderedDict()
        self._sizes: dict[int, int] = {}

    def add(self, fd: int, size: int) -> None:
        """Note that a content has cost a worker."""
        key = _key(fd, size)
        strikes = self._strikes.get(key, (0, 0.0))[0]
        self._forget(key)
        self._strikes[key] = (strikes + 1, time.monotonic() + LIFETIME)
        self._sizes[size] = self._sizes.get(size, 0) + 1
        while len(self._strikes) > _MOST:
            self._forget(next(iter(self._strikes)))

    def contains(self, fd: int, size: int) -> bool:
        """Whether a content is to be refused."""
        if size not in self._sizes:
            return False
        now = time.monotonic()
        for old in [key for key, (_, expiry) in self._strikes.items() if expiry < now]:
            self._forget(old)
        return self._strikes.get(_key(fd, size), (0, 0.0))[0] >= STRIKES

    def _forget(self, key: _Key) -> None:
        if self._strikes.pop(key, None) is not None:
            self._sizes[key[0]] -= 1
            if not self._sizes[key[0]]:
                del self._sizes[key[0]]


def _key(fd: int, size: int) -> _Key:
    digest = hashlib.blake2b(os.pread(fd, _END, 0), digest_size=16)
    digest.update(os.pread(fd, _END, max(size - _END, 0)))
    for number in range(1, _SAMPLES):
        digest.update(os.pread(fd, _SAMPLE, size * number // _SAMPLES))
    return size, digest.digest()
