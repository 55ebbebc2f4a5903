"""Fuzz target for the activemime format."""

from tests.fuzz.opening import open_fully

from freehold.formats.activemime import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
