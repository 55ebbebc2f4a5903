"""Fuzz target for parts of binary workbooks."""

from tests.fuzz.opening import open_fully

from freehold.formats.biff12 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
