"""Landlock, with an empty set of rules: no path opens, no TCP, and where the kernel can, no signal leaves."""

import ctypes
import os
import struct

from freehold.model.errors import TrustError

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same numbers on every architecture
_VERSION = 1
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
    rights = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    if version >= 4:
        rights.append(_NETWORK_RIGHTS)
    if version >= 6:
        rights.append(_SCOPES)
    attributes = struct.pack(f"={len(rights)}Q", *rights)
    rules = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if rules < 0:
        raise TrustError(f"Landlock refused its rules: {os.strerror(ctypes.get_errno())}")
    refused = _syscall(_RESTRICT_SELF, rules, 0)
    os.close(rules)
    if refused:
        raise TrustError(f"Landlock refused to restrict: {os.strerror(ctypes.get_errno())}")


def _syscall(number: int, first: object, second: int, third: int = 0) -> int:
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    size = ctypes.c_size_t(second)
    result: int = call(number, first, size, third)
    return result
