"""Listening for clients, and keeping their number within bounds; what is spoken with them is no matter here."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from freehold.model.errors import UsageError
from freehold.service.log import Log

_BACKLOG = 200
_AT_ONCE = 16
"""Clients that are accepted before others get a turn."""

_PAUSE = 0.2
"""Seconds until clients are accepted again when the system is out of descriptors."""


class Conversation(Protocol):
    """What is spoken with one client."""

    @property
    def idle(self) -> bool:
        """Whether the client waits for nothing."""

    async def serve(self) -> None:
        """Answer until one of both sides ends it; the connection is closed then."""


Place = tuple[str, int] | Path
"""Where to listen: an address in numbers with its port, or the path of a Unix socket."""

Welcome = Callable[[socket.socket, object], Conversation]
"""Makes the conversation over a new, non-blocking connection from an address."""


class Server:
    """Accepts clients, as many as are allowed.

    Args:
        listeners: bound and listening; are closed by ``close``.
        welcome: begins the conversation with a client.
        connections: at once; further clients wait to be accepted.
        log: takes what must not happen.
    """

    def __init__(self, listeners: Sequence[socket.socket], welcome: Welcome, connections: int, log: Log) -> None:
        self._listeners = list(listeners)
        self._welcome = welcome
        self._most = connections
        self._log = log
        self._connections: dict[asyncio.Task[None], Conversation] = {}
        self._draining = False
        self._loop = asyncio.get_running_loop()
        self._listening = False
        self._listen()

    @property
    def clients(self) -> int:
        """How many there are."""
        return len(self._connections)

    async def drain(self, seconds: float) -> None:
        """Accept nobody any more, let clients that wait for answers have them for so long, then hang up."""
        self._draining = True
        self._stop()
        for task, client in self._connections.items():
            if client.idle:
                task.cancel()
        if self._connections:
            await asyncio.wait(self._connections, timeout=seconds)
        for task in self._connections:
            task.cancel()
        if self._connections:
            await asyncio.wait(self._connections)

    def close(self) -> None:
        """Stop listening."""
        self._draining = True
        self._stop()
        for listener in self._listeners:
            listener.close()

    def _listen(self) -> None:
        if not self._listening and not self._draining:
            self._listening = True
            for listener in self._listeners:
                self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _stop(self) -> None:
        if self._listening:
            self._listening = False
            for listener in self._listeners:
                self._loop.remove_reader(listener.fileno())

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            if self.clients >= self._most:
                self._stop()
                return
            try:
                connection, address = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    raise
                self._stop()
                self._loop.call_later(_PAUSE, self._listen)
                return
            connection.setblocking(False)
            client = self._welcome(connection, address)
            task = self._loop.create_task(client.serve())
            self._connections[task] = client
            task.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        del self._connections[task]
        if not task.cancelled() and (error := task.exception()):
            self._log.warning("internal error", error=repr(error))
        self._listen()


def listener(place: Place, mode: int) -> socket.socket:
    """Listen somewhere; a Unix socket gets the mode. Raises ``UsageError``."""
    return unix_listener(place, mode) if isinstance(place, Path) else tcp_listener(*place)


def unix_listener(path: Path, mode: int) -> socket.socket:
    """Listen on a Unix socket; one that nobody listens on any more is replaced. Raises ``UsageError``."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        before = os.umask(0o777 & ~mode)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {path}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def tcp_listener(host: str, port: int) -> socket.socket:
    """Listen on an address given in numbers; raises ``UsageError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def announce(log: Log, protocol: str, listeners: Sequence[socket.socket]) -> None:
    """Note where clients of a protocol are awaited."""
    for listening in listeners:
        log.note("listening", protocol=protocol, address=address_text(listening.getsockname()))


def address_text(address: object) -> str:
    """Return an address for the log; a client on a Unix socket has none."""
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else str(address or "local")


def _remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on; raises ``UsageError`` when somebody does, or it is something else."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise UsageError(f"{path} exists and is not a socket: remove it, or choose another --socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise UsageError(f"somebody listens on {path} already: another daemon? stop it, or choose another --socket")
