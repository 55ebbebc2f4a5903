"""Fuzz target for the xml format."""

from tests.fuzz.opening import open_fully

from freehold.formats.xml import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
