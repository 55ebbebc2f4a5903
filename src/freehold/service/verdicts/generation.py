"""What a verdict depends on besides the file: the signatures, the engine, the limits."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import freehold
from freehold.bundle.layout import MANIFEST, canonical, segment_digest
from freehold.model.errors import TrustError
from freehold.model.limits import Limits
from freehold.model.native import LIBRARIES
from freehold.model.rights import right_of

IDENTITY = 8
"""Bytes that stand for a generation."""

_EXAMINING = ("bundle", "engine", "formats", "model", "sandbox")
"""The packages whose code decides on a verdict."""


class Generation(NamedTuple):
    """All that decides on the verdict of a given content.

    Attributes:
        segments: the segments of all bundles, each by a digest of its content and its right.
        examiner: a digest of the engine, its libraries and the limits.
    """

    segments: frozenset[str]
    examiner: str

    @property
    def identity(self) -> bytes:
        """Return the few bytes that stand for it."""
        return hashlib.blake2b(canonical(self.to_json()), digest_size=IDENTITY).digest()

    def to_json(self) -> list[str | list[str]]:
        """Return it as JSON values."""
        return [sorted(self.segments), self.examiner]

    def only_adds_to(self, older: "Generation") -> bool:
        """Whether a content that was clean before is clean if the segments that are new find nothing in it.

        Segments are independent, and what a segment holds cannot change without its digest. So that is true when none
        is missing: a missing one may have held the exception that made the content clean.
        """
        return self.examiner == older.examiner and older.segments < self.segments


def current(bundles: Sequence[Path], limits: Limits) -> Generation:
    """Return the generation of a scan with these bundles; raises ``TrustError`` when one is no bundle."""
    return Generation(frozenset(digest for bundle in bundles for digest in segments(bundle)), _examiner(limits))


def from_json(value: object) -> Generation:
    """Rebuild a generation; raises ``ValueError``."""
    if not (isinstance(value, list) and len(value) == 2 and isinstance(value[0], list) and isinstance(value[1], str)):
        raise ValueError("not a generation")
    return Generation(frozenset(map(str, value[0])), value[1])


def segments(bundle: Path) -> list[str]:
    """Return the digest of each segment of a bundle, which is another when the bundle has another right."""
    try:
        manifest = json.loads((bundle / MANIFEST).read_bytes())
        right = right_of(bundle)
        return [segment_digest(segment, right) for segment in manifest["segments"]]
    except OSError as error:
        raise TrustError(f"{bundle} is not a compiled database: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TrustError(f"{bundle / MANIFEST} is damaged: {error}") from error


def _examiner(limits: Limits) -> str:
    """Return a digest of the code that examines: by the status of its files, as a checkout has no version.

    How much time and memory there was does not matter: what is remembered was examined to its end.
    """
    limits = limits._replace(seconds=0.0, worker_memory=0)
    top = Path(freehold.__file__).parent
    parts: list[object] = [freehold.__version__, list(limits)]
    for package in _EXAMINING:
        parts += [_status(entry) for entry in _modules(top / package)]
    for library in LIBRARIES:
        parts += [[path, *_size_and_time(path)] for path in library.paths]
    return hashlib.sha256(canonical(parts)).hexdigest()[:32]


def _modules(folder: Path) -> "list[os.DirEntry[str]]":
    found = []
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name == "__pycache__":
                continue
            found += _modules(Path(entry.path)) if entry.is_dir() else [entry]
    return found


def _status(entry: "os.DirEntry[str]") -> list[str | int]:
    status = entry.stat()
    return [entry.name, status.st_size, status.st_mtime_ns]


def _size_and_time(path: str) -> list[int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - cheaper
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
