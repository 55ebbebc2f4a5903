"""PDF documents: every stream of every object decoded, embedded files, JavaScript, and what follows the document.

Two walks: the first finds the objects and what the trailers say of encryption, the second decodes. Neither follows the
page tree, so loops in it do not matter, and what incremental updates replaced is looked at like everything else.
Documents that are encrypted with the empty password are decrypted.

Source: ISO 32000-1.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from freehold.formats import pdfcrypt, pdffilters, pdfobjects
from freehold.formats.extents import rest
from freehold.formats.pdfcrypt import Crypt
from freehold.formats.pdfobjects import Objects, Stream, Text
from freehold.formats.utf16 import as_utf8
from freehold.model.errors import MalformedInput
from freehold.model.interfaces import Child, Format, Unpacking
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View

_FILTERS = 8
_READINGS = 3
_STAGE_BYTES = 64 << 20
_SCRIPTS = 1000
_NAMES = 10_000
_NAME_BYTES = 4096
_STRING_BYTES = 1 << 20
_WINDOW = 1 << 20
_OVERLAP = 64

_HEADER = re.compile(rb"%PDF-(\d\.\d)")
_FILTER = re.compile(
    rb"/Filter(?![A-Za-z])[\s\0]*(?:\[([^\]]{0,4096})\]?|(/[A-Za-z0-9]{1,32})|(\d{1,10})[\s\0]+\d{1,6}[\s\0]+R)"
)
_NAME = re.compile(rb"/([A-Za-z0-9]{1,32})")
_PARAMETERS = re.compile(
    rb"/D(?:ecode)?P(?:arms)?(?![A-Za-z])[\s\0]*(\[.{0,4096}|<<.{0,1024}|\d{1,10}[\s\0]+\d{1,6}[\s\0]+R)", re.DOTALL
)
_ONE_PARAMETER = re.compile(rb"null|<<[^<>]{0,1024}>>|(\d{1,10})[\s\0]+\d{1,6}[\s\0]+R|\]")
_SCRIPT = re.compile(rb"/JS[\s\0]*(?=[(<](?!<))")
_SCRIPT_REFERENCE = re.compile(rb"/JS[\s\0]*(\d{1,10})[\s\0]+\d{1,6}[\s\0]+R")
_EMBEDDED = re.compile(rb"/EF[\s\0]*<<([^>]{0,1024})")
_REFERENCE = re.compile(rb"(\d{1,10})[\s\0]+\d{1,6}[\s\0]+R")
_FILE_NAME = re.compile(rb"/U?F[\s\0]*(?=[(<](?!<))")
_ENCRYPT = re.compile(rb"/Encrypt[\s\0]*(?:(\d{1,10})[\s\0]+\d{1,6}[\s\0]+R|(?=<<))")
_IDENTIFIER = re.compile(rb"/ID[\s\0]*\[[\s\0]*(?=[(<])")
_OBJECT_STREAM = re.compile(rb"/Type[\s\0]*/ObjStm")
_METADATA = re.compile(rb"/Type[\s\0]*/Metadata")
_CROSS_REFERENCES = re.compile(rb"/Type[\s\0]*/XRef")
_IMAGE = re.compile(rb"/Subtype[\s\0]*/Image")
_NO_CRYPT = re.compile(rb"/Crypt(?![A-Za-z])")

_MAIL_MARK = b"ersion: 1.0"
_MAIL = re.compile(rb"(?<=[\r\n])MIME-Version: 1\.0[\r\n]", re.IGNORECASE)

_SHORT_NAMES = {
    "Fl": "FlateDecode",
    "LZW": "LZWDecode",
    "A85": "ASCII85Decode",
    "AHx": "ASCIIHexDecode",
    "RL": "RunLengthDecode",
}
_AS_IT_IS = frozenset({"DCTDecode", "DCT", "JPXDecode", "CCITTFaxDecode", "CCF", "JBIG2Decode", "Crypt"})
"""What is left to the format of the picture itself, or says nothing about the bytes."""

_FACTS = (
    (re.compile(rb"/OpenAction(?![A-Za-z])"), "pdf_open_action"),
    (re.compile(rb"/AA(?![A-Za-z])"), "pdf_additional_actions"),
    (re.compile(rb"/Launch(?![A-Za-z])"), "pdf_launch"),
    (re.compile(rb"/J(?:S|avaScript)(?![A-Za-z])"), "pdf_javascript"),
    (re.compile(rb"/(?:EmbeddedFile|EF)(?![A-Za-z])"), "pdf_embedded_file"),
    (re.compile(rb"/(?:AcroForm|XFA)(?![A-Za-z])"), "pdf_form"),
)

_ANY_FACT = re.compile(rb"|".join(pattern.pattern for pattern, _ in _FACTS))


class _Document:
    def __init__(self, view: View, unpacking: Unpacking) -> None:
        self._view = view
        self._unpacking = unpacking
        self._objects = Objects(view, unpacking)
        self._streams: list[Stream] = []
        self._scripts: list[tuple[int, int, bytes]] = []
        self._script_objects: set[int] = set()
        self._strings: dict[int, tuple[int, bytes]] = {}
        self._names: dict[int, tuple[int, int, bytes]] = {}
        self._encryption: list[bytes] = []
        self._encryption_objects: set[int] = set()
        self._identifier = b""
        self._crypt: Crypt | None = None
        self._locked = False

    def children(self) -> Iterator[Child]:
        self._find_objects()
        self._find_key()
        if self._objects.cut:
            self._unpacking.problem(ProblemKind.TRUNCATED, "the last stream has no end")
        object_streams = [stream for stream in self._streams if _OBJECT_STREAM.search(stream.dictionary)]
        for stream in object_streams:
            yield from self._object_stream(stream)
        yield from self._script_strings()
        self._streams.sort(key=lambda stream: stream.number not in self._names)
        for stream in self._streams:
            if not _OBJECT_STREAM.search(stream.dictionary) and not self._locked:
                yield from self._stream(stream)
        yield from self._around()

    def _find_objects(self) -> None:
        for found in self._objects.walk():
            if isinstance(found, Stream):
                self._streams.append(found)
                pdfobjects.refuse_too_many(len(self._streams), self._unpacking)
                self._look_at(Text(found.number, found.generation, found.dictionary), in_stream=False)
            else:
                self._look_at(found, in_stream=False)
        if not self._objects.count:
            raise MalformedInput("there are no objects in the document")
        header = _HEADER.search(self._view.read(0, 1024 + 8))
        self._unpacking.fact("pdf_version", header[1].decode("ascii") if header else "")
        self._unpacking.fact("pdf_objects", self._objects.count)
        self._unpacking.fact("pdf_streams", len(self._streams))

    def _look_at(self, text: Text, *, in_stream: bool) -> None:
        """Take from a text outside streams whatever leads to content."""
        content = text.content
        self._plain_string(text, in_stream=in_stream)
        if b"/" not in content:
            return
        if _ANY_FACT.search(content):
            for pattern, fact in _FACTS:
                if pattern.search(content):
                    self._unpacking.fact(fact, True)
        if b"/JS" in content:
            self._look_for_scripts(text, in_stream=in_stream)
        if b"/EF" in content:
            self._look_for_names(text, in_stream=in_stream)
        if b"/Encrypt" in content or b"/ID" in content:
            self._look_for_encryption(content)
        if b"/Standard" in content and b"/Filter" in content and len(self._encryption) < 16:
            self._encryption.append(content)

    def _look_for_scripts(self, text: Text, *, in_stream: bool) -> None:
        number, generation = (-1, -1) if in_stream else (text.number, text.generation)
        for found in _SCRIPT.finditer(text.content):
            script = pdfcrypt.string_at(text.content, found.end())
            if script and len(self._scripts) < _SCRIPTS:
                self._scripts.append((number, generation, script))
        self._script_objects.update(int(found[1]) for found in _SCRIPT_REFERENCE.finditer(text.content))

    def _plain_string(self, text: Text, *, in_stream: bool) -> None:
        """Remember an object that is nothing but a string: a script may be one."""
        content = text.content.lstrip(b" \t\r\n\f\0")
        if content[:1] in (b"(", b"<") and content[:2] != b"<<" and len(self._strings) < _NAMES:
            script = pdfcrypt.string_at(content, 0)
            if script:
                self._strings[text.number] = (-1 if in_stream else text.generation, script)

    def _look_for_names(self, text: Text, *, in_stream: bool) -> None:
        for embedded in _EMBEDDED.finditer(text.content):
            name = _FILE_NAME.search(text.content)
            label = (pdfcrypt.string_at(text.content, name.end()) if name else b"") or b""
            for reference in _REFERENCE.finditer(embedded[1]):
                if len(self._names) < _NAMES:
                    number = -1 if in_stream else text.number
                    self._names[int(reference[1])] = (number, text.generation, label[:_NAME_BYTES])

    def _look_for_encryption(self, content: bytes) -> None:
        for found in _ENCRYPT.finditer(content):
            self._locked = True
            if found[1]:
                self._encryption_objects.add(int(found[1]))
        identifier = _IDENTIFIER.search(content)
        if identifier and not self._identifier:
            self._identifier = pdfcrypt.string_at(content, identifier.end()) or b""

    def _find_key(self) -> None:
        """Try the empty password, then those that may fit; without one only the raw document is examined."""
        if not self._locked:
            return
        self._unpacking.fact("pdf_encrypted", True)
        rounds = max(map(pdfcrypt.rounds, self._encryption), default=0)
        for password in chain((b"",), self._unpacking.passwords(rounds)):
            for text in self._encryption:
                self._crypt = pdfcrypt.open_with(password, text, self._identifier)
                if self._crypt is not None:
                    self._locked = False
                    return
        self._unpacking.problem(ProblemKind.ENCRYPTED, "the document needs a password")

    def _plain(self, data: bytes, number: int, generation: int) -> bytes:
        return (
            data
            if self._crypt is None or number < 0 or generation < 0
            else self._crypt.decrypt(data, number, generation)
        )

    def _script_strings(self) -> Iterator[Child]:
        if self._locked:
            return
        referred = [(number, *self._strings[number]) for number in self._script_objects if number in self._strings]
        for number, generation, script in self._scripts + referred:
            plain = self._plain(script, number, generation)
            if len(plain) > 3:
                yield Child("javascript", [as_utf8(plain)])

    def _object_stream(self, stream: Stream) -> Iterator[Child]:
        """Yield an object stream as it is, and look for what its objects lead to."""
        if self._locked:
            return
        for child in self._stream(stream):
            content = child.content
            if isinstance(content, BytesView):
                content = [content.read(0, min(content.size, _STAGE_BYTES))]
            data = self._whole(content) if not hasattr(content, "windows") else b""
            if data:
                yield Child(child.name, [data], child.consumed)
            self._split(pdfobjects.plain_names(data), stream)

    def _split(self, data: bytes, stream: Stream) -> None:
        """Look at the objects of an object stream one by one; its own index says where they begin."""
        self._look_at(Text(-1, 0, data), in_stream=True)
        first = re.search(rb"/First[\s\0]*(\d{1,9})", stream.dictionary)
        start = int(first[1]) if first else 0
        fields = [int(number) for number in data[:start].split() if number.isdigit() and len(number) < 12]
        for number, offset in zip(fields[::2], fields[1::2], strict=False):
            self._objects.small.setdefault(number, data[start + offset : start + offset + 64])
            if (
                data[start + offset : start + offset + 1] in (b"(", b"<")
                and data[start + offset : start + offset + 2] != b"<<"
            ):
                self._plain_string(
                    Text(number, 0, data[start + offset : start + offset + _STRING_BYTES]), in_stream=True
                )

    def _whole(self, chunks: Iterable[bytes]) -> bytes:
        """Return what chunks make up, no more than one stage may hold."""
        pieces: list[bytes] = []
        size = 0
        for chunk in chunks:
            pieces.append(chunk)
            size += len(chunk)
            if size > _STAGE_BYTES:
                self._unpacking.problem(
                    ProblemKind.LIMIT, f"a stream has more than {_STAGE_BYTES} bytes between filters"
                )
                break
            self._unpacking.budget.tick()
        return b"".join(pieces)

    def _stream(self, stream: Stream) -> Iterator[Child]:
        """Yield the content of a stream: once for each list of filters that its dictionary names."""
        end = self._objects.end_by_length(stream)
        if end < 0:
            end = self._without_line_end(stream)
        view: View = self._view.slice(stream.start, end - stream.start)
        if not view.size:
            return
        name = self._name(stream)
        if self._crypt is not None and self._is_encrypted(stream):
            if view.size > _STAGE_BYTES:
                self._unpacking.problem(
                    ProblemKind.LIMIT, f"object {stream.number} is encrypted and has {view.size} bytes"
                )
                return
            view = BytesView(self._crypt.decrypt(view.read(0, view.size), stream.number, stream.generation))
            self._unpacking.budget.tick()
        for filters, parameters in self._readings(stream.dictionary):
            yield from self._decoded(view, name, filters, parameters, stream)

    def _without_line_end(self, stream: Stream) -> int:
        last = self._view.read(max(stream.end - 2, stream.start), min(stream.end - stream.start, 2))
        return stream.end - (2 if last == b"\r\n" else 1 if last[-1:] in (b"\r", b"\n") else 0)

    def _is_encrypted(self, stream: Stream) -> bool:
        crypt = self._crypt
        if crypt is None or _CROSS_REFERENCES.search(stream.dictionary) or _NO_CRYPT.search(stream.dictionary):
            return False
        return crypt.metadata or not _METADATA.search(stream.dictionary)

    def _name(self, stream: Stream) -> str:
        if stream.number in self._names:
            number, generation, label = self._names[stream.number]
            plain = as_utf8(self._plain(label, number, generation))
            if plain:
                return plain.decode("utf-8", "surrogateescape")
        if stream.number in self._script_objects:
            return "javascript"
        return f"object-{stream.number}"

    def _readings(self, dictionary: bytes) -> list[tuple[list[str], list[bytes]]]:
        """Return the lists of filters that a dictionary names, one for each Filter entry, with their parameters."""
        parameters = self._parameters(dictionary)
        found: list[list[str]] = []
        for match in _FILTER.finditer(dictionary):
            text = match[1] or match[2] or self._objects.small.get(int(match[3] or -1), b"")
            names = [name.decode("ascii") for name in _NAME.findall(text.split(b"endobj")[0])]
            names = [_SHORT_NAMES.get(name, name) for name in names]
            if names not in found and len(found) < _READINGS:
                found.append(names)
        return [(names, parameters) for names in found or [[]]]

    def _parameters(self, dictionary: bytes) -> list[bytes]:
        found = _PARAMETERS.search(dictionary)
        if not found:
            return []
        parameters: list[bytes] = []
        for one in _ONE_PARAMETER.finditer(found[1]):
            if one[0] == b"]" or len(parameters) >= _FILTERS:
                break
            parameters.append(self._objects.small.get(int(one[1]), b"") if one[1] else one[0])
            if found[1][:1] != b"[":
                break
        return parameters

    def _decoded(
        self, view: View, name: str, filters: list[str], parameters: list[bytes], stream: Stream
    ) -> Iterator[Child]:
        """Yield a stream behind its filters; each but the last is taken whole into memory."""
        label = f"object {stream.number}"
        chunks: Iterable[bytes] | None = None
        consumed = None
        if len(filters) > _FILTERS:
            self._unpacking.problem(
                ProblemKind.LIMIT, f"{label} has {len(filters)} filters, of which {_FILTERS} are undone"
            )
        for at, filter_name in enumerate(filters[:_FILTERS]):
            if filter_name in _AS_IT_IS:
                continue
            if chunks is not None:
                view = BytesView(self._whole(chunks))
                consumed = None
            parameter = parameters[at] if at < len(parameters) else b""
            if filter_name in ("FlateDecode", "LZWDecode"):
                source = (
                    pdffilters.inflated(view, self._unpacking, label)
                    if filter_name == "FlateDecode"
                    else pdffilters.unlzw(view, self._unpacking, label, 0 if _early(parameter) else 1)
                )
                consumed = source.consumed
                chunks = source.chunks()
                if parameter and not _IMAGE.search(stream.dictionary):
                    chunks = pdffilters.without_predictor(chunks, parameter)
            elif filter_name in _ASCII:
                chunks = _ASCII[filter_name](view)
            else:
                self._unpacking.problem(ProblemKind.UNSUPPORTED, f"{label} has the unknown filter {filter_name}")
                break
        if chunks is None:
            yield Child(name, view)
        else:
            yield Child(name, chunks, consumed)

    def _around(self) -> Iterator[Child]:
        """Yield what stands before the header, what stands behind the last end mark, and a mail that is neither."""
        front = self._view.read(0, 1024).find(b"%PDF-")
        if front > 0:
            yield from rest(self._view, 0, front)
        mail, end = self._landmarks()
        if mail > 0 and mail < end:
            yield Child("mail", self._view.slice(mail, self._view.size - mail))
        if 0 <= end < self._view.size:
            yield from rest(self._view, end, self._view.size)

    def _landmarks(self) -> tuple[int, int]:
        """Return where a mail's first line stands (readers of mail do not mind a PDF before it), and the last end mark.

        Both are -1 where there is none; white space behind the end mark belongs to it.
        """
        mail = end = -1
        for base in range(0, self._view.size, _WINDOW):
            self._unpacking.budget.tick()
            piece = self._view.read(base, _WINDOW + _OVERLAP)
            at = piece.rfind(b"%%EOF")
            if at >= 0:
                end = base + at + 5
            found = _MAIL.search(piece) if mail < 0 and _MAIL_MARK in piece else None
            if found:
                mail = base + found.start()
        if end < 0:
            return mail, self._view.size
        tail = self._view.read(end, 4096)
        return mail, end + len(tail) - len(tail.lstrip(b" \t\r\n\f\0"))


_ASCII = {
    "ASCIIHexDecode": pdffilters.ascii_hex,
    "ASCII85Decode": pdffilters.ascii85,
    "RunLengthDecode": pdffilters.run_length,
}


def _early(parameters: bytes) -> bool:
    return re.search(rb"/EarlyChange[\s\0]+0", parameters) is not None


class _Pdf:
    name = "pdf"
    types = frozenset({"pdf"})

    def children(self, view: View, unpacking: Unpacking) -> Iterator[Child]:
        """See ``Format.children``; raises ``MalformedInput`` when the document has no objects."""
        yield from _Document(view, unpacking).children()


FORMAT: Format = _Pdf()
