"""Fuzz target: cutting what a client of clamd's protocol sends into commands, and reading ``clamd.conf``."""

from freehold.frontends.clamd import importing
from freehold.frontends.clamd.commands import LONGEST, NAMES, TooLong, take


def target(data: bytes) -> None:
    whole = bytearray(data)
    while whole:
        before = len(whole)
        try:
            command = take(whole, ended=True)
        except TooLong:
            break
        if command is None:
            break
        assert len(whole) < before
        assert command.name in {*NAMES, ""}
        assert len(command.argument) < LONGEST
    importing.read(data.decode("utf-8", "replace"))
