"""Fuzz target for Java classes."""

from tests.fuzz.opening import open_fully

from freehold.formats.javaclass import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
