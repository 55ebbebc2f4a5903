"""The units for systemd, judged by systemd's own tools; socket activation, watchdog and reloads without being asked."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.frontends.conftest import COMMAND

import freehold as package
from freehold.frontends.cli import serve_units
from freehold.model.errors import UsageError
from freehold.sandbox import lockdown

Freehold = Callable[..., "subprocess.CompletedProcess[bytes]"]

pytestmark = pytest.mark.skipif(bool(lockdown.obstacle()), reason="no sandbox on this kernel")

needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")

KINDS = {"streams": [], "files": ["--files"]}
WORST = {"streams": 1.0, "files": 3.5}


def units(freehold: Freehold, folder: Path, kind: str) -> dict[str, str]:
    """Write the units into a folder; returns their texts by name."""
    done = freehold("serve", "--units", "show", *KINDS[kind])
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^# /etc/systemd/system/(\S+)\n", done.stdout.decode(), flags=re.MULTILINE)[1:]
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    for name, text in texts.items():
        (folder / name).write_text(text)
    return texts


@needs_systemd
@pytest.mark.parametrize("kind", KINDS)
def test_systemd_understands_the_units_and_finds_them_confined(freehold: Freehold, tmp_path: Path, kind: str) -> None:
    names = sorted(units(freehold, tmp_path, kind))
    assert names == ["freehold-control.socket", "freehold.service", "freehold.socket"]
    verify = ["systemd-analyze", "verify", "--man=no", *(tmp_path / name for name in names)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    judge = ["systemd-analyze", "security", "--offline=yes", "--no-pager", tmp_path / "freehold.service"]
    done = subprocess.run(judge, capture_output=True, text=True, check=False)
    exposure = re.search(r"Overall exposure level for freehold.service: ([0-9.]+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) <= WORST[kind]


def calls_of(group: str) -> set[str]:
    """Return the system calls of a group of systemd's."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True)
    words = [line.strip() for line in listed.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return set().union(*(calls_of(word) if word.startswith("@") else {word} for word in words)) if words else set()


def allowed(service: str) -> set[str]:
    """Return the system calls that a unit's filter lets through."""
    calls = calls_of("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", service, re.MULTILINE):
        names = line.removeprefix("~").split()
        named = set().union(*(calls_of(name) if name.startswith("@") else {name} for name in names))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def as_user(command: list[object], kind: str) -> list[object]:
    """Return a command as the unit's user runs it: root where it reads files, else somebody without rights."""
    if kind == "files":
        return command if os.geteuid() == 0 else pytest.skip("needs root")
    if os.geteuid() != 0:
        return command
    if not all(map(open_to_others, (Path(sys.executable), Path(package.__file__)))):
        pytest.skip("Python or Freehold lies where other users may not look")
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", *command]


def open_to_others(path: Path) -> bool:
    path = path.resolve()
    return path.stat().st_mode & 0o004 != 0 and all(folder.stat().st_mode & 0o001 for folder in path.parents)


def await_text(path: Path, text: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
    for _ in range(1200):
        if path.exists() and text in path.read_text("utf-8", "replace"):
            return
        if process and process.poll() is not None:
            break
        time.sleep(0.05)
    raise AssertionError(f"{text!r} is not in {path}:\n{path.read_text('utf-8', 'replace')[-2000:]}")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may write."""
    with tempfile.TemporaryDirectory() as name:
        for path in (Path(name), Path(name, "cache")):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        Path(name, "test.ndb").write_text(f"Test.One:0:*:{b'freehold-marker-one'.hex()}\n")
        yield Path(name)


def ask(path: Path, content: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(os.fspath(path))
        connection.sendall(b"zINSTREAM\0" + len(content).to_bytes(4) + content + bytes(4))
        return connection.recv(1000)


@needs_systemd
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("kind", KINDS)
def test_the_daemon_needs_no_call_that_its_unit_forbids(
    freehold: Freehold, environment: dict[str, str], folder: Path, kind: str
) -> None:
    service = units(freehold, folder, kind)["freehold.service"]
    (folder / "infected").write_bytes(b"freehold-marker-one")
    options = ["--socket", folder / "socket", "--database", folder / "test.ndb", "--jobs", "1"]
    command = as_user([COMMAND, "serve", *options], kind)
    log, trace = folder / "log", folder / "trace"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", trace, "--", *command],
            env=environment | {"XDG_CACHE_HOME": os.fspath(folder / "cache")},
            stderr=stderr,
        )
    try:
        await_text(log, "event=ready", process)
        assert ask(folder / "socket", b"<freehold-marker-one>") == b"stream: Test.One FOUND\0"
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(folder / "socket"))
            connection.sendall(b"zCONTSCAN %s\0" % os.fsencode(folder / "infected"))
            assert connection.recv(1000).endswith(b": Test.One FOUND\0")
        os.kill(int(children(process.pid)[0]), signal.SIGHUP)
        await_text(log, "event=reloaded")
    finally:
        for child in children(process.pid):
            os.kill(int(child), signal.SIGTERM)
        status = process.wait(60)
    assert status == 0
    # What is started to compile databases and the tracer's own "exit" lines are calls of the unit, too.
    made = set(re.findall(r"^[0-9]+ +([a-z][a-z0-9_]*)\(", trace.read_text("utf-8", "replace"), re.MULTILINE))
    assert {"landlock_restrict_self", "seccomp", "sendmsg"} <= made
    forbidden = made - allowed(service)
    assert forbidden - TRIED == set()


TRIED = {"mbind", "set_mempolicy"}
"""Calls that libraries try and do without."""


def children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_systemd_may_listen_for_it(environment: dict[str, str], folder: Path) -> None:
    options = ["--database", folder / "test.ndb", "--jobs", "1"]
    activate = ["systemd-socket-activate", "--fdname=clamd", f"--listen={folder / 'socket'}"]
    with (folder / "log").open("wb") as stderr:
        process = subprocess.Popen([*activate, COMMAND, "serve", *options], env=environment, stderr=stderr)
    try:
        await_text(folder / "log", "Listening on")
        assert ask(folder / "socket", b"<freehold-marker-one>") == b"stream: Test.One FOUND\0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert (folder / "socket").is_socket()  # it is systemd's
    finally:
        process.kill()


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_a_socket_for_an_unknown_front_end_is_refused(environment: dict[str, str], folder: Path) -> None:
    activate = ["systemd-socket-activate", "--fdname=clamav", f"--listen={folder / 'socket'}"]
    with (folder / "log").open("wb") as stderr:
        process = subprocess.Popen([*activate, COMMAND, "serve"], env=environment, stderr=stderr)
    await_text(folder / "log", "Listening on")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.fspath(folder / "socket"))
        assert process.wait(60) == 3
    assert "no front end is called 'clamav'" in (folder / "log").read_text()


def test_it_tells_the_watchdog_and_loads_what_has_changed(environment: dict[str, str], folder: Path) -> None:
    told: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.fspath(folder / "notify"))
        manager.settimeout(60)
        with (folder / "log").open("wb") as stderr:
            process = subprocess.Popen(
                [COMMAND, "serve", "--socket", folder / "socket", "--database", folder / "test.ndb", "--jobs", "1"],
                env=environment | {"NOTIFY_SOCKET": os.fspath(folder / "notify"), "WATCHDOG_USEC": "500000"},
                stderr=stderr,
            )
        try:
            while told.count(b"WATCHDOG=1") < 3:
                told.append(manager.recv(1000))
            assert ask(folder / "socket", b"freehold-marker-two") == b"stream: OK\0"
            with (folder / "test.ndb").open("a") as database:
                database.write(f"Test.Two:0:*:{b'freehold-marker-two'.hex()}\n")
            while not told[-1].startswith(b"RELOADING=1"):
                told.append(manager.recv(1000))
            while not told[-1].startswith(b"READY=1"):
                told.append(manager.recv(1000))
            assert ask(folder / "socket", b"<freehold-marker-two>") == b"stream: Test.Two FOUND\0"
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def test_units_are_installed_and_those_of_others_are_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    serve_units.install(tmp_path, files=False)
    assert "systemctl daemon-reload" in capsys.readouterr().err
    streams = (tmp_path / "freehold.service").read_text()
    assert "@PROGRAM@" not in streams
    serve_units.install(tmp_path, files=True)  # what is ours is replaced
    assert (tmp_path / "freehold.service").read_text() != streams
    (tmp_path / "freehold.socket").write_text("[Socket]\n")
    with pytest.raises(UsageError, match="somebody else's"):
        serve_units.install(tmp_path, files=False)
    assert (tmp_path / "freehold.socket").read_text() == "[Socket]\n"
    with pytest.raises(UsageError, match="cannot write"):
        serve_units.install(tmp_path / "missing", files=False)
