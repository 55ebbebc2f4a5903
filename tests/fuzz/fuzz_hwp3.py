"""Fuzz target for the hwp3 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.hwp3 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
