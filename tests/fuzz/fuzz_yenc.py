"""Fuzz target for the yenc format."""

from tests.fuzz.opening import open_fully

from freehold.formats.yenc import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
