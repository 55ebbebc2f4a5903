"""Packets of the milter protocol: a length in four bytes, a letter, data.

Source: sendmail 8.17, ``libmilter/mfdef.h`` and ``mfapi.h``.
"""

import struct
from enum import IntFlag
from typing import NamedTuple

LONGEST = 1 << 20
"""Bytes of a packet, at most; Postfix sends header fields of up to 100 KiB, bodies in pieces of 64 KiB."""

VERSION = 6
_OLDEST = 2

_LENGTH = struct.Struct(">I")
_OPTIONS = struct.Struct(">III")


class BadPacket(Exception):
    """What cannot be a packet of this protocol."""


class Actions(IntFlag):
    """What a filter may do to a message."""

    ADD_FIELDS = 0x01
    CHANGE_FIELDS = 0x10
    QUARANTINE = 0x20


class Steps(IntFlag):
    """What a mail server may leave out, and which answers it may do without."""

    NO_HELO = 0x02
    NO_RECIPIENTS = 0x08
    NO_UNKNOWN = 0x0100
    NO_DATA = 0x0200
    SILENT_FIELDS = 0x80
    SILENT_CONNECT = 0x1000
    SILENT_HELO = 0x2000
    SILENT_SENDER = 0x4000
    SILENT_RECIPIENTS = 0x8000
    SILENT_DATA = 0x010000
    SILENT_UNKNOWN = 0x020000
    SILENT_END_OF_FIELDS = 0x040000
    SILENT_BODY = 0x080000
    LEADING_SPACE = 0x100000


WANTED = Steps(sum(Steps))
"""Everything above: only the end of a message needs an answer."""

SILENT = {
    b"C": Steps.SILENT_CONNECT,
    b"H": Steps.SILENT_HELO,
    b"M": Steps.SILENT_SENDER,
    b"R": Steps.SILENT_RECIPIENTS,
    b"T": Steps.SILENT_DATA,
    b"U": Steps.SILENT_UNKNOWN,
    b"L": Steps.SILENT_FIELDS,
    b"N": Steps.SILENT_END_OF_FIELDS,
    b"B": Steps.SILENT_BODY,
}
"""Commands that want an answer, unless this was agreed upon."""


class Packet(NamedTuple):
    """One packet; ``command`` is a letter."""

    command: bytes
    data: bytes


class Offer(NamedTuple):
    """What a mail server offers at the start."""

    version: int
    actions: int
    steps: int


def take(buffer: bytearray) -> Packet | None:
    """Remove the first packet from what has been received; None when it is not complete. Raises ``BadPacket``."""
    if len(buffer) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(buffer)
    if not 0 < length <= LONGEST:
        raise BadPacket(f"a packet of {length} bytes")
    end = _LENGTH.size + length
    if len(buffer) < end:
        return None
    packet = Packet(bytes(buffer[4:5]), bytes(buffer[5:end]))
    del buffer[:end]
    return packet


def packet(command: bytes, data: bytes = b"") -> bytes:
    """Return a packet as it goes over the connection."""
    return _LENGTH.pack(1 + len(data)) + command + data


def read_offer(data: bytes) -> Offer:
    """Read what a mail server offers; raises ``BadPacket``."""
    if len(data) < _OPTIONS.size:
        raise BadPacket("options are cut off")
    offer = Offer(*_OPTIONS.unpack_from(data))
    if offer.version < _OLDEST:
        raise BadPacket(f"version {offer.version} of the protocol")
    return offer


def agreement(offer: Offer, actions: Actions) -> bytes:
    """Return the answer to an offer: the actions that are needed, and the steps that are not."""
    return packet(b"O", _OPTIONS.pack(min(offer.version, VERSION), actions, offer.steps & WANTED))


def texts(data: bytes) -> list[bytes]:
    """Return texts, each of which ends with NUL; raises ``BadPacket``."""
    if not data.endswith(b"\0"):
        raise BadPacket("a text does not end")
    return data[:-1].split(b"\0")


def macros(data: bytes) -> dict[bytes, bytes]:
    """Return the macros that go with a command, names without braces; raises ``BadPacket``."""
    if len(data) < 2:
        return {}
    items = texts(data[1:])
    return {name.strip(b"{}"): value for name, value in zip(items[::2], items[1::2], strict=False)}


def change_field(index: int, name: bytes, value: bytes) -> bytes:
    """Change the n-th header field of a name, from 1; an empty value removes it."""
    return packet(b"m", _LENGTH.pack(index) + name + b"\0" + value + b"\0")
