"""The life of a worker: no rights when it takes its first file, and nothing can be imported any more."""

import importlib
import os
import socket
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from freehold.model.report import Problem, ProblemKind, Report
from freehold.model.view import ContentChanged, open_view
from freehold.sandbox.host import EXIT_MEMORY, Examiner
from freehold.sandbox.lockdown import Policy, lock_down
from freehold.sandbox.wire import PIECE, Setup, decode, encode, write_all

_KEPT = 50
"""Detections and problems that remain of a report that is too long to be sent."""

_ENCODINGS = """ascii utf_8 utf_8_sig utf_7 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be latin_1 cp437 cp1252
idna punycode unicode_escape raw_unicode_escape"""
"""Encodings that are loaded for every worker; a format that needs further ones imports them."""

_DESCRIPTOR = socket.CMSG_SPACE(4)


@dataclass(frozen=True, slots=True)
class Kit:
    """What the zygote gives its workers.

    Attributes:
        setup: what the host asked for.
        engine: makes an engine for a spool's descriptor.
        spool_directory: where the spool lies.
    """

    setup: Setup
    engine: Callable[[int], Examiner]
    spool_directory: str


def serve(kit: Kit, channel: int, policy: Policy) -> None:
    """Examine what arrives over a socket, until the host hangs up."""
    examine = examiner(kit)
    control = adopt(channel)
    _begin(channel, policy)
    while True:
        line, file = receive(control)
        if not line:
            return
        number, size, name = decode(line)
        write_all(channel, answer(number, examine(file, size, name), kit.setup.answer))


def serve_batch(kit: Kit, answers: int, batch: list[tuple[int, int | str, int, str]], policy: Policy) -> None:
    """Examine files that were inherited: number, descriptor or why there is none, size, name."""
    examine = examiner(kit)
    _begin(answers, policy)
    for number, file, size, name in batch:
        report = examine(file, size, name) if isinstance(file, int) else unreadable(size, name, file)
        write_all(answers, answer(number, report, kit.setup.answer))


def live(life: Callable[[], None]) -> NoReturn:
    """Be a worker until the end; what it raises becomes an exit status, as nobody could read a traceback."""
    status = 1
    try:
        life()
        status = 0
    except MemoryError:
        status = EXIT_MEMORY
    finally:
        os._exit(status)


def examiner(kit: Kit) -> Callable[[int, int, str], Report]:
    """Return what examines a file, given its descriptor (which it closes), its size and its name."""
    engine = kit.engine(open_spool(kit.spool_directory))
    setup = kit.setup

    def examine(file: int, size: int, name: str) -> Report:
        try:
            return engine.examine(
                open_view(file, size), name, setup.limits, all_matches=setup.all_matches, tree=setup.tree
            )
        except ContentChanged as error:
            return Report(size, problems=[Problem(ProblemKind.CHANGED, name, str(error))])
        except OSError as error:
            return unreadable(size, name, error.strerror or str(error))
        finally:
            os.close(file)

    return examine


def unreadable(size: int, name: str, why: str) -> Report:
    """Return the report of a file that cannot be read."""
    return Report(size, problems=[Problem(ProblemKind.UNREADABLE, name, why)])


def answer(number: int, report: Report, limit: int) -> bytes:
    """Return the line that answers a job; one longer than ``limit`` bytes loses its tree, then its later finds."""
    line = encode([number, report.to_wire()])
    if len(line) <= limit:
        return line
    report.nodes = []
    if len(encode([number, report.to_wire()])) > limit:
        report.detections = report.detections[:_KEPT]
        report.problems = report.problems[:_KEPT]
    report.problems.append(Problem(ProblemKind.LIMIT, "", "the report was too long and has been cut"))
    return encode([number, report.to_wire()])


def receive(channel: socket.socket) -> tuple[bytes, int]:
    """Return the next packet and the descriptor that came with it, -1 for none; b"" at the end."""
    packet, ancillary, _, _ = channel.recvmsg(PIECE, _DESCRIPTOR)
    for _, _, data in ancillary:
        return packet, int.from_bytes(data[:4], sys.byteorder)
    return packet, -1


def adopt(fd: int) -> socket.socket:
    """Return the socket behind a descriptor, which asks the kernel for nothing."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fd)


def spool_directory() -> str:
    """Return where decoded content is spooled: TMPDIR, or a directory that is on a disk rather than in memory."""
    candidates = (os.environ.get("TMPDIR", ""), "/var/tmp", "/tmp")  # noqa: S108 - only unlinked files are made there
    usable = (path for path in candidates if path and os.access(path, os.W_OK | os.X_OK))
    return next(usable, os.curdir)


def open_spool(directory: str) -> int:
    """Return a descriptor of a new file that has no name; raises ``OSError``."""
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError:  # not every file system knows files without a name
        path = os.path.join(directory, f".freehold-{os.urandom(12).hex()}")  # noqa: PTH118 - names, not paths, matter
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.unlink(path)  # noqa: PTH108
        return fd


def preload() -> None:
    """Load what the standard library would load at first use; called in the zygote."""
    for encoding in _ENCODINGS.split():
        "".encode(encoding)
    for module in ("array", "datetime", "json.decoder", "math"):  # yara-x and struct packing look for these late
        importlib.import_module(module)


def _begin(channel: int, policy: Policy) -> None:
    _seal_imports()
    applied = lock_down(policy)
    write_all(channel, encode(["ready", str(applied)]))


class _Nothing:
    """Finds no module: an import in a worker fails as for a module that does not exist, and touches no file."""

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: object = None) -> None:
        """Find nothing."""


def _seal_imports() -> None:
    """Keep the interpreter from opening files on its own: for imports, encodings, warnings and tracebacks."""
    sys.meta_path[:] = [_Nothing]
    sys.path_hooks.clear()
    warnings.simplefilter("ignore")
    sys.unraisablehook = _ignore
    sys.excepthook = _ignore


def _ignore(*_: object) -> None:
    """Stand in for a hook that would print, and read source code to do so."""
