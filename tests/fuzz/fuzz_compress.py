"""Fuzz target for the compress format."""

from tests.fuzz.opening import open_fully

from freehold.formats.compress import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
