"""Fuzz target for the uu format."""

from tests.fuzz.opening import open_fully

from freehold.formats.uu import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
