"""Fuzz target for the installshield format."""

from tests.fuzz.opening import open_fully

from freehold.formats.installshield import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
