"""Fuzz target for the OneNote format."""

from tests.fuzz.opening import open_fully

from freehold.formats.onenote import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
