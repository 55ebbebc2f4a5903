"""Fuzz target for the script format."""

from tests.fuzz.opening import open_fully

from freehold.formats.script import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
