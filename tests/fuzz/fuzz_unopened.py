"""Fuzz target for the unopened format."""

from tests.fuzz.opening import open_fully

from freehold.formats.unopened import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
