"""Fuzz target for the zip format."""

from tests.fuzz.opening import open_fully

from freehold.formats.zip import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
