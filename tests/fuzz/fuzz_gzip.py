"""Fuzz target for the gzip format."""

from tests.fuzz.opening import open_fully

from freehold.formats.gzip import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
