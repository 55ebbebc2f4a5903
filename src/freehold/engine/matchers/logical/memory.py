"""Finding a literal in megabytes: the C library searches three to five times as fast as Python does."""

import ctypes
from collections.abc import Callable
from typing import Any

_CLOSE = 1 << 12
"""Bytes in which Python has found what is there before a call into the C library has begun."""


def find(haystack: bytes, needle: bytes, start: int, end: int) -> int:
    """Return what ``haystack.find(needle, start, end)`` does for a ``start`` that is not negative."""
    close = haystack.find(needle, start, min(start + _CLOSE, end))
    if close >= 0 or end - start <= _CLOSE or _search is None:
        return close
    return _search_far(haystack, needle, start + _CLOSE - len(needle) + 1, min(end, len(haystack)))


def _search_far(haystack: bytes, needle: bytes, start: int, end: int) -> int:
    if end <= start or _search is None:
        return -1
    base = ctypes.cast(ctypes.c_char_p(haystack), ctypes.c_void_p).value or 0
    found = _search(base + start, end - start, needle, len(needle))
    return -1 if found is None else found - base


def _load() -> Callable[..., Any] | None:
    """Return ``memmem``, which BSD's and GNU's C libraries have and that of Windows has not."""
    try:
        search = ctypes.PyDLL(None).memmem
    except (AttributeError, OSError, TypeError):
        return None
    search.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    search.restype = ctypes.c_void_p
    return search


_search = _load()
