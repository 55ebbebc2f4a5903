"""Reading what clients of clamd's protocol send: commands, chunks, descriptors."""

import os
import socket
import time
from collections.abc import Awaitable, Callable

from freehold.frontends.clamd.commands import Command, may_be_all, take
from freehold.frontends.clamd.policy import Rules
from freehold.frontends.wire import Pace, TimedOut, TooLarge, Wire
from freehold.sandbox.wire import PIECE

_PACKET = 0.02
"""Seconds in which the rest of a packet must come."""

_DESCRIPTORS = 4
"""Descriptors that are taken with one packet; all but one are closed."""


class ClamdWire(Wire):
    """The connection with one client.

    Args:
        connection: non-blocking; is closed by ``close``.
        rules: the bounds.
    """

    def __init__(self, connection: socket.socket, rules: Rules) -> None:
        super().__init__(connection, rules.read_seconds)
        self._rules = rules
        self._descriptor = -1

    async def command(self) -> Command | None:
        """Return the next command, None at the end; raises ``TimedOut``, ``TooLong`` or ``OSError``."""
        deadline = time.monotonic() + self._rules.command_seconds
        while True:
            if self.buffer and (command := take(self.buffer, ended=self.ended)):
                return command
            if self.ended:
                return None
            if not may_be_all(self.buffer):
                await self.more(deadline)
            elif await self._is_all(deadline):
                return take(self.buffer, ended=True)

    async def content(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Read chunks, each after its length in four bytes, up to an empty one.

        Raises:
            TooLarge: they are longer together than allowed.
            TimedOut: they do not come, or come too slowly.
            HungUp: they do not end.
        """
        pace = Pace(self._rules.read_seconds)
        while chunk := await self._length(pace):
            if pace.size + chunk > self._rules.stream_bytes:
                raise TooLarge
            while chunk:
                await self.enough(1, pace)
                piece = self.take(chunk)
                await write(piece)
                chunk -= len(piece)
                pace.size += len(piece)

    async def descriptor(self) -> int:
        """Return the descriptor that follows FILDES in a packet of its own with one byte; -1 when none came."""
        deadline = time.monotonic() + self._rules.command_seconds
        while not self.buffer and self._descriptor < 0:
            if self.ended:
                return -1
            await self.more(deadline)
        del self.buffer[:1]
        fd, self._descriptor = self._descriptor, -1
        return fd

    def close(self) -> None:
        """Close the connection, and a descriptor that nobody has taken."""
        super().close()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    async def _is_all(self, deadline: float) -> bool:
        """Whether nothing follows for a moment: some clients (clamscan of npm) end a command with their packet."""
        try:
            await self.more(min(deadline, time.monotonic() + _PACKET))
        except TimedOut:
            return time.monotonic() < deadline
        return False

    async def _length(self, pace: Pace) -> int:
        await self.enough(4, pace)
        return int.from_bytes(self.take(4))

    def _receive(self) -> bytes:
        if self._socket.family != socket.AF_UNIX:
            return super()._receive()
        flags = socket.MSG_CMSG_CLOEXEC
        piece, descriptors, _, _ = socket.recv_fds(self._socket, PIECE, _DESCRIPTORS, flags)
        for fd in descriptors:
            if self._descriptor < 0:
                self._descriptor = fd
            else:
                os.close(fd)
        return piece
