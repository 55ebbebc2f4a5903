"""Fuzz target for ClamAV's database containers: header, archive and list of members, behind no signature."""

import tempfile
from pathlib import Path

from freehold.model.errors import FreeholdError
from freehold.signatures.clamav.container import open_container

_FOLDER = tempfile.TemporaryDirectory()
_PATH = Path(_FOLDER.name, "test.cud")


def target(data: bytes) -> None:
    _PATH.write_bytes(data)
    try:
        for member in open_container(_PATH, accept_unsigned=True).members():
            assert not member.signed
    except FreeholdError:
        pass
