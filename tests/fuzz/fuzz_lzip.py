"""Fuzz target for the lzip format."""

from tests.fuzz.opening import open_fully

from freehold.formats.lzip import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
