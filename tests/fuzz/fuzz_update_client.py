"""Fuzz target for what the client of updates keeps and gets: each is read whole, or refused in words."""

import contextlib
import tempfile
from pathlib import Path

from freehold.model.errors import MalformedInput
from freehold.updates.client import generations, mirrors, store
from freehold.updates.client.origins import Bundle, checked
from freehold.updates.client.refusals import Malformed, UnsafeName


def target(data: bytes) -> None:
    for parse in (store.State.parse, store.parse_settings, mirrors.parse, lambda data: generations.parse(data, "1-1")):
        try:
            parse(data)
        except MalformedInput:
            continue
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(Malformed):
            Bundle(Path(file.name))
    try:
        path = checked(data.decode("utf-8", "surrogateescape"))
    except UnsafeName:
        return
    assert ".." not in path.split("/")
