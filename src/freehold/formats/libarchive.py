"""libarchive, driven through its C interface, for RAR and for encrypted members of ZIP: nothing else is ever enabled.

It pulls its input through calls whose machine code is made at import, and gives its output in blocks as it is asked.
"""

import ctypes
import os
from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from freehold.model.limits import Budget
from freehold.model.native import LIBARCHIVE
from freehold.model.view import View

_END, _OK, _WARNING = 1, 0, -20
_FATAL = -30
_INPUT = 1 << 18
_REGULAR = 0o100000
_KIND = 0o170000
_CODESET = 1 << 0  # LC_CTYPE_MASK

_SSIZE = ctypes.c_ssize_t
_READ = ctypes.CFUNCTYPE(_SSIZE, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_SKIP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
_SEEK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64, ctypes.c_int)


class Damage(Exception):
    """libarchive could not go on; the text is its own."""


class Member(NamedTuple):
    """What a header says.

    Attributes:
        size: of its content as stated, 0 when nothing is.
        has_content: whether it is a file, and none that stands elsewhere in the archive under another name.
        encrypted: whether its content is.
    """

    name: str
    size: int
    has_content: bool
    encrypted: bool


def _load() -> ctypes.CDLL | None:
    for path in LIBARCHIVE.paths:
        if os.path.exists(path):  # noqa: PTH110 - pathlib is not loaded here
            try:
                library = ctypes.CDLL(path)
            except OSError:
                continue
            pointer = ctypes.c_void_p
            library.archive_read_new.restype = pointer
            library.archive_entry_pathname.restype = ctypes.c_char_p
            library.archive_error_string.restype = ctypes.c_char_p
            library.archive_entry_hardlink.restype = pointer
            library.archive_entry_size.restype = ctypes.c_int64
            return library
    return None


_LIBRARY = _load()
_LIBC = ctypes.CDLL(None)
_LIBC.newlocale.restype = _LIBC.uselocale.restype = ctypes.c_void_p
_UTF8 = _LIBC.newlocale(_CODESET, b"C.UTF-8", None)
_INPUTS: dict[int, "_Input"] = {}


def available() -> bool:
    """Whether the library is installed and could be loaded."""
    return _LIBRARY is not None


class _Input:
    """What libarchive reads."""

    def __init__(self, view: View, budget: Budget) -> None:
        self.view = view
        self.budget = budget
        self.position = 0
        self.data = b""
        self.failure: BaseException | None = None

    def read(self, out: int) -> int:
        try:
            self.budget.tick()
            self.data = self.view.read(self.position, _INPUT)
        except BaseException as error:  # noqa: BLE001 - it must not cross the library; it is raised behind it
            self.failure = error
            return -1
        self.position += len(self.data)
        ctypes.c_char_p.from_address(out).value = self.data
        return len(self.data)

    def seek(self, offset: int, origin: int) -> int:
        base = (0, self.position, self.view.size)[origin]
        self.position = min(max(base + offset, 0), self.view.size)
        return self.position


@_READ  # type: ignore[untyped-decorator]  # ctypes has no types for its callbacks
def _read(_archive: int, key: int, out: int) -> int:
    return _INPUTS[key].read(out)


@_SKIP  # type: ignore[untyped-decorator]  # ctypes has no types for its callbacks
def _skip(_archive: int, key: int, length: int) -> int:
    here = _INPUTS[key].position
    return _INPUTS[key].seek(max(length, 0), 1) - here


@_SEEK  # type: ignore[untyped-decorator]  # ctypes has no types for its callbacks
def _seek(_archive: int, key: int, offset: int, origin: int) -> int:
    return _INPUTS[key].seek(offset, origin) if origin < 3 else _FATAL


class Reader:
    """A RAR archive, where the library is available; ``close`` it.

    Args:
        view: the archive.
        budget: its clock is looked at whenever the library reads.
        password: makes it the one encrypted member of a ZIP archive whose local header the view begins with.
    """

    def __init__(self, view: View, budget: Budget, password: bytes | None = None) -> None:
        self._library = cast("Any", _LIBRARY)
        self._input = _Input(view, budget)
        self._key = id(self._input)
        _INPUTS[self._key] = self._input
        self._archive = ctypes.c_void_p(self._library.archive_read_new())
        self._entry = ctypes.c_void_p()
        if password is None:
            self._library.archive_read_support_format_rar(self._archive)
            self._library.archive_read_support_format_rar5(self._archive)
        else:
            self._library.archive_read_support_format_zip_streamable(self._archive)
            self._library.archive_read_add_passphrase(self._archive, password)
        self._library.archive_read_set_read_callback(self._archive, _read)
        self._library.archive_read_set_skip_callback(self._archive, _skip)
        self._library.archive_read_set_seek_callback(self._archive, _seek)
        self._library.archive_read_set_callback_data(self._archive, ctypes.c_void_p(self._key))

    def open(self) -> None:
        """Recognise the archive; raises ``Damage``."""
        self._check(self._library.archive_read_open1(self._archive))

    def next(self) -> Member | None:
        """Return the next member, None at the end; raises ``Damage``."""
        before = _LIBC.uselocale(ctypes.c_void_p(_UTF8))  # names become UTF-8 without a converter to be loaded
        try:
            code = self._library.archive_read_next_header(self._archive, ctypes.byref(self._entry))
            if code == _END:
                self._check(_OK)
                return None
            self._check(code)
            name: bytes = self._library.archive_entry_pathname(self._entry) or b""
        finally:
            _LIBC.uselocale(ctypes.c_void_p(before))
        library, entry = self._library, self._entry
        return Member(
            name.decode("utf-8", "surrogateescape"),
            library.archive_entry_size(entry) if library.archive_entry_size_is_set(entry) else 0,
            library.archive_entry_filetype(entry) & _KIND == _REGULAR and not library.archive_entry_hardlink(entry),
            bool(library.archive_entry_is_data_encrypted(entry)),
        )

    def chunks(self) -> Iterator[bytes]:
        """Yield the content of the member that ``next`` returned; raises ``Damage``."""
        block, size, offset = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_int64()
        while True:
            code = self._library.archive_read_data_block(
                self._archive, ctypes.byref(block), ctypes.byref(size), ctypes.byref(offset)
            )
            if code == _END:
                return
            self._check(code)
            self._input.budget.tick()
            if size.value and block.value:
                yield ctypes.string_at(block.value, size.value)

    def position(self) -> int:
        """Return how far has been read."""
        return self._input.position

    def close(self) -> None:
        """Free everything that the library holds."""
        self._library.archive_read_free(self._archive)
        _INPUTS.pop(self._key, None)

    def _check(self, code: int) -> None:
        if self._input.failure is not None:
            raise self._input.failure
        if code < _WARNING:
            text: bytes = self._library.archive_error_string(self._archive) or b"damaged"
            raise Damage(text.decode("utf-8", "replace"))
