"""What an emulated processor offers here: memory, registers, and running with a count of instructions."""

from enum import StrEnum
from typing import NamedTuple, Protocol

PAGE = 0x1000


class Reason(StrEnum):
    """Why a run came to its end."""

    LIMIT = "limit"
    """The instructions that were allowed have been executed."""

    TRAP = "trap"
    """Execution reached memory that is no code: a function of the environment, or nothing."""

    READ = "read"
    WRITE = "write"
    DIVIDE = "divide"
    ILLEGAL = "illegal"
    BREAKPOINT = "breakpoint"

    OTHER = "other"
    """Something that the emulator does not know."""


class Stop(NamedTuple):
    """The end of a run.

    Attributes:
        reason: what happened.
        address: what was executed, read or written when it happened.
    """

    reason: Reason
    address: int


class Cpu(Protocol):
    """One emulated x86 processor with its memory; addresses and sizes are in bytes."""

    @property
    def wide(self) -> bool:
        """Whether it is a 64-bit one."""

    @property
    def executed(self) -> int:
        """Instructions so far."""

    @property
    def changed_code(self) -> bool:
        """Whether code that had been executed was changed."""

    def restart(self) -> None:
        """Begin anew, with no memory, and from now on notice every change of code, at the price of speed."""

    def map(self, address: int, size: int, *, code: bool = True) -> bool:
        """Make pages of zeros accessible; False when some of them are already, or when there is no memory left."""

    def unmap(self, address: int, size: int) -> None:
        """Take pages away."""

    def read(self, address: int, size: int) -> bytes:
        """Return memory, b"" when some of it is not mapped."""

    def write(self, address: int, data: bytes) -> bool:
        """Change memory; False when some of it is not mapped."""

    def get(self, register: str) -> int:
        """Return a register: ``ax`` … ``r15`` in full width, ``ip``, ``flags``."""

    def put(self, register: str, value: int) -> None:
        """Change a register, or ``thread``: where the segment of the thread's data begins."""

    def run(self, instructions: int) -> Stop:
        """Execute at most so many instructions."""
