"""Fuzz target for the pickled format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pickled import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
