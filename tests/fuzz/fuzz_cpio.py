"""Fuzz target for the cpio format."""

from tests.fuzz.opening import open_fully

from freehold.formats.cpio import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
