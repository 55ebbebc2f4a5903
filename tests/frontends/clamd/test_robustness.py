"""What clients, files and accidents may do to the daemon, and what it answers all the same."""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.frontends.clamd.conftest import Running, Start, await_line, everything, stream

MARKER = b"xx freehold-marker-one xx"
PIECES = st.sampled_from(
    [b"z", b"n", b"\0", b"\n", b"PING", b"SCAN ", b"IDSESSION", b"INSTREAM", b"FILDES", b"END", b"STATS", b"/", b" "]
    + [struct.pack(">I", number) for number in (0, 1, 5, 1 << 20, (1 << 32) - 1)]
) | st.binary(max_size=20)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=12))
def test_whatever_is_sent_the_daemon_goes_on(freehold_daemon: Running, pieces: list[bytes]) -> None:
    with freehold_daemon.connect() as connection:
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(b"".join(pieces))
        connection.shutdown(socket.SHUT_WR)
        everything(connection)
    assert freehold_daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"


def descriptors(daemon: Running) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def await_descriptors(daemon: Running, most: int) -> None:
    for _ in range(200):
        if descriptors(daemon) <= most:
            return
        time.sleep(0.05)
    assert descriptors(daemon) <= most


def test_clients_that_hang_up_leave_nothing_behind(freehold_daemon: Running, files: Path) -> None:
    freehold_daemon.ask(b"zPING\0")
    await_descriptors(freehold_daemon, 40)
    before = descriptors(freehold_daemon)
    for number in range(60):
        connection = freehold_daemon.connect()
        half = b"zINSTREAM\0" + struct.pack(">I", 200_000) + bytes(100_000)
        connection.sendall(b"zIDSESSION\0" * (number % 2) + half)
        if number % 3:
            socket.send_fds(connection, [b"x"], [0, 1, 2])
        connection.close()
        connection = freehold_daemon.connect()
        connection.sendall(b"zINSTREAM\0" + stream(MARKER) + b"zCONTSCAN %s\0" % os.fsencode(files))
        connection.close()
    await_descriptors(freehold_daemon, before + 2)  # each worker has a socket, and may have begun meanwhile


def test_idle_and_slow_clients_take_nothing_from_others(freehold_daemon: Running) -> None:
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(freehold_daemon.connect()) for _ in range(200)]
        for number, connection in enumerate(idle):
            connection.sendall((b"", b"zPI", b"zIDSESSION\0", b"zINSTREAM\0\0\0\0\x09x")[number % 4])
        assert freehold_daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"
        for connection in idle:
            assert everything(connection) == b"COMMAND READ TIMED OUT\n"


@contextlib.contextmanager
def load(daemon: Running, allowed: Callable[[bytes, bool], bool]) -> Iterator[list[bytes]]:
    """Eight clients that ask without end; what an answer may be, ``allowed`` says. Yields the answers."""
    stop = threading.Event()
    answers: list[bytes] = []
    wrong: list[object] = []

    def client(number: int) -> None:
        try:
            while not stop.is_set():
                infected = (number + len(answers)) % 2 == 0
                unique = b"%d %d " % (number, len(answers))  # what is killed with a worker twice would be refused
                answer = daemon.ask(b"zINSTREAM\0", stream(unique + (MARKER if infected else b"clean")))
                answers.append(answer)
                if not allowed(answer, infected):
                    wrong.append((answer, infected))
        except OSError as error:
            wrong.append(error)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(answers) > 50


def right(answer: bytes, infected: bool) -> bool:
    return answer == (b"stream: Test.One FOUND\0" if infected else b"stream: OK\0")


def right_or_error(answer: bytes, infected: bool) -> bool:
    return right(answer, infected) or answer.endswith(b" ERROR\0")


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_workers_and_their_parent_may_die_under_load(serve: Start, database: Path) -> None:
    daemon = serve(database)
    with load(daemon, right_or_error) as answers:
        for number in range(12):
            enough = len(answers) + 20
            while len(answers) < enough:
                time.sleep(0.01)
            for zygote in children(daemon.process.pid):
                victims = [zygote] if number % 6 == 5 else children(zygote)[:1]
                for victim in victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim, signal.SIGKILL)
    assert daemon.ask(b"zINSTREAM\0", stream(b"new" + MARKER)) == b"stream: Test.One FOUND\0"


def test_a_reload_loses_no_request(serve: Start, database: Path, tmp_path: Path) -> None:
    shutil.copytree(database, tmp_path / "database")
    daemon = serve(tmp_path / "database")
    with load(daemon, right):
        for number in range(3):
            pattern = (b"freehold-new-%d" % number).hex()
            (tmp_path / "database" / f"new{number}.ndb").write_text(f"Test.New{number}:0:*:{pattern}\n")
            assert daemon.ask(b"zRELOAD\0") == b"RELOADING\0"
            await_line(daemon, "event=reloaded", number + 1)
    for number in range(3):
        answer = daemon.ask(b"zINSTREAM\0", stream(b"freehold-new-%d" % number))
        assert answer == b"stream: Test.New%d FOUND\0" % number
    for _ in range(100):  # the old ones leave
        if len(children(daemon.process.pid)) == 1:
            break
        time.sleep(0.05)
    assert len(children(daemon.process.pid)) == 1


def test_a_database_that_fails_its_trial_is_refused(serve: Start, database: Path, tmp_path: Path) -> None:
    shutil.copytree(database, tmp_path / "database")
    daemon = serve(tmp_path / "database")
    harmless = tmp_path / "database" / "harmless.ndb"
    harmless.write_text("Test.Import:0:*:" + b"from freehold.service".hex() + "\n")
    daemon.process.send_signal(signal.SIGHUP)
    await_line(daemon, "reload refused")
    assert "detects Test.Import in Freehold's own" in daemon.log.read_text()
    assert daemon.ask(b"zINSTREAM\0", stream(b"from freehold.service")) == b"stream: OK\0"
    shutil.rmtree(tmp_path / "database")
    daemon.process.send_signal(signal.SIGHUP)
    await_line(daemon, "reload refused", 2)
    assert daemon.ask(b"zINSTREAM\0", stream(MARKER)) == b"stream: Test.One FOUND\0"


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        ("error", b"stream: Not fully examined: encrypted: "),
        ("found", b"stream: Freehold.Incomplete.Encrypted FOUND\0"),
        ("ok", b"stream: OK\0"),
    ],
)
def test_what_is_incomplete_is_answered_as_configured(
    serve: Start, database: Path, encrypted: bytes, policy: str, answer: bytes
) -> None:
    said = serve(database, "--incomplete", policy).ask(b"zINSTREAM\0", stream(encrypted))
    assert said.startswith(answer)
    assert said.endswith((b" ERROR\0", b" FOUND\0", b": OK\0"))


def test_it_ends_in_order(serve: Start, database: Path) -> None:
    daemon = serve(database)
    with daemon.connect() as busy, daemon.connect() as idle:
        idle.sendall(b"zIDSESSION\0")
        busy.sendall(b"zINSTREAM\0" + struct.pack(">I", len(MARKER)))
        assert daemon.ask(b"zPING\0") == b"PONG\0"  # by now both have been heard
        assert daemon.ask(b"zSHUTDOWN\0") == b""
        await_line(daemon, "event=ending")
        assert everything(idle) == b""
        busy.sendall(MARKER + bytes(4))
        assert everything(busy) == b"stream: Test.One FOUND\0"
    assert daemon.process.wait(30) == 0
    assert not daemon.path.exists()


def test_systemd_is_told(environment: dict[str, str], serve: Start, database: Path, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.fspath(tmp_path / "notify"))
        manager.settimeout(60)
        environment["NOTIFY_SOCKET"] = os.fspath(tmp_path / "notify")
        try:
            daemon = serve(database)
        finally:
            del environment["NOTIFY_SOCKET"]
        assert manager.recv(1000).startswith(b"READY=1\nSTATUS=Freehold ")
        daemon.process.send_signal(signal.SIGHUP)
        assert manager.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
        assert manager.recv(1000).startswith(b"READY=1")
        daemon.process.send_signal(signal.SIGTERM)
        assert manager.recv(1000) == b"STOPPING=1"


def test_tcp_clients_may_not_name_paths_nor_control(serve: Start, database: Path, files: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serve(database, "--tcp", f"127.0.0.1:{port}")

    def ask(data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 30) as connection:
            connection.sendall(data)
            return everything(connection)

    assert ask(b"zINSTREAM\0" + stream(MARKER)) == b"stream: Test.One FOUND\0"
    for command in (b"zSCAN %s\0" % os.fsencode(files), b"zRELOAD\0", b"zSHUTDOWN\0", b"QUIT\n"):
        assert ask(command).rstrip(b"\0\n") == b"COMMAND UNAVAILABLE"
    assert ask(b"zFILDES\0x") == b"No file descriptor received. ERROR\0"


def test_check_and_bad_usage(freehold: Callable[..., "subprocess.CompletedProcess[bytes]"], database: Path) -> None:
    done = freehold("serve", "--check", "--database", database)
    assert (done.returncode, done.stdout[:9]) == (0, b"Freehold ")
    for wrong in (
        ["--database", "/missing", "--check"],
        ["--tcp", "localhost:x"],
        ["--socket", "/missing/folder/socket"],
        ["--socket", "/etc/passwd"],
    ):
        done = freehold("serve", *wrong)
        assert done.returncode == 3, done
        assert done.stderr.startswith(b"freehold: error: ")


def test_a_second_daemon_does_not_take_the_socket(
    freehold: Callable[..., "subprocess.CompletedProcess[bytes]"], freehold_daemon: Running
) -> None:
    done = freehold("serve", "--socket", freehold_daemon.path)
    assert done.returncode == 3
    assert b"somebody listens" in done.stderr
    assert freehold_daemon.ask(b"zPING\0") == b"PONG\0"
