"""The conversation with one mail server: message after message, each as headers, body, end."""

import socket
import time

from freehold.frontends.host import Host
from freehold.frontends.intake import Arrival, Intake, NoRoom
from freehold.frontends.judgement import judge
from freehold.frontends.milter import answers
from freehold.frontends.milter.packets import (
    SILENT,
    BadPacket,
    Packet,
    Steps,
    agreement,
    macros,
    read_offer,
    take,
    texts,
)
from freehold.frontends.milter.policy import Rules
from freehold.frontends.wire import HungUp, Pace, TimedOut, Wire
from freehold.model.report import Problem, ProblemKind, Report
from freehold.service.entry import Entry

_MARK = b"\x89MAIL\r\n"
"""Stands before every message, so that a worker opens it as one, whatever its first bytes are."""

_LONGEST_LABEL = 300


class Connection:
    """One mail server.

    Args:
        connection: non-blocking; is closed in the end.
        peer: its address, for the log.
        host: the service.
        rules: what is done.
        intake: takes messages.
    """

    def __init__(self, connection: socket.socket, peer: str, host: Host, rules: Rules, intake: Intake) -> None:
        self._wire = Wire(connection, rules.read_seconds)
        self._peer = peer
        self._host = host
        self._rules = rules
        self._intake = intake
        self._steps = Steps(0)
        self._message: _Message | None = None
        self._client = ""
        self._sender = self._queue_id = b""
        self._answering = False

    @property
    def idle(self) -> bool:
        """Whether the mail server waits for nothing."""
        return self._message is None and not self._answering

    async def serve(self) -> None:
        """Answer until one of both sides ends the conversation."""
        try:
            if await self._negotiate():
                while (received := await self._packet()) and received.command != b"Q":
                    await self._obey(received)
            await self._wire.linger()
        except BadPacket as error:
            self._host.log.warning("bad packet", client=self._peer, reason=str(error))
        except TimedOut:
            self._host.log.note("timeout", client=self._peer)
        except (HungUp, OSError):
            pass
        finally:
            self._forget()
            self._wire.close()

    async def _negotiate(self) -> bool:
        """Agree upon what is sent and done; whether that is possible."""
        received = await self._packet()
        if received is None:
            return False
        if received.command != b"O":
            raise BadPacket("a conversation does not begin with options")
        offer = read_offer(received.data)
        actions = answers.needed(self._rules)
        if actions & ~offer.actions:
            self._host.log.warning("the mail server does not offer what is configured", client=self._peer)
            raise BadPacket(f"actions {offer.actions:#x} without {actions & ~offer.actions:#x}")
        answer = agreement(offer, actions)
        self._steps = Steps(int.from_bytes(answer[-4:]))
        await self._wire.send(answer)
        return True

    async def _packet(self) -> Packet | None:
        """Return the next packet, None at the end."""
        idle_until = time.monotonic() + self._rules.idle_seconds
        pace = self._message.pace if self._message else None
        while (received := take(self._wire.buffer)) is None:
            if self._wire.ended:
                if self._wire.buffer or self._message:
                    raise HungUp
                return None
            if pace is None and self._wire.buffer:
                pace = Pace(self._rules.read_seconds)
            await self._wire.more(pace.deadline if pace else idle_until)
        return received

    async def _obey(self, received: Packet) -> None:
        """Do what a packet asks for, and answer it when it wants an answer."""
        command, data = received
        if command == b"E":
            self._answering = True
            await self._wire.send(await self._end(data))
            self._answering = False
            return
        if command in (b"L", b"B"):
            await self._add(received)
        elif command == b"D":
            self._queue_id = macros(data).get(b"i", self._queue_id)
        elif command == b"C":
            self._client = _client(data)
        elif command == b"M":
            self._forget()
            self._sender = texts(data)[0]
        elif command in (b"A", b"K"):
            self._forget()
        elif command == b"N":
            await self._begun().end_of_fields()
        elif command not in SILENT:
            raise BadPacket(f"a command {command!r}")
        if command in SILENT and not self._steps & SILENT[command]:
            await self._wire.send(answers.CONTINUE)

    def _begun(self) -> "_Message":
        if self._message is None:
            self._message = _Message(self._intake.begin(), self._rules, spaced=not self._steps & Steps.LEADING_SPACE)
        return self._message

    async def _add(self, received: Packet) -> None:
        message = self._begun()
        if received.command == b"L":
            name, _, value = received.data.partition(b"\0")
            await message.field(name, value.removesuffix(b"\0"))
        else:
            await message.body(received.data)

    async def _end(self, data: bytes) -> bytes:
        """Have the message examined; returns the packets that end it."""
        message = self._begun()
        try:
            await message.body(data)
            report = message.not_taken() or await self._host.dispatcher.examine(message.entry(self._label()))
        finally:
            self._forget()
        self._host.log.verdict(
            f"{self._peer} for {self._client}" if self._client else self._peer, self._label(), report
        )
        self._queue_id = b""
        space = b" " if self._steps & Steps.LEADING_SPACE else b""  # where it is not kept, it is added
        return answers.decision(judge(report), self._rules, message.written, space)

    def _label(self) -> bytes:
        return (b"message %b from %b" % (self._queue_id or b"-", self._sender))[:_LONGEST_LABEL]

    def _forget(self) -> None:
        if self._message:
            self._message.close()
            self._message = None


class _Message:
    """One message on its way in.

    Attributes:
        pace: of its coming.
        written: how many fields it has that only we may write.
    """

    def __init__(self, arrival: Arrival, rules: Rules, *, spaced: bool) -> None:
        self.pace = Pace(rules.read_seconds)
        self.written = 0
        self._arrival = arrival
        self._most = rules.message_bytes
        self._separator = b": " if spaced else b":"
        self._in_fields = True
        self._problem: Problem | None = None

    async def field(self, name: bytes, value: bytes) -> None:
        """Take a header field."""
        self.written += name.lower() == answers.FIELD.lower()
        lines = value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        await self._write(name + self._separator + lines + b"\r\n")

    async def end_of_fields(self) -> None:
        """Take the empty line behind the header."""
        if self._in_fields:
            self._in_fields = False
            await self._write(b"\r\n")

    async def body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        await self.end_of_fields()
        await self._write(piece)

    def not_taken(self) -> Report | None:
        """Return the report of a message that was not taken as a whole, None of all others."""
        return Report(self.pace.size, problems=[self._problem]) if self._problem else None

    def entry(self, label: bytes) -> Entry:
        """Return what is to be examined; the place on disk is held until ``close``."""
        entry = self._arrival.entry(label)
        entry.name = "message.eml"
        return entry

    def close(self) -> None:
        """Forget it."""
        self._arrival.close()

    async def _write(self, piece: bytes) -> None:
        self.pace.size += len(piece)
        if self._problem:
            return
        if self.pace.size > self._most:
            self._problem = Problem(ProblemKind.LIMIT, "", f"the message is longer than {self._most} bytes")
            return
        try:
            if not self._arrival.size:
                await self._arrival.write(_MARK)
            await self._arrival.write(piece)
        except NoRoom as error:
            self._problem = Problem(ProblemKind.INTERNAL, "", f"there is no room for the message: {error}")


def _client(data: bytes) -> str:
    """Return who is connected to the mail server: name, then family, port and address."""
    name, _, rest = data.partition(b"\0")
    address = rest[3:].rstrip(b"\0") if rest[:1] in (b"4", b"6") else b""
    return (address or name)[:_LONGEST_LABEL].decode("utf-8", "backslashreplace")
