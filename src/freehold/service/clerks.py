"""Clerks: processes beside the loop of a service, for what may block: walks through file systems, moves of files.

A clerk has the rights of the service, runs one errand after the other, and looks into no content. An errand yields
its answers one by one, as they are asked for. A clerk is forked, so no thread may exist in this process; who hangs in
a file system that does not answer costs one clerk, and nobody else's time.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Self

from freehold.model.errors import FreeholdError
from freehold.model.limits import MIB
from freehold.sandbox.forking import fork, keep_only
from freehold.sandbox.wire import PIECE, Lines, decode, encode, write_all

MOST = 8
"""Clerks of one service; further errands wait."""

PATIENCE = 2.0
"""Seconds that a clerk gets to end an errand whose answers nobody wants any more."""

_LONGEST = 8 * MIB
_DESCRIPTORS = socket.CMSG_SPACE(4)

_NEXT, _STOP = b"+", b"-"


class Item(NamedTuple):
    """One answer of an errand.

    Attributes:
        values: what JSON knows.
        fd: a descriptor that goes with it and belongs to whoever takes it; -1 for none.
    """

    values: list[Any]
    fd: int = -1


Errands = Mapping[str, Callable[..., Iterator[Item]]]
"""What clerks can do: called in the clerk with a descriptor, which it closes, -1 for none, and with the arguments."""


class ClerkLost(FreeholdError):
    """A clerk ended in the middle of an errand, or could not do it."""


class Clerks:
    """The clerks of a service, forked as they are needed; made on the running event loop.

    Args:
        errands: what they can do; they know these as they are when they are forked.
        most: at once.
    """

    def __init__(self, errands: Errands, most: int = MOST) -> None:
        self._errands = errands
        self._idle: list[_Clerk] = []
        self._all: set[_Clerk] = set()
        self._room = asyncio.Semaphore(most)
        self._tasks: set[asyncio.Task[None]] = set()
        self._retired = False

    @asynccontextmanager
    async def errand(self, kind: str, *arguments: Any, fd: int = -1, ahead: int = 1) -> AsyncIterator["Errand"]:
        """Have an errand done, and its answers yielded.

        Args:
            kind: of the errand.
            arguments: for it, as JSON knows them.
            fd: a descriptor for it, which stays the caller's.
            ahead: answers that may be made before they are asked for.
        """
        await self._room.acquire()
        clerk = None
        try:
            clerk = self._idle.pop() if self._idle else self._hire()
            await clerk.begin([kind, *arguments], fd, ahead)
            errand = Errand(clerk)
            yield errand
        finally:
            if clerk is None or clerk.free:
                self._return(clerk)
            else:
                task = asyncio.ensure_future(self._end(clerk))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def retire(self) -> None:
        """Let every clerk go once it is idle."""
        self._retired = True
        for clerk in self._idle:
            self._dismiss(clerk)
        self._idle.clear()

    def close(self) -> None:
        """End all clerks at once."""
        self.retire()
        for clerk in list(self._all):
            self._dismiss(clerk)

    def _hire(self) -> "_Clerk":
        clerk = _Clerk(self._errands)
        self._all.add(clerk)
        return clerk

    def _dismiss(self, clerk: "_Clerk") -> None:
        self._all.discard(clerk)
        clerk.close()

    def _return(self, clerk: "_Clerk | None") -> None:
        self._room.release()
        if clerk is not None:
            if self._retired or clerk.lost:
                self._dismiss(clerk)
            else:
                self._idle.append(clerk)

    async def _end(self, clerk: "_Clerk") -> None:
        """Let a clerk end an errand whose answers nobody wants."""
        try:
            with contextlib.suppress(TimeoutError, ClerkLost):
                async with asyncio.timeout(PATIENCE):
                    await clerk.stop()
        finally:
            clerk.lost = clerk.lost or not clerk.free
            self._return(clerk)


class Errand:
    """The answers of one errand; an asynchronous iterator. Raises ``ClerkLost``."""

    def __init__(self, clerk: "_Clerk") -> None:
        self._clerk = clerk

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        item = None if self._clerk.free else await self._clerk.receive()
        if item is None:
            raise StopAsyncIteration
        self._clerk.ask()
        return item


class _Clerk:
    """One clerk, as the service sees it.

    Attributes:
        free: it has no errand.
        lost: it is gone, or must go.
    """

    def __init__(self, errands: Errands) -> None:
        self.free = True
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lines = Lines(_LONGEST)
        with theirs:
            self._pid = fork(lambda: _serve(theirs, errands))
        self._socket.setblocking(False)

    async def begin(self, message: list[Any], fd: int, ahead: int) -> None:
        self.free = False
        line = encode(message)
        try:
            socket.send_fds(self._socket, [line[:PIECE]], [fd] if fd >= 0 else [])
            for start in range(PIECE, len(line), PIECE):
                await self._loop.sock_sendall(self._socket, line[start : start + PIECE])
            for _ in range(ahead):
                await self._loop.sock_sendall(self._socket, _NEXT)
        except OSError as error:
            self.lost = True
            raise ClerkLost("the process that looks after files is gone") from error

    def ask(self) -> None:
        with contextlib.suppress(OSError):  # ``receive`` tells
            self._socket.send(_NEXT)

    async def receive(self) -> Item | None:
        """Return the next answer, None at the end; raises ``ClerkLost``."""
        fd = -1
        while True:
            piece, came = await self._packet()
            fd = came if came >= 0 else fd
            if not piece:
                self.lost = self.free = True
                raise ClerkLost("the process that looks after files died")
            for line in self._lines.feed(piece):
                kind, *values = decode(line)
                if kind == "item":
                    return Item(values, fd)
                self.free = True
                if kind == "failed":
                    raise ClerkLost(values[0])
                return None

    async def stop(self) -> None:
        """Tell it to end its errand, and wait until it has."""
        with contextlib.suppress(OSError):
            self._socket.send(_STOP)
        while not self.free and (item := await self.receive()):
            if item.fd >= 0:
                os.close(item.fd)

    def close(self) -> None:
        """End it at once, without waiting for more than its end."""
        if self._pid:
            self._socket.close()
            os.kill(self._pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
            _reap(self._pid)
            self._pid = 0

    async def _packet(self) -> tuple[bytes, int]:
        while True:
            try:
                return _receive(self._socket)
            except BlockingIOError:
                await self._readable()
            except OSError:
                return b"", -1

    async def _readable(self) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._socket.fileno(), _wake, future)
        try:
            await future
        finally:
            self._loop.remove_reader(self._socket.fileno())


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _reap(pid: int) -> None:
    """Take note of the end of a killed process; one that hangs in the kernel is looked for later."""
    if not os.waitpid(pid, os.WNOHANG)[0]:
        with contextlib.suppress(RuntimeError):  # the service has ended, and init takes note
            asyncio.get_running_loop().call_later(0.1, _reap, pid)


def _receive(channel: socket.socket) -> tuple[bytes, int]:
    packet, ancillary, _, _ = channel.recvmsg(PIECE, _DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
    for _, _, data in ancillary:
        return packet, int.from_bytes(data[:4], sys.byteorder)
    return packet, -1


def _serve(channel: socket.socket, errands: Errands) -> None:
    """Be a clerk until the service hangs up."""
    keep_only({channel.fileno()})
    gc.enable()
    lines = Lines(_LONGEST)
    fd = -1
    while True:
        packet, came = _receive(channel)
        fd = came if came >= 0 else fd
        if not packet:
            return
        if packet in {_NEXT, _STOP}:  # left over from an errand that had nothing more to say
            continue
        for line in lines.feed(packet):
            kind, *arguments = decode(line)
            _run(channel, errands[kind](fd, *arguments))
            fd = -1


def _run(channel: socket.socket, items: Iterator[Item]) -> None:
    last = ["end"]
    try:
        while channel.recv(1) == _NEXT and (item := next(items, None)):
            _send(channel, ["item", *item.values], item.fd)
    except (FreeholdError, OSError) as error:
        last = ["failed", str(error)]
    _send(channel, last)


def _send(channel: socket.socket, message: list[Any], fd: int = -1) -> None:
    line = encode(message)
    socket.send_fds(channel, [line[:PIECE]], [fd] if fd >= 0 else [])
    if fd >= 0:
        os.close(fd)
    write_all(channel.fileno(), line[PIECE:])
