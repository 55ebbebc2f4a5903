"""Fuzz target for the layout reader of elf."""

import contextlib

from freehold.formats.elf import read
from freehold.model.errors import MalformedInput
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    with contextlib.suppress(MalformedInput):
        read(BytesView(data))
