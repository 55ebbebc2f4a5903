"""Office documents whose content is encrypted, each application in a way of its own.

Source: [MS-OFFCRYPTO] 2.3, [MS-DOC] 2.5.2, [MS-XLS] 2.4.117, [MS-PPT] 2.3.2.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from freehold.formats import workbook, workbookcrypt
from freehold.formats.cfb import Stream
from freehold.formats.officepackage import PASSWORDS, open_package, spins
from freehold.model.interfaces import Child, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView

_WORD_ENCRYPTED = 0x01
_PRESENTATION_ENCRYPTED = b"\xdf\xc4\xd1\xf3"
_METHODS = {(4, 4): "agile", (2, 2): "standard", (3, 2): "standard", (4, 2): "standard", (3, 3): "extensible"}


def children(streams: Sequence[Stream], unpacking: Unpacking) -> Iterator[Child]:
    """Yield the document where a well-known password opens it, and record a problem where none does."""
    for stream in streams:
        how = _READERS[stream.name](stream) if stream.name in _READERS else None
        if not how:
            continue
        unpacking.fact("encryption", how)
        opened = list(_opened(stream, streams, unpacking))
        if not opened:
            unpacking.problem(ProblemKind.ENCRYPTED, f"the document is encrypted ({how})")
        yield from opened


def _opened(stream: Stream, streams: Sequence[Stream], unpacking: Unpacking) -> Iterator[Child]:
    if stream.name in ("Workbook", "Book"):
        passwords = chain(PASSWORDS[:1], _text(unpacking.passwords(1)))
        decrypted = (workbookcrypt.decrypt(stream, password, unpacking) for password in passwords)
        data = next((data for data in decrypted if data is not None), None)
        if data is not None:
            yield Child("decrypted", BytesView(data))
            yield from workbook.children(BytesView(data), unpacking)
    elif stream.name == "EncryptionInfo":
        package = next((s for s in streams if s.name == "EncryptedPackage"), None)
        passwords = chain(PASSWORDS, _text(unpacking.passwords(spins(stream))))
        opened = package and open_package(stream, package, passwords, unpacking)
        if opened:
            yield Child("decrypted", opened.chunks())


def _text(passwords: Iterable[bytes]) -> Iterator[str]:
    return (password.decode("utf-8", "replace") for password in passwords)


def _package(stream: Stream) -> str | None:
    head = stream.read(0, 4)
    version = (int.from_bytes(head[:2], "little"), int.from_bytes(head[2:], "little"))
    return _METHODS.get(version, "unknown method")


def _rights_managed(_stream: Stream) -> str | None:
    return "rights management"


def _word(stream: Stream) -> str | None:
    flags = stream.read(10, 2)
    if len(flags) < 2 or not flags[1] & _WORD_ENCRYPTED:
        return None
    return "XOR" if flags[1] & 0x80 else "RC4"


def _presentation_user(stream: Stream) -> str | None:
    return "RC4" if stream.read(12, 4) == _PRESENTATION_ENCRYPTED else None


def _workbook(stream: Stream) -> str | None:
    info = workbookcrypt.file_pass(stream)
    if info is None:
        return None
    return "XOR" if info[:2] == b"\0\0" else "RC4"


_READERS = {
    "EncryptionInfo": _package,
    "\tDRMContent": _rights_managed,
    "WordDocument": _word,
    "Current User": _presentation_user,
    "Workbook": _workbook,
    "Book": _workbook,
}
