"""Contents that clients send: small ones in memory, large ones in one of a bounded number of places on disk."""

import asyncio
import os
from types import TracebackType
from typing import Self

from freehold.service.content import SMALL, Content
from freehold.service.entry import Entry


class NoRoom(Exception):
    """There is no room for a content; the text says why."""


class Intake:
    """The places on disk, which all clients of a service share.

    Args:
        places: how many contents are kept on disk at once; further ones wait to be read.
    """

    def __init__(self, places: int) -> None:
        self._places = asyncio.Semaphore(places)

    def begin(self) -> "Arrival":
        """Begin to take one content."""
        return Arrival(self._places)


class Arrival:
    """One content that is on its way in; a context that gives its place free once it has been examined."""

    __slots__ = ("_content", "_holds", "_kept", "_places")

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._holds = False
        self._kept = -1
        self._content = Content()

    @property
    def size(self) -> int:
        """Bytes that have been taken."""
        return self._content.size

    async def write(self, piece: bytes) -> None:
        """Take a piece; waits for a place on disk when it makes the content a large one. Raises ``NoRoom``."""
        if not self._holds and self.size + len(piece) > SMALL:
            await self._places.acquire()
            self._holds = True
        try:
            self._content.write(piece)
        except OSError as error:
            raise NoRoom(error.strerror or str(error)) from error

    def entry(self, label: bytes) -> Entry:
        """Return what is to be examined, which is the caller's from now on; the place is still held."""
        entry = Entry(label, self._content.detach(), self.size)
        entry.digest = self._content.digest()
        return entry

    def keep(self) -> None:
        """Let the content be read here even after it has been handed over; raises ``NoRoom``."""
        try:
            self._kept = os.dup(self._content.fileno())
        except OSError as error:
            raise NoRoom(error.strerror or str(error)) from error

    def read(self, offset: int, length: int) -> bytes:
        """Return a part of what has been taken; needs ``keep`` once it has been handed over."""
        return os.pread(self._content.fileno() if self._kept < 0 else self._kept, length, offset)

    def close(self) -> None:
        """Forget what nobody has asked for, and give the place free."""
        self._content.close()
        if self._kept >= 0:
            os.close(self._kept)
            self._kept = -1
        if self._holds:
            self._holds = False
            self._places.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
