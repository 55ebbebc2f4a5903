"""Uvicorn's HTTP/1.1 protocol (h11), within bounds of time, and without keeping others waiting."""

import asyncio
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from freehold.frontends.http.policy import Rules
from freehold.frontends.http.problems import Problem

_SLICE = 32 * 1024
"""Bytes that are taken at once: a content may come in chunks of a byte each, of which this many take 30 ms."""


class HttpProtocol(H11Protocol):
    """One connection, which waits for headers, and for its client to take an answer, for a bounded time only.

    Args:
        rules: the bounds.
        config: of uvicorn.
        state: of uvicorn.
        left: is done when the connection is closed.
    """

    def __init__(self, rules: Rules, config: Config, state: ServerState, left: "asyncio.Future[None]") -> None:
        super().__init__(config, state, {})
        self._rules = rules
        self._left = left
        self._held = bytearray()
        self._headers_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None

    @property
    def idle(self) -> bool:
        """Whether the client waits for nothing."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self.flow = self._flow = _Flow(transport)
        self.app_state = {"certificate": _common_name(transport.get_extra_info("peercert"))}
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_lost(exc)
        self._held.clear()
        for timer in (self._headers_timer, self._answer_timer, self.timeout_keep_alive_task):
            if timer:
                timer.cancel()
        if not self._left.done():
            self._left.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Take a slice of what has come, and the others when everybody has had a turn."""
        if not self._held and len(data) <= _SLICE:
            super().data_received(data)
            return
        if not self._held:
            self.loop.call_soon(self._take)
        self._held += data
        self._flow.hold(True)

    def _take(self) -> None:
        if self.transport.is_closing():
            self._held.clear()
        if not self._held:
            return
        piece = bytes(self._held[:_SLICE])
        del self._held[:_SLICE]
        super().data_received(piece)
        if self._held:
            self.loop.call_soon(self._take)
        else:
            self._flow.hold(False)

    def handle_events(self) -> None:
        """Take what has come; see uvicorn."""
        try:
            super().handle_events()
        except h11.LocalProtocolError:  # nonsense in the middle of an answer, which cannot be called back
            self.transport.abort()
        self._watch_headers()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, as all refusals are answered."""
        problem = Problem(400, msg)
        headers = [*problem.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers),
            h11.Data(data=bytes(problem.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        self.transport.close()

    def pause_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().pause_writing()
        self._answer_timer = self.loop.call_later(self._rules.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """See ``asyncio.Protocol``."""
        super().resume_writing()
        if self._answer_timer:
            self._answer_timer.cancel()

    def timeout_keep_alive_handler(self) -> None:
        """Hang up on who asks for nothing; who has not even taken its answer would keep the connection otherwise."""
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _watch_headers(self) -> None:
        """Begin to wait for the headers of a request, or end that when they are there."""
        awaited = self.idle and self.conn.their_state is h11.IDLE
        if awaited and self._headers_timer is None:
            self._headers_timer = self.loop.call_later(self._rules.command_seconds, self.transport.abort)
        elif not awaited and self._headers_timer:
            self._headers_timer.cancel()
            self._headers_timer = None


class _Flow(FlowControl):
    """Pauses reading for two reasons: the application has enough, or not all that has come has been taken."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._full = False
        self._holding = False

    def pause_reading(self) -> None:
        """The application has enough."""
        self._full = True
        self._apply()

    def resume_reading(self) -> None:
        """The application wants more."""
        self._full = False
        self._apply()

    def hold(self, holding: bool) -> None:
        """Say whether something that has come has not been taken."""
        self._holding = holding
        self._apply()

    def _apply(self) -> None:
        if self._full or self._holding:
            super().pause_reading()
        else:
            super().resume_reading()


def _common_name(certificate: Any) -> str:
    """Return the name in a client's certificate, "" when it has shown none."""
    names = [value for part in (certificate or {}).get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[0]) if names else ""
