"""How a program file is laid out, as far as signatures refer to it: entry point, sections, directories.

The readers are ``formats.pe``, ``formats.elf`` and ``formats.macho``. The numbers are those that ClamAV's signatures
mean: rounded as its readers round them, which is not always what the headers say.
"""

from enum import StrEnum
from typing import NamedTuple


class ProgramKind(StrEnum):
    """The format of a program file."""

    PE = "pe"
    ELF = "elf"
    MACHO = "macho"


class Section(NamedTuple):
    """One section of a program; all numbers are in bytes.

    Attributes:
        name: as the header has it, without trailing NULs; "" for ELF, whose names lie elsewhere.
        address: where it is loaded (PE: relative to the image's base).
        virtual_size: its size in memory; 0 for ELF.
        start: its offset in the file; may lie beyond the file's end.
        size: its size in the file; for PE never beyond the file's end, 0 when it has no content there.
    """

    name: str
    address: int
    virtual_size: int
    start: int
    size: int


class Layout(NamedTuple):
    """Where the parts of a program file are.

    Attributes:
        kind: its format.
        entry: offset in the file of the first instruction; 0 when the header names none.
        sections: in the order of the section table.
        is_64: 64-bit addresses.
        is_library: a DLL (PE only).
        header_size: bytes that the loader maps as header, rounded up to the alignment of sections (PE only).
        directories: address and size of each data directory (PE only, at most 16).
    """

    kind: ProgramKind
    entry: int
    sections: tuple[Section, ...]
    is_64: bool = False
    is_library: bool = False
    header_size: int = 0
    directories: tuple[tuple[int, int], ...] = ()
