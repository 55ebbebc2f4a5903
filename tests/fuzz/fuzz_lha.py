"""Fuzz target for the lha format."""

from tests.fuzz.opening import open_fully

from freehold.formats.lha import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
