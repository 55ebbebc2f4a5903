"""Fuzz target for the alz format."""

from tests.fuzz.opening import open_fully

from freehold.formats.alz import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
