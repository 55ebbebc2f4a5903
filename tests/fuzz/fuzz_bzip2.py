"""Fuzz target for the bzip2 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.bzip2 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
