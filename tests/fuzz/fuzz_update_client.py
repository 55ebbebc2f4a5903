"""Fuzz target for what the client of updates keeps and gets: each is read whole, or refused in words."""

from freehold.model.errors import MalformedInput
from freehold.updates.client import generations, mirrors, store
from freehold.updates.client.origins import checked
from freehold.updates.client.refusals import UnsafeName


def target(data: bytes) -> None:
    for parse in (store.State.parse, store.parse_settings, mirrors.parse, lambda data: generations.parse(data, "1-1")):
        try:
            parse(data)
        except MalformedInput:
            continue
    try:
        path = checked(data.decode("utf-8", "surrogateescape"))
    except UnsafeName:
        return
    assert ".." not in path.split("/")
