"""Structured exception handling, which packers use to hide where they go on: 32-bit programs only.

Source: Microsoft's documentation of EXCEPTION_RECORD and CONTEXT; Pietzcker's and Pietrek's descriptions of the chain.
"""

import struct

from freehold.emulation.cpu import Cpu, Reason, Stop
from freehold.emulation.windows import RETURN, THREAD, Windows

SINGLE_STEP = 0x80000004
_CODES = {
    Reason.TRAP: 0xC0000005,
    Reason.READ: 0xC0000005,
    Reason.WRITE: 0xC0000005,
    Reason.DIVIDE: 0xC0000094,
    Reason.ILLEGAL: 0xC000001D,
    Reason.BREAKPOINT: 0x80000003,
}
_ORDER = ("di", "si", "bx", "dx", "cx", "ax", "bp", "ip")
_REGISTERS, _FLAGS, _STACK = 0x9C, 0xC0, 0xC4
_CONTEXT, _RECORD = 0x2CC, 0x50
_TRAP_FLAG = 0x100
_MOST = 20_000
_LAST = 0xFFFFFFFF
_NESTED = 0x20
_KEPT = 64


class Exceptions:
    """The chain of handlers of one thread.

    Attributes:
        raised: how many exceptions there were.
        single_step: whether the next instruction is to raise one.
    """

    def __init__(self, cpu: Cpu, windows: Windows) -> None:
        self._cpu = cpu
        self._windows = windows
        self._pending: list[tuple[int, int, int]] = []
        self.raised = 0
        self.single_step = False

    def raise_(self, stop: Stop) -> bool:
        """Begin to handle an exception; False when nobody handles it."""
        code = _CODES.get(stop.reason)
        return code is not None and self.raise_code(code, stop)

    def raise_code(self, code: int, stop: Stop) -> bool:
        """As ``raise_``, for an exception with a code of its own."""
        self.raised += 1
        if self._cpu.wide or self.raised > _MOST:
            return False
        cpu = self._cpu
        here = cpu.get("ip")
        top = cpu.get("sp")
        context = (top - 0x400) & 0xFFFFFFF0
        record = context - _RECORD - 0x10
        fields = bytearray(_CONTEXT)
        struct.pack_into("<I", fields, 0, 0x1003F)
        struct.pack_into("<8I", fields, _REGISTERS, *(cpu.get(name) for name in _ORDER))
        struct.pack_into("<I", fields, 0xBC, 0x1B)
        struct.pack_into("<III", fields, _FLAGS, cpu.get("flags") & _LAST, top, 0x23)
        accessed = (int(stop.reason is Reason.WRITE), stop.address & _LAST)
        written = cpu.write(context, bytes(fields)) and cpu.write(
            record, struct.pack("<IIIIIII", code, 0, 0, here, 2, *accessed).ljust(_RECORD, b"\0")
        )
        self.single_step = False
        return written and self._call(self._word(THREAD), record, context)

    def returned(self) -> bool:
        """Go on after a handler has returned; False when no handler is left."""
        if not self._pending:
            return False
        frame, record, context = self._pending.pop()
        self._cpu.write(THREAD, self._cpu.read(record - _NESTED, 4))
        if self._cpu.get("ax") & _LAST:
            return self._call(self._word(frame), record, context)
        self._resume(context)
        return True

    def _resume(self, context: int) -> None:
        cpu = self._cpu
        fields = cpu.read(context, _CONTEXT)
        for name, value in zip(_ORDER, struct.unpack_from("<8I", fields, _REGISTERS), strict=True):
            cpu.put(name, value)
        flags, stack = struct.unpack_from("<II", fields, _FLAGS)
        cpu.put("flags", flags & ~_TRAP_FLAG)
        cpu.put("sp", stack)
        self.single_step = bool(flags & _TRAP_FLAG)

    def _call(self, frame: int, record: int, context: int) -> bool:
        """Call the handler of a frame; while it runs, a frame of the system's own stands before all others."""
        cpu = self._cpu
        handler = self._word(frame + 4) if frame not in (0, _LAST) else 0
        if handler == RETURN:
            frame = self._word(frame)
            handler = self._word(frame + 4)
        if not handler:
            return False
        self._pending = [*self._pending[-_KEPT:], (frame, record, context)]
        nested = record - _NESTED
        cpu.write(nested, struct.pack("<II", self._word(THREAD), RETURN))
        cpu.write(THREAD, struct.pack("<I", nested & _LAST))
        cpu.put("sp", nested - _NESTED)
        for value in (nested, context, frame, record, RETURN):
            self._windows.push(value)
        cpu.put("flags", cpu.get("flags") & ~_TRAP_FLAG)
        cpu.put("ip", handler)
        return True

    def _word(self, address: int) -> int:
        return int.from_bytes(self._cpu.read(address, 4), "little")
