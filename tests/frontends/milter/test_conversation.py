"""The milter protocol as mail servers of all ages speak it, and as nobody should."""

import base64
import os
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.frontends.clamd.conftest import Running, Start
from tests.frontends.milter.conftest import Filter

MARKER = b"xx freehold-marker-one xx\r\n"
FOUND = (b"y", b"550 5.7.1 Malicious content: Test.One\0")
CONTINUE = (b"c", b"")
HEADERS = {b"From": b" a@example.net", b"Subject": b" hello\n world"}


@pytest.fixture(scope="session")
def filtering(serve: Start, database: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Running, Path]:
    path = tmp_path_factory.mktemp("milter") / "socket"
    options = ("--milter", os.fspath(path), "--milter-header", "--max-stream", "1M", "--read-timeout", "2")
    return serve(database, *options), path


@pytest.fixture
def filter_(filtering: tuple[Running, Path]) -> Iterator[Filter]:
    with Filter(filtering[1]) as connected:
        yield connected


def give(connection: Filter, *body: bytes, last: bytes = b"", headers: dict[bytes, bytes] = HEADERS) -> None:
    """Send a message as a server does that agreed to get no answers before the end."""
    connection.send(b"C", b"client.example.net\0" + b"4" + struct.pack(">H", 25) + b"192.0.2.1\0")
    connection.send(b"D", b"Mi\0004Xyz\0")
    connection.send(b"M", b"<a@example.net>\0")
    for name, value in headers.items():
        connection.send(b"L", name + b"\0" + value + b"\0")
    connection.send(b"N")
    for piece in body:
        connection.send(b"B", piece)
    connection.send(b"E", last)


def test_what_is_agreed_upon_is_what_both_want(filtering: tuple[Running, Path]) -> None:
    for offered, expected in (
        ((0x1FF, 0x1FFFFF, 6), (6, 0x11)),
        ((0x3F, 0x7F, 2), (2, 0x11)),
        ((0x1FF, 0, 99), (6, 0x11)),
    ):
        actions, steps, version = offered
        with Filter(filtering[1]) as connection:
            agreed = connection.negotiate(actions=actions, steps=steps, version=version)
        assert agreed[:2] == expected
        assert not agreed[2] & ~steps


def test_a_server_that_offers_too_little_is_refused(filtering: tuple[Running, Path]) -> None:
    with Filter(filtering[1]) as connection:
        connection.send(b"O", struct.pack(">III", 6, 0x01, 0x1FFFFF))
        assert connection.receive() == (b"", b"")
    assert "does not offer what is configured" in filtering[0].log.read_text()


def test_messages_one_after_the_other(filter_: Filter) -> None:
    filter_.negotiate()
    for body, last in (((MARKER,), b""), ((MARKER[:9], MARKER[9:]), b""), ((), MARKER), ((bytes(70_000),), MARKER)):
        give(filter_, *body, last=last)
        assert filter_.receive() == FOUND
        give(filter_, b"clean\r\n")
        assert filter_.receive() == (b"h", b"X-Virus-Status\0 Clean\0")
        assert filter_.receive() == CONTINUE
    filter_.send(b"Q")
    assert filter_.receive() == (b"", b"")


def test_every_command_is_answered_unless_this_was_agreed_upon(filter_: Filter) -> None:
    filter_.negotiate(steps=0, version=2)
    commands = [
        (b"C", b"localhost\0U"),
        (b"H", b"client\0"),
        (b"M", b"<>\0"),
        (b"R", b"<b@example.org>\0"),
        (b"T", b""),
        (b"L", b"From\0a@example.net\0"),
        (b"N", b""),
        (b"B", MARKER),
        (b"U", b"XYZ\0"),
    ]
    for command, data in commands:
        filter_.send(b"D", command + b"j\0host\0")
        filter_.send(command, data)
        assert filter_.receive() == CONTINUE
    filter_.send(b"E")
    assert filter_.receive() == FOUND
    filter_.send(b"B", b"clean")
    assert filter_.receive() == CONTINUE
    filter_.send(b"E")
    assert filter_.receive() == (b"h", b"X-Virus-Status\0Clean\0")
    assert filter_.receive() == CONTINUE


def test_what_senders_wrote_of_the_outcome_goes(filter_: Filter) -> None:
    filter_.negotiate()
    give(filter_, b"x", headers=HEADERS | {b"X-Virus-Status": b" Clean", b"x-virus-status": b" really"})
    changes = [filter_.receive() for _ in range(4)]
    gone = [(b"m", struct.pack(">I", index) + b"X-Virus-Status\0\0") for index in (2, 1)]
    assert changes == [*gone, (b"h", b"X-Virus-Status\0 Clean\0"), CONTINUE]


def test_a_message_that_is_given_up_leaves_nothing_behind(filter_: Filter, filtering: tuple[Running, Path]) -> None:
    filter_.negotiate()
    before = len(list(Path(f"/proc/{filtering[0].process.pid}/fd").iterdir()))
    for command in (b"A", b"K", b"M"):
        filter_.send(b"L", b"X\0" + MARKER + b"\0")
        filter_.send(b"B", bytes(100_000) + MARKER)
        filter_.send(command, b"<>\0")
        give(filter_, b"clean")
        assert filter_.receive() == (b"h", b"X-Virus-Status\0 Clean\0")
        assert filter_.receive() == CONTINUE
    assert len(list(Path(f"/proc/{filtering[0].process.pid}/fd").iterdir())) <= before + 2


def test_what_is_attached_is_found_whatever_the_header_looks_like(serve: Start, database: Path, tmp_path: Path) -> None:
    """A worker need not guess that it is a message."""
    attached = b"Content-Transfer-Encoding: base64\r\n\r\n"
    with Filter(_start(serve, database, tmp_path)) as connection:
        connection.negotiate()
        for name in (b"X\x01\x02", b"Anything"):
            give(connection, b"", headers={name: b" \x01\x02\x03"})
            assert connection.receive() == CONTINUE
            body = b"--b\r\n" + attached + base64.encodebytes(MARKER) + b"\r\n--b--\r\n"
            give(connection, body, headers={name: b" \x01\x02\x03", b"content-type": b" multipart/mixed; boundary=b"})
            assert connection.receive() == FOUND


def _start(serve: Start, database: Path, folder: Path, *options: str) -> Path:
    serve(database, "--milter", os.fspath(folder / "socket"), *options)
    return folder / "socket"


def test_a_message_that_is_too_long_is_not_examined(filter_: Filter) -> None:
    filter_.negotiate()
    give(filter_, *[bytes(60_000)] * 20, MARKER)
    command, words = filter_.receive()
    assert (command, words[:35]) == (b"y", b"451 4.7.1 Not fully examined: limit")
    give(filter_, MARKER)
    assert filter_.receive() == FOUND


@pytest.mark.parametrize(
    "packets",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 1 << 30) + b"O",
        struct.pack(">I", 5) + b"O\0\0\0\6",
        struct.pack(">I", 13) + b"O" + struct.pack(">III", 1, 0xFF, 0xFF),
        struct.pack(">I", 1) + b"N",
        struct.pack(">I", 13) + b"O" + struct.pack(">III", 6, 0x1FF, 0x1FFFFF) + struct.pack(">I", 1) + b"?",
        struct.pack(">I", 13) + b"O" + struct.pack(">III", 6, 0x1FF, 0x1FFFFF) + struct.pack(">I", 2) + b"Mx",
    ],
)
def test_who_breaks_the_protocol_is_left(filter_: Filter, packets: bytes) -> None:
    filter_.connection.sendall(packets)
    while filter_.receive() != (b"", b""):
        pass


def test_a_server_that_stops_in_the_middle_is_left(filtering: tuple[Running, Path]) -> None:
    connections = [Filter(filtering[1]) for _ in range(3)]
    for number, connection in enumerate(connections):
        connection.negotiate()
        if number == 0:
            connection.connection.sendall(b"\0\0\0\x09B")
        elif number == 1:
            connection.send(b"L", b"From\0 a\0")
    for connection in connections[:2]:
        with connection:
            assert connection.receive() == (b"", b"")
    with connections[2] as patient:  # it may wait for its next message
        time.sleep(1)
        give(patient, MARKER)
        assert patient.receive() == FOUND


PACKETS = st.lists(
    st.tuples(st.sampled_from([bytes([letter]) for letter in b"OCHMRTLNBEDAKUQ?"]), st.binary(max_size=40)), max_size=12
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PACKETS)
def test_whatever_is_sent_the_daemon_goes_on(
    filtering: tuple[Running, Path], packets: list[tuple[bytes, bytes]]
) -> None:
    with Filter(filtering[1]) as connection:
        connection.negotiate()
        try:
            for command, data in packets:
                connection.send(command, data)
            connection.connection.shutdown(1)
        except BrokenPipeError:
            pass
        while connection.receive() != (b"", b""):
            pass
    with Filter(filtering[1]) as connection:
        connection.negotiate()
        give(connection, MARKER)
        assert connection.receive() == FOUND
    assert "internal error" not in filtering[0].log.read_text()


def test_bad_usage(freehold: object, database: Path, tmp_path: Path) -> None:
    for wrong in ("localhost:25", "/missing/folder/socket", "relative/socket"):
        done = freehold("serve", "--database", database, "--milter", wrong, "--socket", tmp_path / "not-used")
        assert done.returncode == 3
        assert done.stderr.startswith(b"freehold: error: ")
