"""Fuzz target for the autoit format."""

from tests.fuzz.opening import open_fully

from freehold.formats.autoit import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
