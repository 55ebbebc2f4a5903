"""Reading the lists.

::

    [[allow]]
    signature = "Win.Test.Wrong"
    path = "/srv/builds/"
    reason = "false positive on our installer, reported on 3 May"
    author = "m.weber"
    expires = 2027-05-03        # the last day; "never" must be said in so many words
"""

import difflib
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from freehold.model.errors import UsageError
from freehold.service.config import read_own
from freehold.service.lists.entry import ALLOW, DENY, Entry

_KEYS = ("sha256", "size", "signature", "path", "reason", "author", "expires")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 4096


def entries(files: Sequence[Path]) -> list[Entry]:
    """Return all entries of these files, expired ones too.

    Raises:
        UsageError: a file cannot be read, is not what it should be, or others may write it.
    """
    return [entry for path in files for entry in parse(read_own(path), str(path))]


def parse(text: str, file: str) -> Iterator[Entry]:
    """Yield the entries of a file; raises ``UsageError``."""
    import tomllib

    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: {error}") from error
    for kind, found in tables.items():
        if kind not in {ALLOW, DENY} or not isinstance(found, list):
            raise UsageError(f"{file}: '{kind}' is neither [[allow]] nor [[deny]]")
        for number, table in enumerate(found, 1):
            yield _entry(kind, table, file, f"{file}: {kind} {number}")


def _entry(kind: str, table: Any, file: str, where: str) -> Entry:
    if not isinstance(table, dict):
        raise UsageError(f"{where}: an entry is a table")
    for key in table:
        if key not in _KEYS:
            close = difflib.get_close_matches(key, _KEYS, n=1)
            raise UsageError(f"{where}: there is no key '{key}'" + (f"; did you mean '{close[0]}'?" if close else ""))
    texts = {key: _text(table, key, where) for key in ("sha256", "signature", "path", "reason", "author")}
    for key in ("reason", "author"):
        if not texts[key].strip():
            raise UsageError(f"{where}: '{key}' is missing")
    if not (texts["sha256"] or texts["signature"] or texts["path"]):
        raise UsageError(f"{where}: it names neither sha256, nor signature, nor path")
    if kind == DENY and bool(texts["sha256"]) + bool(texts["signature"]) + bool(texts["path"]) != 1:
        raise UsageError(f"{where}: what is denied is one of sha256, signature and path")
    texts["sha256"] = texts["sha256"].lower()
    if texts["sha256"] and not _SHA256.fullmatch(texts["sha256"]):
        raise UsageError(f"{where}: sha256 must have 64 hexadecimal digits")
    if texts["path"] and not texts["path"].startswith("/"):
        raise UsageError(f"{where}: path must be absolute")
    return Entry(kind, size=_size(table, where), expires=_expiry(table, where), file=file, **texts)


def _text(table: dict[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise UsageError(f"{where}: '{key}' must be a text")
    return value


def _size(table: dict[str, Any], where: str) -> int | None:
    value = table.get("size")
    if value is not None and (type(value) is not int or value < 0):
        raise UsageError(f"{where}: 'size' must be a number of bytes")
    return value


def _expiry(table: dict[str, Any], where: str) -> date | None:
    value = table.get("expires")
    if value == "never":
        return None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise UsageError(f"{where}: 'expires' must be a date like 2027-05-03, or \"never\"")
    return value
