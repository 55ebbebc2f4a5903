"""Both daemons with the same signatures, and a client that speaks to their sockets."""

import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND

MARKERS = {"Test.One": b"freehold-marker-one", "Test.Two": b"freehold-marker-two"}
MARKER = b"xx freehold-marker-one xx"


class Running:
    """A daemon that has been started.

    Attributes:
        path: of its socket.
        process: it.
        log: what it said on standard error.
    """

    def __init__(self, path: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.path = path
        self.process = process
        self.log = log

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(os.fspath(self.path))  # before there is a time limit: a queue that is full is waited for
        connection.settimeout(120)
        return connection

    def ask(self, *pieces: bytes) -> bytes:
        """Send pieces and return everything that is answered until the daemon hangs up."""
        with self.connect() as connection:
            for piece in pieces:
                try:
                    connection.sendall(piece)
                except (BrokenPipeError, ConnectionResetError):
                    break
            return everything(connection)


def everything(connection: socket.socket) -> bytes:
    answer = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def stream(*chunks: bytes) -> bytes:
    """Chunks as INSTREAM wants them."""
    return b"".join(struct.pack(">I", len(chunk)) + chunk for chunk in (*chunks, b""))


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("database")
    lines = [f"{name}:0:*:{pattern.hex()}\n" for name, pattern in MARKERS.items()]
    (folder / "markers.ndb").write_text("".join(lines))
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "below").mkdir()
    (folder / "a-clean").write_bytes(b"nothing\n")
    (folder / "b-one").write_bytes(b"<<freehold-marker-one>>")
    (folder / "below" / "both").write_bytes(b"freehold-marker-one freehold-marker-two")
    (folder / "empty").touch()
    return folder


Start = Callable[..., Running]


@pytest.fixture(scope="session")
def serve(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start ``freehold serve`` with a database and options."""
    started: list[Running] = []

    def start(database: Path, *options: str) -> Running:
        folder = tmp_path_factory.mktemp("serve")
        path, log = folder / "socket", folder / "log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [COMMAND, "serve", "--socket", path, "--database", database, "--jobs", "2", *options],
                env=environment,
                stderr=stderr,
            )
        running = Running(path, process, log)
        started.append(running)
        await_line(running, "event=ready")
        return running

    yield start
    for running in started:
        running.process.send_signal(signal.SIGTERM)
        running.process.wait(60)


def await_line(running: Running, text: str, count: int = 1) -> None:
    """Wait until the log has so many lines with a text."""
    for _ in range(1200):
        if running.log.read_text().count(text) >= count:
            return
        if running.process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"{text!r} is not in the log:\n{running.log.read_text()}")


def port_of(daemon: Running, protocol: str) -> int:
    """Where a daemon listens that was told to take any free port."""
    found = re.search(rf"event=listening protocol={protocol} address=127\.0\.0\.1:([0-9]+)", daemon.log.read_text())
    assert found, daemon.log.read_text()
    return int(found[1])


@pytest.fixture(scope="session")
def freehold_daemon(serve: Start, database: Path) -> Running:
    return serve(database, "--max-stream", "1M", "--command-timeout", "2", "--read-timeout", "2")


@pytest.fixture(scope="session")
def clamd(database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """ClamAV's own daemon."""
    if not shutil.which("clamd"):
        pytest.skip("clamd is not installed")
    folder = tmp_path_factory.mktemp("clamd")
    (folder / "clamd.conf").write_text(
        f"LocalSocket {folder}/socket\nDatabaseDirectory {database}\nForeground yes\nLogFile {folder}/log\n"
        f"TemporaryDirectory {folder}\nUser {'root' if os.geteuid() == 0 else os.environ.get('USER', 'nobody')}\n"
        "StreamMaxLength 1M\nCommandReadTimeout 2\nReadTimeout 2\nMaxThreads 4\nSelfCheck 0\n"
    )
    command = ["clamd", f"--config-file={folder / 'clamd.conf'}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(1200):
            if (folder / "socket").exists():
                break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield Running(folder / "socket", process, folder / "log")
        process.terminate()
