"""Loading 7-Zip's library, once, before the process gives up the right to load anything."""

import ctypes
import os

from freehold.formats.sevenzip import abi
from freehold.model.native import SEVEN_ZIP


def _load() -> ctypes.CDLL | None:
    for path in SEVEN_ZIP.paths:
        if os.path.exists(path):  # noqa: PTH110 - pathlib is not loaded here
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
    return None


LIBRARY = _load()
"""None where it is not installed, or cannot be loaded."""


def create_archive(number: int) -> int:
    """Return a new object that reads archives of one format; 0 when this library cannot."""
    if LIBRARY is None:
        return 0
    made = ctypes.c_void_p()
    LIBRARY.CreateObject(abi.handler_id(number), abi.IID_IN_ARCHIVE, ctypes.byref(made))
    return made.value or 0


def clear(variant: abi.Variant) -> None:
    """Free what a variant holds."""
    if LIBRARY is not None:
        LIBRARY.VariantClear(ctypes.byref(variant))
