"""Fuzz target for the lz4 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.lz4 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
