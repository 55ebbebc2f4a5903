"""Fuzz target for applications of Node.js in a single file."""

from tests.fuzz.opening import open_fully

from freehold.formats.nodesea import FORMAT


def target(data: bytes) -> None:
    open_fully(FORMAT, data)
