"""Fuzz target for the cryptff format."""

from tests.fuzz.opening import open_fully

from freehold.formats.cryptff import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
