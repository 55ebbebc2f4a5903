"""Reading from and writing to a client of a daemon, with bounds on time; what a protocol means is no matter here."""

import asyncio
import select
import socket
import time

from freehold.sandbox.wire import PIECE

_SLOWEST = 4096
"""Bytes a second that a content must bring on average, beyond the time that a client may do nothing at all."""

_TURN = 8
"""Pieces after which others get a turn."""

_LINGER = 1.0
_LINGER_BYTES = 16 << 20


class TimedOut(Exception):
    """A client was too slow."""


class TooLarge(Exception):
    """A client has sent more than it may."""


class HungUp(Exception):
    """A client is gone in the middle of something."""


class Pace:
    """How slowly a content may come.

    Args:
        patience: seconds without a byte.

    Attributes:
        size: bytes that have come.
    """

    def __init__(self, patience: float) -> None:
        self.size = 0
        self._patience = patience
        self._started = time.monotonic()

    @property
    def deadline(self) -> float:
        """When the next byte must have come, on the clock of ``time.monotonic``."""
        return self._patience + min(time.monotonic(), self._started + self.size / _SLOWEST)


class Wire:
    """The connection with one client.

    Args:
        connection: non-blocking; is closed by ``close``.
        patience: seconds in which a client must take more of an answer.

    Attributes:
        buffer: what has been received; whoever reads takes from its front.
        ended: the client sends no more.
    """

    def __init__(self, connection: socket.socket, patience: float) -> None:
        self.buffer = bytearray()
        self.ended = False
        self._socket = connection
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.Lock()
        self._turn = 0

    async def more(self, deadline: float) -> None:
        """Receive one piece, or note the end; who always has more to send lets others have a turn.

        Raises:
            TimedOut: nothing came before the deadline.
            OSError: the connection is broken.
        """
        self._turn += 1
        if self._turn % _TURN == 0:
            await asyncio.sleep(0)
        while True:
            try:
                piece = self._receive()
                break
            except BlockingIOError:
                await self._readable(deadline)
        self.buffer += piece
        self.ended = not piece

    async def enough(self, count: int, pace: Pace) -> None:
        """Receive until so many bytes are there; raises ``HungUp`` when they do not come, ``TimedOut``, ``OSError``."""
        while len(self.buffer) < count:
            if self.ended:
                raise HungUp
            await self.more(pace.deadline)

    def take(self, count: int) -> bytes:
        """Return up to so many bytes of what is there."""
        piece = bytes(self.buffer[:count])
        del self.buffer[:count]
        return piece

    async def send(self, data: bytes) -> None:
        """Send all of it; raises ``TimedOut`` or ``OSError``."""
        async with self._writing:
            try:
                async with asyncio.timeout(self._patience):
                    await self._loop.sock_sendall(self._socket, data)
            except TimeoutError as error:
                raise TimedOut from error

    def gone(self) -> bool:
        """Whether the client has closed its side both ways."""
        poll = select.poll()
        poll.register(self._socket, 0)
        return bool(poll.poll(0))

    async def linger(self, *, is_sending: bool = True) -> None:
        """Let the client read the last answer, which an unread rest of what it sent would destroy.

        Args:
            is_sending: the client may be in the middle of sending; else there is nothing to wait for on a Unix socket,
                where all that was sent is there at once.
        """
        if not (is_sending or self.buffer or self.ended) and self._socket.family == socket.AF_UNIX:
            try:
                self.buffer += self._receive()
            except OSError:
                return
        deadline = time.monotonic() + _LINGER
        try:
            self._socket.shutdown(socket.SHUT_WR)
            for _ in range(_LINGER_BYTES // PIECE):
                if self.ended:
                    return
                self.buffer.clear()
                await self.more(deadline)
        except (OSError, TimedOut):
            return

    async def farewell(self, words: bytes) -> None:
        """Say something last, and let the client read it; who does not want to know is left."""
        try:
            await self.send(words)
            await self.linger()
        except (TimedOut, OSError):
            return

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self) -> bytes:
        return self._socket.recv(PIECE)

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
