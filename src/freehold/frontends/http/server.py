"""Serving clients over HTTP, as many as all front ends may have; every answer has headers that protect who shows it."""

import asyncio
import functools
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Sequence
from email.utils import formatdate
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from freehold.frontends.http.access import Access
from freehold.frontends.http.app import Api
from freehold.frontends.http.callbacks import Courier, Destinations
from freehold.frontends.http.host import Host
from freehold.frontends.http.jobs import Jobs
from freehold.frontends.http.policy import Rules
from freehold.frontends.http.problems import is_unread
from freehold.frontends.http.protocol import HttpProtocol
from freehold.frontends.http.tls import Certificates
from freehold.frontends.http.tokens import Tokens
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server
from freehold.service.log import Log

_HEADERS = 16 * 1024
"""Bytes of a request's line and headers."""

_IDLE = 10
"""Seconds for which a connection without a request is kept."""

_PROTECTION = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Headers of every response."""


class HttpServer:
    """The front end.

    Args:
        listeners: bound and listening; are closed by ``close``.
        host: the service.
        rules: for all clients.
        intake: the places for large contents.
        tokens: of which clients have to show one; None when none is asked for.
        certificates: for encrypted connections; None for plain ones.
        destinations: who may be told of finished jobs.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        host: Host,
        rules: Rules,
        intake: Intake,
        *,
        tokens: Tokens | None,
        certificates: Certificates | None,
        destinations: Destinations,
    ) -> None:
        _quieten()
        self._courier = Courier(destinations.secret, host.log)
        self._jobs = Jobs(destinations.allow, self._courier.tell)
        api = Api(host, rules, intake, Access(rules, tokens), self._jobs)
        app = _Guard(api.application(), api.responses, host.log)
        config = Config(app, http="h11", ws="none", lifespan="off", log_config=None, access_log=False, loop="none")
        config.proxy_headers = False  # anybody may write those
        config.timeout_keep_alive = _IDLE
        config.h11_max_incomplete_event_size = _HEADERS
        config.load()
        self._connections: set[_Connection] = set()
        speak = functools.partial(HttpProtocol, rules, config, ServerState())

        def welcome(connection: socket.socket, _: object) -> _Connection:
            tls = certificates.context(host.log) if certificates else None
            return _Connection(connection, speak, tls, rules, self._connections)

        self._server = Server(listeners, welcome, rules.connections, host.log)

    async def drain(self, seconds: float) -> None:
        """See ``FrontEnd``."""
        for connection in self._connections:
            connection.end()
        await asyncio.gather(self._server.drain(seconds), self._jobs.drain(seconds))
        await self._courier.drain(seconds)

    def close(self) -> None:
        """See ``FrontEnd``."""
        self._server.close()
        self._courier.close()


class _Guard:
    """Stands around the application: headers of every response, and what must not happen."""

    def __init__(self, app: ASGIApp, responses: Counter[int], log: Log) -> None:
        self._app = app
        self._responses = responses
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._responses[message["status"]] += 1
                headers = MutableHeaders(scope=message)
                for name, value in _PROTECTION.items():
                    headers.setdefault(name, value)
                headers["Date"] = formatdate(usegmt=True)
                if is_unread(scope):
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as error:  # noqa: BLE001 - the client has its answer already
            self._log.warning("internal error", error=repr(error), path=scope["path"])


class _Connection:
    """The conversation with one client; see ``listening``."""

    def __init__(
        self,
        connection: socket.socket,
        speak: Any,
        tls: ssl.SSLContext | None,
        rules: Rules,
        connections: "set[_Connection]",
    ) -> None:
        self._socket = connection
        self._tls = tls
        self._patience = rules.command_seconds
        self._left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._protocol: HttpProtocol = speak(self._left)
        self._connections = connections

    @property
    def idle(self) -> bool:
        """Whether the client waits for nothing."""
        return self._protocol.idle

    def end(self) -> None:
        """Hang up after the next answer."""
        if not self.idle:
            self._protocol.shutdown()

    async def serve(self) -> None:
        """Speak until one of both sides hangs up."""
        loop = asyncio.get_running_loop()
        patience = self._patience if self._tls else None
        self._connections.add(self)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: self._protocol, self._socket, ssl=self._tls, ssl_handshake_timeout=patience
            )
            try:
                await self._left
            finally:
                transport.abort()
        except OSError:  # of TLS, mostly: no certificate, or a wrong one
            self._socket.close()
        finally:
            self._connections.discard(self)


def _quieten() -> None:
    """Keep uvicorn from printing: what strangers send is nothing to warn of."""
    logger = logging.getLogger("uvicorn")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL)
