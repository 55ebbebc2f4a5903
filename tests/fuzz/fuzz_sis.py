"""Fuzz target for the sis format."""

from tests.fuzz.opening import open_fully

from freehold.formats.sis import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
