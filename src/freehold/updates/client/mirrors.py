"""The list of mirrors that is signed with a feed: addresses, one a line."""

from collections.abc import Sequence

from freehold.model.errors import MalformedInput
from freehold.updates.client.refusals import Unreachable
from freehold.updates.client.store import Store
from freehold.updates.client.transfer import check_address

SUFFIX = ".mirrors"

LARGEST = 64 << 10
MOST = 64
"""Mirrors of a list that count; a client needs a few."""


def parse(data: bytes) -> Sequence[str]:
    """Read a list of mirrors: empty lines and comments (#) aside, each is an address; raises ``MalformedInput``."""
    if len(data) > LARGEST:
        raise MalformedInput(f"a list of mirrors has at most {LARGEST >> 10} KiB")
    try:
        lines = [line.strip() for line in data.decode("ascii").split("\n")]
    except UnicodeDecodeError as error:
        raise MalformedInput("a list of mirrors is ASCII") from error
    addresses = list(dict.fromkeys(line.rstrip("/") for line in lines if line and not line.startswith("#")))[:MOST]
    for address in addresses:
        try:
            check_address(address)
        except Unreachable as error:
            raise MalformedInput(f"{error}") from error
    return addresses


def of(store: Store) -> Sequence[str]:
    """Return the mirrors that were signed with a feed when it was last updated, none where that cannot be told."""
    try:
        return parse((store.folder / f"{store.settings().feed}{SUFFIX}").read_bytes())
    except (OSError, MalformedInput):
        return ()
