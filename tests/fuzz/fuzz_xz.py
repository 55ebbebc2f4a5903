"""Fuzz target for the xz format."""

from tests.fuzz.opening import open_fully

from freehold.formats.xz import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
