"""Fuzz target for RAR archives, through libarchive."""

from tests.fuzz.opening import open_fully

from freehold.formats.rar import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
