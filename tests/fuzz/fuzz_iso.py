"""Fuzz target for the iso format."""

from tests.fuzz.opening import open_fully

from freehold.formats.iso import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
