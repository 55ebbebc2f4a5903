"""The witness over HTTP, with a real client."""

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest

from freehold.frontends import witness as front
from freehold.frontends.listening import tcp_listener
from freehold.service.log import Log
from freehold.updates.tlog import cosignatures, notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.merkle import CompactRange, consistency_proof, leaf_hash
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.witness import Request, Witness

LOG = SigningKey.of_seed("example.com/log", Kind.NOTE, bytes(32))
KEY = SigningKey.of_seed("witness.example/w1", Kind.COSIGNATURE, bytes(32))
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]


class Running:
    """A witness that serves.

    Attributes:
        address: where.
        log: what it said.
    """

    def __init__(self, address: tuple[str, int], log: StringIO) -> None:
        self.address = address
        self.log = log

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(*self.address, timeout=30)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        connection = self.connect()
        connection.request(method, path, body)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def raw(self, data: bytes) -> bytes:
        with socket.create_connection(self.address, timeout=30) as connection:
            answer = b""
            with contextlib.suppress(ConnectionError):  # the server may hang up first
                connection.sendall(data)
                while piece := connection.recv(65536):
                    answer += piece
            return answer


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    log = StringIO()
    witness = Witness(tmp_path, [KEY], [LOG.verifier])
    with tcp_listener("127.0.0.1", 0) as listener:
        server = front.Server(listener, witness, Log(log))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Running(listener.getsockname(), log)
        server.shutdown()
        thread.join()
        server.server_close()
    witness.close()


def request(old: int, size: int) -> Request:
    text = Checkpoint("example.com/log", size, CompactRange().extend(LEAVES[:size]).root).text()
    return Request(old, tuple(consistency_proof(old, LEAVES[:size])), Note(text, (notes.sign(text, LOG),)))


def test_a_log_gets_its_cosignature_and_a_monitor_sees_it(running: Running) -> None:
    asked = request(0, 5)
    status, body = running.ask("POST", "/add-checkpoint", asked.encode())
    assert status == 200
    time = cosignatures.time_of(asked.checkpoint.signed(*notes.parse_lines(body)), KEY.verifier)
    path = f"/{sha256(b'example.com/log').hexdigest()}/checkpoint"
    status, body = running.ask("GET", path)
    assert status == 200
    assert cosignatures.time_of(Note.parse(body), KEY.verifier) == time
    assert "event=cosigned" in running.log.getvalue()


def test_the_size_of_a_conflict_has_its_type(running: Running) -> None:
    running.ask("POST", "/add-checkpoint", request(0, 5).encode())
    connection = running.connect()
    connection.request("POST", "/add-checkpoint", request(0, 6).encode())
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Type"]) == (409, "text/x.tlog.size")
    assert response.read() == b"5\n"
    connection.request("POST", "/add-checkpoint", request(5, 6).encode())  # on the same connection
    assert connection.getresponse().status == 200
    connection.close()
    assert "status=409 reason=5" in running.log.getvalue()


def test_many_clients_at_once_get_one_history(running: Running) -> None:
    results: list[list[int]] = [[] for _ in range(8)]

    def grow(mine: list[int]) -> None:
        known = 0
        while known < len(LEAVES):
            status, body = running.ask("POST", "/add-checkpoint", request(known, min(known + 3, len(LEAVES))).encode())
            known = int(body) if status == 409 else min(known + 3, len(LEAVES))
            mine += [known] if status == 200 else []

    threads = [threading.Thread(target=grow, args=(mine,)) for mine in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in results)
    assert len({size for mine in results for size in mine}) == sum(
        len(mine) for mine in results
    )  # none was signed twice


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/add-checkpoint/", 404),
        ("GET", "/", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", f"/{'0' * 64}/checkpoint", 404),
        ("GET", f"/{'A' * 64}/checkpoint", 404),
        ("DELETE", "/add-checkpoint", 501),
    ],
)
def test_other_requests_are_refused(running: Running, method: str, path: str, status: int) -> None:
    assert running.ask(method, path)[0] == status


def test_bodies_without_bounds_are_refused_before_they_are_read(running: Running) -> None:
    post = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\n"
    assert b" 413 " in running.raw(post + b"Content-Length: 999999\r\n\r\n")
    assert b" 413 " in running.raw(post + b"Content-Length: " + b"9" * 4000 + b"\r\n\r\n")
    for length in (b"", b"Content-Length: -1\r\n", b"Content-Length: 1e3\r\n", b"Transfer-Encoding: chunked\r\n"):
        assert b" 411 " in running.raw(post + length + b"\r\n")
    assert running.ask("POST", "/add-checkpoint", request(0, 1).encode())[0] == 200


def test_a_client_that_sends_nothing_is_hung_up_on(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "_CONNECTION_SECONDS", 0.5)
    assert b" 200 " not in running.raw(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 10\r\n\r\nold")
    assert running.raw(b"") == b""


def test_too_many_clients_are_hung_up_on(running: Running) -> None:
    waiting = [socket.create_connection(running.address, timeout=30) for _ in range(front._CONNECTIONS)]
    for connection in waiting:
        connection.sendall(b"GET / HTTP/1.1\r\n")
    with socket.create_connection(running.address, timeout=30) as one_more:
        assert one_more.recv(1) == b""
    for connection in waiting:
        connection.close()


@pytest.mark.parametrize("data", [b"\0\0\0\0\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\0" * 20 + b"\r\n"])
def test_what_is_no_http_is_answered_and_nothing_breaks(running: Running, data: bytes) -> None:
    running.raw(data)
    assert running.ask("POST", "/add-checkpoint", request(0, 1).encode())[0] == 200
