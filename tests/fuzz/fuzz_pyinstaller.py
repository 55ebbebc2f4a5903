"""Fuzz target for the pyinstaller format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pyinstaller import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
