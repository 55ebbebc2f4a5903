"""PostScript and EPS: previews, strings and data in hexadecimal or ASCII85, encrypted sections, binary sections.

The program is not run, so what it would compute is not seen; what it carries is.

Source: PostScript Language Reference, 3.2.2, 3.13 and 7.3; EPSF 3.0, 5.2; Adobe Type 1 Font Format, 7.
"""

import binascii
import re
from collections.abc import Iterable, Iterator

from freehold.formats import hidden, pdffilters
from freehold.formats.extents import rest
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_BYTES = 64 << 20
_PREVIEW = b"\xc5\xd0\xd3\xc6"
_MOST = 2000
_SECRET_BYTES = 2 << 20
_SECRET_KEY, _SECRET_FACTOR, _SECRET_TERM, _SECRET_LEAD = 55665, 52845, 22719, 4
_HEX_STRING = re.compile(rb"<([0-9A-Fa-f\s]{128,}+)>")
_ASCII85_STRING = re.compile(rb"<~([!-uz\s]{64,}+)~>")
_FILTERED = re.compile(rb"/(ASCII85|ASCIIHex)Decode\s{1,16}filter\b([^\r\n]{0,1024})[\r\n]{1,4}")
_READ_HEX = re.compile(rb"readhexstring\b[^\r\n]{0,128}+[\r\n]{1,4}([0-9A-Fa-f\s]{128,}+)")
_SECTION = re.compile(rb"%%Begin(?:Binary|Data):\s{0,16}(\d{1,9})([^\r\n]{0,256})(?:\r\n|\n|\r)")
_SECRET = re.compile(rb"currentfile\s{1,16}eexec\s{1,4}")
_HEX_HEAD = re.compile(rb"[0-9A-Fa-f\s]{8}")
_NOT_HEX = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))
_COMMAND = re.compile(rb"%pipe%[^\r\n()]{1,1000}")
_FACT_LETTERS = 1000


class _Program:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._data = view.read(0, _BYTES)
        self._count = 0

    def children(self) -> Iterator[Child]:
        if self._view.size > _BYTES:
            self._unpacking.problem(ProblemKind.LIMIT, f"only the first {_BYTES} bytes were opened")
        command = _COMMAND.search(self._data)
        if command:
            self._unpacking.fact("command", command[0].decode("latin-1")[:_FACT_LETTERS])
        for name, contents in (
            ("section", self._sections()),
            ("string", self._strings()),
            ("data", self._filtered()),
            ("eexec", self._secrets()),
        ):
            for content in contents:
                self._count += 1
                if self._count > _MOST:
                    self._unpacking.problem(ProblemKind.LIMIT, f"the program carries more than {_MOST} things")
                    return
                self._unpacking.budget.tick()
                yield Child(f"{name}-{self._count}", content)
        yield from hidden.children(self._data, self._unpacking)

    def _sections(self) -> Iterator[View]:
        """Yield sections whose length in bytes, or in lines, their comment states."""
        for found in _SECTION.finditer(self._data):
            length = int(found[1])
            if b"Lines" in found[2]:
                end = self._data.find(b"%%EndData", found.end())
                length = (len(self._data) if end < 0 else end) - found.end()
            if length:
                yield self._view.slice(found.end(), length)

    def _strings(self) -> Iterator[Iterable[bytes]]:
        for found in _HEX_STRING.finditer(self._data):
            yield [_from_hex(found[1])]
        for found in _READ_HEX.finditer(self._data):
            yield [_from_hex(found[1])]
        for found in _ASCII85_STRING.finditer(self._data):
            yield pdffilters.ascii85(BytesView(found[1] + b"~>"))

    def _filtered(self) -> Iterator[Iterable[bytes]]:
        """Yield what the program would read from its own text through filters."""
        position = 0
        while found := _FILTERED.search(self._data, position):
            mark, undo = (b"~>", pdffilters.ascii85) if found[1] == b"ASCII85" else (b">", pdffilters.ascii_hex)
            end = self._data.find(mark, found.end())
            position = end = len(self._data) if end < 0 else end + len(mark)
            content = b"".join(undo(self._view.slice(found.end(), end - found.end())))
            if b"/FlateDecode" in found[2] and content:
                packed = pdffilters.inflated(BytesView(content), self._unpacking, "the data of the program")
                yield packed.chunks()
            elif content:
                yield [content]

    def _secrets(self) -> Iterator[list[bytes]]:
        """Yield sections that are encrypted as fonts are, with a key that everybody knows."""
        position = 0
        while found := _SECRET.search(self._data, position):
            section = self._data[found.end() : found.end() + 2 * _SECRET_BYTES]
            position = found.end() + len(section)
            if _HEX_HEAD.match(section):
                section = _from_hex(section.partition(b"cleartomark")[0])
            if len(section) > _SECRET_BYTES:
                self._unpacking.problem(ProblemKind.LIMIT, f"{_SECRET_BYTES} bytes of a section were decrypted")
            plain = self._decrypted(section[:_SECRET_BYTES])
            if plain:
                yield [plain]

    def _decrypted(self, section: bytes) -> bytes:
        key = _SECRET_KEY
        out = bytearray()
        for byte in section:
            out.append(byte ^ key >> 8)
            key = (byte + key) * _SECRET_FACTOR + _SECRET_TERM & 0xFFFF
            if not len(out) & 0xFFFF:
                self._unpacking.budget.tick()
        return bytes(out[_SECRET_LEAD:])


def _from_hex(text: bytes) -> bytes:
    digits = text.translate(None, _NOT_HEX)
    return binascii.unhexlify(digits[: len(digits) & ~1])


def _with_preview(view: View, unpacking: Unpacking) -> Iterator[Child]:
    """Yield the program, and the pictures that stand for it, of a file that begins with a table of them."""
    header = view.read(0, 32)
    claimed = 30
    for at, name in ((4, "program"), (12, "preview.wmf"), (20, "preview.tiff")):
        start, length = (int.from_bytes(header[field : field + 4], "little") for field in (at, at + 4))
        if not length:
            continue
        if start + length > view.size:
            unpacking.problem(ProblemKind.TRUNCATED, f"the {name} is cut off")
        if start < view.size:
            yield Child(name, view.slice(start, length))
        claimed = max(claimed, start + length)
    yield from rest(view, claimed, view.size)


class _PostScript:
    name = "postscript"
    types = frozenset({"postscript"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``."""
        if view.read(0, 4) == _PREVIEW:
            yield from _with_preview(view, unpacking)
        else:
            yield from _Program(view, unpacking).children()


FORMAT: Format = _PostScript()
