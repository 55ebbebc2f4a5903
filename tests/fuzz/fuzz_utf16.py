"""Fuzz target for the utf16 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.utf16 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
