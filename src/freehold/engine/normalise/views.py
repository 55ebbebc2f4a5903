"""Who sees what: the forms of an artifact that signatures are compared with, for each group of signatures.

ClamAV's signatures count on its own idea of what a file is, which differs from ``identify`` where texts are concerned:
anything without control characters is a text, most compressed data is "UTF-16", a text with a tag in its first
kilobyte is a page. Formats that ClamAV does not know are texts or binary data to it as well. ``kind_of`` decides, and
``forms`` yields the forms.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from freehold.engine.normalise import text
from freehold.model.artifact import Artifact
from freehold.model.filetype import TARGETS, Target
from freehold.model.limits import Budget
from freehold.model.view import BytesView, View

MOST_PAGE_BYTES = 40 << 20
"""Larger pages are not normalised (ClamAV's ``--max-htmlnormalize``)."""

MOST_PAGE_BYTES_WITHOUT_TAGS = 8 << 20
"""Larger pages have no form without tags (ClamAV's ``--max-htmlnotags``)."""

_HEAD = 1024

_TEXTS = frozenset({"data", "text", "script", "utf16", "html", "xml", "mail", "mbox"})
_UNKNOWN = frozenset(
    {
        "ace",
        "ar",
        "compress",
        "crx",
        "dex",
        "flac",
        "font",
        "gettext",
        "hdf",
        "ico",
        "kwaj",
        "lz4",
        "lzip",
        "lzma",
        "lzop",
    }
    | {"matroska", "mp4", "pcap", "pst", "qcow2", "rpm", "squashfs", "vhdx", "vmdk", "wasm", "wim", "zstd"}
)
_JUDGED_BY_BYTES = _TEXTS | _UNKNOWN
"""File types whose bytes ClamAV judges as text or binary data, and texts, which it tells apart in its own way."""

_IGNORED_TYPES = frozenset({"mp3", "ogg", "sqlite"})
_IGNORED_STARTS = (
    b".RMF",
    b"\xff\xfb\x90",
    b"SYMC\1\0",
    b"SIP-HIT (SIP/H",
    b"\x37\x7f\x06\x82\x00\x2d\xe2\x18",
    b"\x37\x7f\x06\x83\x00\x2d\xe2\x18",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
)
_MAIL_STARTS = tuple(
    b"From |Date: |Delivered-To: |Delivery-date: |Envelope-to: |For: |From: |Hi. This is the qmail-send|Message-ID: "
    b"|Message-Id: |Received: |Return-Path: |Return-path: |Subject: |To: |X-Apparently-To: |X-EVS|X-Envelope-From: "
    b"|X-Original-To: |X-Real-To: |X-Sieve: |X-Symantec-|X-UIDL: |Received-SPF: |v:\nReceived: |v:\r\nReceived: ".split(
        b"|"
    )
)
_TAG = re.compile(
    rb"<(?:HEAD>|[Hh]ead>|HTML>|[Hh]tml>|IFRAME|iframe|IMG|[Ii]mg|OBJECT|[Oo]bject|SCRIPT|[Ss]cript|TABLE|table)"
)
_ANCHOR = re.compile(rb"<[Aa] ")
_TARGET_OF_ANCHOR = re.compile(rb"[Hh][Rr](?:EF|ef)")
_MAIL = re.compile(
    rb"\n[Ff]rom: .{0,1024}\n(?i:mime)-[Vv]ersion: |\n(?:[Ff]rom|[Mm]essage-[Ii]d|[Rr]eceived): .{0,2048}"
    rb"\n[Cc]ontent-[Tt]ype: |Delivered-To:.{0,256}Received:",
    re.DOTALL,
)
_SAVED_PAGE = re.compile(rb"(?:\A|\n)(?i:mime)-[Vv]ersion: .{0,1024}\n[Cc]ontent-[Tt]ype: ", re.DOTALL)
_TYPE, _VERSION, _DELIVERED = b"ype: ", b"ersion: ", b"Delivered-To:"
"""One of these is in whatever ``_MAIL`` finds, the first in whatever ``_SAVED_PAGE`` finds."""

_ASP = b"<% @ LANGUAGE ="


class Kind(Enum):
    """What an artifact is to ClamAV, as far as that decides about forms."""

    IGNORED = auto()
    """Neither compared with patterns nor hashed: music, real media, SQLite."""
    PAGE = auto()
    """HTML: compared in its normal forms only, and not hashed."""
    WIDE_PAGE = auto()
    """HTML in UTF-16, little endian: as it is for signatures of any target, and in its normal forms."""
    TEXT_WITH_PAGE = auto()
    """A text (or GIF) with a tag after its first kilobyte: as it is, and in HTML's normal forms, not as a text."""
    TEXT = auto()
    """Any other text: as it is for signatures of any target, and normalised."""
    OTHER = auto()
    """Everything else, as it is."""


_KINDS = {"html": Kind.PAGE, "text": Kind.TEXT}
"""By the types that signatures, not bytes, say content is of."""


class Form(NamedTuple):
    """One form of an artifact, to be evaluated on its own.

    Attributes:
        targets: groups of signatures that are compared with it.
        name: ``raw``, ``text``, ``nocomment``, ``notags`` or ``javascript``; offsets of detections refer to it.
        content: what is compared.
    """

    targets: tuple[Target, ...]
    name: str
    content: View


def kind_of(artifact: Artifact) -> Kind:
    """Return what an artifact is to ClamAV; texts up to 20 MiB are searched for tags."""
    file_type = artifact.file_type
    if artifact.retyped:
        return _KINDS.get(file_type, Kind.OTHER)
    if file_type in _IGNORED_TYPES:
        return Kind.IGNORED
    if file_type not in _JUDGED_BY_BYTES:
        late = file_type == "gif" and _has_late_tag(artifact.view)
        return Kind.TEXT_WITH_PAGE if late else Kind.OTHER
    head = artifact.view.read(0, _HEAD)
    if head.startswith(_IGNORED_STARTS):
        return Kind.IGNORED
    if head.startswith(_MAIL_STARTS) or _is_saved_page(head) or _has_fields_of_mail(head):
        return Kind.OTHER
    return _kind_of_text(artifact.view, head)


def target_of(artifact: Artifact) -> Target:
    """Return the group of signatures, beside ``Target.ANY``, that an artifact of kind ``OTHER`` is compared with.

    Content that begins like a mail is one whatever else it may be; a page saved as MIME is looked at by no group.
    """
    if artifact.retyped or artifact.file_type not in _JUDGED_BY_BYTES:
        return Target.OTHER if artifact.file_type == "pyc" else TARGETS.get(artifact.file_type, Target.ANY)
    head = artifact.view.read(0, _HEAD)
    if head.startswith(_MAIL_STARTS):
        return Target.MAIL
    if _is_saved_page(head):
        return Target.ANY
    return Target.MAIL if _has_fields_of_mail(head) else Target.OTHER


def _is_saved_page(head: bytes) -> bool:
    return _TYPE in head and _SAVED_PAGE.search(head) is not None


def _has_fields_of_mail(head: bytes) -> bool:
    return (_TYPE in head or _VERSION in head or _DELIVERED in head) and _MAIL.search(head) is not None


def forms(artifact: Artifact, wanted: frozenset[Target], budget: Budget) -> Iterator[Form]:
    """Yield the forms that some of the wanted targets look at; a form is made when it is asked for.

    Args:
        artifact: identified.
        wanted: targets that have signatures.
        budget: of the root artifact.

    Raises:
        LimitReached: when time runs out.
    """
    kind = kind_of(artifact)
    for form in _all_forms(artifact, kind, wanted, budget):
        targets = tuple(target for target in form.targets if target in wanted)
        if targets and form.content.size:
            yield Form(targets, form.name, form.content)


def _all_forms(artifact: Artifact, kind: Kind, wanted: frozenset[Target], budget: Budget) -> Iterator[Form]:
    if kind is Kind.OTHER:
        own = target_of(artifact)
        yield Form((Target.ANY,) if own is Target.ANY else (Target.ANY, own), "raw", artifact.view)
    elif kind is Kind.TEXT:
        yield Form((Target.ANY,), "raw", artifact.view)
        if artifact.view.size <= text.MOST_BYTES and wanted & {Target.ANY, Target.TEXT}:
            yield Form((Target.ANY, Target.TEXT), "text", BytesView(text.normalise(artifact.view)))
    elif kind is not Kind.IGNORED:
        if kind is not Kind.PAGE:
            yield Form(_RAW[artifact.file_type == "gif"], "raw", artifact.view)
        if artifact.view.size <= MOST_PAGE_BYTES and wanted & {Target.ANY, Target.HTML, Target.TEXT}:
            yield from _page_forms(artifact.view, budget, wide=kind is Kind.WIDE_PAGE)


_RAW = ((Target.ANY,), (Target.ANY, Target.GRAPHICS))


def _page_forms(view: View, budget: Budget, *, wide: bool) -> Iterator[Form]:
    from freehold.engine.normalise import html, javascript  # takes long to load, and most artifacts are no pages

    page = view.read(0, view.size)
    if wide:
        page = _narrow(page)
    made = html.normalise(page, budget)
    yield Form((Target.ANY, Target.HTML), "nocomment", BytesView(made.nocomment))
    if view.size <= MOST_PAGE_BYTES_WITHOUT_TAGS:
        yield Form((Target.ANY, Target.HTML), "notags", BytesView(made.notags))
    if made.scripts:
        source = javascript.normalise(made.scripts, budget)
        yield Form((Target.ANY, Target.HTML, Target.TEXT), "javascript", BytesView(source))


def _kind_of_text(view: View, head: bytes) -> Kind:
    text_type = text.clamav_text_type(head)
    if _has_tag(head) or head.startswith(_ASP):
        return Kind.PAGE
    if b"\0" in head and _has_tag(_narrow(head)):
        return Kind.WIDE_PAGE
    if head.startswith(b"\xfe\xff") and _has_tag(head.translate(None, b"\0")):
        return Kind.PAGE
    if text_type == "CL_TYPE_BINARY_DATA":
        return Kind.OTHER
    late = text_type == "CL_TYPE_TEXT_ASCII" and _has_late_tag(view)
    return Kind.TEXT_WITH_PAGE if late else Kind.TEXT


def _narrow(wide: bytes) -> bytes:
    """Return UTF-16, little endian, as bytes: the low one, to which the high one is added four bits further left."""
    low, high = wide[: len(wide) & ~1 : 2], wide[1::2]
    if not high.translate(None, b"\0"):
        return low
    mask = int.from_bytes(b"\x7f" * len(low), "big")
    one, other = int.from_bytes(low, "big"), int.from_bytes(high.translate(_FOUR_BITS_UP), "big")
    total = ((one & mask) + (other & mask)) ^ ((one ^ other) & ~mask)
    return total.to_bytes(len(low), "big")


_FOUR_BITS_UP = bytes((byte << 4) & 0xFF for byte in range(256))


def _has_tag(data: bytes) -> bool:
    if _TAG.search(data):
        return True
    anchor = _ANCHOR.search(data)
    return anchor is not None and _TARGET_OF_ANCHOR.search(data, anchor.end()) is not None


def _has_late_tag(view: View) -> bool:
    if not _HEAD < view.size <= MOST_PAGE_BYTES:
        return False
    return _has_tag(view.read(0, view.size))
