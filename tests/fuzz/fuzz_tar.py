"""Fuzz target for the tar format."""

from tests.fuzz.opening import open_fully

from freehold.formats.tar import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
