"""The conversation with one client: request after request, each answered before the next is read."""

import socket
import time

from freehold.frontends.host import Host
from freehold.frontends.icap import http, page
from freehold.frontends.icap.answers import CONTINUE, LAST_CHUNK, SERVICES, Voice, chunk, tag
from freehold.frontends.icap.chunks import Chunks, End
from freehold.frontends.icap.message import HEAD, BadRequest, Request, parse
from freehold.frontends.icap.policy import Incomplete, Rules
from freehold.frontends.intake import Arrival, Intake, NoRoom
from freehold.frontends.judgement import Judgement, Outcome, judge
from freehold.frontends.wire import HungUp, Pace, TimedOut, Wire
from freehold.model.report import Problem, ProblemKind, Report
from freehold.sandbox.wire import PIECE


class Connection:
    """One client.

    Args:
        connection: non-blocking; is closed in the end.
        peer: the client's address, for the log.
        host: the service.
        rules: what it may do.
        intake: takes bodies.
    """

    def __init__(self, connection: socket.socket, peer: str, host: Host, rules: Rules, intake: Intake) -> None:
        self._wire = Wire(connection, rules.read_seconds)
        self._peer = peer
        self._host = host
        self._rules = rules
        self._intake = intake
        self._awaits_request = False
        self._bundles = host.dispatcher.bundles
        self._voice = self._speak()

    @property
    def idle(self) -> bool:
        """Whether the client waits for nothing."""
        return self._awaits_request and not self._wire.buffer

    async def serve(self) -> None:
        """Answer until one of both sides ends the conversation."""
        try:
            while (head := await self._head()) and await self._exchange(head):
                pass
            await self._wire.linger()
        except BadRequest as error:
            self._host.log.note("bad request", client=self._peer, reason=str(error))
            await self._wire.farewell(self._voice.refused(error))
        except TimedOut:
            self._host.log.note("timeout", client=self._peer)
            await self._wire.farewell(self._voice.error(408))
        except NoRoom as error:
            self._host.log.warning("no room for a body", reason=str(error))
            await self._wire.farewell(self._voice.error(503))
        except (HungUp, OSError):
            pass
        finally:
            self._wire.close()

    def _speak(self) -> Voice:
        return Voice(self._host.version, tag(self._bundles, self._rules))

    async def _head(self) -> bytes:
        """Return the head of the next request, b"" when there is none."""
        self._awaits_request = True
        deadline = time.monotonic() + self._rules.read_seconds
        while not self._wire.buffer:
            if self._wire.ended:
                return b""
            try:
                await self._wire.more(deadline)
            except TimedOut:
                return b""  # it has asked for nothing
        self._awaits_request = False
        deadline = time.monotonic() + self._rules.command_seconds
        while (where := self._wire.buffer.find(b"\r\n\r\n", 0, HEAD)) < 0:
            if len(self._wire.buffer) >= HEAD:
                raise BadRequest(400, f"the head of the request is longer than {HEAD} bytes")
            if self._wire.ended:
                raise HungUp
            await self._wire.more(deadline)
        return self._wire.take(where + 4)

    async def _exchange(self, head: bytes) -> bool:
        """Answer one request; whether there may be another one."""
        request = parse(head)
        if self._bundles is not self._host.dispatcher.bundles:
            self._bundles = self._host.dispatcher.bundles
            self._voice = self._speak()
        if request.service not in SERVICES:
            raise BadRequest(404, f"there is no such service; there are {', '.join(SERVICES)}")
        if request.method == "OPTIONS":
            return await self._options(request)
        if request.method not in SERVICES[request.service]:
            raise BadRequest(405, f"the service {request.service} takes {', '.join(SERVICES[request.service])}")
        with self._intake.begin() as arrival:
            return await _Exchange(self._wire, request, arrival, self._voice, self._rules).run(self._host, self._peer)

    async def _options(self, request: Request) -> bool:
        if request.body:
            raise BadRequest(400, "a body is not expected with OPTIONS")
        await self._wire.send(self._voice.options(request.service, self._rules.connections))
        return not request.closes


class _Exchange:
    """One message that is examined, and what is answered about it."""

    def __init__(self, wire: Wire, request: Request, arrival: Arrival, voice: Voice, rules: Rules) -> None:
        self._wire = wire
        self._request = request
        self._arrival = arrival
        self._voice = voice
        self._rules = rules
        self._pace = Pace(rules.read_seconds)
        self._in_preview = request.preview is not None
        self._ended = not request.body
        self._preamble = 0

    async def run(self, host: Host, peer: str) -> bool:
        """Take the message, have it examined, and answer; whether the connection can go on."""
        headers = await self._headers()
        own = "res-hdr" if self._request.method == "RESPMOD" else "req-hdr"
        before_body = headers.get(own, b"")
        message = http.read(headers.get("req-hdr", b""), before_body)
        report = await self._report(message, host) if self._request.body else Report()
        judgement = judge(report)
        host.log.verdict(_client(peer, self._request), message.url, report)
        try:
            await self._answer(judgement, before_body, message.url, host.version)
        except (BadRequest, TimedOut) as error:
            host.log.note("left in the middle of an answer", client=peer, reason=str(error) or "timeout")
            raise HungUp from error  # another answer behind half of one would be taken for a part of it
        return not self._closes

    async def _answer(self, judgement: Judgement, before_body: bytes, url: bytes, version: str) -> None:
        if judgement.outcome is Outcome.CLEAN or self._passes(judgement):
            await self._pass(before_body)
        elif judgement.outcome is not Outcome.FOUND and self._rules.incomplete is Incomplete.ERROR:
            await self._wire.send(self._voice.not_examined(judgement, closes=self._closes))
        else:
            shown = page.render(self._rules.page, judgement, url, version)
            await self._wire.send(self._voice.blocked(judgement, shown, closes=self._closes))

    @property
    def _closes(self) -> bool:
        """Whether nothing else can be said on this connection, as what is left of the body would be in the way."""
        return self._request.closes or not self._ended

    @property
    def _passes_by_a_word(self) -> bool:
        """Whether the client has kept the message."""
        return self._in_preview or self._request.allows_unchanged

    def _passes(self, judgement: Judgement) -> bool:
        return judgement.outcome is Outcome.INCOMPLETE and self._rules.incomplete is Incomplete.PASS

    async def _headers(self) -> dict[str, bytes]:
        """Take the encapsulated headers, by name."""
        await self._wire.enough(self._request.headers_end, self._pace)
        block = self._wire.take(self._request.headers_end)
        ends = [start for _, start in self._request.parts[1:]] + [len(block)]
        return {name: block[start:end] for (name, start), end in zip(self._request.parts, ends, strict=True)}

    async def _report(self, message: http.Message, host: Host) -> Report:
        """Take the body, up to what is allowed, and have it examined."""
        most = self._rules.content_bytes
        await self._arrival.write(message.preamble)
        self._preamble = self._arrival.size
        end = await self._take(most)
        if end is End.PART and self._in_preview and message.size <= most:
            self._in_preview = self._ended = False
            await self._wire.send(CONTINUE)
            end = await self._take(most)
        if end is None or (end is End.PART and self._in_preview):
            size = max(self._pace.size, message.size)
            return Report(size, problems=[Problem(ProblemKind.LIMIT, "", f"the body is longer than {most} bytes")])
        if not self._passes_by_a_word:
            self._arrival.keep()
        return await host.dispatcher.examine(self._arrival.entry(message.url))

    async def _take(self, most: int) -> End | None:
        """Take chunks up to an end, which is returned; None when they are more than allowed."""
        self._chunks = Chunks()
        while isinstance(piece := await self._next(), bytes):
            await self._arrival.write(piece)
            if self._in_preview and self._pace.size > (self._request.preview or 0):
                raise BadRequest(400, "the preview is longer than it says")
            if self._pace.size > most:
                return None
        return piece

    async def _next(self) -> bytes | End:
        """Return the next piece of the body, or how it ended."""
        while (piece := self._chunks.take(self._wire.buffer)) is None:
            await self._wire.enough(len(self._wire.buffer) + 1, self._pace)
        if isinstance(piece, bytes):
            self._pace.size += len(piece)
        else:
            self._ended = True
        return piece

    async def _pass(self, header: bytes) -> None:
        """Let the message pass: by a word when the client has kept it, else as a whole."""
        if self._passes_by_a_word:
            await self._wire.send(self._voice.unchanged(closes=self._closes))
            return
        await self._wire.send(self._voice.echo(self._request, header, closes=self._closes))
        if not self._request.body:
            return
        offset = self._preamble
        while piece := self._arrival.read(offset, PIECE):
            await self._wire.send(chunk(piece))
            offset += len(piece)
        while not self._ended and isinstance(rest := await self._next(), bytes):  # it was too long to be examined
            await self._wire.send(chunk(rest))
        await self._wire.send(LAST_CHUNK)


def _client(peer: str, request: Request) -> str:
    behind = request.fields.get("x-client-ip")
    return f"{peer} for {behind}" if behind else peer
