"""The processor of ``icicle-emu``: SLEIGH's description of x86, translated to machine code.

It does not follow code that changes itself: a write to translated code stops it. Then everything that was translated is
thrown away, for which all memory has to be put in anew. So memory is kept small: pages that hold zeros only stay out.
And it notices not every such write: after one to data, it lets those to code of the same page pass. Where that may
matter, a second run keeps memory either writable or executable (``lines``), which costs a translation for each change.
"""

from typing import Any

from freehold.emulation.cpu import PAGE, Reason, Stop
from freehold.emulation.lines import LINE, LONGEST, Lines

_REGISTERS = ("ax", "bx", "cx", "dx", "si", "di", "bp", "sp")
_MORE = tuple(f"r{number}" for number in range(8, 16))
_FLAGS = 0x202
_BREAKPOINT = 3
_PATIENCE = 64
_MOST_WRITES = 64
_ZEROS = bytes(PAGE)


class IcicleCpu:
    """See ``cpu.Cpu``; raises ``ImportError`` when ``icicle-emu`` is not installed.

    Args:
        wide: a 64-bit processor.
        pages: pages of memory that it may have.
    """

    def __init__(self, *, wide: bool, pages: int = 1 << 16) -> None:
        import icicle

        self.wide = wide
        self._mask = (1 << (64 if wide else 32)) - 1
        self._icicle: Any = icicle
        self._vm: Any = icicle.Icicle("x86_64" if wide else "i686")
        self._vm.mem_capacity = pages
        self._maps: dict[int, tuple[int, bool]] = {}
        self._executed = 0
        self._forgotten = 0
        self._lines: Lines | None = None
        self._names = {name: ("r" if wide else "e") + name for name in (*_REGISTERS, "ip")}
        if wide:
            self._names |= {name: name for name in _MORE}
        self._state = [*(self._names[name] for name in self._names if name != "ip"), "eflags", "fs_offset", "gs_offset"]
        self._state += [f"mm{number}" for number in range(8)]
        self._state += [f"xmm{number}_q{half}" for number in range(16 if wide else 8) for half in "ab"]
        self._names |= {"flags": "eflags", "thread": "gs_offset" if wide else "fs_offset"}
        self._codes: Any = icicle.ExceptionCode
        self._reasons = _reasons(self._codes)
        self.put("flags", _FLAGS)

    def restart(self) -> None:
        """See ``Cpu.restart``."""
        self._vm.reset()
        self._maps.clear()
        self._executed = self._forgotten = 0
        self._lines = Lines()
        self.put("flags", _FLAGS)

    @property
    def changed_code(self) -> bool:
        """See ``Cpu.changed_code``."""
        return self._forgotten > 0

    @property
    def executed(self) -> int:
        """See ``Cpu.executed``."""
        return self._executed + int(self._vm.icount)

    def map(self, address: int, size: int, *, code: bool = True) -> bool:
        """See ``Cpu.map``."""
        end = address + size
        if any(start < end and address < start + length for start, (length, _) in self._maps.items()):
            return False
        if not self._map(address, size, code=code):
            return False
        self._maps[address] = size, code
        return True

    def unmap(self, address: int, size: int) -> None:
        """See ``Cpu.unmap``; what was not mapped as one piece stays."""
        if self._maps.get(address, (0, False))[0] == size:
            del self._maps[address]
            self._vm.mem_unmap(address, size)
            if self._lines is not None:
                self._lines.forget(address, size)

    def read(self, address: int, size: int) -> bytes:
        """See ``Cpu.read``."""
        try:
            return bytes(self._vm.mem_read(address & self._mask, size))
        except self._icicle.MemoryException:
            return b""

    def write(self, address: int, data: bytes) -> bool:
        """See ``Cpu.write``."""
        address &= self._mask
        try:
            self._vm.mem_write(address, data)
        except self._icicle.MemoryException as error:
            if error.code != self._icicle.MemoryExceptionCode.SelfModifyingCode:
                return False
            self._forget_code()
            self._vm.mem_write(address, data)
        if self._lines is not None and self._lines.hold(address, len(data)):
            self._forget_code()
        return True

    def get(self, register: str) -> int:
        """See ``Cpu.get``."""
        if register == "ip":
            return int(self._vm.pc)
        return int(self._vm.reg_read(self._names[register]))

    def put(self, register: str, value: int) -> None:
        """See ``Cpu.put``."""
        if register == "ip":
            self._vm.pc = value & self._mask
        else:
            self._vm.reg_write(self._names[register], value & self._mask)

    def run(self, instructions: int) -> Stop:
        """See ``Cpu.run``."""
        end = self.executed + instructions
        while self.executed < end:
            self._vm.icount_limit = end - self._executed
            status = self._vm.run()
            if status == self._icicle.RunStatus.InstructionLimit:
                break
            code, address = self._vm.exception_code, int(self._vm.exception_value)
            lines = self._lines
            if lines is not None and code == self._codes.ExecViolation and lines.executed(address, self._code()):
                self._forget_code()
            elif self._is_write_to_code(code, address):
                self._finish_write()
                self._forget_code()
                if self._forgotten % _PATIENCE == 0:  # this takes long: whoever looks at the clock is to get a chance
                    break
            elif code == self._codes.Syscall and address == _BREAKPOINT:
                return Stop(Reason.BREAKPOINT, self.get("ip"))
            else:
                return Stop(self._reasons.get(str(code), Reason.OTHER), address)
        return Stop(Reason.LIMIT, self.get("ip"))

    def _map(self, address: int, size: int, *, code: bool) -> bool:
        protections = self._icicle.MemoryProtection
        try:
            executable = code and self._lines is None
            self._vm.mem_map(address, size, protections.ExecuteReadWrite if executable else protections.ReadWrite)
        except self._icicle.MemoryException:
            return False
        return True

    def _code(self) -> list[tuple[int, int]]:
        """Return the ranges of memory that may be code."""
        return [(address, address + size) for address, (size, code) in self._maps.items() if code]

    def _is_write_to_code(self, code: object, address: int) -> bool:
        if code == self._codes.SelfModifyingCode:
            return True
        lines = self._lines
        return lines is not None and code == self._codes.WritePerm and lines.hold(address, LONGEST)

    def _finish_write(self) -> None:
        """Let the instruction go on that was stopped in its middle, as it may have changed registers already."""
        for _ in range(_MOST_WRITES):
            self._make_writable(int(self._vm.exception_value))
            self._vm.step(1)
            if not self._is_write_to_code(self._vm.exception_code, int(self._vm.exception_value)):
                return

    def _make_writable(self, address: int) -> None:
        protections = self._icicle.MemoryProtection
        if self._lines is not None:
            for line in self._lines.written(address):
                self._vm.mem_protect(line * LINE, LINE, protections.ReadWrite)
            return
        page = address & -PAGE
        for place in (page, page + PAGE):
            if self.read(place, 1):
                self._vm.mem_protect(place, PAGE, protections.ExecuteReadWrite)

    def _forget_code(self) -> None:
        """Throw away what was translated."""
        self._forgotten += 1
        memory = [(address, size, code, self.read(address, size)) for address, (size, code) in self._maps.items()]
        registers = {name: self._vm.reg_read(name) for name in self._state}
        here = self._vm.pc
        self._executed += int(self._vm.icount)
        self._vm.reset()
        for address, size, code, content in memory:
            self._map(address, size, code=code)
            self._fill(address, content)
        for address, size in self._lines.runs() if self._lines is not None else ():
            self._vm.mem_protect(address, size, self._icicle.MemoryProtection.ExecuteRead)
        for name, value in registers.items():
            self._vm.reg_write(name, value)
        self._vm.pc = here

    def _fill(self, address: int, content: bytes) -> None:
        start = 0
        while start < len(content):
            end = start
            while end < len(content) and content[end : end + PAGE] != _ZEROS:
                end += PAGE
            if end > start:
                self._vm.mem_write(address + start, content[start:end])
            start = end + PAGE


def _reasons(codes: Any) -> dict[str, Reason]:
    return {
        str(code): reason
        for reason, names in {
            Reason.TRAP: (codes.ExecViolation,),
            Reason.READ: (
                codes.Syscall,
                codes.ReadUnmapped,
                codes.ReadPerm,
                codes.ReadUninitialized,
                codes.ReadUnaligned,
            ),
            Reason.WRITE: (codes.WriteUnmapped, codes.WritePerm, codes.WriteUnaligned),
            Reason.DIVIDE: (codes.DivisionException,),
            Reason.ILLEGAL: (codes.InvalidInstruction, codes.UnimplementedOp, codes.UnknownCpuID),
        }.items()
        for code in names
    }
