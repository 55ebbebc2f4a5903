"""The protocol, byte for byte as clamd speaks it."""

import os
import re
import socket
import tempfile
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running, everything, stream

ONE = b"xx freehold-marker-one xx"

SAME = {
    "ping": [b"zPING\0"],
    "ping, newline": [b"nPING\n"],
    "ping, old": [b"PING\n"],
    "ping, bare": [b"PING"],
    "carriage return": [b"nPING\r\n"],
    "one command only": [b"zPING\0zPING\0"],
    "lower case": [b"zping\0"],
    "unknown": [b"zFOO\0"],
    "unknown, old": [b"FOO\n"],
    "nothing": [b"z\0"],
    "nothing, newline": [b"n\n"],
    "trailing": [b"zPING x\0"],
    "no argument": [b"zSCAN\0"],
    "not old": [b"VERSIONCOMMANDS\n"],
    "end outside": [b"zEND\0"],
    "gone": [b"zDETSTATS\0"],
    "stream": [b"zINSTREAM\0", stream(ONE)],
    "stream in pieces": [b"nINST", b"REAM\n\0\0", b"\0\x03fre", stream(b"ehold-mar", b"ker-one")],
    "clean stream": [b"zINSTREAM\0", stream(b"nothing")],
    "empty stream": [b"zINSTREAM\0", stream()],
    "old stream": [b"INSTREAM\n", stream(ONE)],
    "too long": [b"zINSTREAM\0", b"\xff\xff\xff\xff"],
    "session": [b"zIDSESSION\0zPING\0zPING\0nPING\nzEND\0"],
    "session, old": [b"IDSESSION\nPING\n"],
    "not in a session": [b"zIDSESSION\0zPING\0zCONTSCAN /\0zPING\0"],
    "session in a session": [b"zIDSESSION\0zIDSESSION\0"],
    "unknown in a session": [b"zIDSESSION\0zFOO\0"],
    "stream too long in a session": [b"zIDSESSION\0zPING\0zINSTREAM\0\x7f\xff\xff\xff"],
    "half a command": [b"zPI"],
    "half a stream": [b"zINSTREAM\0\0\0\0\x05ab"],
    "idle session": [b"zIDSESSION\0"],
    "relative path": [b"zSCAN relative\0"],
}


def official(answer: bytes) -> bytes:
    """Without the mark that clamd gives signatures of unsigned databases."""
    return answer.replace(b".UNOFFICIAL FOUND", b" FOUND")


@pytest.mark.parametrize("pieces", SAME.values(), ids=SAME)
def test_answers_are_those_of_clamd(freehold_daemon: Running, clamd: Running, pieces: list[bytes]) -> None:
    assert freehold_daemon.ask(*pieces) == official(clamd.ask(*pieces))


@pytest.mark.parametrize("command", ["SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"])
@pytest.mark.parametrize("name", ["", "a-clean", "b-one", "below/both", "empty"])
def test_paths_are_answered_as_by_clamd(
    freehold_daemon: Running, clamd: Running, files: Path, command: str, name: str
) -> None:
    question = b"z%s %s\0" % (command.encode(), os.fsencode(files / name))
    ours, theirs = (set(official(daemon.ask(question)).split(b"\0")) for daemon in (freehold_daemon, clamd))
    assert ours == theirs
    assert len(ours) > 1


def test_a_path_may_end_with_its_packet(freehold_daemon: Running, clamd: Running, files: Path) -> None:
    for command in (b"SCAN", b"CONTSCAN", b"MULTISCAN"):
        for name in ("a-clean", "b-one"):
            asked = b"%s %s" % (command, os.fsencode(files / name))
            assert official(freehold_daemon.ask(asked)) == official(clamd.ask(asked))


def test_what_cannot_be_opened_is_never_ok(freehold_daemon: Running, tmp_path: Path) -> None:
    missing = os.fsencode(tmp_path / "missing")
    for command in (b"SCAN", b"CONTSCAN", b"MULTISCAN"):
        answer = freehold_daemon.ask(b"z%s %s\0" % (command, missing))
        assert answer == missing + b": File path check failure: No such file or directory. ERROR\0"
    assert freehold_daemon.ask(b"zSCAN /dev/null\0") == b"/dev/null: Not supported file type ERROR\0"


def test_sessions_answer_every_command_with_its_number(freehold_daemon: Running, clamd: Running) -> None:
    question = b"zIDSESSION\0" + b"".join(
        b"zINSTREAM\0" + stream(ONE if number % 3 else b"clean") for number in range(40)
    )
    for daemon in (freehold_daemon, clamd):
        answers = official(daemon.ask(question + b"zEND\0")).split(b"\0")[:-1]
        numbered = {int(answer.split(b": ")[0]): answer.split(b": ", 1)[1] for answer in answers}
        assert numbered == {n + 1: b"stream: Test.One FOUND" if n % 3 else b"stream: OK" for n in range(40)}


def descriptor(daemon: Running, fd: int, *, apart: bool = True) -> bytes:
    with daemon.connect() as connection:
        connection.sendall(b"zFILDES\0")
        socket.send_fds(connection, [b"\0"], [fd] if apart else [])
        return re.sub(rb"fd\[[0-9]+\]", b"fd[N]", official(everything(connection)))


def test_descriptors_are_answered_as_by_clamd(freehold_daemon: Running, clamd: Running, files: Path) -> None:
    for name, flags in (("b-one", os.O_RDONLY), ("b-one", os.O_RDWR), ("a-clean", os.O_RDONLY), ("", os.O_RDONLY)):
        fd = os.open(files / name, flags)
        assert descriptor(freehold_daemon, fd) == descriptor(clamd, fd)
        os.close(fd)
    assert descriptor(freehold_daemon, 0, apart=False) == descriptor(clamd, 0, apart=False)


def test_the_version_says_what_it_is_in_the_usual_shape(freehold_daemon: Running, clamd: Running) -> None:
    version = freehold_daemon.ask(b"zVERSION\0")
    assert re.fullmatch(rb"Freehold [0-9.]+/[0-9]{10}/\w{3} \w{3} [ 0-9]{2} [0-9:]{8} [0-9]{4}\0", version)
    ours, theirs = (daemon.ask(b"zVERSIONCOMMANDS\0").partition(b"| ")[2] for daemon in (freehold_daemon, clamd))
    assert ours == theirs


def test_a_name_with_a_newline_makes_no_answer_of_its_own(freehold_daemon: Running, tmp_path: Path) -> None:
    (tmp_path / "x: OK\ny").write_bytes(ONE)
    answer = freehold_daemon.ask(b"nCONTSCAN %s\n" % os.fsencode(tmp_path))
    assert answer == b"%s/x: OK\\ny: Test.One FOUND\n" % os.fsencode(tmp_path.resolve())


def test_control_needs_the_right_user(freehold_daemon: Running) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "socket").hardlink_to(freehold_daemon.path)
        freehold_daemon.path.chmod(0o666)
        for command in (b"zSHUTDOWN\0", b"zRELOAD\0", b"QUIT\n"):
            with socket.socket(socket.AF_UNIX) as connection:
                os.seteuid(65534)
                try:
                    connection.connect(os.fspath(folder / "socket"))
                finally:
                    os.seteuid(0)
                connection.sendall(command)
                assert everything(connection).rstrip(b"\0\n") == b"COMMAND UNAVAILABLE"
    assert freehold_daemon.ask(b"zPING\0") == b"PONG\0"
