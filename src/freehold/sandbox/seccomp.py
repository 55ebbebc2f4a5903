"""The system-call filter of a worker: an allow-list, as a classic BPF program that the kernel runs at every call."""

import ctypes
import os
import struct
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from freehold.model.errors import TrustError

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL_PROCESS, _EPERM = 0x7FFF0000, 0x80000000, 0x00050000 | 1
_X32 = 0x40000000
_PROT_EXEC = 4
_SET_MODE_FILTER, _GET_ACTION_AVAIL, _SYNCHRONISE = 1, 2, 1


class Violation(Enum):
    """What happens to a process that makes a system call outside its list; the value is the kernel's."""

    KILL = _KILL_PROCESS
    REFUSE = _EPERM


class Architecture(NamedTuple):
    """A processor that the table of system calls covers.

    Attributes:
        audit: the kernel's AUDIT_ARCH constant.
        column: of its numbers in ``syscalls.tsv``.
        call: the number of seccomp(2) itself.
    """

    audit: int
    column: int
    call: int


ARCHITECTURES = {"x86_64": Architecture(0xC000003E, 1, 317), "aarch64": Architecture(0xC00000B7, 2, 277)}
"""By the name that uname(2) gives."""


Table = tuple[tuple[int, str], ...]
"""Numbers of system calls, each with the condition under which it is let through."""


def obstacle() -> str:
    """Say why this kernel cannot filter system calls; "" when it can."""
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        return f"no table of system calls for {machine}"
    if struct.calcsize("P") != 8:
        return "a 32-bit interpreter makes other system calls than the table lists"
    action = ctypes.c_uint32(_KILL_PROCESS)
    if _syscall(ARCHITECTURES[machine].call, _GET_ACTION_AVAIL, 0, ctypes.byref(action)):
        return f"seccomp filters are not available ({os.strerror(ctypes.get_errno())})"
    return ""


def load_table() -> Table:
    """Return the system calls that a worker may make on this machine, from ``syscalls.tsv``."""
    column = ARCHITECTURES[os.uname().machine].column
    text = Path(__file__).with_name("syscalls.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return tuple((int(row[column]), row[3]) for row in rows if row[column] != "-")


def install(table: Table, violation: Violation, *, descriptors: bool, code: bool = False) -> None:
    """Filter the calls of this process from now on; it must have given up new privileges before.

    Args:
        table: what ``load_table`` returned while there still was a file system.
        violation: what a call outside the list leads to.
        descriptors: whether recvmsg is let through, for files that arrive over a socket.
        code: whether memory may become machine code.

    Raises:
        TrustError: the kernel did not take the filter.
    """
    architecture = ARCHITECTURES[os.uname().machine]
    rules = program(architecture, table, violation, descriptors=descriptors, process=os.getpid(), code=code)
    instructions = ctypes.create_string_buffer(rules, len(rules))
    header = struct.pack("@HP", len(rules) // 8, ctypes.addressof(instructions))
    if _syscall(architecture.call, _SET_MODE_FILTER, _SYNCHRONISE, header):
        raise TrustError(f"the kernel refused the system-call filter: {os.strerror(ctypes.get_errno())}")


def program(
    architecture: Architecture,
    table: Table,
    violation: Violation,
    *,
    descriptors: bool,
    process: int,
    code: bool = False,
) -> bytes:
    """Return the filter as ``struct sock_filter`` records (seccomp(2), linux/filter.h)."""
    otherwise = _op(_RETURN, violation.value)
    parts = [
        _op(_LOAD, _ARCHITECTURE),
        _op(_IF_EQUAL, architecture.audit, 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _NUMBER),
        _op(_IF_AT_LEAST, _X32, 0, 1),  # the x32 calls of x86-64, which the table does not mean
        otherwise,
    ]
    bodies = {
        "always": _op(_RETURN, _ALLOW),
        "not-exec": _op(_RETURN, _ALLOW)
        if code
        else _op(_LOAD, _argument(2)) + _op(_IF_ANY_BIT, _PROT_EXEC, 1, 0) + _op(_RETURN, _ALLOW) + otherwise,
        "own-process": _op(_LOAD, _argument(0)) + _op(_IF_EQUAL, process, 0, 1) + _op(_RETURN, _ALLOW) + otherwise,
        "descriptors": _op(_RETURN, _ALLOW) if descriptors else otherwise,
        "refused": _op(_RETURN, _EPERM),
    }
    for number, condition in table:
        body = bodies[condition]
        parts += (_op(_IF_EQUAL, number, 0, len(body) // 8), body)
    parts.append(otherwise)
    return b"".join(parts)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int) -> int:
    return _ARGUMENTS + 8 * index  # the low half: both architectures are little-endian


def _syscall(number: int, *arguments: object) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    result: int = call(number, *arguments)
    return result
