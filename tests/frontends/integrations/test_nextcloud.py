"""The calls of Nextcloud's app files_antivirus, byte for byte as its source makes them, read as it reads them."""

import re
import struct
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import MARKER, Running, everything, port_of
from tests.frontends.icap.conftest import Client

RULES = [(r".*: OK$", "clean"), (r".*: (.*) FOUND$", "infected"), (r".*: (.*) ERROR$", "unchecked")]


def by_daemon(daemon: Running, content: bytes) -> str:
    """Modes ``daemon`` and ``socket``: chunks of 8 KiB, then rules in the order of the app."""
    with daemon.connect() as connection:
        connection.sendall(b"nINSTREAM\n")
        for start in range(0, len(content), 8192):
            piece = content[start : start + 8192]
            connection.sendall(struct.pack(">I", len(piece)) + piece)
        connection.sendall(struct.pack(">I", 0))
        answer = everything(connection).decode()
    return next(status for rule, status in RULES if re.search(rule, answer))


def by_icap(daemon: Running, content: bytes, mode: str) -> str:
    """Mode ``icap`` with its usual settings: service ``avscan``, header ``X-Infection-Found``."""
    request = [
        "PUT /files/a%20b.bin HTTP/1.0" if mode == "reqmod" else "GET /files/a%20b.bin HTTP/1.0",
        "Host: nextcloud",
    ]
    response = [] if mode == "reqmod" else ["HTTP/1.0 200 OK", f"Content-Length: {len(content)}"]
    blocks = ["".join(f"{line}\r\n" for line in lines) + "\r\n" for lines in (request, response) if lines]
    if mode == "reqmod":
        parts = f"req-hdr=0, req-body={len(blocks[0])}"
    else:
        parts = f"req-hdr=0, res-hdr={len(blocks[0])}, res-body={len(blocks[0]) + len(blocks[1])}"
    fields = ["Allow: 204", "X-Client-IP: 192.0.2.7", f"Encapsulated: {parts}", "Host: 127.0.0.1"]
    fields += ["User-Agent: NC-ICAP-CLIENT", "Connection: close"]
    head = f"{mode.upper()} icap://127.0.0.1/avscan ICAP/1.0\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n"
    body = b"%x\r\n%b\r\n" % (len(content), content) + b"0\r\n\r\n"
    with Client(port_of(daemon, "icap")) as client:
        client.connection.sendall((head + "".join(blocks)).encode() + body)
        answer = everything(client.connection)
    return _read(answer.decode("utf-8", "replace"))


def _read(answer: str) -> str:
    lines = iter(answer.split("\r\n"))
    found = re.match(r"ICAP/(\d+)\.(\d+) (\d+) (\S+)", next(lines))
    assert found
    fields = dict(line.split(": ", 1) for line in iter(lambda: next(lines), ""))
    status = int(found[3])
    if status == 500 and fields.get("X-Error-Code") in {
        "decode_error",
        "max_archive_layers_exceeded",
        "password_protected",
    }:
        return "unscannable"
    if status not in {200, 204}:
        return "exception"
    forbidden = "Encapsulated" in fields and "403 Forbidden" in next(lines)
    return "infected" if fields.get("X-Infection-Found") or forbidden else "clean"


@pytest.mark.parametrize("size", [0, 10, 100_000])
def test_every_mode_comes_to_the_right_end(daemon: Running, size: int, encrypted: bytes) -> None:
    clean = bytes(size)
    assert by_daemon(daemon, clean) == "clean"
    assert by_daemon(daemon, clean + MARKER) == "infected"
    assert by_daemon(daemon, encrypted) == "unchecked"
    for mode in ("reqmod", "respmod"):
        assert by_icap(daemon, clean, mode) == "clean"
        assert by_icap(daemon, clean + MARKER, mode) == "infected"
        assert by_icap(daemon, encrypted, mode) == "unscannable"


def test_the_log_names_file_and_user(daemon: Running) -> None:
    assert by_icap(daemon, MARKER, "reqmod") == "infected"
    assert re.search(
        r'client="127\.0\.0\.1:\d+ for 192\.0\.2\.7" what="/files/a%20b\.bin" name=Test\.One', _log(daemon)
    )


def _log(daemon: Running) -> str:
    return Path(daemon.log).read_text()
