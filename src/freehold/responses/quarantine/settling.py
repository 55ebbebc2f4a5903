"""Bringing to an end what a process that died left half done, by looking at what is really there.

On the way in, a file without a record was not touched yet. Otherwise, one that is still where it was, or still in its
folder under the name that only ``taking`` knows, is left there or gets its name back, and the copy goes; if it is
neither, it was removed, and the copy is the file. On the way out, it is the other way round. In doubt the copy stays:
a file may be there twice, but never be lost.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from freehold.model.errors import FreeholdError
from freehold.responses.quarantine import names
from freehold.responses.quarantine.item import Item
from freehold.responses.quarantine.vault import ITEMS, RESTORING, TAKING, Destination, Vault


@contextmanager
def settled(vault: Vault) -> Iterator[None]:
    """Hold the vault's lock, with everything brought to an end that can be."""
    with vault.locked():
        for identifier in vault.identifiers(TAKING):
            with suppress(OSError, FreeholdError):
                settle_taking(vault, identifier)
        for identifier in vault.identifiers(RESTORING):
            with suppress(OSError, FreeholdError):
                settle_restoring(vault, identifier)
        yield


def aside_name(identifier: str) -> bytes:
    """Return the name that a file has in its folder for a moment, before it is removed or gets its own."""
    return f".freehold-{identifier}".encode()


def settle_taking(vault: Vault, identifier: str) -> bool:
    """End the taking of a file and return whether it is in the vault; raises ``OSError`` where nobody can tell."""
    if not vault.is_complete(identifier) or _is_in_place(vault.item(identifier, TAKING)):
        vault.discard(identifier, TAKING)
        return False
    vault.move(identifier, TAKING, ITEMS)
    return True


def settle_restoring(vault: Vault, identifier: str) -> bool:
    """End the restoring of a file and return whether it is where it should go; raises ``OSError``."""
    destination = vault.read_destination(identifier)
    if destination is not None:
        item = vault.item(identifier, RESTORING)
        if _has_arrived(item, destination):
            vault.discard(identifier, RESTORING)
            return True
        vault.forget_destination(identifier)
    vault.move(identifier, RESTORING, ITEMS)
    return False


def _has_arrived(item: Item, destination: Destination) -> bool:
    """Whether a file that was put back has its name; what it was made from is removed otherwise."""
    above, _, name = destination.path.rpartition(b"/")
    with suppress(FileNotFoundError, NotADirectoryError), _opened(above) as folder:
        with suppress(FileNotFoundError):
            os.unlink(aside_name(item.identifier), dir_fd=folder)
        status = names.status_of(folder, name)
        if status is not None and status.st_ino == destination.inode:
            os.fsync(folder)
            return names.digest_of(folder, name) == item.sha256
    return False


def _is_in_place(item: Item) -> bool:
    """Whether a file is where it was, after its name has been given back to it where that was necessary."""
    above, _, name = item.path.rpartition(b"/")
    aside = aside_name(item.identifier)
    with suppress(FileNotFoundError, NotADirectoryError), _opened(above) as folder:
        if names.status_of(folder, aside) is None:
            return names.digest_of(folder, name) == item.sha256
        try:
            names.rename_new(folder, aside, name)
        except FileExistsError:  # somebody has put something else there: then this one goes
            if names.digest_of(folder, aside) == item.sha256:
                os.unlink(aside, dir_fd=folder)
                os.fsync(folder)
            return False
        os.fsync(folder)
        return True
    return False


@contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    fd = names.open_folder(folder or b"/")
    try:
        yield fd
    finally:
        os.close(fd)
