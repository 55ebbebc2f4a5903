"""Tokens that clients of the API show: a file with a line for each, its name, the SHA-256 of the token, and the date.

A token is 256 random bits, so a plain digest keeps it as secret as a slow one would; the token itself is shown once.
"""

import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from freehold.model.errors import UsageError
from freehold.model.places import settings
from freehold.model.suggestion import suggestion
from freehold.service.config import read_own
from freehold.updates import durable

PREFIX = "fht_"
"""What every token begins with, by which scanners for leaked secrets know it."""

_LINE = re.compile(r"([\w.@-]{1,64}) ([0-9a-f]{64}) (\d{4}-\d\d-\d\d)", re.ASCII)
_NAME = re.compile(r"[\w.@-]{1,64}", re.ASCII)


class Token(NamedTuple):
    """One token.

    Attributes:
        name: of who has it.
        digest: SHA-256, in hexadecimal digits.
        created: the day, as ISO 8601 writes it.
    """

    name: str
    digest: str
    created: str


def usual_file() -> Path:
    """Return where tokens are kept unless another file is named."""
    return settings("http-tokens")


def read(path: Path) -> list[Token]:
    """Return all tokens of a file; raises ``UsageError``."""
    tokens = []
    for number, line in enumerate(read_own(path).splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            match = _LINE.fullmatch(line)
            if not match:
                raise UsageError(f"{path}:{number}: not a token; 'freehold serve token add' writes them")
            tokens.append(Token(*match.groups()))
    return tokens


def add(path: Path, name: str) -> str:
    """Make a token for somebody, and return it; raises ``UsageError``."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is not a name for a token: up to 64 letters, digits and ._@-")
    tokens = read(path) if path.exists() else []
    if any(token.name == name for token in tokens):
        raise UsageError(f"there is a token for '{name}' already; remove it first, or choose another name")
    token = PREFIX + secrets.token_urlsafe(32)
    _write(path, [*tokens, Token(name, digest_of(token), time.strftime("%Y-%m-%d"))])
    return token


def remove(path: Path, name: str) -> None:
    """Remove the token of somebody; raises ``UsageError``."""
    tokens = read(path)
    left = [token for token in tokens if token.name != name]
    if len(left) == len(tokens):
        raise UsageError(f"there is no token for '{name}'{suggestion(name, [token.name for token in tokens])}")
    _write(path, left)


def digest_of(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


class Tokens:
    """The tokens that count, read anew when their file has changed.

    Args:
        path: of the file; raises ``UsageError`` when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._names: dict[str, str] = {}
        self._refresh()

    def name_of(self, token: str) -> str | None:
        """Return who has a token, None when nobody has; raises ``UsageError`` when the file cannot be read."""
        self._refresh()
        return self._names.get(digest_of(token))

    def _refresh(self) -> None:
        try:
            status = os.stat(self._path)  # noqa: PTH116 - cheaper, for each request
        except OSError as error:
            raise UsageError(f"cannot read the tokens: {error.strerror}: {self._path}") from error
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._names = {token.digest: token.name for token in read(self._path)}
            self._seen = seen


def _write(path: Path, tokens: list[Token]) -> None:
    """Replace the file; whoever could read it before still can, for the daemon may be another user."""
    text = "".join(f"{token.name} {token.digest} {token.created}\n" for token in tokens)
    before = path.stat() if path.exists() else None
    durable.write(path, text.encode("ascii"), mode=before.st_mode & 0o777 if before else 0o600)
    if before and os.geteuid() == 0:
        os.chown(path, before.st_uid, before.st_gid)
