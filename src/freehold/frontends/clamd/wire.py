"""Reading from and writing to a client, with bounds on memory and on time."""

import asyncio
import os
import select
import socket
import time
from collections.abc import Awaitable, Callable

from freehold.frontends.clamd.commands import Command, take
from freehold.frontends.clamd.policy import Rules
from freehold.sandbox.wire import PIECE

_SLOWEST = 4096
"""Bytes a second that a content must bring on average, beyond the time that a client may do nothing at all."""

_DESCRIPTORS = 4
"""Descriptors that are taken with one packet; all but one are closed."""

_TURN = 8
"""Pieces after which others get a turn."""

_LINGER = 1.0
_LINGER_BYTES = 16 << 20


class TimedOut(Exception):
    """A client was too slow."""


class TooLarge(Exception):
    """A content is longer than allowed."""


class HungUp(Exception):
    """A client is gone in the middle of something."""


class Wire:
    """The connection with one client.

    Args:
        connection: non-blocking; is closed by ``close``.
        rules: the bounds.
    """

    def __init__(self, connection: socket.socket, rules: Rules) -> None:
        self._socket = connection
        self._rules = rules
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._descriptor = -1
        self._ended = False
        self._writing = asyncio.Lock()
        self._turn = 0

    async def command(self) -> Command | None:
        """Return the next command, None at the end; raises ``TimedOut``, ``TooLong`` or ``OSError``."""
        deadline = time.monotonic() + self._rules.command_seconds
        while True:
            if self._buffer and (command := take(self._buffer, ended=self._ended)):
                return command
            if self._ended:
                return None
            await self._more(deadline)

    async def content(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Read chunks, each after its length in four bytes, up to an empty one.

        Raises:
            TooLarge: they are longer together than allowed.
            TimedOut: they do not come, or come too slowly.
            HungUp: they do not end.
        """
        started = time.monotonic()
        size = 0
        while chunk := int.from_bytes(await self._exactly(4, started, size)):
            if size + chunk > self._rules.stream_bytes:
                raise TooLarge
            while chunk:
                if not self._buffer:
                    await self._enough(1, started, size)
                piece = bytes(self._buffer[:chunk])
                del self._buffer[:chunk]
                await write(piece)
                chunk -= len(piece)
                size += len(piece)

    async def descriptor(self) -> int:
        """Return the descriptor that follows FILDES in a packet of its own with one byte; -1 when none came."""
        deadline = time.monotonic() + self._rules.command_seconds
        while not self._buffer and self._descriptor < 0:
            if self._ended:
                return -1
            await self._more(deadline)
        del self._buffer[:1]
        fd, self._descriptor = self._descriptor, -1
        return fd

    async def send(self, data: bytes) -> None:
        """Send all of it; raises ``TimedOut`` or ``OSError``."""
        async with self._writing:
            try:
                async with asyncio.timeout(self._rules.read_seconds):
                    await self._loop.sock_sendall(self._socket, data)
            except TimeoutError as error:
                raise TimedOut from error

    def gone(self) -> bool:
        """Whether the client has closed its side both ways."""
        poll = select.poll()
        poll.register(self._socket, 0)
        return bool(poll.poll(0))

    async def linger(self) -> None:
        """Let the client read the last answer, which an unread rest of what it sent would destroy."""
        deadline = time.monotonic() + _LINGER
        try:
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(_LINGER_BYTES // PIECE):
                if self._ended:
                    return
                self._buffer.clear()
                await self._more(deadline)
        except (OSError, TimedOut):
            return

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def _exactly(self, count: int, started: float, size: int) -> bytes:
        await self._enough(count, started, size)
        piece = bytes(self._buffer[:count])
        del self._buffer[:count]
        return piece

    async def _enough(self, count: int, started: float, size: int) -> None:
        patience = self._rules.read_seconds
        latest = started + patience + size / _SLOWEST
        while len(self._buffer) < count:
            if self._ended:
                raise HungUp
            await self._more(min(time.monotonic() + patience, latest))

    async def _more(self, deadline: float) -> None:
        """Receive one piece, or note the end; who always has more to send lets others have a turn."""
        self._turn += 1
        if self._turn % _TURN == 0:
            await asyncio.sleep(0)
        while True:
            try:
                piece = self._receive()
                break
            except BlockingIOError:
                await self._readable(deadline)
        self._buffer += piece
        self._ended = not piece

    def _receive(self) -> bytes:
        if self._socket.family != socket.AF_UNIX:
            return self._socket.recv(PIECE)
        flags = socket.MSG_CMSG_CLOEXEC
        piece, descriptors, _, _ = socket.recv_fds(self._socket, PIECE, _DESCRIPTORS, flags)
        for fd in descriptors:
            if self._descriptor < 0:
                self._descriptor = fd
            else:
                os.close(fd)
        return piece

    async def _readable(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut
        future: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_later(left, _fail, future)
        self._loop.add_reader(self._socket.fileno(), _wake, future)
        try:
            await future
        finally:
            timer.cancel()
            self._loop.remove_reader(self._socket.fileno())


def _wake(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(TimedOut())
