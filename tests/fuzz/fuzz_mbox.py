"""Fuzz target for the mbox format."""

from tests.fuzz.opening import open_fully

from freehold.formats.mbox import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
