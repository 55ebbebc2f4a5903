"""The life of a worker: no rights when it takes its first file, and nothing is imported but from memory (``late``)."""

import os
import socket
import sys
import time
import warnings
from collections.abc import Callable
from typing import NoReturn

from freehold.sandbox.examination import Kit, answer, examiner, unreadable
from freehold.sandbox.host import EXIT_MEMORY
from freehold.sandbox.late import LateModules, load_natives
from freehold.sandbox.lockdown import Policy, lock_down
from freehold.sandbox.wire import PIECE, Flags, decode, encode, write_all

_ENCODINGS = """ascii utf_8 utf_8_sig utf_7 utf_16 utf_16_le utf_16_be utf_32 utf_32_le utf_32_be latin_1 cp437 cp1252
unicode_escape raw_unicode_escape"""
"""Encodings that are loaded for every worker; a format that needs further ones imports them."""

Inherited = tuple[int, int | str, int, str, bool, bool, bool]
"""A job of a batch: number, descriptor or why there is none, size, name, and what ``Flags`` has."""

_DESCRIPTOR = socket.CMSG_SPACE(4)


def serve(kit: Kit, channel: int, policy: Policy, late: LateModules) -> None:
    """Examine what arrives over a socket, until the host hangs up."""
    examine = examiner(kit)
    control = adopt(channel)
    _begin(channel, policy, late)
    while True:
        line, file = receive(control)
        if not line:
            control.detach()  # what is left of a socket object would ask the kernel for its name
            return
        number, size, name, *flags = decode(line)
        write_all(channel, answer(number, examine(file, size, name, Flags(*flags)), kit.setup.answer))


def serve_batch(kit: Kit, answers: int, batch: list[Inherited], policy: Policy, late: LateModules) -> None:
    """Examine files that were inherited."""
    examine = examiner(kit)
    _begin(answers, policy, late)
    for number, file, size, name, *flags in batch:
        report = examine(file, size, name, Flags(*flags)) if isinstance(file, int) else unreadable(size, name, file)
        write_all(answers, answer(number, report, kit.setup.answer))


def live(life: Callable[[], None]) -> NoReturn:
    """Be a worker until the end; what it raises becomes an exit status, as nobody could read a traceback."""
    status = 1
    try:
        life()
        status = 0
    except MemoryError:
        os._exit(EXIT_MEMORY)  # here, while everything is still in place: finalisers make forbidden system calls
    finally:
        os._exit(status)


def receive(channel: socket.socket) -> tuple[bytes, int]:
    """Return the next packet and the descriptor that came with it, -1 for none; b"" at the end."""
    packet, ancillary, _, _ = channel.recvmsg(PIECE, _DESCRIPTOR)
    for _, _, data in ancillary:
        return packet, int.from_bytes(data[:4], sys.byteorder)
    return packet, -1


def adopt(fd: int) -> socket.socket:
    """Return the socket behind a descriptor, which asks the kernel for nothing."""
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fd)


def preload() -> None:
    """Load what the standard library would load at first use; called in the zygote."""
    for encoding in _ENCODINGS.split():
        "".encode(encoding)
    load_natives()
    os.environ["TZ"] = "UTC0"  # else the C library looks for a file whenever an archive has a local time
    if hasattr(time, "tzset"):
        time.tzset()


def _begin(channel: int, policy: Policy, late: LateModules) -> None:
    _seal_imports(late)
    applied = lock_down(policy)
    write_all(channel, encode(["ready", str(applied)]))


def _seal_imports(late: LateModules) -> None:
    """Keep the interpreter from opening files on its own: for imports, encodings, warnings and tracebacks."""
    late.install()
    seal()


def seal() -> None:
    """Keep the interpreter from opening files for warnings and tracebacks."""
    warnings.simplefilter("ignore")
    sys.unraisablehook = _ignore
    sys.excepthook = _ignore


def _ignore(*_: object) -> None:
    """Stand in for a hook that would print, and read source code to do so."""
