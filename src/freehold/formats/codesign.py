"""The signatures of macOS programs: which identifier and which team they name.

What a signature says is not checked against its certificates: macOS does that, and who wants to know what a program
claims to be needs no more.

Source: Apple's <kern/cs_blobs.h> (published with XNU); "TN3126: Inside Code Signing: Hashes".
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from freehold.formats.machocommands import Commands
from freehold.model.view import View

_COMMAND = 0x1D
_SUPER_BLOB, _DIRECTORY, _ENTITLEMENTS, _CMS = 0xFADE0CC0, 0xFADE0C02, 0xFADE7171, 0xFADE0B01
_MOST_BLOBS = 64
_LARGEST = 16 << 20
_LONGEST_NAME = 1024
_LEAST_VERSION = 0x20200
"""The first version of a code directory that has a team."""
_AD_HOC, _RUNTIME = 0x2, 0x10000
_HASHES = {1: "sha1", 2: "sha256", 3: "sha256", 4: "sha384"}


class CodeSignature(NamedTuple):
    """What a signature says.

    Attributes:
        offset: of the signature in the program, in bytes.
        identifier: of what was signed, mostly that of its bundle.
        team: Apple's identifier of who signed, "" where there is none.
        ad_hoc: whether nobody signed, and only digests are kept.
        hardened: whether it runs with the hardened run-time.
        digest: of the code directory, the program's identity for macOS ("cdhash"), in hexadecimal.
        entitlements: size of what it asks of the system, in bytes.
    """

    offset: int
    identifier: str
    team: str
    ad_hoc: bool
    hardened: bool
    digest: str
    entitlements: int

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what is worth knowing, by name."""
        yield "signature", "ad hoc (nobody signed)" if self.ad_hoc else "of a developer (not checked)"
        yield "identifier", self.identifier
        if self.team:
            yield "team_id", self.team
        yield "cdhash", self.digest
        yield "hardened_runtime", "yes" if self.hardened else "no"
        if self.entitlements:
            yield "entitlements", f"{self.entitlements} bytes"


def read(view: View) -> CodeSignature | None:
    """Return what the signature of a Mach-O program says; None where there is none that can be read."""
    commands = Commands(view)
    for command in commands:
        if command.kind == _COMMAND and len(command.content) >= 16:
            start, size = struct.unpack_from(commands.order + "II", command.content, 8)
            return _signature(view, start, min(size, _LARGEST))
    return None


def _signature(view: View, start: int, size: int) -> CodeSignature | None:
    magic, _, count = struct.unpack(">III", view.read(start, 12).ljust(12, b"\0"))
    if magic != _SUPER_BLOB:
        return None
    index = view.read(start + 12, 8 * min(count, _MOST_BLOBS))
    best: bytes | None = None
    entitlements = 0
    signed = False
    for _, place in struct.iter_unpack(">II", index[: len(index) & ~7]):
        magic, length = struct.unpack(">II", view.read(start + place, 8).ljust(8, b"\0"))
        length = min(length, max(size - place, 0))
        if magic == _DIRECTORY and length >= 44:
            directory = view.read(start + place, length)
            if best is None or directory[37:38] > best[37:38]:
                best = directory
        elif magic == _ENTITLEMENTS:
            entitlements = max(length - 8, 0)
        elif magic == _CMS:
            signed = length > 8
    return None if best is None or len(best) < 44 else _described(start, best, entitlements, signed=signed)


def _described(start: int, directory: bytes, entitlements: int, *, signed: bool) -> CodeSignature:
    version, flags, _, name = struct.unpack_from(">IIII", directory, 8)
    team = int.from_bytes(directory[48:52], "big") if version >= _LEAST_VERSION else 0
    digest = hashlib.new(_HASHES.get(directory[37], "sha256"), directory, usedforsecurity=False).hexdigest()[:40]
    return CodeSignature(
        start,
        _text(directory, name),
        _text(directory, team) if team else "",
        ad_hoc=bool(flags & _AD_HOC) or not signed,
        hardened=bool(flags & _RUNTIME),
        digest=digest,
        entitlements=entitlements,
    )


def _text(directory: bytes, at: int) -> str:
    return directory[at : at + _LONGEST_NAME].split(b"\0", 1)[0].decode("utf-8", "replace")
