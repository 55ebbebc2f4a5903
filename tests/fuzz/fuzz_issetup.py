"""Fuzz target for the issetup format."""

from tests.fuzz.opening import open_fully

from freehold.formats.issetup import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
