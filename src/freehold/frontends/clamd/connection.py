"""The conversation with one client."""

import asyncio
import fcntl
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from typing import Protocol

from freehold.frontends import host
from freehold.frontends.clamd import replies
from freehold.frontends.clamd.commands import IN_SESSION, NAMES, SCANS, Command, TooLong
from freehold.frontends.clamd.policy import Peer, Rules
from freehold.frontends.clamd.tree import Client, Examiners, scan_tree
from freehold.frontends.clamd.wire import ClamdWire
from freehold.frontends.intake import Arrival, Intake, NoRoom
from freehold.frontends.wire import HungUp, TimedOut, TooLarge
from freehold.model.report import Report
from freehold.service.clerks import Clerks
from freehold.service.entry import Entry

_MOST_AT_ONCE = 16
"""Commands of one session that are worked on at once; further ones wait to be read."""

Say = Callable[[bytes], Awaitable[None]]
"""Sends one answer, which is given without its number and its end."""


class Host(host.Host, Protocol):
    """What a conversation needs of the service."""

    @property
    def walkers(self) -> Clerks:
        """Who walks through the file system."""

    def reload(self) -> None:
        """Begin to load the databases anew."""

    def shut_down(self) -> None:
        """Finish what was begun, and end."""


class Connection:
    """One client.

    Args:
        connection: non-blocking; is closed in the end.
        peer: who it is.
        service: it.
        rules: what it may do.
        intake: takes contents.
    """

    def __init__(self, connection: socket.socket, peer: Peer, service: Host, rules: Rules, intake: Intake) -> None:
        self._wire = ClamdWire(connection, rules)
        self._peer = peer
        self._host = service
        self._rules = rules
        self._intake = intake
        self._awaits_command = False
        self._session = False
        self._cut_short = False
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Whether the client waits for nothing."""
        return self._awaits_command and not self._tasks

    async def serve(self) -> None:
        """Answer until one of both sides ends the conversation."""
        try:
            while (command := await self._command()) and await self._obey(command):
                pass
            if self._tasks:
                await asyncio.wait(self._tasks)
            await self._wire.linger(is_sending=self._cut_short)
        except TimedOut:
            self._host.log.note("timeout", client=self._peer.name)
            await self._wire.farewell(replies.TIMED_OUT)
        except TooLong:
            await self._wire.farewell(replies.UNKNOWN + b"\n")
        except (HungUp, OSError):
            pass
        finally:
            for task in self._tasks:
                task.cancel()
            self._wire.close()

    async def _command(self) -> Command | None:
        self._awaits_command = True
        command = await self._wire.command()
        self._awaits_command = False
        return command

    async def _obey(self, command: Command) -> bool:
        """Do what a command asks for; whether there may be another one."""
        say = self._sayer(command)
        if not self._session:
            if command.name == "IDSESSION":
                self._session = True
                return True
            await self._answer(command, say)
            return False
        if command.name == "END":
            return False
        if command.name not in IN_SESSION:
            await say(replies.NOT_IN_SESSION)
            return False
        return await self._answer(command, say)

    def _sayer(self, command: Command) -> Say:
        prefix = b""
        if self._session:
            self._number += 1
            prefix = b"%d: " % self._number

        async def say(words: bytes) -> None:
            await self._wire.send(prefix + words + command.end)

        return say

    async def _answer(self, command: Command, say: Say) -> bool:
        """Answer a command; whether the conversation can go on."""
        name = command.name
        if name == "INSTREAM":
            return await self._stream(say)
        if name == "FILDES":
            return await self._descriptor(say)
        if name in SCANS:
            if not (self._peer.local or self._rules.tcp_paths):
                await say(replies.UNAVAILABLE)
                return False
            await self._begin(self._scan(command, say))
        elif name in {"RELOAD", "SHUTDOWN", "QUIT"}:
            await self._control(name, say)
        elif name not in {"DETSTATS", "DETSTATSCLEAR"}:  # which clamd itself does not answer any more
            await say(self._told(name))
        return True

    def _told(self, name: str) -> bytes:
        if name == "PING":
            return b"PONG"
        if name == "VERSION":
            return self._host.version.encode()
        if name == "VERSIONCOMMANDS":
            return f"{self._host.version}| COMMANDS: {' '.join(NAMES)}".encode()
        return self._statistics() if name == "STATS" else replies.UNKNOWN

    def _statistics(self) -> bytes:
        work = self._host.dispatcher
        return (
            f"POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live {work.busy}  idle {work.jobs - work.busy} max {work.jobs}"
            f" idle-timeout 0\nQUEUE: {work.queued} items\n\nMEMSTATS: heap N/A mmap N/A used N/A free N/A "
            "releasable N/A pools 0 pools_used N/A pools_total N/A\nEND"
        ).encode()

    async def _control(self, name: str, say: Say) -> None:
        if not self._peer.controls:
            self._host.log.warning("refused", command=name, client=self._peer.name)
            await say(replies.UNAVAILABLE)
            return
        self._host.log.note(name.lower(), client=self._peer.name)
        if name == "RELOAD":
            await say(b"RELOADING")
            self._host.reload()
        else:
            self._host.shut_down()

    async def _begin(self, work: Awaitable[None]) -> None:
        """Do what takes long: at once, in a session beside what comes next."""
        if not self._session:
            await work
            return
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.sleep(0)  # it begins, and so frees what it holds when it is cancelled
        if len(self._tasks) >= _MOST_AT_ONCE:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _stream(self, say: Say) -> bool:
        arrival = self._intake.begin()
        try:
            await self._wire.content(arrival.write)
        except TooLarge:
            self._cut_short = True
            arrival.close()
            await say(replies.STREAM_TOO_LONG)
            return False
        except NoRoom as error:
            self._cut_short = True
            arrival.close()
            self._host.log.warning("no room for a stream", reason=str(error))
            await say(replies.NO_ROOM)
            return False
        except BaseException:
            arrival.close()
            raise
        await self._begin(self._examine_stream(arrival, say))
        return True

    async def _examine_stream(self, arrival: Arrival, say: Say) -> None:
        with arrival:
            await self._examine(b"stream", arrival.entry(b"stream"), say)

    async def _descriptor(self, say: Say) -> bool:
        fd = await self._wire.descriptor() if self._peer.local else -1
        if fd < 0:
            await say(replies.NO_DESCRIPTOR)
            return False
        label = b"fd[%d]" % fd
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            os.close(fd)
            await say(label + b": Not a regular file ERROR")
            return False
        try:
            fd = _read_only(fd)
        except OSError:
            os.close(fd)
            await say(label + b": Not opened for reading only ERROR")
            return False
        entry = Entry(label, fd, status.st_size, status=status if self._peer.may_move(status.st_uid) else None)
        await self._begin(self._examine(label, entry, say))
        return True

    async def _examine(self, label: bytes, entry: Entry, say: Say) -> None:
        report = await self._host.dispatcher.examine(entry)
        words = list(replies.verdict(label, report, self._rules.incomplete)) or [label + b": OK"]
        self._host.log.verdict(self._peer.name, label, report)
        await say(words[0])

    async def _scan(self, command: Command, say: Say) -> None:
        def note(path: bytes, report: Report) -> None:
            self._host.log.verdict(self._peer.name, path, report)

        client = Client(say, note, self._wire.gone, self._peer.may_move)
        await scan_tree(command, Examiners(self._host.dispatcher, self._host.walkers), self._rules, client)


async def _quietly(work: Awaitable[None]) -> None:
    """Answer within a session; a client that is gone is noticed where its next command is awaited."""
    try:
        await work
    except (TimedOut, OSError):
        return


def _read_only(fd: int) -> int:
    """Return a descriptor with which nothing can be written, in place of the given one; raises ``OSError``."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if flags & os.O_ACCMODE == os.O_RDONLY and not flags & os.O_PATH:
        return fd
    again = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    os.close(fd)
    return again
