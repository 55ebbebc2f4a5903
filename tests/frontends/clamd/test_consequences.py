"""What follows from a finding: lists say what counts, and the quarantine takes what it may."""

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.frontends.clamd.conftest import Running, Start, await_line, everything, stream

ONE, TWO = b"freehold-marker-one", b"freehold-marker-two"

Freehold = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    return tmp_path / "files"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def listed(freehold: Freehold, file: Path, kind: str, *conditions: "str | os.PathLike[str]") -> None:
    done = freehold("list", "add", kind, *conditions, "--lists", file, "--reason", "a test", "--author", "tests")
    assert done.returncode == 0, done.stderr


def scan(daemon: Running, path: Path, command: bytes = b"SCAN") -> bytes:
    return daemon.ask(b"z%s %s\0" % (command, os.fsencode(path)))


def descriptor(daemon: Running, path: Path) -> bytes:
    with daemon.connect() as connection, path.open("rb") as file:
        connection.sendall(b"zFILDES\0")
        socket.send_fds(connection, [b"\0"], [file.fileno()])
        return everything(connection).partition(b": ")[2]


def test_lists_decide_and_a_reload_reads_them_anew(
    serve: Start, database: Path, folder: Path, tmp_path: Path, freehold: Freehold
) -> None:
    lists = tmp_path / "lists.toml"
    allowed, denied = write(folder / "allowed", b"<" + ONE), write(folder / "denied", b"harmless")
    unknown, content = write(folder / "unknown", ONE), write(folder / "content", b"a harmless content")
    listed(freehold, lists, "allow", "--signature", "Test.One", "--file", allowed)
    listed(freehold, lists, "deny", "--path", denied)
    listed(freehold, lists, "deny", "--file", content)
    daemon = serve(database, "--lists", os.fspath(lists))
    assert scan(daemon, allowed) == b"%s: OK\0" % os.fsencode(allowed)
    assert scan(daemon, unknown) == b"%s: Test.One FOUND\0" % os.fsencode(unknown)
    assert b": Denied." in scan(daemon, denied)
    assert descriptor(daemon, denied).startswith(b"Denied.")
    assert daemon.ask(b"zINSTREAM\0", stream(content.read_bytes())).startswith(b"stream: Denied.")
    assert daemon.ask(b"zINSTREAM\0", stream(allowed.read_bytes())) == b"stream: OK\0"
    await_line(daemon, "event=allowed")

    write(folder / "both", ONE + TWO)
    listed(freehold, lists, "allow", "--signature", "Test.One")
    assert daemon.ask(b"zRELOAD\0") == b"RELOADING\0"
    await_line(daemon, "event=reloaded")
    assert scan(daemon, unknown) == b"%s: OK\0" % os.fsencode(unknown)
    assert scan(daemon, folder / "both") == b"%s: Test.Two FOUND\0" % os.fsencode(folder / "both")
    assert b"Test.One" not in scan(daemon, folder / "both", b"ALLMATCHSCAN")

    lists.write_text("nonsense")
    assert daemon.ask(b"zRELOAD\0") == b"RELOADING\0"
    await_line(daemon, "reload refused")
    assert scan(daemon, unknown) == b"%s: OK\0" % os.fsencode(unknown)


def test_files_are_taken_and_streams_are_not(
    serve: Start, database: Path, folder: Path, tmp_path: Path, freehold: Freehold
) -> None:
    vault = tmp_path / "vault"
    daemon = serve(database, "--quarantine", "--vault", os.fspath(vault))
    named, passed = write(folder / "named", b"<" + ONE), write(folder / "passed", b">" + TWO)
    clean = write(folder / "clean", b"nothing")
    assert daemon.ask(b"zINSTREAM\0", stream(ONE)) == b"stream: Test.One FOUND\0"
    assert descriptor(daemon, passed) == b"Test.Two FOUND\0"
    assert scan(daemon, folder, b"MULTISCAN") == b"%s: Test.One FOUND\0" % os.fsencode(named)
    assert sorted(folder.iterdir()) == [clean]
    items = json.loads(freehold("quarantine", "list", "--format", "json", "--vault", vault).stdout)
    assert {item["path"] for item in items} == {os.fspath(named), os.fspath(passed)}
    assert daemon.log.read_text().count("event=quarantined") == 2
    assert daemon.log.read_text().count("event=refused") == 1
    done = freehold("quarantine", "restore", "--vault", vault, items[0]["id"])
    assert done.returncode == 0, done.stderr
    assert len(list(folder.iterdir())) == 2


def test_a_signature_that_hits_too_much_takes_no_more(
    serve: Start, database: Path, folder: Path, tmp_path: Path
) -> None:
    daemon = serve(database, "--quarantine", "--vault", os.fspath(tmp_path / "vault"), "--breaker", "3")
    for number in range(6):
        write(folder / str(number), b"%d" % number + ONE)
    other = write(folder / "other", TWO)
    answer = scan(daemon, folder, b"CONTSCAN")
    assert answer.count(b" FOUND\0") == 7
    assert not other.exists()
    assert len(list(folder.iterdir())) == 3
    assert daemon.log.read_text().count("event=held-back") == 3


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_nobody_has_files_of_others_taken_away(serve: Start, database: Path, open_folder: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be somebody else")
    daemon = serve(database, "--quarantine", "--vault", os.fspath(tmp_path / "vault"), "--socket-mode", "666")
    (open_folder / "socket").hardlink_to(daemon.path)
    theirs, own = write(open_folder / "theirs", ONE), write(open_folder / "own", b">" + ONE)
    os.chown(own, 65534, 65534)
    answers = []
    for path in (theirs, own):
        with socket.socket(socket.AF_UNIX) as connection:
            os.seteuid(65534)
            try:
                connection.connect(os.fspath(open_folder / "socket"))
            finally:
                os.seteuid(0)
            connection.sendall(b"zSCAN %s\0" % os.fsencode(path))
            answers.append(everything(connection))
    assert all(answer.endswith(b": Test.One FOUND\0") for answer in answers)
    assert theirs.exists()
    assert not own.exists()


def test_a_vault_that_cannot_be_had_is_told_at_the_start(freehold: Freehold, database: Path, tmp_path: Path) -> None:
    done = freehold("serve", "--check", "--database", database, "--quarantine", "--vault", write(tmp_path / "x", b""))
    assert done.returncode >= 3
    assert done.stderr.startswith(b"freehold: error: ")
