"""Fuzz target for the macho-fat format."""

from tests.fuzz.opening import open_fully

from freehold.formats.macho_fat import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
