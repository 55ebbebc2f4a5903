"""Fuzz target for the szdd format."""

from tests.fuzz.opening import open_fully

from freehold.formats.szdd import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
