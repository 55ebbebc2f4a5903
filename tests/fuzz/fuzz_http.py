"""Fuzz target for the http format."""

from tests.fuzz.opening import open_fully

from freehold.formats.http import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
