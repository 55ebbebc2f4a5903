"""A daemon that speaks ICAP, and a client that reads its answers strictly."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

import pytest
from tests.frontends.clamd.conftest import Running, Start, await_line, database, port_of, serve  # noqa: F401 - fixtures

GET = b"GET http://example.org/folder/name.bin?secret=1 HTTP/1.1\r\nHost: example.org\r\n\r\n"
FOUND = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"


class Answer(NamedTuple):
    """One answer; ``body`` is None when none was encapsulated."""

    status: int
    fields: dict[str, str]
    header: bytes
    body: bytes | None


class Client:
    """A connection to the ICAP port of a daemon."""

    def __init__(self, port: int, *, window: int = 0) -> None:
        self.connection = socket.socket()
        self.connection.settimeout(60)
        if window:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.connection.connect(("127.0.0.1", port))
        self._file: BinaryIO = self.connection.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.connection.close()

    def ask(self, request: bytes) -> Answer:
        self.connection.sendall(request)
        return self.answer()

    def answer(self) -> Answer:
        line = self._file.readline()
        found = re.fullmatch(rb"ICAP/1\.0 ([0-9]{3}) [ -~]+\r\n", line)
        assert found, line
        fields = {}
        while (line := self._file.readline()) != b"\r\n":
            name, colon, value = line.decode("ascii").partition(": ")
            assert colon
            assert value.endswith("\r\n")
            fields[name] = value[:-2]
        parts = dict(part.split("=") for part in fields.get("Encapsulated", "null-body=0").split(", "))
        end = max(int(offset) for offset in parts.values())
        header = self._file.read(end)
        has_body = any(name.endswith("body") and name != "null-body" for name in parts)
        return Answer(int(found[1]), fields, header, self._body() if has_body else None)

    def over(self) -> bool:
        """Whether the daemon has hung up."""
        return self._file.read(1) == b""

    def _body(self) -> bytes:
        body = b""
        while size := int(self._file.readline(), 16):
            body += self._file.read(size)
            assert self._file.read(2) == b"\r\n"
        assert self._file.read(2) == b"\r\n"
        return body


def chunks(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + end


def head(method: bytes, service: bytes, *fields: bytes) -> bytes:
    lines = [b"%b icap://127.0.0.1/%b ICAP/1.0" % (method, service), b"Host: 127.0.0.1", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def respmod(*fields: bytes, body: bytes | None, response: bytes = FOUND, service: bytes = b"respmod") -> bytes:
    """A response to examine; the body is given in chunks, None for none."""
    kind = b"null-body" if body is None else b"res-body"
    parts = b"Encapsulated: req-hdr=0, res-hdr=%d, %b=%d" % (len(GET), kind, len(GET) + len(response))
    return head(b"RESPMOD", service, parts, *fields) + GET + response + (body or b"")


def reqmod(*fields: bytes, body: bytes | None, request: bytes, service: bytes = b"reqmod") -> bytes:
    """A request to examine; the body is given in chunks, None for none."""
    parts = b"Encapsulated: req-hdr=0, %b=%d" % (b"null-body" if body is None else b"req-body", len(request))
    return head(b"REQMOD", service, parts, *fields) + request + (body or b"")


BOUNDS = ("--max-stream", "1M", "--command-timeout", "2", "--read-timeout", "2")


@pytest.fixture(scope="session")
def icap_daemon(serve: Start, database: Path) -> Running:  # noqa: F811 - a fixture
    return serve(database, "--icap", "127.0.0.1:0", *BOUNDS)


@pytest.fixture
def client(icap_daemon: Running) -> Iterator[Client]:
    with Client(port_of(icap_daemon, "icap")) as connected:
        yield connected


__all__ = ["Start", "await_line"]
