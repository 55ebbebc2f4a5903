"""Fuzz target for the pdf format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pdf import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
