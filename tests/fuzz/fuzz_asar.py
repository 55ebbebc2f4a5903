"""Fuzz target for the asar format."""

from tests.fuzz.opening import open_fully

from freehold.formats.asar import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
