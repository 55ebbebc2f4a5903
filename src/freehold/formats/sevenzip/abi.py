"""The binary interface of 7-Zip's library: result codes, interface and property numbers, variants, virtual tables."""

import ctypes
from typing import Any

S_OK = 0
S_FALSE = 1
E_NOTIMPL = 0x80004001
E_NOINTERFACE = 0x80004002
E_ABORT = 0x80004004
E_INVALIDARG = 0x80070057
E_OUTOFMEMORY = 0x8007000E

Pointer = ctypes.c_void_p
Result = ctypes.c_uint32
U32 = ctypes.c_uint32
U64 = ctypes.c_uint64


def _guid(group: int, number: int) -> bytes:
    """Return the identifier of interface ``number`` in its group: 23170F69-40C1-278A-0000-00gg00nn0000."""
    return bytes.fromhex("690f1723c1408a27") + bytes([0, 0, 0, group, 0, number, 0, 0])


IID_UNKNOWN = bytes.fromhex("0000000000000000c000000000000046")
IID_SEQUENTIAL_IN_STREAM = _guid(3, 1)
IID_SEQUENTIAL_OUT_STREAM = _guid(3, 2)
IID_IN_STREAM = _guid(3, 3)
IID_STREAM_GET_SIZE = _guid(3, 6)
IID_PASSWORD = _guid(5, 0x10)
IID_PROGRESS = _guid(0, 5)
IID_SET_PROPERTIES = _guid(6, 3)
IID_OPEN_CALLBACK = _guid(6, 0x10)
IID_EXTRACT_CALLBACK = _guid(6, 0x20)
IID_GET_STREAM = _guid(6, 0x40)
IID_IN_ARCHIVE = _guid(6, 0x60)


def handler_id(number: int) -> bytes:
    """Return the class identifier of an archive format: 23170F69-40C1-278A-1000-000110nn0000."""
    return bytes.fromhex("690f1723c1408a27") + bytes([0x10, 0, 0, 1, 0x10, number, 0, 0])


class Property:
    """Properties of archives and of their items (PropID.h)."""

    PATH = 3
    IS_DIRECTORY = 6
    SIZE = 7
    PACKED_SIZE = 8
    SOLID = 13
    ENCRYPTED = 15
    CHECKSUM = 19
    METHOD = 22
    BLOCK = 27
    PHYSICAL_SIZE = 44
    SYMBOLIC_LINK = 54
    ERROR_FLAGS = 71
    WARNING_FLAGS = 72


class Flaw:
    """What ``ERROR_FLAGS`` and ``WARNING_FLAGS`` consist of (PropID.h)."""

    NOT_ARCHIVE = 1 << 0
    HEADERS = 1 << 1
    ENCRYPTED_HEADERS = 1 << 2
    NO_START = 1 << 3
    UNCONFIRMED_START = 1 << 4
    UNEXPECTED_END = 1 << 5
    DATA_AFTER_END = 1 << 6
    UNSUPPORTED_METHOD = 1 << 7
    UNSUPPORTED_FEATURE = 1 << 8
    DATA = 1 << 9
    CHECKSUM = 1 << 10


class Outcome:
    """How the extraction of one item ended (IArchive.h)."""

    OK = 0
    UNSUPPORTED_METHOD = 1
    DATA_ERROR = 2
    CHECKSUM_ERROR = 3
    UNAVAILABLE = 4
    UNEXPECTED_END = 5
    DATA_AFTER_END = 6
    NOT_ARCHIVE = 7
    HEADERS_ERROR = 8
    WRONG_PASSWORD = 9
    MEMORY_LIMIT = 10


_PREFIX = 4
"""Bytes before a string, in which its length stands."""

_VT_TEXT, _VT_BOOL = 8, 11
_VT_NUMBERS = frozenset({17, 18, 19, 21, 2, 3, 20})  # unsigned 8 to 64 bits, signed 16 to 64


class Variant(ctypes.Structure):
    """PROPVARIANT as 7-Zip defines it outside Windows."""

    _fields_ = (
        ("kind", ctypes.c_uint16),
        ("reserved", ctypes.c_uint16 * 3),
        ("value", U64),
    )

    @classmethod
    def boolean(cls, value: bool) -> "Variant":
        """Return a truth value."""
        return cls(kind=_VT_BOOL, value=0xFFFF if value else 0)

    @classmethod
    def number(cls, value: int) -> "Variant":
        """Return an unsigned number of 32 bits."""
        return cls(kind=19, value=value)

    def take(self, longest: int) -> str | int | bool | None:
        """Return what it holds, text cut off after ``longest`` characters; None for nothing and for other kinds."""
        if self.kind == _VT_TEXT:
            return _text(self.value, longest)
        if self.kind == _VT_BOOL:
            return bool(self.value & 0xFFFF)
        return int(self.value) if self.kind in _VT_NUMBERS else None


_LIBC = ctypes.CDLL(None)
_LIBC.malloc.restype = ctypes.c_void_p
_LIBC.malloc.argtypes = (ctypes.c_size_t,)


def new_text(text: str) -> int:
    """Return a string as the library allocates its own: it frees this one. 0 when there is no memory."""
    characters = text.encode("utf-32-le", "replace")
    address: int | None = _LIBC.malloc(_PREFIX + len(characters) + 4)
    if not address:
        return 0
    ctypes.memmove(
        address, len(characters).to_bytes(4, "little") + characters + bytes(4), _PREFIX + len(characters) + 4
    )
    return address + _PREFIX


def _text(address: int, longest: int) -> str:
    """Return a string of four-byte characters, whose length in bytes stands before it."""
    if not address:
        return ""
    length = min(ctypes.c_uint32.from_address(address - 4).value, 4 * longest)
    return ctypes.string_at(address, length).decode("utf-32-le", "replace").split("\0", 1)[0]


def method(pointer: int, index: int, prototype: Any) -> Any:
    """Return method number ``index`` of the object at ``pointer``; its first argument is the pointer itself."""
    table = ctypes.c_void_p.from_address(pointer).value or 0
    return prototype(ctypes.c_void_p.from_address(table + index * ctypes.sizeof(Pointer)).value or 0)


QUERY = ctypes.CFUNCTYPE(Result, Pointer, Pointer, Pointer)
COUNT = ctypes.CFUNCTYPE(U32, Pointer)
READ = ctypes.CFUNCTYPE(Result, Pointer, Pointer, U32, Pointer)
SEEK = ctypes.CFUNCTYPE(Result, Pointer, ctypes.c_int64, U32, Pointer)
OPEN = ctypes.CFUNCTYPE(Result, Pointer, Pointer, Pointer, Pointer)
ONE_POINTER = ctypes.CFUNCTYPE(Result, Pointer, Pointer)
TWO_POINTERS = QUERY
ONE_SIZE = ctypes.CFUNCTYPE(Result, Pointer, U64)
ONE_NUMBER = ctypes.CFUNCTYPE(Result, Pointer, ctypes.c_int32)
NO_ARGUMENT = ctypes.CFUNCTYPE(Result, Pointer)
ITEM_PROPERTY = ctypes.CFUNCTYPE(Result, Pointer, U32, U32, Pointer)
ARCHIVE_PROPERTY = ctypes.CFUNCTYPE(Result, Pointer, U32, Pointer)
EXTRACT = ctypes.CFUNCTYPE(Result, Pointer, Pointer, U32, ctypes.c_int32, Pointer)
GET_OUT_STREAM = ctypes.CFUNCTYPE(Result, Pointer, U32, Pointer, ctypes.c_int32)
GET_IN_STREAM = ctypes.CFUNCTYPE(Result, Pointer, U32, Pointer)
SET_PROPERTIES = ctypes.CFUNCTYPE(Result, Pointer, Pointer, Pointer, U32)
