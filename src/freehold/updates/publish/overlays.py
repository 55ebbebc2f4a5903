"""An overlay's own lists: what is denied, allowed and ignored on top of other feeds.

They are signature files in the folder ``overlay`` of the repository, in ClamAV's languages, so that people can read and
edit them, and builds take them like all others.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from freehold.model.errors import UsageError
from freehold.updates import durable

DENIED, ALLOWED, IGNORED = "deny.hsb", "allow.sfp", "ignore.ign2"

_DIGEST = re.compile(r"([0-9a-fA-F]{64})(?::([0-9]{1,10}))?")
_NAME = re.compile(r"[!-9;-~]{1,255}")
_LEVEL = 73
"""Functionality level from which ClamAV takes hashes without a size."""


class Overlay:
    """The lists of a repository."""

    def __init__(self, folder: Path) -> None:
        """``folder``: of the repository."""
        self.folder = folder / "overlay"

    @property
    def exists(self) -> bool:
        """Whether there are any."""
        return self.folder.is_dir()

    def lines(self, name: str) -> list[str]:
        """Return the lines of one list."""
        path = self.folder / name
        try:
            return path.read_text("utf-8").splitlines() if path.is_file() else []
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: {error}") from error

    def add(self, name: str, lines: Iterable[str]) -> int:
        """Add lines that are not there yet; returns how many."""
        before = self.lines(name)
        new = [line for line in dict.fromkeys(lines) if line not in before]
        if new:
            self._write(name, [*before, *new])
        return len(new)

    def remove(self, text: str) -> int:
        """Remove the lines that have this field, a digest or a name, from all lists; returns how many."""
        removed = 0
        for name in (DENIED, ALLOWED, IGNORED):
            before = self.lines(name)
            kept = [line for line in before if text.lower() not in line.lower().split(":")]
            if len(kept) < len(before):
                removed += len(before) - len(kept)
                self._write(name, kept)
        return removed

    def _write(self, name: str, lines: Sequence[str]) -> None:
        durable.write(self.folder / name, "".join(f"{line}\n" for line in lines).encode())


def hash_line(what: str, name: str) -> str:
    """Return the line for a file, or for a SHA-256 with or without ``:SIZE``; raises ``UsageError``."""
    match = _DIGEST.fullmatch(what)
    if match:
        digest, size = match[1].lower(), match[2] or "*"
    else:
        try:
            with Path(what).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                size = str(file.tell())
        except OSError as error:
            raise UsageError(f"'{what}' is no SHA-256 and no file: {error.strerror}") from error
    return f"{digest}:{size}:{name}-{digest[:12]}" + (f":{_LEVEL}" if size == "*" else "")


def ignore_line(name: str) -> str:
    """Return the line for a signature's name; raises ``UsageError`` when it cannot be one."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot be the name of a signature")
    return name
