"""One archive, opened by 7-Zip's library: its properties, its items, and their content."""

import ctypes
from collections.abc import Iterator, Sequence

from freehold.formats.sevenzip import abi
from freehold.formats.sevenzip.abi import E_NOTIMPL, E_OUTOFMEMORY, S_FALSE, S_OK, Variant
from freehold.formats.sevenzip.callbacks import Piece, Session
from freehold.formats.sevenzip.library import clear, create_archive, give_back, query, release
from freehold.model.interfaces import Spool
from freehold.model.limits import Budget
from freehold.model.view import View

_OPEN, _CLOSE, _COUNT, _ITEM_PROPERTY, _EXTRACT, _ARCHIVE_PROPERTY = 3, 4, 5, 6, 7, 8
_GET_STREAM = _READ = 3
_CHUNK = 1 << 20


class Failure(Exception):
    """The library gave up.

    Attributes:
        code: what it returned.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"7-Zip's library returned {code:#x}")
        self.code = code

    @property
    def no_memory(self) -> bool:
        """Whether it wanted more than there is."""
        return self.code == E_OUTOFMEMORY

    @property
    def unsupported(self) -> bool:
        """Whether it knows that it cannot."""
        return self.code == E_NOTIMPL


class Archive:
    """An open archive; ``close`` it.

    Args:
        number: of the format's class.
        view: what is read.
        budget: its clock is looked at whenever the library calls.
        password: for everything that is encrypted; None when it is not known.

    Attributes:
        opened: whether the library recognised the format.
    """

    def __init__(self, number: int, view: View, budget: Budget, password: str | None = None) -> None:
        self._session = Session(view, budget)
        self._session.password = password
        self._number = number
        self._pointer = create_archive(number)
        self._streams = 0
        self.opened = False
        if self._pointer:
            self._streams = query(self._pointer, abi.IID_GET_STREAM)

    def open(self) -> None:
        """Read the headers; raises ``Failure``, and what the view and the budget raise."""
        at_the_start = abi.U64(0)
        call = abi.method(self._pointer, _OPEN, abi.OPEN)
        session = self._session
        code = call(self._pointer, session.stream.address, ctypes.addressof(at_the_start), session.opening.address)
        session.check()
        if code not in (S_OK, S_FALSE):
            raise Failure(code)
        self.opened = code == S_OK

    @property
    def exists(self) -> bool:
        """Whether the library has this format at all."""
        return bool(self._pointer)

    @property
    def password_asked(self) -> bool:
        """Whether something could not be read without a password."""
        return self._session.password_asked

    @property
    def password(self) -> str | None:
        """What the library is told when it wants a password."""
        return self._session.password

    @password.setter
    def password(self, password: str | None) -> None:
        self._session.password = password

    def consumed(self) -> int:
        """Return how many bytes were read so far."""
        return self._session.consumed

    def count(self) -> int:
        """Return the number of items."""
        number = abi.U32()
        abi.method(self._pointer, _COUNT, abi.ONE_POINTER)(self._pointer, ctypes.addressof(number))
        return number.value

    def property(self, what: int) -> str | int | bool | None:
        """Return a property of the archive."""
        variant = Variant()
        call = abi.method(self._pointer, _ARCHIVE_PROPERTY, abi.ARCHIVE_PROPERTY)
        code = call(self._pointer, what, ctypes.addressof(variant))
        return _taken(variant, code)

    def item(self, index: int, what: int) -> str | int | bool | None:
        """Return a property of an item."""
        variant = Variant()
        call = abi.method(self._pointer, _ITEM_PROPERTY, abi.ITEM_PROPERTY)
        code = call(self._pointer, index, what, ctypes.addressof(variant))
        return _taken(variant, code)

    def stream(self, index: int) -> int:
        """Return a stream of an item's content for ``chunks``; 0 where the format has none."""
        if not self._streams:
            return 0
        stream = ctypes.c_void_p()
        call = abi.method(self._streams, _GET_STREAM, abi.GET_IN_STREAM)
        code = call(self._streams, index, ctypes.addressof(stream))
        self._session.check()
        if stream.value and code != S_OK:
            release(stream.value)
        return (stream.value or 0) if code == S_OK else 0

    def chunks(self, stream: int) -> Iterator[bytes]:
        """Yield a stream's content and give the stream back; raises ``Failure``."""
        buffer = ctypes.create_string_buffer(_CHUNK)
        got = abi.U32()
        read = abi.method(stream, _READ, abi.READ)
        try:
            while True:
                code = read(stream, ctypes.addressof(buffer), _CHUNK, ctypes.addressof(got))
                self._session.check()
                if got.value:
                    yield buffer.raw[: min(got.value, _CHUNK)]
                if code != S_OK:
                    raise Failure(code)
                if not got.value:
                    return
        finally:
            release(stream)

    def extract(self, indices: Sequence[int], spool: Spool) -> "Extraction":
        """Write the content of items, whose numbers ascend, into a region of the spool."""
        session = self._session
        sink = session.sink(spool)
        wanted = (ctypes.c_uint32 * len(indices))(*indices)
        call = abi.method(self._pointer, _EXTRACT, abi.EXTRACT)
        spool.begin()
        code = call(self._pointer, ctypes.addressof(wanted), len(indices), 0, sink.address)
        sink.finish(None)
        failure: BaseException | None = None
        try:
            session.check()
        except Exception as error:  # noqa: BLE001 - it is raised when what came before has been examined
            failure = error
        if failure is None and code != S_OK:
            failure = Failure(code)
        return Extraction(spool.finish(), sink.pieces, failure)

    def close(self) -> None:
        """Free everything that the library holds."""
        if self._streams:
            release(self._streams)
        if self._pointer:
            abi.method(self._pointer, _CLOSE, abi.NO_ARGUMENT)(self._pointer)
            give_back(self._number, self._pointer)
        self._pointer = self._streams = 0
        self._session.end()


class Extraction:
    """What one extraction wrote.

    Attributes:
        region: all of it.
        pieces: the items in it.
        failure: what ended it early, None when nothing did.
    """

    __slots__ = ("failure", "pieces", "region")

    def __init__(self, region: View, pieces: list[Piece], failure: BaseException | None) -> None:
        self.region = region
        self.pieces = pieces
        self.failure = failure


_LONGEST = 4096


def _taken(variant: Variant, code: int) -> str | int | bool | None:
    value = variant.take(_LONGEST) if code == S_OK else None
    clear(variant)
    return value
