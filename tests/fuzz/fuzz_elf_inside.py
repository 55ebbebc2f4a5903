"""Fuzz target for the elf_inside format."""

from tests.fuzz.opening import open_fully

from freehold.formats.elf_inside import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
