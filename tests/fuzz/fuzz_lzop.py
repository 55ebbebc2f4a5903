"""Fuzz target for the lzop format."""

from tests.fuzz.opening import open_fully

from freehold.formats.lzop import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
