"""Fuzz target for the pe_inside format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pe_inside import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
