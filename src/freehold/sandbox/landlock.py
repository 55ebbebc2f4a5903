"""Landlock: for workers an empty set of rules, for who fetches updates a set of folders.

Under the empty one no path opens, no TCP, and where the kernel can, no signal leaves.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from freehold.model.errors import TrustError

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_VERSION = 1
_PATH_BENEATH = 1
_SET_NO_NEW_PRIVILEGES = 38
_READ = 0b1101  # execute, read a file, read a folder
_OF_FILES = 0b1100_0000_0000_0111  # what there is of a file: execute, write, read, truncate, control a device
MOVES = 2
"""The first version with which files can be moved between folders at all."""

_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # by ABI; from 5 on: 16
_NETWORK_RIGHTS = 0b11  # bind and connect by TCP, from ABI 4
_SCOPES = 0b11  # abstract Unix sockets and signals, from ABI 6


def abi() -> int:
    """Return the version of Landlock that this kernel offers, 0 for none."""
    return max(_syscall(_CREATE_RULESET, None, 0, _VERSION), 0)


def deny_all(version: int) -> None:
    """Deny this thread all that Landlock can deny; the thread must have given up new privileges before.

    Args:
        version: what ``abi`` returned.

    Raises:
        TrustError: the kernel refused.
    """
    rights = [_file_rights(version)]
    if version >= 4:
        rights.append(_NETWORK_RIGHTS)
    if version >= 6:
        rights.append(_SCOPES)
    _restrict(_ruleset(*rights))


def allow_only(version: int, readable: Iterable[Path], writable: Iterable[Path]) -> None:
    """Deny this process, and all that it will start, every file but these; the network stays open to it.

    It gives up new privileges for good. Other threads of the process are not confined.

    Args:
        version: what ``abi`` returned, at least ``MOVES``.
        readable: files and folders that may be read and run, with everything below; what does not exist is passed over.
        writable: the same for what may be changed, too.

    Raises:
        TrustError: the kernel refused.
    """
    every = _file_rights(version)
    rules = _ruleset(every)
    try:
        for paths, rights in ((readable, _READ), (writable, every)):
            for path in paths:
                _allow(rules, path, rights)
    except BaseException:
        os.close(rules)
        raise
    if ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise TrustError("the kernel refused to rule out new privileges")
    _restrict(rules)


def _file_rights(version: int) -> int:
    return (1 << _FILE_RIGHTS.get(version, 16)) - 1


def _ruleset(*handled: int) -> int:
    attributes = struct.pack(f"={len(handled)}Q", *handled)
    rules = _syscall(_CREATE_RULESET, attributes, len(attributes))
    if rules < 0:
        raise TrustError(f"Landlock refused its rules: {os.strerror(ctypes.get_errno())}")
    return rules


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= _OF_FILES
        if _syscall(_ADD_RULE, rules, _PATH_BENEATH, struct.pack("=Qi", rights, fd), 0):
            raise TrustError(f"Landlock refused the rule for {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(fd)


def _restrict(rules: int) -> None:
    refused = _syscall(_RESTRICT_SELF, rules)
    os.close(rules)
    if refused:
        raise TrustError(f"Landlock refused to restrict: {os.strerror(ctypes.get_errno())}")


def _syscall(number: int, *arguments: object) -> int:
    """Make a system call; numbers are passed as wide as a register."""
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    wide = [ctypes.c_size_t(one) if isinstance(one, int) else one for one in arguments]
    result: int = call(number, *wide, *([0] * (6 - len(wide))))
    return result
