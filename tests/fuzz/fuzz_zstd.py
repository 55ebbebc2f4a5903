"""Fuzz target for the zstd format."""

from tests.fuzz.opening import open_fully

from freehold.formats.zstd import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
