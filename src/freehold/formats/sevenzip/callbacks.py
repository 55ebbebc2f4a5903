"""What 7-Zip's library calls: streams over views, the sink of an extraction, the question for a password.

All machine code for these calls is made here, at import: a confined process can make none. An object is a few
pointers to such tables; the tables' functions find the Python object behind it by its address. Objects are kept alive
by ``Session``, so their reference counts mean nothing.
"""

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from freehold.formats.sevenzip import abi
from freehold.formats.sevenzip.abi import E_ABORT, E_NOINTERFACE, S_OK
from freehold.model.interfaces import Spool
from freehold.model.limits import Budget
from freehold.model.view import View

_PIECE = 1 << 20
"""Bytes that one call reads at most."""

_T = TypeVar("_T", bound="_Object")

_WORD = ctypes.sizeof(ctypes.c_void_p)


class Piece(NamedTuple):
    """One extracted item: where it lies in what the extraction wrote; ``outcome`` None: it was never finished."""

    index: int  # type: ignore[assignment]  # nobody asks a piece for tuple.index
    start: int
    length: int
    outcome: int | None


class Session:
    """What all calls of one archive share.

    Attributes:
        failure: what a call raised; the library is told to stop, and whoever called it raises this.
        password: what it is told when it wants one; None: that there is none.
        password_asked: whether the library wanted a password and there was none.
        consumed: bytes that were read so far.
    """

    def __init__(self, view: View, budget: Budget) -> None:
        self.budget = budget
        self.failure: BaseException | None = None
        self.password: str | None = None
        self.password_asked = False
        self.consumed = 0
        self._objects: list[_Object] = []
        self.stream = self._keep(InStream(self, view))
        self.opening = self._keep(_Object(self, _OPENING))

    def sink(self, spool: Spool) -> "Sink":
        """Return an object that takes what is extracted."""
        sink = Sink(self, spool)
        self._objects += (sink, sink.out)
        return sink

    def check(self) -> None:
        """Raise what a call raised."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def end(self) -> None:
        """Forget all objects; nothing may call them any more."""
        for thing in self._objects:
            thing.forget()
        self._objects.clear()

    def _keep(self, thing: "_T") -> "_T":
        self._objects.append(thing)
        return thing


class _Object:
    """An object that the library can call: one pointer for each interface.

    Attributes:
        address: of its first interface.
    """

    def __init__(self, session: Session, interfaces: "_Interfaces") -> None:
        self.session = session
        self._interfaces = interfaces
        self._memory = (ctypes.c_void_p * len(interfaces.tables))(*interfaces.tables)
        self.address = ctypes.addressof(self._memory)
        for number in range(len(interfaces.tables)):
            _OBJECTS[self.address + number * _WORD] = self

    def forget(self) -> None:
        """Make its addresses unknown."""
        for number in range(len(self._interfaces.tables)):
            _OBJECTS.pop(self.address + number * _WORD, None)

    def query(self, wanted: bytes) -> int:
        """Return the address of an interface, 0 when there is none of this kind."""
        number = self._interfaces.numbers.get(wanted)
        return 0 if number is None else self.address + number * _WORD


_OBJECTS: dict[int, Any] = {}


class _Interfaces(NamedTuple):
    """The interfaces of one kind of object: addresses of their tables, and the table of each identifier."""

    tables: tuple[int, ...]
    numbers: dict[bytes, int]


class InStream(_Object):
    """A view that the library reads."""

    def __init__(self, session: Session, view: View) -> None:
        super().__init__(session, _IN_STREAM)
        self.view = view
        self.position = 0


class OutStream(_Object):
    """Where the library writes the item that is extracted just now."""

    def __init__(self, session: Session, sink: "Sink") -> None:
        super().__init__(session, _OUT_STREAM)
        self.sink = sink


class Sink(_Object):
    """Takes the items of one extraction, one behind the other, into one region of the spool.

    Attributes:
        pieces: the items that came so far.
        produced: bytes that came so far.
    """

    def __init__(self, session: Session, spool: Spool) -> None:
        super().__init__(session, _SINK)
        self.spool = spool
        self.out = OutStream(session, self)
        self.pieces: list[Piece] = []
        self.produced = 0
        self._before = session.consumed
        self._current: tuple[int, int] | None = None

    def begin(self, index: int) -> None:
        """An item begins, perhaps only to be told that it cannot be extracted; one that did not end is cut off."""
        self.finish(None)
        self._current = (index, self.produced)

    def write(self, chunk: bytes) -> None:
        """A part of the current item."""
        budget = self.session.budget
        self.produced += len(chunk)
        self.spool.write(chunk)
        budget.foresee_bytes(self.produced)
        budget.check_ratio(self.session.consumed - self._before, self.produced)

    def finish(self, outcome: int | None) -> None:
        """The current item ends."""
        if self._current is not None:
            index, start = self._current
            self.pieces.append(Piece(index, start, self.produced - start, outcome))
            self._current = None


def _callback(prototype: Any) -> Callable[[Callable[..., int]], Any]:
    """Make a function callable by the library; what it raises is kept in the session and stops the library."""

    def make(function: Callable[..., int]) -> Any:
        def call(this: int, *arguments: Any) -> int:
            found = _OBJECTS.get(this)
            if found is None or found.session.failure is not None:
                return E_ABORT
            try:
                return function(found, *arguments)
            except BaseException as error:  # noqa: BLE001 - it must not cross the library; it is raised behind it
                found.session.failure = error
                return E_ABORT

        return prototype(call)

    return make


def _put(address: int | None, kind: Any, value: int) -> None:
    """Store a result where the caller wants it, if it does."""
    if address:
        kind.from_address(address).value = value


@abi.QUERY  # type: ignore[untyped-decorator]  # ctypes has no types for its callbacks
def _query(this: int, identifier: int, out: int) -> int:
    found = _OBJECTS.get(this)
    address = 0 if found is None else found.query(ctypes.string_at(identifier, 16))
    _put(out, ctypes.c_size_t, address)
    return S_OK if address else E_NOINTERFACE


@abi.COUNT  # type: ignore[untyped-decorator]  # ctypes has no types for its callbacks
def _count(_this: int) -> int:
    return 1


@_callback(abi.READ)
def _read(stream: InStream, out: int, size: int, processed: int | None) -> int:
    data = stream.view.read(stream.position, min(size, _PIECE))
    ctypes.memmove(out, data, len(data))
    stream.position += len(data)
    stream.session.consumed += len(data)
    stream.session.budget.tick()
    _put(processed, ctypes.c_uint32, len(data))
    return S_OK


@_callback(abi.SEEK)
def _seek(stream: InStream, offset: int, origin: int, out: int | None) -> int:
    base = (0, stream.position, stream.view.size)[origin] if origin < 3 else -1
    if base < 0 or not 0 <= base + offset < 1 << 62:
        return abi.E_INVALIDARG
    stream.position = base + offset
    _put(out, ctypes.c_uint64, stream.position)
    return S_OK


@_callback(abi.ONE_POINTER)
def _size(stream: InStream, out: int) -> int:
    _put(out, ctypes.c_uint64, stream.view.size)
    return S_OK


@_callback(abi.READ)
def _write(out: OutStream, data: int, size: int, processed: int | None) -> int:
    if size:
        out.sink.write(ctypes.string_at(data, size))
    _put(processed, ctypes.c_uint32, size)
    return S_OK


@_callback(abi.TWO_POINTERS)
def _progress_of_opening(opening: _Object, _files: int, _size: int) -> int:
    opening.session.budget.tick()
    return S_OK


@_callback(abi.ONE_SIZE)
def _total(_sink: Sink, _size: int) -> int:
    return S_OK


@_callback(abi.ONE_POINTER)
def _progress(sink: Sink, _size: int) -> int:
    sink.session.budget.tick()
    return S_OK


@_callback(abi.GET_OUT_STREAM)
def _stream_of_item(sink: Sink, index: int, out: int, mode: int) -> int:
    sink.begin(index)
    _put(out, ctypes.c_size_t, sink.out.address if mode == 0 else 0)
    return S_OK


@_callback(abi.ONE_NUMBER)
def _prepare(_sink: Sink, _mode: int) -> int:
    return S_OK


@_callback(abi.ONE_NUMBER)
def _result_of_item(sink: Sink, result: int) -> int:
    sink.finish(result)
    return S_OK


@_callback(abi.ONE_POINTER)
def _password(asked: _Object, out: int) -> int:
    password = asked.session.password
    if password is None:
        asked.session.password_asked = True
        _put(out, ctypes.c_size_t, 0)
        return E_ABORT
    _put(out, ctypes.c_size_t, abi.new_text(password))
    return S_OK


def _table(*functions: Any) -> Any:
    addresses = [ctypes.cast(function, ctypes.c_void_p).value for function in (_query, _count, _count, *functions)]
    return (ctypes.c_void_p * len(addresses))(*addresses)


_READING = _table(_read, _seek)
_SIZED = _table(_size)
_WRITING = _table(_write)
_OPENS = _table(_progress_of_opening, _progress_of_opening)
_EXTRACTS = _table(_total, _progress, _stream_of_item, _prepare, _result_of_item)
_ASKS = _table(_password)


def _interfaces(*tables: tuple[Any, tuple[bytes, ...]]) -> _Interfaces:
    addresses = tuple(ctypes.addressof(table) for table, _ in tables)
    numbers = {name: number for number, (_, names) in enumerate(tables) for name in names}
    return _Interfaces(addresses, numbers | {abi.IID_UNKNOWN: 0})


_IN_STREAM = _interfaces(
    (_READING, (abi.IID_IN_STREAM, abi.IID_SEQUENTIAL_IN_STREAM)), (_SIZED, (abi.IID_STREAM_GET_SIZE,))
)
_OUT_STREAM = _interfaces((_WRITING, (abi.IID_SEQUENTIAL_OUT_STREAM,)))
_OPENING = _interfaces((_OPENS, (abi.IID_OPEN_CALLBACK,)), (_ASKS, (abi.IID_PASSWORD,)))
_SINK = _interfaces(
    (_EXTRACTS, (abi.IID_EXTRACT_CALLBACK, abi.IID_PROGRESS)),
    (_ASKS, (abi.IID_PASSWORD,)),
)
