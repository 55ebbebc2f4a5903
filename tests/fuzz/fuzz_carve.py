"""Fuzz target for the carve format."""

from tests.fuzz.opening import open_fully

from freehold.formats.carve import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
