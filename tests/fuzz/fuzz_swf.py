"""Fuzz target for the swf format."""

from tests.fuzz.opening import open_fully

from freehold.formats.swf import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
