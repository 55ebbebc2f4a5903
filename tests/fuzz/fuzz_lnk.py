"""Fuzz target for the lnk format."""

from tests.fuzz.opening import open_fully

from freehold.formats.lnk import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
