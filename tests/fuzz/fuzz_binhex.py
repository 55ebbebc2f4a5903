"""Fuzz target for the binhex format."""

from tests.fuzz.opening import open_fully

from freehold.formats.binhex import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
