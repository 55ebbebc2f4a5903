"""Fuzz target for the pkcs7 format."""

from tests.fuzz.opening import open_fully

from freehold.formats.pkcs7 import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
