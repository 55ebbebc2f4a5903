"""One entry of the lists."""

import hashlib
from dataclasses import dataclass
from datetime import date

ALLOW, DENY = "allow", "deny"

DENIED = "Denied."
"""Begins the names of detections that an entry makes; the entry's identifier follows."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: it applies where all of its conditions hold.

    Attributes:
        kind: ``ALLOW`` or ``DENY``.
        sha256: hex digest of a whole file, "" for any.
        size: of that file in bytes, None when it is not known.
        signature: name of a signature, "" for any.
        path: absolute path of a file, or of a folder with everything below it (with a slash at its end); "" for any.
        reason: one sentence.
        author: who wrote it.
        expires: the last day on which it counts, None for ever.
        file: that it stands in.
    """

    kind: str
    sha256: str
    size: int | None
    signature: str
    path: str
    reason: str
    author: str
    expires: date | None
    file: str

    @property
    def identifier(self) -> str:
        """Eight hexadecimal digits that follow from kind and conditions."""
        text = f"{self.kind}\0{self.sha256}\0{self.signature}\0{self.path}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]

    @property
    def conditions(self) -> str:
        """Return what it applies to, in words."""
        parts = []
        if self.signature:
            parts.append(f"signature {self.signature}")
        if self.sha256:
            parts.append(f"sha256 {self.sha256}")
        if self.path:
            parts.append(f"path {self.path}")
        return ", ".join(parts)

    @property
    def why(self) -> str:
        """Return reason, author and expiry."""
        until = f"until {self.expires.isoformat()}" if self.expires else "for ever"
        return f"{self.reason}; {self.author}, {until}; entry {self.identifier}"

    def is_expired(self, today: date) -> bool:
        """Whether it does not count any more."""
        return self.expires is not None and self.expires < today

    def covers(self, path: bytes) -> bool:
        """Whether a path, absolute and without symbolic links, is one that it applies to."""
        own = self.path.encode("utf-8", "surrogateescape")
        return not own or path == own or (own.endswith(b"/") and path.startswith(own))
