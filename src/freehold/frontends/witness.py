"""The witness over HTTP (C2SP tlog-witness): ``POST /add-checkpoint`` and ``GET /<origin hash>/checkpoint``.

Whoever reaches the port may ask; nobody is trusted for asking. A request, a connection and their number are bounded.
TLS is the matter of a proxy before it.
"""

import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from freehold.service.log import Log
from freehold.updates.tlog.witness import LARGEST_REQUEST, Answer, Witness

_CONNECTIONS = 64
"""At once; further ones are hung up on."""

_SILENCE_SECONDS = 15
_CONNECTION_SECONDS = 60
"""Whatever a client does, its connection ends after so long."""

_CHECKPOINT = re.compile(r"/([0-9a-f]{64})/checkpoint")
_SUBMIT = "/add-checkpoint"


class Server(ThreadingHTTPServer):
    """Serves a witness on a socket that listens already."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, witness: Witness, log: Log) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        listener.setblocking(True)
        self.socket = listener
        self.witness = witness
        self.log = log
        self._free = threading.BoundedSemaphore(_CONNECTIONS)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Begin a connection, if there are not too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve a connection in its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's
        """Say that a connection broke; it is the client's matter."""
        self.log.note("disconnected")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _SILENCE_SECONDS

    def setup(self) -> None:
        super().setup()
        self._end = threading.Timer(_CONNECTION_SECONDS, self._hang_up)
        self._end.daemon = True
        self._end.start()

    def finish(self) -> None:
        self._end.cancel()
        super().finish()

    def do_POST(self) -> None:
        """Answer ``add-checkpoint``."""
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit() or "Transfer-Encoding" in self.headers:
            self._refuse(411, "the length of the request must be said")
        elif len(length) > 7 or int(length) > LARGEST_REQUEST:
            self._refuse(413, f"a request has at most {LARGEST_REQUEST} bytes")
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
            elif self.path != _SUBMIT:
                self._answer(Answer(404, b"POST /add-checkpoint\n"))
            else:
                self._answer(self.server.witness.add_checkpoint(body))

    def do_GET(self) -> None:
        """Answer with the last head of a log."""
        asked = _CHECKPOINT.fullmatch(self.path)
        self._answer(
            self.server.witness.checkpoint(asked[1]) if asked else Answer(404, b"GET /SHA-256 OF ORIGIN/checkpoint\n")
        )

    def version_string(self) -> str:
        return "Freehold"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Say nothing about what was no request at all."""

    def _answer(self, answer: Answer) -> None:
        if answer.status != 200:
            self.server.log.warning("refused", status=answer.status, reason=answer.body.decode().strip())
        elif self.command == "POST":
            self.server.log.note("cosigned", signatures=answer.body.count(b"\n"))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _refuse(self, status: int, reason: str) -> None:
        """Answer without having read the request, so nothing more can be read from this connection."""
        self.close_connection = True
        self._answer(Answer(status, f"{reason}\n".encode()))

    def _hang_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
