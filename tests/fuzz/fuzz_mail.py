"""Fuzz target for the mail format."""

from tests.fuzz.opening import open_fully

from freehold.formats.mail import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
