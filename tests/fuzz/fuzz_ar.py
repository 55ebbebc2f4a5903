"""Fuzz target for the ar format."""

from tests.fuzz.opening import open_fully

from freehold.formats.ar import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
