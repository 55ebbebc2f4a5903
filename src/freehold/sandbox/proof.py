"""Trying to break out, for ``freehold doctor``: each attempt is made by an ordinary process and by a confined one.

The first shows that the attempt is a real one on this machine, the second that the sandbox stops it. The confined
process is a worker in all but one thing: what the system-call filter forbids gets an error instead of the end, so that
there is something to show; a last attempt shows the end. All attempts are harmless where they succeed.
"""

import _thread
import ctypes
import errno
import mmap
import os
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from freehold.model.errors import TrustError
from freehold.model.limits import MIB
from freehold.sandbox import lockdown, seccomp
from freehold.sandbox.seccomp import Violation

_IO_URING_SETUP = 425
_TRACEME, _NEW_USER_NAMESPACE = 0, 0x10000000
_ANSWER = 200
_SUCCEEDED = "succeeded"
_CODE = frozenset({"map memory as code", "turn memory into code"})
"""What a process may do that emulates: it makes machine code of what it emulates."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way out, tried.

    Attributes:
        group: ``files``, ``network``, ``processes`` or ``kernel``.
        name: what was tried.
        ordinary: how it ended for an ordinary process: "succeeded", or the error.
        confined: the same for a confined one.
    """

    group: str
    name: str
    ordinary: str
    confined: str

    @property
    def blocked(self) -> bool:
        """Whether the confined process failed."""
        return self.confined != _SUCCEEDED


@dataclass(frozen=True, slots=True)
class Proof:
    """What the attempts showed.

    Attributes:
        sandbox: what confined the process that tried.
        attempts: in the order made.
        end: how a confined process ended that made a forbidden system call as a worker would.
        permitted: attempts that this kind of process may succeed in.
    """

    sandbox: str
    attempts: tuple[Attempt, ...]
    end: str
    permitted: frozenset[str] = frozenset()

    @property
    def holds(self) -> bool:
        """Whether every attempt was blocked that has to be, and a worker would have been ended."""
        return self.end == "SIGSYS" and all(a.blocked or a.name in self.permitted for a in self.attempts)


def prove(*, emulating: bool = False) -> Proof:
    """Make all attempts; takes a fraction of a second.

    Args:
        emulating: confine as a process that runs packed programs, which may make machine code.

    Raises:
        TrustError: there is no sandbox on this kernel.
    """
    lockdown.require()
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="freehold-proof-"))
        root = lockdown.empty_directory(directory)
        if root is not None:
            stack.callback(os.close, root)
        cell = _Cell(seccomp.load_table(), root, emulating)
        sandbox = _in_child(lambda: str(cell.lock(Violation.REFUSE)))
        if not sandbox.returned:
            raise TrustError(f"no sandbox: a confined process ended with {sandbox.outcome}")
        attempts = tuple(
            Attempt(group, name, _in_child(action).outcome, _in_child(cell.around(action)).outcome)
            for group, name, action in _attempts(Path(directory), stack)
        )
        end = _in_child(cell.around(os.fork, Violation.KILL)).outcome
    return Proof(sandbox.returned, attempts, end, _CODE if emulating else frozenset())


@dataclass(frozen=True, slots=True)
class _Cell:
    """Confines a process as a worker is confined."""

    calls: seccomp.Table
    root: int | None
    code: bool

    def lock(self, violation: Violation) -> lockdown.Applied:
        policy = lockdown.Policy(
            memory=256 * MIB,
            cpu_seconds=10,
            file_bytes=MIB,
            parent=os.getppid(),
            calls=self.calls,
            root=self.root,
            violation=violation,
            descriptors=not self.code,
            code=self.code,
        )
        return lockdown.lock_down(policy)

    def around(self, action: Callable[[], object], violation: Violation = Violation.REFUSE) -> Callable[[], object]:
        def confined() -> object:
            self.lock(violation)
            return action()

        return confined


@dataclass(frozen=True, slots=True)
class _Ending:
    """What a child returned, as text, and how it ended."""

    returned: str
    outcome: str


def _in_child(action: Callable[[], object]) -> _Ending:
    """Do something in a process of its own."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        _report(writing, action)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
        text = pipe.read(_ANSWER).decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        return _Ending("", signal.Signals(-code).name)
    kind, _, words = text.partition(":")
    return _Ending("", words) if kind == "failed" else _Ending(words, _SUCCEEDED)


def _report(answers: int, action: Callable[[], object]) -> NoReturn:
    """Say how an action ended; a process that became another program says nothing and ends with status 0."""
    words = "failed:error"
    try:
        words = f"done:{action()}"
    except OSError as error:
        words = f"failed:{errno.errorcode.get(error.errno or 0, 'error')}"
    except (RuntimeError, TrustError) as error:  # the interpreter's word for a thread that could not be started
        words = f"failed:{error}"
    finally:
        os.write(answers, words.encode()[:_ANSWER])
        os._exit(0)


_Try = tuple[str, str, Callable[[], object]]


def _attempts(directory: Path, stack: ExitStack) -> Iterator[_Try]:
    """Yield each attempt after its group and name; what it needs to succeed is made ready before."""
    yield from _file_attempts(directory)
    yield from _network_attempts(directory, stack)
    yield from _process_attempts()
    yield from _kernel_attempts()


def _file_attempts(directory: Path) -> Iterator[_Try]:
    secret = directory / "secret"
    secret.write_text("something to steal", "utf-8")
    new = directory / "new"
    yield "files", "open a file", secret.read_bytes
    yield "files", "look at a file's status", secret.stat
    yield "files", "list a folder", lambda: os.listdir("/")  # noqa: PTH208 - the plain call
    yield "files", "create a file", new.touch
    yield "files", "change a file's mode", lambda: secret.chmod(0o600)
    yield "files", "rename a file", lambda: secret.rename(secret)


def _network_attempts(directory: Path, stack: ExitStack) -> Iterator[_Try]:
    def opened(family: int, kind: int) -> socket.socket:
        return stack.enter_context(socket.socket(family, kind))

    web = opened(socket.AF_INET, socket.SOCK_STREAM)
    web.bind(("127.0.0.1", 0))
    web.listen()
    name = os.fspath(directory / "socket")
    local = opened(socket.AF_UNIX, socket.SOCK_STREAM)
    local.bind(name)
    local.listen()
    tcp, udp = opened(socket.AF_INET, socket.SOCK_STREAM), opened(socket.AF_INET, socket.SOCK_DGRAM)
    unix, waiting = opened(socket.AF_UNIX, socket.SOCK_STREAM), opened(socket.AF_INET, socket.SOCK_STREAM)
    address = web.getsockname()
    yield "network", "make a TCP socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    yield "network", "connect by TCP", lambda: tcp.connect(address)
    yield "network", "wait for TCP connections", waiting.listen
    yield "network", "make a UDP socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield "network", "send by UDP", lambda: udp.sendto(b"hello", address)
    yield "network", "connect to a Unix socket", lambda: unix.connect(name)
    yield "network", "make a netlink socket", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    yield "network", "make a raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)


def _process_attempts() -> Iterator[_Try]:
    yield "processes", "run a program", lambda: os.execv("/bin/true", ["true"])  # noqa: S606 - as an intruder would
    yield "processes", "fork", _fork
    yield "processes", "start a thread", lambda: _thread.start_new_thread(_wait, ())
    yield "processes", "signal another process", lambda: os.kill(os.getppid(), 0)
    yield "processes", "get hold of another process", lambda: os.pidfd_open(os.getppid())
    yield "processes", "trace", lambda: _call("ptrace", _TRACEME, 0, 0, 0)
    yield "processes", "read another process's memory", _read_parent


def _kernel_attempts() -> Iterator[_Try]:
    yield "kernel", "map memory as code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)
    yield "kernel", "turn memory into code", _make_executable
    yield "kernel", "make a file in memory", lambda: os.memfd_create("freehold")
    yield "kernel", "set up io_uring", lambda: _call("syscall", _IO_URING_SETUP, 4, ctypes.create_string_buffer(120))
    yield "kernel", "enter a new user namespace", lambda: _call("unshare", _NEW_USER_NAMESPACE)
    yield "kernel", "become root", lambda: os.setresuid(0, 0, 0)


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _wait() -> None:
    """Be a thread."""


def _read_parent() -> None:
    """Read memory of the parent at an address that is mapped in it, as this process was forked from it."""
    ours = ctypes.create_string_buffer(8)
    local, remote = ((ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8) for buffer in (ours, _KNOWN))
    _call("process_vm_readv", os.getppid(), local, ctypes.c_ulong(1), remote, ctypes.c_ulong(1), ctypes.c_ulong(0))


_KNOWN = ctypes.create_string_buffer(8)


def _make_executable() -> None:
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    _call("mprotect", ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC)


def _call(name: str, *arguments: object) -> None:
    """Call a function of the C library that returns -1 for an error."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    function.restype = ctypes.c_long
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)
