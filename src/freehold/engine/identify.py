"""What an artifact is, by its bytes alone.

Order: fixed magics (``magic.tsv``), then formats without one (old tar, raw LZMA), then text and what kind of text.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from freehold.model.shipped import table_beside
from freehold.model.view import View

HEAD = 1024
"""Bytes that decide; the few magics that lie further on are read one by one."""

_CONTROL = bytes(b for b in range(32) if b not in b"\t\n\r\f\b\x1b\x0b") + b"\x7f"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(
    rb"<(?:!doctype\s{1,8}html|html|head|body|script|iframe|title|table|img\s|a\s{1,8}href|meta\s|style|form\s|object\s|svg)",
    re.IGNORECASE,
)
_XML = re.compile(
    rb"<(?:\?xml\b|(?:[\w.-]{1,64}:)?[\w.-]{1,64}\s[^<>]{0,512}?\bxmlns\b|package>|job[\s>])", re.IGNORECASE
)
_OFFICE_XML = re.compile(rb"<(?:\?mso-application|HWPML\b|xdp:xdp|pkg:package|w:wordDocument|office:document\b)")
"""Documents whose first elements may be called as those of a page are."""
_MAIL = re.compile(
    rb"(?:return-path|received|delivered-to|message-id|mime-version|x-originating-ip|envelope-to|dkim-signature|arc-seal"
    rb"|content-type|content-transfer-encoding|x-mailer|reply-to|x-spam-[a-z]+|from|to|subject|date|cc|sender):[ \t]",
    re.IGNORECASE,
)
_MAIL_SURE = re.compile(
    rb"^(?:return-path|received|delivered-to|message-id|mime-version|from|content-type|dkim-signature):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD = re.compile(rb"[!-9;-~]{1,76}:[ \t]")
_MIME = re.compile(rb"[\r\n]mime-version:[ \t]*1\.0", re.IGNORECASE)
_ENVELOPE = re.compile(rb">?From [^\r\n]{1,512}\r?\n")
_MBOX = re.compile(rb"From [^\s]{1,128} {1,4}[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d")


class _Magic(NamedTuple):
    """Bytes at a fixed place.

    Attributes:
        file_type: whose magic it is.
        offset: where it stands.
        exact: its bytes up to the first one that is open.
        length: of all of it.
        mask: as a number, the bits that matter; 0 when ``exact`` is all.
        value: as a number, the bytes under the mask.
    """

    file_type: str
    offset: int
    exact: bytes
    length: int
    mask: int
    value: int

    def stands_at(self, place: int, content: bytes) -> bool:
        """Whether it stands at this place."""
        if not content.startswith(self.exact, place):
            return False
        here = content[place : place + self.length]
        return not self.mask or (len(here) == self.length and int.from_bytes(here) & self.mask == self.value)


def _rows() -> Iterator[tuple[str, int, str]]:
    table = table_beside(__spec__, "magic.tsv").decode("ascii")
    for line in table.splitlines():
        if line and not line.startswith("#"):
            file_type, offset, magic, _ = line.split("\t")
            yield file_type, int(offset), magic


def _magic(file_type: str, offset: int, digits: str) -> _Magic:
    certain = digits.partition("?")[0]
    exact = bytes.fromhex(certain[: len(certain) // 2 * 2])
    mask = int("".join("0" if digit == "?" else "f" for digit in digits), 16) if "?" in digits else 0
    return _Magic(file_type, offset, exact, len(digits) // 2, mask, int(digits.replace("?", "0"), 16))


class _Table(NamedTuple):
    """All magics; of those that stand there, the longest counts.

    Attributes:
        first: those at offset 0, by their first two bytes, the longest first.
        near: an expression for those that lie elsewhere in the first ``HEAD`` bytes, with a group for each.
        ranks: the place of each group's magic among those that lie elsewhere, by their lengths; and its file type.
        far: those behind ``HEAD`` with their places, the longest first.
    """

    first: dict[bytes, list[_Magic]]
    near: re.Pattern[bytes]
    ranks: list[tuple[int, str]]
    far: list[tuple[int, _Magic]]


def _load() -> _Table:
    first: dict[bytes, list[_Magic]] = {}
    near, ranks, far = [], [], []
    for rank, (file_type, offset, digits) in enumerate(sorted(_rows(), key=lambda row: -len(row[2].replace("?", "")))):
        magic = _magic(file_type, offset, digits)
        if not offset:
            for key in _keys(digits[:4]):
                first.setdefault(key, []).append(magic)
        elif offset + magic.length <= HEAD:
            near.append(b"(.{%d}%s)" % (offset, _expression(digits)))
            ranks.append((rank, file_type))
        else:
            far.append((rank, magic))
    return _Table(first, re.compile(b"(?s:%s)" % b"|".join(near)), ranks, far)


def _expression(digits: str) -> bytes:
    """Return the regular expression for hexadecimal digits; open are whole bytes or their second digits."""
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    return "".join(
        "." if pair == "??" else f"[\\x{pair[0]}0-\\x{pair[0]}f]" if pair[1] == "?" else f"\\x{pair}" for pair in pairs
    ).encode("ascii")


def _keys(begin: str) -> Iterator[bytes]:
    """Yield the two bytes that four hexadecimal digits can mean; only the second digit may be open."""
    for digit in "0123456789abcdef" if begin[1] == "?" else begin[1]:
        yield bytes.fromhex(begin[0] + digit + begin[2:])


_TABLE = _load()


def identify(view: View) -> str:
    """Return the file type, ``empty`` for nothing and ``data`` for what nobody knows."""
    head = view.read(0, HEAD)
    if not head:
        return "empty"
    for magic in _TABLE.first.get(head[:2], ()):
        if magic.stands_at(0, head):
            return magic.file_type
    found = _elsewhere(view, head)
    if found:
        return found
    if b"%PDF-" in head:
        return "pdf"
    return _text_kind(head) or _without_magic(head, view.size)


def _elsewhere(view: View, head: bytes) -> str:
    """Return the type of the longest magic that stands behind the beginning, "" when there is none."""
    near = _TABLE.near.match(head)
    rank, file_type = _TABLE.ranks[near.lastindex - 1] if near and near.lastindex else (len(_TABLE.ranks), "")
    if view.size > HEAD:
        for other, magic in _TABLE.far:
            if near and other > rank:
                break
            if magic.stands_at(0, view.read(magic.offset, magic.length)):
                return magic.file_type
    return file_type


def _text_kind(head: bytes) -> str:
    """Return the kind of text that ``head`` begins, "" when it is not text."""
    if head[:2] in _UTF16:
        return "utf16"
    if len(head.translate(None, _CONTROL)) != len(head):
        return ""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"#!"):
        return "script"
    if _MBOX.match(start):
        return "mbox"
    envelope = _ENVELOPE.match(start)
    if envelope and _begins_mail(start[envelope.end() :]):
        return "mail" if start[:1] == b">" else "mbox"
    if _begins_mail(start):
        return "mail"
    marked_up = start[:1] == b"<"
    if b"<" in head and _HTML.search(head) and not (marked_up and _OFFICE_XML.search(head)):
        return "html"
    return "xml" if marked_up and _XML.match(start) else "text"


def _begins_mail(start: bytes) -> bool:
    """A field of mail at the very top, or any field where it is said further down that this is MIME."""
    if _MAIL.match(start) or (_FIELD.match(start) and _MIME.search(start)):
        return _looks_like_mail(start)
    return False


def _looks_like_mail(start: bytes) -> bool:
    """Two header lines at the top, one of them a name that only mail has, or the head ends within them."""
    headers = start.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n", 1)[0]
    lines = [line for line in headers.split(b"\n") if line and line[:1] not in b" \t"]
    named = sum(1 for line in lines if b":" in line[:76])
    return len(lines) >= 2 and named * 4 >= len(lines) * 3 and _MAIL_SURE.search(headers) is not None


def _without_magic(head: bytes, size: int) -> str:
    if len(head) >= 512 and size >= 512 and _old_tar(head[:512]):
        return "tar"
    if head[:1] == b"\x5d" and len(head) > 13 and _raw_lzma(head):
        return "lzma"
    return "utf16" if _is_wide(head[:64]) else "data"


def _is_wide(head: bytes) -> bool:
    """ASCII in UTF-16 without a mark: every other byte is zero, and the bytes between are text."""
    half = len(head) // 2
    for zeros, letters in ((head[1::2], head[: 2 * half : 2]), (head[: 2 * half : 2], head[1::2])):
        if half >= 8 and zeros.count(0) == half and len(letters.translate(None, _CONTROL)) == half:
            return letters.isascii()
    return False


def _old_tar(header: bytes) -> bool:
    """A version 7 tar header: its checksum is right, unsigned or signed."""
    stated = header[148:156].strip(b" \0")
    if not stated or not stated.isdigit() or not header[0]:
        return False
    unsigned = sum(header) - sum(header[148:156]) + 8 * 32
    signed = unsigned - 256 * sum(1 for b in header[:148] + header[156:] if b > 127)
    try:
        return int(stated, 8) in (unsigned, signed)
    except ValueError:
        return False


def _raw_lzma(head: bytes) -> bool:
    """LZMA-alone: usual properties, a dictionary of a whole power of two, a plausible size, a first range byte of 0."""
    dictionary = int.from_bytes(head[1:5], "little")
    size = int.from_bytes(head[5:13], "little")
    whole = dictionary >= 4096 and (dictionary & (dictionary - 1)) == 0
    return whole and (size == (1 << 64) - 1 or size < 1 << 40) and head[13] == 0


def has_zip_at_end(view: View) -> bool:
    """Whether a ZIP archive ends the content of something else (a self-extractor, a picture, any polyglot)."""
    tail_start = max(0, view.size - 65_557)
    tail = view.read(tail_start, 65_557)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        return False
    directory_size = int.from_bytes(tail[end + 12 : end + 16], "little")
    directory = tail_start + end - directory_size
    return directory_size >= 46 and directory > 0 and view.read(directory, 4) == b"PK\x01\x02"
