"""Adding entries to a list and removing them; everything else in the file stays as it was written."""

import io
import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from freehold.model.errors import UsageError
from freehold.service.config import read_own
from freehold.service.lists.entry import Entry
from freehold.service.lists.reading import parse

_HEAD = """\
# What is allowed and denied on this machine; see 'freehold list --help'. Every entry has a reason, an author and an
# expiry, so that this file can be reviewed and kept under version control.
"""
_TABLE = re.compile(r"\s*\[")


def add(file: Path, entries: list[Entry]) -> None:
    """Add entries at the end of a file, which is made when there is none.

    Raises:
        UsageError: there is such an entry already, or the file cannot be written.
    """
    text = read_own(file) if file.exists() else _HEAD
    known = {entry.identifier for entry in parse(text, str(file))}
    for entry in entries:
        if entry.identifier in known:
            raise UsageError(
                f"there is an entry {entry.identifier} for that already in {file}; remove it first, to renew it"
            )
        text = text.rstrip("\n") + "\n\n" + _written(entry)
    _replace(file, text)


def remove(file: Path, identifier: str) -> Entry:
    """Remove an entry from a file and return it; raises ``UsageError``."""
    text = read_own(file)
    lines = io.StringIO(text).readlines()  # as TOML: other ends of lines stand in values
    starts = [number for number, line in enumerate(lines) if _TABLE.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        found = list(parse("".join(lines[start:end]), str(file)))
        if found and found[0].identifier == identifier:
            while not lines[end - 1].strip() or lines[end - 1].startswith("#"):
                end -= 1  # noqa: PLW2901 -- what stands above the next entry belongs to that
            rest = "".join(lines[end:]).lstrip("\n")
            _replace(file, "".join(lines[:start]).rstrip("\n") + "\n" + ("\n" + rest if rest else ""))
            return found[0]
    raise UsageError(f"there is no entry {identifier} in {file}; 'freehold list show' shows all")


def _written(entry: Entry) -> str:
    rows = [f"[[{entry.kind}]]"]
    rows += [f"{key} = {_text(value)}" for key in ("sha256", "signature", "path") if (value := getattr(entry, key))]
    if entry.size is not None:
        rows.append(f"size = {entry.size}")
    rows += [f"reason = {_text(entry.reason)}", f"author = {_text(entry.author)}"]
    rows.append(f"expires = {entry.expires.isoformat() if entry.expires else _text('never')}")
    return "\n".join(rows) + f"  # added {datetime.now(UTC).date().isoformat()}\n"


def _text(value: str) -> str:
    """Return a TOML basic string; raises ``UsageError`` for what TOML cannot hold."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError("a path that is not UTF-8 cannot stand in the list; name the folder that it is in") from error
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(file: Path, text: str) -> None:
    try:
        list(parse(text, str(file)))  # what is written must be readable
        file.parent.mkdir(parents=True, exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        fd, aside = tempfile.mkstemp(prefix=".lists-", dir=file.parent)
        try:
            with open(fd, "w", encoding="utf-8") as stream:  # noqa: PTH123 -- a descriptor
                stream.write(text)
                stream.flush()
                os.fsync(fd)
            os.chmod(aside, mode)  # noqa: PTH101 -- short
            os.replace(aside, file)  # noqa: PTH105 -- short
        except BaseException:
            Path(aside).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error
