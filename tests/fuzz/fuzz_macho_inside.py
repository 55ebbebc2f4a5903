"""Fuzz target for the macho_inside format."""

from tests.fuzz.opening import open_fully

from freehold.formats.macho_inside import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
