"""Encrypted members of ZIP archives, decrypted by libarchive: PKWARE's traditional cipher and WinZip's AES.

It reads the member from its local header on, so what else the archive holds does not matter.
"""

import zlib
from collections.abc import Collection

from freehold.formats.libarchive import Damage, Reader
from freehold.model.interfaces import Unpacking
from freehold.model.view import View

ROUNDS = 1_000
"""Rounds of hashing of one try: AES's key derivation has so many, the other cipher none."""


def decrypt(member: View, password: bytes, checksums: Collection[int] | None, unpacking: Unpacking) -> View | None:
    """Return the content of a member whose local header ``member`` begins with; None when the password is wrong.

    The traditional cipher takes one wrong password in 256 for right, so its checksum decides: one of ``checksums``
    (None for AES, which authenticates).

    Raises:
        LimitReached: the content is too large.
    """
    reader = Reader(member, unpacking.budget, password)
    checksum = produced = 0
    unpacking.spool.begin()
    whole = False
    try:
        reader.open()
        whole = reader.next() is not None
        for chunk in reader.chunks() if whole else ():
            checksum = zlib.crc32(chunk, checksum)
            produced += len(chunk)
            unpacking.spool.write(chunk)
            unpacking.budget.foresee_bytes(produced)
            unpacking.budget.check_ratio(reader.position(), produced)
    except Damage:
        whole = False
    finally:
        reader.close()
        content = unpacking.spool.finish()
    return content if whole and (checksums is None or checksum in checksums) else None
