"""Fuzz target for programs that Nuitka or pkg made one file of."""

from tests.fuzz.opening import open_fully

from freehold.formats import elf_inside, pe_inside

SAMPLES = ("elf_inside", "pe_inside")


def target(data: bytes) -> None:
    open_fully(pe_inside.FORMAT if data.startswith(b"MZ") else elf_inside.FORMAT, data)
