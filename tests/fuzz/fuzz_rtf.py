"""Fuzz target for the rtf format."""

from tests.fuzz.opening import open_fully

from freehold.formats.rtf import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
