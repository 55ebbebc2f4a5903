"""Fuzz target for the tnef format."""

from tests.fuzz.opening import open_fully

from freehold.formats.tnef import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
