"""What clients may do to the web API, and what it answers all the same."""

import contextlib
import os
import re
import resource
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.frontends.clamd.conftest import MARKER, everything, stream
from tests.frontends.conftest import COMMAND
from tests.frontends.http.conftest import FORM, Client, Running, Start, await_line, form

HEAD = b"POST /v1/scan HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def connect(client: Client) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), 60)


def say(client: Client, data: bytes, *, ends: bool = False) -> bytes:
    """Send data over one connection, and return all that is answered until it is closed."""
    with connect(client) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(data)
            if ends:
                connection.shutdown(socket.SHUT_WR)
        return everything(connection)


@pytest.fixture(scope="module")
def hasty(serve: Start, database: Path) -> Client:
    """A daemon that waits for nobody."""
    return Client(serve(database, "--http", "127.0.0.1:0", "--command-timeout", "2", "--read-timeout", "2"))


def works(client: Client) -> bool:
    return bool(client.scan(MARKER).json["verdict"] == "infected")


LINES = """POST /v1/scan HTTP/1.1|GET / HTTP/1.1|GET /|Host: localhost||0|5|hello|Content-Length: 5|Expect: 100-continue
Content-Length: 99999999999999999999|Transfer-Encoding: chunked|Upgrade: websocket|Connection: upgrade|--xXx|--xXx--
Content-Type: multipart/form-data; boundary=xXx"""
PIECES = st.sampled_from([line.encode() + b"\r\n" for line in re.split("[|\n]", LINES)]) | st.binary(max_size=20)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=12))
def test_whatever_is_sent_it_goes_on(client: Client, pieces: list[bytes]) -> None:
    answer = say(client, b"".join(pieces), ends=True)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert works(client)
    assert "internal error" not in client.daemon.log.read_text()


def test_a_length_that_is_not_true(client: Client) -> None:
    assert say(client, HEAD + b"Content-Length: 100\r\n\r\n" + MARKER, ends=True) == b""  # the end never came
    longer = say(client, HEAD + b"Content-Length: 5\r\nConnection: close\r\n\r\n" + MARKER)
    assert b'"size": 5' in longer
    twice = HEAD + b"Connection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert say(client, twice).startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
    refusal = say(client, HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello")
    assert refusal.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in refusal
    assert works(client)


def test_too_long_contents_are_refused_before_they_come(client: Client) -> None:
    expecting = HEAD + b"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n"
    assert say(client, expecting).startswith(b"HTTP/1.1 413")
    assert client.scan(bytes(2_000_000)).status == 413  # which the client reads although it is still sending
    assert client.scan(iter([bytes(600_000), bytes(600_000)])).status == 413
    assert client.scan(form(('name="file"', bytes(1_500_000))), Content_Type=FORM).status == 413
    assert client.scan(form(('name="other"', bytes(100_000)), ('name="file"', b"")), Content_Type=FORM).status == 413


def test_forms_of_ten_thousand_parts_are_refused(client: Client) -> None:
    parts = [('name="x"', b"1")] * 10_000
    answer = client.scan(form(*parts, ('name="file"', MARKER)), Content_Type=FORM)
    assert answer.status == 413
    assert "parts" in answer.json["detail"] or "segment" in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--xXx",
        form(('name="file"', MARKER))[:-4],
        form(('name="other"', b"1")),
        form(('name="file"', b"1"), ('name="file"', b"2")),
        b"--xXx\r\n" + b"X-Long: " + b"x" * 100_000 + b"\r\n\r\n\r\n--xXx--\r\n",
        b"--xXx\r\n" + b"X: y\r\n" * 1000 + b"\r\n\r\n--xXx--\r\n",
        b"no boundary at all",
    ],
)
def test_forms_that_are_none_are_refused(client: Client, body: bytes) -> None:
    answer = client.scan(body, Content_Type=FORM)
    assert answer.status in {400, 413}
    assert works(client)


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_forms_may_be_cut_anywhere_by_the_network(client: Client, cut: int) -> None:
    body = form(('name="a"', b"1"), ('name="file"; filename="x"', MARKER))
    head = HEAD + b"Content-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (FORM.encode(), len(body))
    with connect(client) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(head)
        for start in range(0, len(body), cut):
            connection.sendall(body[start : start + cut])
        assert b'"verdict": "infected"' in everything(connection)


@pytest.mark.parametrize("kind", ["chunks", "form"])
def test_a_content_in_chunks_of_one_byte_keeps_nobody_waiting(client: Client, kind: str) -> None:
    content = MARKER + bytes(300_000)
    body = content if kind == "chunks" else form(('name="file"', content))
    kind_header = b"" if kind == "chunks" else b"Content-Type: %b\r\n" % FORM.encode()
    head = HEAD + kind_header + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunks = b"".join(b"1\r\n%b\r\n" % body[at : at + 1] for at in range(len(body))) + b"0\r\n\r\n"
    with connect(client) as connection:
        connection.sendall(head + chunks)
        assert works(client)
        answer = everything(connection)
    assert b'"size": 300025' in answer
    assert b'"verdict": "infected"' in answer


def test_large_heads_are_refused(client: Client) -> None:
    answer = say(client, HEAD + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(500)) + b"\r\n")
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))
    assert works(client)


def test_slow_clients_take_nothing_from_others(hasty: Client) -> None:
    slow = (
        b"",
        b"POST /v1",
        HEAD + b"Content-Length: 10\r\n\r\nhell",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe",
        HEAD + b"Content-Type: multipart/form-data; boundary=xXx\r\nContent-Length: 99\r\n\r\n--xXx\r\n",
    )
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(hasty)) for _ in range(100)]
        for number, connection in enumerate(idle):
            connection.sendall(slow[number % len(slow)])
        assert works(hasty)
        answers = [everything(connection) for connection in idle]
    for number, answer in enumerate(answers):
        assert answer.startswith(b"HTTP/1.1 408" if number % len(slow) > 1 else b""), answer
        assert b"200" not in answer


def test_who_does_not_take_an_answer_is_left(hasty: Client) -> None:
    with connect(hasty) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        with contextlib.suppress(OSError):
            connection.sendall(request * 10_000)
        poll = select.poll()
        poll.register(connection, 0)
        assert poll.poll(60_000)  # the daemon has hung up
    assert works(hasty)


def descriptors(daemon: Running) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def test_clients_that_hang_up_leave_nothing_behind(client: Client) -> None:
    works(client)
    before = descriptors(client.daemon)
    for number in range(40):
        with connect(client) as connection:
            connection.sendall(HEAD + b"Content-Length: 900000\r\n\r\n" + bytes(100_000))
        with connect(client) as connection:
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(MARKER) + MARKER)
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # hang up rudely
    for _ in range(600):
        if descriptors(client.daemon) <= before + 2:
            break
        time.sleep(0.05)
    assert descriptors(client.daemon) <= before + 2
    assert works(client)


def test_requests_follow_each_other_on_one_connection(client: Client) -> None:
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(MARKER) + MARKER
    last = request.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
    assert say(client, request * 4 + last).count(b"HTTP/1.1 200 OK") == 5


def test_a_full_disk_is_said(serve: Start, database: Path) -> None:
    client = Client(serve(database, "--http", "127.0.0.1:0"))
    pid = client.daemon.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, before[1]))
    answer = client.scan(bytes(500_000))
    assert answer.status == 503
    assert "no room" in answer.json["detail"]
    assert answer.headers["retry-after"] == "10"
    assert works(client)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert client.scan(bytes(500_000)).status == 200


def test_it_ends_in_order(serve: Start, database: Path) -> None:
    daemon = serve(database, "--http", "127.0.0.1:0")
    client = Client(daemon)
    with connect(client) as idle, connect(client) as busy:
        busy.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(MARKER) + MARKER[:5])
        idle.sendall(b"GET /v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        daemon.process.send_signal(signal.SIGTERM)
        await_line(daemon, "event=ending")
        everything(idle)
        busy.sendall(MARKER[5:])
        assert b'"verdict": "infected"' in everything(busy)
    assert daemon.process.wait(60) == 0


def test_systemd_may_listen(environment: dict[str, str], database: Path, tmp_path: Path) -> None:
    """What systemd does: a listening socket as descriptor 3, with a name; over it comes the first client already."""
    with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "log").open("wb") as log:
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http; exec "$@" 3<&0 0</dev/null'
        command = [COMMAND, "serve", "--socket", tmp_path / "socket", "--database", database]
        process = subprocess.Popen(["sh", "-c", script, "sh", *command], env=environment, stdin=listener, stderr=log)
        with socket.create_connection(listener.getsockname(), 120) as connection:
            connection.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(MARKER) + MARKER)
            answer = everything(connection)
        process.terminate()
        assert process.wait(60) == 0
        assert b'"verdict": "infected"' in answer, (tmp_path / "log").read_text()


def test_clients_of_clamd_are_served_besides(http_daemon: Running) -> None:
    assert http_daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"


def test_it_listens_on_a_unix_socket(serve: Start, database: Path, tmp_path: Path) -> None:
    serve(database, "--http", os.fspath(tmp_path / "http.sock"), "--socket-mode", "600")
    assert (tmp_path / "http.sock").stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(os.fspath(tmp_path / "http.sock"))
        connection.sendall(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(MARKER) + MARKER)
        assert b'"verdict": "infected"' in everything(connection)
