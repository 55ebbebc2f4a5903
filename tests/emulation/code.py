"""Small programs for Windows that unpack themselves, written in machine code."""

import struct

from tests.formats.programs import Pe

SECRET = b"nothing but a text that nobody can read in the file"
KEY = 0x5A
BASE, CODE, DATA = 0x400000, 0x1000, 0x1100
WRITABLE_CODE = 0xE0000020

NARROW = b"\xbe" + struct.pack("<I", BASE + DATA) + b"\xb9" + struct.pack("<I", len(SECRET))
NARROW += bytes.fromhex("80365a46e2fa")  # xor byte [esi], 5a; inc esi; loop
WIDE = b"\x48\xbe" + struct.pack("<Q", BASE + DATA) + b"\xb9" + struct.pack("<I", len(SECRET))
WIDE += bytes.fromhex("80365a48ffc6ffc975f6")  # xor byte [rsi], 5a; inc rsi; dec ecx; jnz
RETURN = b"\xc3"
LEAVE = bytes.fromhex("648f050000000083c404c3")
"""Takes the handler away again and returns: pop fs:[0]; add esp, 4; ret."""
ENDLESS = b"\xeb\xfe"
HANDLER = 0x1080
IN_HANDLER = b"\x68" + struct.pack("<I", BASE + HANDLER) + bytes.fromhex("64ff350000000064892500000000cc")
"""Registers the handler at HANDLER, then raises a breakpoint."""
SKIP_ONE = bytes.fromhex("8b44240c8380b80000000131c0c3")
"""A handler that goes on behind the breakpoint: mov eax, [esp+12]; add dword [eax+b8], 1; xor eax, eax; ret."""
CHANGES_ITSELF = b"\xbf" + struct.pack("<I", BASE + CODE + 8) + b"\xb0\x90\xaa" + b"\xf4"
"""mov edi, next; mov al, 90; stosb; hlt: the last becomes a nop before it is executed."""

_AT = BASE + CODE + len(CHANGES_ITSELF)
UNNOTICED = CHANGES_ITSELF + bytes.fromhex("31c9b300") + b"\x88\x0d" + struct.pack("<I", BASE + DATA + 0xF0)
UNNOTICED += b"\xc6\x05" + struct.pack("<I", _AT + 3) + bytes((KEY,)) + bytes.fromhex("4183f90275eb80fb5a7401f4")
"""xor ecx, ecx; again: mov bl, 0; mov [data], cl; mov byte [the 0], 5a; inc ecx; cmp ecx, 2; jne again; cmp bl, 5a; je
next; hlt: the write to data lets the emulator miss the one to code."""


def program(code: bytes, *, wide: bool = False, name: bytes = b".text", handler: bytes = b"") -> bytes:
    """A program with one writable section: code at CODE, the hidden text at DATA."""
    hidden = bytes(byte ^ KEY for byte in SECRET)
    content = code.ljust(HANDLER - CODE, b"\0") + handler
    content = content.ljust(DATA - CODE, b"\0") + hidden
    image = bytearray(
        Pe(
            sections=[(name, 0x1000, CODE, 0x400, 0x400)],
            entry=CODE,
            wide=wide,
            size=0x800,
            content={0x400: content.ljust(0x400, b"\0")},
        ).build()
    )
    optional = 64 + 24
    struct.pack_into("<Q" if wide else "<I", image, optional + (24 if wide else 28), BASE)
    struct.pack_into("<I", image, optional + 56, 0x2000)
    table = optional + (112 if wide else 96) + 128
    struct.pack_into("<I", image, table + 36, WRITABLE_CODE)
    return bytes(image)
