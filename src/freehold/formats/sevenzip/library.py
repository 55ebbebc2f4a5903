"""Loading 7-Zip's library, once, before the process gives up the right to load anything."""

import ctypes
import os

from freehold.formats.sevenzip import abi
from freehold.formats.sevenzip.abi import Variant
from freehold.model.limits import Limits
from freehold.model.native import SEVEN_ZIP


def _load() -> ctypes.CDLL | None:
    for path in SEVEN_ZIP.paths:
        if os.path.exists(path):  # noqa: PTH110 - pathlib is not loaded here
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
    return None


_LIBRARY = _load()

_CURIOUS = {0x07: Limits().depth + 1, 0x01: 4}
"""The classes of 7z and zip: their objects look up the number of processors in a file when they are made, or told to
start no threads; so they are made here, as many as may lie in one another, and used again."""


def available() -> bool:
    """Whether the library is installed and could be loaded."""
    return _LIBRARY is not None


def create_archive(number: int) -> int:
    """Return an object that reads archives of one format; 0 when there is none."""
    if number in _CURIOUS:
        return _READY[number].pop() if _READY.get(number) else 0
    return _new(number)


def give_back(number: int, pointer: int) -> None:
    """Take back an object that was closed."""
    if number in _CURIOUS:
        _READY[number].append(pointer)
    else:
        release(pointer)


def release(pointer: int) -> None:
    """Free an object."""
    abi.method(pointer, 2, abi.COUNT)(pointer)


def query(pointer: int, interface: bytes) -> int:
    """Return another interface of an object, 0 when it does not have it."""
    found = ctypes.c_void_p()
    identifier = ctypes.create_string_buffer(interface, len(interface))
    code = abi.method(pointer, 0, abi.QUERY)(pointer, ctypes.addressof(identifier), ctypes.addressof(found))
    return (found.value or 0) if code == abi.S_OK else 0


def clear(variant: Variant) -> None:
    """Free what a variant holds."""
    if _LIBRARY is not None:
        _LIBRARY.VariantClear(ctypes.byref(variant))


def _new(number: int) -> int:
    if _LIBRARY is None:
        return 0
    made = ctypes.c_void_p()
    _LIBRARY.CreateObject(abi.handler_id(number), abi.IID_IN_ARCHIVE, ctypes.byref(made))
    return made.value or 0


def _threadless(number: int) -> int:
    """Return a reader that decodes in the thread that calls it."""
    pointer = _new(number)
    properties = query(pointer, abi.IID_SET_PROPERTIES) if pointer else 0
    if properties:
        names = (ctypes.c_wchar_p * 2)("mt", "mtf")
        values = (Variant * 2)(Variant.number(1), Variant.boolean(False))
        call = abi.method(properties, 3, abi.SET_PROPERTIES)
        call(properties, ctypes.addressof(names), ctypes.addressof(values), 2)
        release(properties)
    return pointer


_READY = {
    number: [pointer for pointer in (_threadless(number) for _ in range(count)) if pointer]
    for number, count in _CURIOUS.items()
}
