"""What all programs that UPX packed have in common: how their code is compressed and filtered.

Source: observed output of ``upx`` 3.9 and 4.2; documentation of its formats.
"""

import lzma
import re
import struct
import zlib
from collections.abc import Callable

from freehold.formats import nrv
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.limits import Budget

MAGIC = b"UPX!"

_NRV = {2: ("b", 4), 3: ("b", 1), 4: ("b", 2), 5: ("d", 4), 6: ("d", 1), 7: ("d", 2), 8: ("e", 4), 9: ("e", 1)}
_NRV[10] = ("e", 2)
_LZMA, _DEFLATE = 14, 15
_PLAIN_CALLS = {0x11: b"\xe8", 0x12: b"\xe9", 0x13: b"\xe8\xe9"}
_SWAPPED_CALLS = {0x14: b"\xe8", 0x15: b"\xe9", 0x16: b"\xe8\xe9"}
_MARKED_CALLS = {0x24: b"\xe8", 0x25: b"\xe9", 0x26: b"\xe8\xe9", 0x46: b"\xe8\xe9", 0x49: b"\xe8\xe9"}
_AND_CONDITIONAL = 0x49
_MASK = 0xFFFFFFFF


class UnknownMethod(MalformedInput):
    """A compression method or filter that is not known here."""


def decompress(method: int, data: bytes, size: int, budget: Budget) -> bytearray:
    """Return what compressed code decodes to: exactly ``size`` bytes.

    Raises:
        MalformedInput: it is damaged, or decodes to something else.
        LimitReached: ``size`` is more than a decoder may allocate, or time is up.
    """
    if size > budget.limits.decoder_memory:
        raise LimitReached("decoder_memory", budget.limits.decoder_memory)
    if method in _NRV:
        variant, word = _NRV[method]
        return nrv.decode(variant, word, data, size, budget.tick)
    decoders = {_LZMA: _lzma, _DEFLATE: _deflate}
    if method not in decoders:
        raise UnknownMethod(f"method {method} of UPX is not known")
    out = decoders[method](data, size)
    if len(out) != size:
        raise MalformedInput(f"decodes to {len(out)} bytes instead of {size}")
    return bytearray(out)


def _lzma(data: bytes, size: int) -> bytes:
    """LZMA without a header but for two bytes with its three parameters."""
    if len(data) < 3:
        raise MalformedInput("ends too early")
    parameters = {"pb": data[0] & 7, "lp": data[1] >> 4, "lc": data[1] & 15}
    try:
        filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(size, 4096), **parameters}]
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters).decompress(data[2:], size)
    except lzma.LZMAError as error:
        raise MalformedInput(str(error)) from error


def _deflate(data: bytes, size: int) -> bytes:
    try:
        return zlib.decompressobj(-15).decompress(data, size)
    except zlib.error as error:
        raise MalformedInput(str(error)) from error


def unfilter(identity: int, mark: int, code: bytearray, start: int, size: int) -> None:
    """Undo the filter that made targets of calls and jumps absolute, in ``code[start : start + size]``.

    Args:
        identity: which filter; 0 for none.
        mark: the byte that begins a filtered target (filters 0x24 to 0x49).
        code: decoded code.
        start: where the filter began to count.
        size: of what was filtered.

    Raises:
        UnknownMethod: the filter is not known here; ``code`` is as it was.
    """
    if not identity:
        return
    if identity in _PLAIN_CALLS:
        _replace(code, start, size, b"[%s]" % _PLAIN_CALLS[identity], _relative)
    elif identity in _SWAPPED_CALLS:
        _replace(code, start, size, b"[%s]" % _SWAPPED_CALLS[identity], _swapped)
    elif identity in _MARKED_CALLS:
        head = b"[%s]" % _MARKED_CALLS[identity]
        if identity == _AND_CONDITIONAL:
            head = rb"(?:%s|(?<=\x0f)[\x80-\x8f])" % head
        _replace(code, start, size, head + b"(?=%s)" % re.escape(bytes([mark])), _marked)
    else:
        raise UnknownMethod(f"filter {identity:#x} of UPX is not known")


def _replace(code: bytearray, start: int, size: int, pattern: bytes, target: Callable[[bytes, int], int]) -> None:
    """Replace the four bytes behind each instruction; what belongs to one instruction is never another's beginning."""
    found = re.compile(pattern + b".{4}", re.DOTALL)
    piece = bytes(memoryview(code)[start : start + size])
    last = 0
    position = 0
    while (match := found.search(piece, position)) is not None:
        at = match.start()
        if at == last and at and piece[at] not in b"\xe8\xe9":  # 0F that ended the last target is no prefix
            position = at + 1
            continue
        if at >= size - 5:
            return
        struct.pack_into("<I", code, start + at + 1, target(piece[at + 1 : at + 5], at + 1))
        position = last = at + 5


def _relative(field: bytes, at: int) -> int:
    return (int.from_bytes(field, "little") - at) & _MASK


def _swapped(field: bytes, at: int) -> int:
    return (int.from_bytes(field, "big") - at) & _MASK


def _marked(field: bytes, at: int) -> int:
    return (int.from_bytes(field[1:], "big") - at) & _MASK
