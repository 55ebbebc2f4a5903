"""Fuzz target for the postscript format."""

from tests.fuzz.opening import open_fully

from freehold.formats.postscript import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
