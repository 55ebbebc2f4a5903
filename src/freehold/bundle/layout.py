"""How a bundle lies on disk: versions, names and sizes that its writer and its reader share.

All numbers are little-endian. A *column* is an array of fixed-width numbers; *records* are a blob with a column of
offsets. In each segment:

===================================  ==============================================================================
``sources.json``                     names of the signature files
``abouts.index .blob``               records: what a detection says of its signature (JSON)
``hash.<part>.<algorithm>.sizes``    column u64: the sizes that occur, ascending; ``ANY_SIZE`` stands last
``….fence``                          column u64: every ``FENCE``-th of the sizes, to find the block to look into
``….starts``                         column u32: where each size's entries begin; one more for the end
``….digests``                        digests, ascending within each size
``….abouts``                         column u32: the about-record of each digest
``root.<target>.hs``                 a serialised Hyperscan database
``root.<target>.starts .uses``       columns u32: needle → pairs (rule, number of the pattern in that rule)
``rules.index .blob``                records: conditions and regular expressions (JSON)
``programs.index .blob``             records: logical signatures (``bundle.programs``)
``logical.<target>.hs``              a serialised Hyperscan database of atoms; missing when there are none
``logical.<target>.starts .users``   columns u32: atom → bodies of programs that it stands for
``logical.<target>.always``          programs that no atom calls for, by container (JSON)
``icons.records``                    66-byte records: an icon's metrics, and the numbers (u16) of its two groups
``icons.groups``                     names of the icons' first and second groups (JSON); missing without icons
``logical.<target>.pictures``        what hashes of pictures call for (JSON); missing when there are none
``passwords.json``                   passwords to try: ClamAV's name for the container or null, hexadecimal
``addresses.json``                   what links in mails may show: kind, text and place of each rule
``certificates.json``                rules over certificates, and programs that catalogues list (``bundle.trust``)
``members.json``                     signatures over what containers say of their members (``bundle.members``)
``logical.<target>.macros``          the bodies of macro groups (JSON); missing when there are none
``logical.<target>.weakest``          its weakest atoms (JSON: ``WeakAtom``)
``ignored.json``                     names of signatures that are not reported, of older segments either
``retracted.json``                   places (file, line) of signatures of older segments that are not reported
``yara.compiled``, ``yara.json``     YARA-X's rules, and the line of each
``<any large file>.sums``            checksums of its blocks
===================================  ==============================================================================

The blobs of records, ``root.<target>.hs`` and ``yara.compiled`` lie inverted (``INVERTED``).
"""

import hashlib
import json
import os
from typing import Any, NamedTuple

from freehold.model.rights import Right

FORMAT = 8
"""Version of the layout; a reader refuses every other one."""

MANIFEST = "manifest.json"

SMALL = 1 << 20
"""Files up to this many bytes are read and verified when the bundle is opened; larger ones block by block, as used."""

BLOCK = 16 << 10
"""Bytes of a large file that are verified together."""

SUM = 16
"""Bytes of a block's checksum (SHA-256, cut)."""

FENCE = BLOCK // 8
"""Sizes in one block of a column of sizes."""

ANY_SIZE = (1 << 64) - 1
"""Stands for "of any size" in a column of sizes."""

MOST_SUBSIGNATURES = 64
"""Bodies of programs are numbered by the program times this, plus the subsignature."""

INVERTED = bytes(range(255, -1, -1))
"""Table by which ``bytes.translate`` inverts every bit: what signatures look for lies inverted on disk, so that a
database is nothing that another database's signatures, or another scanner, could find."""

DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32}


class WeakAtom(NamedTuple):
    """An atom that is of little use.

    Attributes:
        bits: how rare it is in clean files: it may be expected once in 2 to the power of so many bytes.
        text: in hexadecimal digits, or a regular expression.
        users: how many bodies it stands for.
        program: number of one of the signatures that it calls for.
    """

    bits: float
    text: str
    users: int
    program: int


def block_sum(block: bytes | memoryview) -> bytes:
    """Return the checksum of one block."""
    return hashlib.sha256(block).digest()[:SUM]


def canonical(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def segment_digest(manifest: dict[str, Any], right: Right) -> str:
    """Return what identifies what a segment does, by its manifest (with a digest of each file) and its right."""
    return hashlib.sha256(canonical([manifest, right])).hexdigest()[:32]


def machine() -> str:
    """Return the kind of processor that compiled databases are bound to."""
    return os.uname().machine
