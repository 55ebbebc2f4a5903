"""Fuzz target for resources of .NET."""

from tests.fuzz.opening import open_fully

from freehold.formats.netresources import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
