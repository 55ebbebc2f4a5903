"""Fuzz target for the pst format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pst import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
