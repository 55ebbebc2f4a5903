"""Fuzz target for the egg format."""

from tests.fuzz.opening import open_fully

from freehold.formats.egg import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
