"""Fuzz target for the partitions format."""

from tests.fuzz.opening import open_fully

from freehold.formats.partitions import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
