"""Fuzz target for the ole2 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.ole2 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
