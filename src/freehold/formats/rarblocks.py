"""The blocks of a RAR archive, walked without decoding anything: where it ends, and what a reader cannot get out of it.

Source: the technical note that comes with RAR, versions 4 and 5.
"""

from typing import NamedTuple

from freehold.model.interfaces import Unpacking
from freehold.model.view import View

_MAGIC_4 = b"Rar!\x1a\x07\x00"
_MAGIC_5 = b"Rar!\x1a\x07\x01\x00"
_HEAD_4 = 36
_HEAD_5 = 4 + 3 * 10 + 2 * 10
_LONGEST_HEADER = 1 << 16


class Layout(NamedTuple):
    """What the blocks say.

    Attributes:
        end: the first byte behind the block that ends the archive; 0 when there is none, or it cannot be found.
        split: whether something begins or goes on in another volume.
        encrypted: whether a file, or all that follows, is encrypted.
        new: whether it is an archive of version 5.
        files: how many have content.
    """

    end: int
    split: bool
    encrypted: bool
    new: bool
    files: int


class _Block(NamedTuple):
    """One block; ``last``: no other can be found behind it; ``ends``: it says that the archive ends here."""

    end: int
    split: bool = False
    encrypted: bool = False
    has_content: bool = False
    last: bool = False
    ends: bool = False


def survey(view: View, unpacking: Unpacking) -> Layout:
    """Walk all blocks."""
    version_5 = view.read(0, len(_MAGIC_5)) == _MAGIC_5
    position = len(_MAGIC_5) if version_5 else len(_MAGIC_4)
    read = _block_5 if version_5 else _block_4
    split = encrypted = False
    files = end = 0
    while block := read(view, position):
        unpacking.budget.tick()
        split |= block.split
        encrypted |= block.encrypted
        files += block.has_content
        position = block.end
        if block.last:
            end = position if block.ends else 0
            break
    return Layout(end, split, encrypted, version_5, files)


def _block_4(view: View, position: int) -> _Block | None:
    head = view.read(position, _HEAD_4)
    if len(head) < 7:
        return None
    kind = head[2]
    flags = int.from_bytes(head[3:5], "little")
    size = int.from_bytes(head[5:7], "little")
    if size < 7:
        return None
    if kind == 0x7B:
        return _Block(position + size, bool(flags & 1), last=True, ends=True)
    is_file = kind == 0x74
    more = int.from_bytes(head[7:11], "little") if is_file or kind == 0x7A or flags & 0x8000 else 0
    if (is_file or kind == 0x7A) and flags & 0x100:
        more += int.from_bytes(head[32:36], "little") << 32
    hidden = kind == 0x73 and bool(flags & 0x80)
    return _Block(
        position + size + more,
        split=is_file and bool(flags & 3),
        encrypted=hidden or (is_file and bool(flags & 4)),
        has_content=is_file and more > 0,
        last=hidden,
    )


def _block_5(view: View, position: int) -> _Block | None:
    head = view.read(position, _HEAD_5)
    size, start = _number(head, 4)
    kind, at = _number(head, start)
    flags, at = _number(head, at)
    extra = more = 0
    if flags & 1:
        extra, at = _number(head, at)
    if flags & 2:
        more, at = _number(head, at)
    if not size or at > len(head):
        return None
    header_end = position + start + size
    if kind == 5:
        last_flags, _ = _number(head, at)
        return _Block(header_end, bool(last_flags & 1), last=True, ends=True)
    encrypted = kind == 2 and 0 < extra <= min(size, _LONGEST_HEADER) and _is_encrypted(view, header_end, extra)
    split = kind == 2 and bool(flags & 0x18)
    has_content = kind == 2 and more > 0
    return _Block(header_end + more, split, encrypted or kind == 4, has_content=has_content, last=kind == 4)


def _is_encrypted(view: View, header_end: int, extra: int) -> bool:
    """Whether the records at the end of a file's header have one that says how it is encrypted."""
    records = view.read(header_end - extra, extra)
    at = 0
    while at < len(records):
        size, start = _number(records, at)
        kind, _ = _number(records, start)
        if kind == 1 and start < len(records):
            return True
        at = start + max(size, 1)
    return False


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends; the end lies outside ``data`` when it is cut off."""
    value = shift = 0
    for byte in data[at : at + 10]:
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return value, at
    return 0, len(data) + 1
