"""What a daemon must outlast: deaths, full disks, crowds, garbage; and that none of it leaves anything behind."""

import contextlib
import os
import random
import resource
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.frontends.clamd import endurance
from tests.frontends.clamd.conftest import Running, Start, await_line, everything, stream
from tests.frontends.conftest import COMMAND

from freehold.frontends.clamd.commands import NAMES

Freehold = Callable[..., "subprocess.CompletedProcess[bytes]"]

MARKER = b"freehold-marker-one"


def test_whatever_is_killed_answers_are_right_or_errors_and_nothing_leaks(
    serve: Start, environment: dict[str, str]
) -> None:
    with endurance.scene() as (folder, spool):
        environment["TMPDIR"] = os.fspath(spool)
        try:
            daemon = serve(folder / "database")
        finally:
            del environment["TMPDIR"]
        outcome = endurance.endure(daemon, folder, spool, seconds=8, seed=1)
    assert outcome.wrong == []
    assert outcome.answers["right"] > 20
    assert outcome.kills["worker"] > 0
    assert endurance.excess(outcome.before, outcome.after) == []


def test_a_daemon_that_is_killed_leaves_nobody_behind_and_its_socket_to_the_next(
    environment: dict[str, str], database: Path, files: Path, tmp_path: Path
) -> None:
    path, log = tmp_path / "socket", tmp_path / "log"
    command = [COMMAND, "serve", "--socket", path, "--database", database, "--jobs", "2"]
    left: list[int] = []
    for _ in range(2):
        with log.open("wb") as stderr:
            process = subprocess.Popen(command, env=environment, stderr=stderr)
        daemon = Running(path, process, log)
        await_line(daemon, "event=ready")
        assert daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"
        assert daemon.ask(b"zSCAN %s\0" % os.fsencode(files / "a-clean")).endswith(b": OK\0")
        left += endurance.below(process.pid)
        process.kill()
        process.wait()
    assert len(left) >= 6  # each time a zygote, a worker and a clerk
    for _ in range(600):
        if not any(Path(f"/proc/{pid}").exists() for pid in left):
            break
        time.sleep(0.1)
    assert [pid for pid in left if Path(f"/proc/{pid}").exists()] == []


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Yield a folder with room for 300 KiB."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k,mode=1777", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.root
def test_a_full_disk_is_an_error_until_there_is_room(
    serve: Start, database: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with small_disk(tmp_path / "disk") as disk:
        environment["TMPDIR"] = os.fspath(disk)
        try:
            daemon = serve(database)
        finally:
            del environment["TMPDIR"]
        large = [b"." * 60_000] * 4
        assert daemon.ask(b"zINSTREAM\0", stream(*large, MARKER)) == b"stream: Test.One FOUND\0"
        (disk / "ballast").write_bytes(b"x" * 250_000)
        answer = daemon.ask(b"zINSTREAM\0", stream(*large, MARKER))
        assert answer == b"INSTREAM: Can't write to temporary file. ERROR\0"
        assert daemon.ask(b"zINSTREAM\0", stream(MARKER + b" small")) == b"stream: Test.One FOUND\0"
        (disk / "ballast").unlink()
        assert daemon.ask(b"zINSTREAM\0", stream(*large, MARKER + b"!")) == b"stream: Test.One FOUND\0"
        await_line(daemon, "no room for a stream")
        daemon.process.terminate()
        daemon.process.wait(60)


IDLE, BUSY = 2_000, 200


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * (IDLE + BUSY) + 1_000
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_crowd_of_clients_takes_little_memory_and_starves_nobody(serve: Start, database: Path) -> None:
    daemon = serve(database, "--max-connections", str(IDLE + BUSY), "--command-timeout", "300")
    before = endurance.memory_of(daemon.process.pid)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(daemon.connect()) for _ in range(IDLE)]
        busy = [stack.enter_context(daemon.connect()) for _ in range(BUSY)]
        for connection in idle[::2]:
            connection.sendall(b"zIDSESSION\0")
        content = [b"%d %s" % (number, MARKER if number % 2 else b"clean") for number in range(BUSY)]
        for number, connection in enumerate(busy):
            connection.sendall(b"zINSTREAM\0" + struct.pack(">I", len(content[number])))
        for number, connection in enumerate(busy):
            connection.sendall(content[number] + bytes(4))
        for number, connection in enumerate(busy):
            assert everything(connection) == (b"stream: Test.One FOUND\0" if number % 2 else b"stream: OK\0")
        idle[0].sendall(b"zPING\0")
        assert idle[0].recv(100) == b"1: PONG\0"
        grown = endurance.memory_of(daemon.process.pid) - before
    print(f"{grown:,} bytes for {IDLE + BUSY} clients")
    assert grown < 40_000_000, f"{grown:,} bytes for {IDLE + BUSY} clients"


def test_garbage_on_the_sockets_is_answered_or_ignored_and_harms_nobody(daemon: Running) -> None:
    for number in range(300):
        random_ = random.Random(number)
        with daemon.connect() as connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(random_.randrange(1, 4)):
                connection.sendall(garbage(random_))
                if random_.random() < 0.1:
                    with contextlib.suppress(OSError):
                        socket.send_fds(connection, [b"x"], [connection.fileno()] * random_.randrange(1, 9))
            connection.shutdown(socket.SHUT_WR)
            everything(connection)
    assert daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"
    assert "internal error" not in daemon.log.read_text()
    for _ in range(300):  # some linger
        if (descriptors := len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))) < 60:
            break
        time.sleep(0.1)
    assert descriptors < 60


@pytest.fixture
def daemon(serve: Start, database: Path) -> Running:
    return serve(database, "--max-stream", "1M", "--command-timeout", "1", "--read-timeout", "1")


def garbage(random_: random.Random) -> bytes:
    """Return something like a command, or not at all."""
    name = random_.choice(NAMES).encode()
    if name in {b"SHUTDOWN", b"QUIT"}:
        name = b"PING"
    pieces = [
        random_.choice([b"z", b"n", b"", b"x"]) + name,
        random_.choice([b"", b" ", b" /etc/passwd", b" /" + b"x" * 5_000, b" \xff\xfe/../..", b" relative"]),
        random_.choice([b"\0", b"\n", b"\r\n", b"", b"\0\0\0"]),
        random_.choice(
            [b"", stream(b"abc"), bytes(4), b"\xff\xff\xff\xff", struct.pack(">I", 900_000) + b"y" * 70_000]
        ),
        random_.randbytes(random_.choice([0, 0, 1, 40, 70_000])),
    ]
    if random_.random() < 0.3:
        random_.shuffle(pieces)
    if random_.random() < 0.2:
        pieces.insert(0, b"zIDSESSION\0")
    whole = bytearray(b"".join(pieces))
    for _ in range(random_.choice([0, 0, 3])):
        whole[random_.randrange(len(whole))] ^= 1 << random_.randrange(8)
    return bytes(whole).replace(b"SHUTDOWN", b"shutdown").replace(b"QUIT", b"quit")
