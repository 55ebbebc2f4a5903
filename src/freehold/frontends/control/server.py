"""Answering whoever looks after the daemon."""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from freehold.frontends.listening import Server
from freehold.frontends.wire import HungUp, TimedOut, Wire
from freehold.service.log import Log

_PATIENCE = 10.0
"""Seconds in which a client must ask, and take the answer."""

_LONGEST = 64
_CLIENTS = 16


class Host(Protocol):
    """What is asked about."""

    @property
    def log(self) -> Log:
        """Where events are noted."""

    def status(self) -> dict[str, Any]:
        """Return what it does and has done, as JSON knows it."""


def serve(listeners: Sequence[socket.socket], host: Host) -> Server:
    """Answer whoever connects to the listeners and may know."""
    return Server(listeners, lambda connection, _: _Conversation(connection, host), _CLIENTS, host.log)


class _Conversation:
    """One question with its answer."""

    idle = True

    def __init__(self, connection: socket.socket, host: Host) -> None:
        self._wire = Wire(connection, _PATIENCE)
        self._host = host
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _, user, _ = struct.unpack("3i", credentials)
        self._is_allowed = user in {0, os.geteuid()}

    async def serve(self) -> None:
        """Answer and hang up."""
        try:
            deadline = time.monotonic() + _PATIENCE
            while b"\n" not in self._wire.buffer and len(self._wire.buffer) < _LONGEST and not self._wire.ended:
                await self._wire.more(deadline)
            word = self._wire.take(_LONGEST).partition(b"\n")[0].strip()
            await self._wire.send(json.dumps(self._answer(word)).encode() + b"\n")
            await self._wire.linger()
        except (HungUp, TimedOut, OSError):
            return
        finally:
            self._wire.close()

    def _answer(self, word: bytes) -> dict[str, Any]:
        if not self._is_allowed:
            return {"error": "only root and the daemon's own user may ask"}
        answers: dict[bytes, Callable[[], dict[str, Any]]] = {b"status": self._host.status}
        answer = answers.get(word)
        return answer() if answer else {"error": "unknown question; 'status' is known"}
