"""ClamAV's databases: a folder that ``freshclam`` or ``cvdupdate`` keeps, or a private mirror of one.

Never ClamAV's own servers (``transfer.check_address``). The databases are copied as they are; what their digital
signatures say is found out when they are compiled. Here only the version in the header is looked at, because a
signature does not protect from a database that is genuine and old.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from freehold.feeds import local, transfer
from freehold.feeds.snapshot import Snapshot
from freehold.feeds.snapshot import folder as files_of
from freehold.model.errors import FreeholdError, MalformedInput, TrustError, UsageError

_DATABASES = ("main", "daily", "bytecode")
"""What ClamAV publishes; a mirror has at least one of them."""

_UPDATED, _PUBLISHED = ".cld", ".cvd"
"""What freshclam makes of a database when it updates it on the spot, and what it was downloaded as."""

_HEADER_BYTES = 512
_VERSION_FIELD = 2
_VERSION_DIGITS = 10


class ClamavFeed:
    """Copies databases from a folder (not from folders below it, as ClamAV does) or from a mirror."""

    name = "clamav"

    def refresh(self, origin: str, previous: Path | None, destination: Path) -> None:
        """As ``Feed.refresh``; raises ``FreeholdError``."""
        snapshot = Snapshot(previous, destination)
        if origin.startswith(("https:", "http:")):
            _from_mirror(snapshot, origin)
        else:
            _from_folder(snapshot, local.folder(origin))
        if previous:
            _refuse_older(snapshot, files_of(previous))
        snapshot.finish()


def _from_folder(snapshot: Snapshot, folder: Path) -> None:
    try:
        with os.scandir(folder) as found:
            names = {entry.name for entry in found if local.is_signature_file(entry)}
    except OSError as error:
        raise FreeholdError(f"cannot read {folder}: {error.strerror}") from error
    for name in sorted(names - set(_superseded(folder, names))):
        local.copy(snapshot, name, folder / name)
    if not snapshot.files:
        raise UsageError(f"{folder}: there is no ClamAV database in this folder; has freshclam or cvdupdate run?")


def _superseded(folder: Path, names: set[str]) -> Iterator[str]:
    """Yield the older one where a database is there both as published and as updated on the spot."""
    for updated in names:
        published = updated.removesuffix(_UPDATED) + _PUBLISHED
        if updated.endswith(_UPDATED) and published in names:
            yield published if _version(folder / updated) >= _version(folder / published) else updated


def _from_mirror(snapshot: Snapshot, origin: str) -> None:
    base = origin.rstrip("/")
    for database in _DATABASES:
        if _fetch(snapshot, base, database + _UPDATED):
            continue
        if _fetch(snapshot, base, database + _PUBLISHED):
            version = _version(snapshot.path(database + _PUBLISHED))
            _fetch(snapshot, base, f"{database}-{version}{_PUBLISHED}.sign")
        elif any(database + suffix in snapshot.previous for suffix in (_UPDATED, _PUBLISHED)):
            raise FreeholdError(f"{base}: the mirror no longer has the database {database}")
    if not snapshot.files:
        raise UsageError(f"{base}: there is no ClamAV database at this address")


def _fetch(snapshot: Snapshot, base: str, name: str) -> bool:
    """Fetch a file, or keep the one that is here if it is the same; False when the mirror has none."""
    with transfer.get(f"{base}/{name}", snapshot.previous.get(name)) as answer:
        if answer is None:
            return False
        if answer.same:
            snapshot.keep(name)
        else:
            snapshot.write(name, answer.chunks, etag=answer.etag, last_modified=answer.last_modified)
    return True


def _refuse_older(snapshot: Snapshot, previous: Path) -> None:
    """Raise ``TrustError`` when a database is older than the one that was here before."""
    for name in snapshot.files:
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a name, not a path
        if suffix not in {_UPDATED, _PUBLISHED}:
            continue
        for before in (previous / (stem + _UPDATED), previous / (stem + _PUBLISHED)):
            if before.is_file() and _version(before) > _version(snapshot.path(name)):
                raise TrustError(
                    f"the origin offers an older {name} than before; if this is right, remove the feed and add it again"
                )


def _version(path: Path) -> int:
    """Return the version in a database's header; raises ``MalformedInput``."""
    try:
        with path.open("rb", buffering=0) as file:
            fields = file.read(_HEADER_BYTES).split(b":")
    except OSError as error:
        raise FreeholdError(f"cannot read {path}: {error.strerror}") from error
    if fields[0] != b"ClamAV-VDB" or len(fields) <= _VERSION_FIELD:
        raise MalformedInput(f"{path.name} is not a ClamAV database")
    digits = fields[_VERSION_FIELD]
    if not digits.isdigit() or len(digits) > _VERSION_DIGITS:
        raise MalformedInput(f"{path.name} is a ClamAV database without a version")
    return int(digits)


FEED = ClamavFeed()
