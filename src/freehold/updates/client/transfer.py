"""HTTP for updates: one request that looks like everybody's, with bounds on bytes and on time.

What is sent is the same for all users: a constant ``User-Agent``, no cookies, no identifier, no tag that a server has
handed out before. A connection is kept for the next request to the same server.
"""

import http.client
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from freehold.updates.client.refusals import EndlessData, SlowServer, Unreachable

USER_AGENT = "Freehold"

SILENCE_SECONDS = 20.0
"""How long a server may send nothing."""

PATIENCE_SECONDS = 30.0
"""How long a request may take beside ``LEAST_RATE``: connecting, the handshake, the headers."""

LEAST_RATE = 4096
"""Bytes a second that a server must send; slower ones are left for another mirror."""

MOST_REDIRECTS = 3
_REDIRECTS = {301, 302, 303, 307, 308}
_ABSENT = {403, 404, 410}
_BUSY = {429, 503}
_CHUNK = 64 << 10
_MOST_WAIT = 86_400


class RetryLater(Unreachable):
    """A server asks to be left alone for a while.

    Attributes:
        seconds: for how long; 0 when it does not say.
    """

    def __init__(self, text: str, seconds: int) -> None:
        super().__init__(text)
        self.seconds = seconds


class Absent(Unreachable):
    """A server has no file of this name, or does not give it away.

    Attributes:
        code: of the answer.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class Server(NamedTuple):
    """Who is at the other end of a connection: what to connect to, and what to ask there."""

    secure: bool
    host: str
    port: int


class Client:
    """Asks servers for files, one at a time.

    Args:
        silence: seconds that a server may send nothing.
        patience: seconds that a request may take beside the time that its bytes need.
        rate: least bytes a second.
    """

    def __init__(
        self, *, silence: float = SILENCE_SECONDS, patience: float = PATIENCE_SECONDS, rate: int = LEAST_RATE
    ) -> None:
        self._silence = silence
        self._patience = patience
        self._rate = rate
        self._proxies = urllib.request.getproxies()
        self._secure = ssl.create_default_context()  # reads the system's certificates, which may be out of reach later
        self._kept: tuple[Server, http.client.HTTPConnection, socket.socket] | None = None

    def get(self, url: str, limit: int, *, since: str = "") -> bytes | None:
        """Return a file, or None when it has not changed since a time.

        Args:
            url: where it is.
            limit: bytes that it may have.
            since: an HTTP date.

        Raises:
            EndlessData: it is larger.
            SlowServer: it does not come in time.
            RetryLater: the server is busy.
            Absent: the server has no such file.
            Unreachable: the server cannot be reached, or gives no such answer.
        """
        pieces = self.open(url, limit, since=since)
        return None if pieces is None else b"".join(pieces)

    def open(self, url: str, limit: int, *, since: str = "") -> Iterator[bytes] | None:
        """As ``get``, in pieces: what is wrong with them is raised on the way."""
        seconds = self._patience + limit / self._rate
        for _ in range(MOST_REDIRECTS + 1):
            parts = _checked(url)
            try:
                response = self._answer(parts, seconds, since)
            except (OSError, http.client.HTTPException, SlowServer) as error:
                self.close()
                raise _translated(url, error) from error
            if response.status not in _REDIRECTS:
                return self._pieces(url, response, limit, seconds)
            self._finish(response)
            url = _redirected(url, response.headers.get("Location", ""))
        raise Unreachable(f"{url}: the mirror leads from one place to the next without an end")

    def close(self) -> None:
        """Give up the connection that is kept."""
        if self._kept is not None:
            _, connection, guard = self._kept
            connection.close()
            guard.close()
            self._kept = None

    def _answer(self, parts: SplitResult, seconds: float, since: str) -> http.client.HTTPResponse:
        """Send a request and read the headers of the answer; once more where a kept connection has ended meanwhile."""
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        if since:
            headers["If-Modified-Since"] = since
        was_kept = self._kept is not None
        for is_last in (not was_kept, True):
            connection, guard = self._connected(parts, seconds)
            try:
                with _deadline(guard, seconds):
                    connection.request("GET", self._target(parts), headers=headers)
                    return connection.getresponse()
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if is_last:
                    raise
        raise AssertionError

    def _target(self, parts: SplitResult) -> str:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        through_proxy = parts.scheme == "http" and self._proxy(parts) is not None
        return f"http://{parts.netloc}{path}" if through_proxy else path

    def _proxy(self, parts: SplitResult) -> SplitResult | None:
        address = self._proxies.get(parts.scheme)
        if not address or urllib.request.proxy_bypass(parts.netloc):
            return None
        return urlsplit(address if "://" in address else f"http://{address}")

    def _connected(self, parts: SplitResult, seconds: float) -> tuple[http.client.HTTPConnection, socket.socket]:
        server = _server(parts)
        if self._kept is not None and self._kept[0] == server:
            return self._kept[1:]
        self.close()
        proxy = self._proxy(parts)
        first = _server(proxy) if proxy else server
        plain = socket.create_connection((first.host, first.port), self._silence)
        guard = plain.dup()  # ends what goes on with the connection, whatever layers come above it
        connection = http.client.HTTPConnection(server.host, server.port, timeout=self._silence)
        try:
            with _deadline(guard, seconds):
                if server.secure:
                    if proxy:
                        _tunnel(plain, server)
                    plain = self._secure.wrap_socket(plain, server_hostname=server.host)
        except BaseException:
            plain.close()
            guard.close()
            raise
        connection.sock = plain
        self._kept = (server, connection, guard)
        return connection, guard

    def _pieces(
        self, url: str, response: http.client.HTTPResponse, limit: int, seconds: float
    ) -> Iterator[bytes] | None:
        if response.status == http.client.NOT_MODIFIED:
            self._finish(response)
            return None
        if response.status != http.client.OK:
            self._finish(response)
            raise _failure(url, response)
        declared = response.headers.get("Content-Length", "")
        if declared.isdecimal() and int(declared[:20]) > limit:
            response.close()
            self.close()
            raise EndlessData(f"{url}: {int(declared[:20]):,} bytes are offered where {limit:,} are allowed")
        return self._read(url, response, limit, seconds)

    def _read(self, url: str, response: http.client.HTTPResponse, limit: int, seconds: float) -> Iterator[bytes]:
        assert self._kept is not None  # noqa: S101 - the response came through it
        guard, got, whole = self._kept[2], 0, False
        try:
            with _deadline(guard, seconds):
                while piece := response.read1(_CHUNK):
                    got += len(piece)
                    if got > limit:
                        raise EndlessData(f"{url}: it goes on behind the {limit:,} bytes that it may have")
                    yield piece
            if response.length:
                raise Unreachable(f"{url}: the mirror broke off after {got:,} bytes")
            whole = True
        except (OSError, http.client.HTTPException, SlowServer) as error:
            raise _translated(url, error) from error
        finally:
            response.close()
            if not whole or response.will_close:
                self.close()

    def _finish(self, response: http.client.HTTPResponse) -> None:
        """Be done with an answer without a body that anybody wants; a long one is not worth reading."""
        keeps = not response.will_close and response.length is not None and response.length <= _CHUNK
        try:
            if keeps:
                response.read()
        except (OSError, http.client.HTTPException):
            keeps = False
        response.close()
        if not keeps:
            self.close()


def _failure(url: str, response: http.client.HTTPResponse) -> Unreachable:
    if response.status in _ABSENT:
        return Absent(f"{url}: the mirror has no such file ({response.status})", response.status)
    text = f"{url}: the mirror answers {response.status}"
    if response.status in _BUSY:
        said = response.headers.get("Retry-After", "").strip()
        return RetryLater(text, min(int(said), _MOST_WAIT) if said.isdecimal() and len(said) < 10 else 0)
    return Unreachable(text)


def check_address(url: str) -> None:
    """Raise ``Unreachable`` for what is no address of a mirror, or has a password in it."""
    _checked(url)


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(char <= " " for char in url):
        raise Unreachable(f"{url}: an address of a mirror begins with https:// or http://")
    if parts.username or parts.password:
        raise Unreachable(
            f"{parts.scheme}://{parts.hostname}: an address with a password in it is not kept safely here"
        )
    return parts


def _redirected(url: str, location: str) -> str:
    new = urljoin(url, location)
    if not location or (url.startswith("https:") and not new.startswith("https:")):
        raise Unreachable(f"{url}: the mirror leads to {new}, which is not encrypted, or to nowhere")
    return new


def _server(parts: SplitResult) -> Server:
    secure = parts.scheme == "https"
    return Server(secure, parts.hostname or "", parts.port or (443 if secure else 80))


def _tunnel(proxy: socket.socket, server: Server) -> None:
    """Ask a proxy for a connection to a server; raises ``OSError``."""
    host = f"[{server.host}]" if ":" in server.host else server.host
    proxy.sendall(f"CONNECT {host}:{server.port} HTTP/1.1\r\nHost: {host}:{server.port}\r\n\r\n".encode())
    response = http.client.HTTPResponse(proxy, method="CONNECT")
    response.begin()
    if response.status != http.client.OK:
        raise OSError(f"the proxy answers {response.status} {response.reason}")
    response.close()


@contextmanager
def _deadline(guard: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection after some time, however little is sent on it: time-outs of sockets begin anew at each byte.

    Raises:
        SlowServer: that was done.
    """
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(OSError):
            guard.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    started = time.monotonic()
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set():
            raise SlowServer(_slow(time.monotonic() - started)) from error
        raise
    finally:
        timer.cancel()
        timer.join()  # who forks afterwards has one thread
    if late.is_set():
        raise SlowServer(_slow(time.monotonic() - started))


def _slow(seconds: float) -> str:
    return f"the mirror was too slow: {seconds:.0f} seconds were not enough"


def _translated(url: str, error: Exception) -> SlowServer | Unreachable:
    if isinstance(error, SlowServer):
        return SlowServer(f"{url}: {error}")
    if isinstance(error, TimeoutError):
        return SlowServer(f"{url}: the mirror is silent")
    return Unreachable(f"{url}: {str(error) or type(error).__name__}")
