"""The configuration: TOML files, read in order, whose later values win; a table for each command.

    [scan]
    exclude = ["node_modules/", "*.iso"]
    max-size = "4G"

    [quarantine.prune]
    older-than = "90d"

A key is an option of the command, without its dashes, so what keys mean and take is what ``--help`` says. This module
reads files and keeps where each value stands; which keys there are, the front end knows.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from freehold.model.errors import UsageError
from freehold.model.places import settings

SYSTEM = Path("/etc/freehold/freehold.toml")

_LARGEST = 1 << 20
"""Bytes of one file."""


class Value(NamedTuple):
    """One value with its origin.

    Attributes:
        value: as TOML has it: text, number, truth value, or a list of them.
        file: that it stands in.
        line: where it stands, from 1; 0 where that cannot be told.
    """

    value: Any
    file: Path
    line: int

    @property
    def origin(self) -> str:
        """``file:line``, as compilers write it."""
        return f"{self.file}:{self.line}" if self.line else str(self.file)


class Settings:
    """All values of all files, by the dotted name of their table and by key.

    Attributes:
        files: that were read, in order.
    """

    def __init__(self) -> None:
        self.files: list[Path] = []
        self._tables: dict[str, dict[str, Value]] = {}

    def table(self, name: str) -> dict[str, Value]:
        """Return the values of one table: ``scan``, ``quarantine.prune``."""
        return self._tables.get(name, {})

    def tables(self) -> Iterator[tuple[str, dict[str, Value]]]:
        """Yield every table that has values."""
        yield from self._tables.items()

    def add(self, path: Path) -> None:
        """Read one more file, whose values win over those before.

        Raises:
            UsageError: the file cannot be read, is no TOML, or others than its owner and root may write it.
        """
        import tomllib  # only who has a configuration pays for it

        text = read_own(path)
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path}: {error}") from error
        self.files.append(path)
        lines = _lines(text)
        for name, key, value in _flat(values, "", path):
            table = self._tables.setdefault(name, {})
            table[key] = Value(value, path, lines.get((name, key), 0))


def usual_files() -> list[Path]:
    """Return the files that count when they exist: the system's, then the user's."""
    own = settings("freehold.toml")
    return [path for path in dict.fromkeys((SYSTEM, own)) if os.path.exists(path)]  # noqa: PTH110 - cheaper


def load(files: Sequence[Path]) -> Settings:
    """Read configuration files; raises ``UsageError`` as ``Settings.add``."""
    found = Settings()
    for path in files:
        found.add(path)
    return found


def read_own(path: Path) -> str:
    """Return the text of a file that decides something, which only this user and root may be able to write."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"{path} is not a file")
            if status.st_uid not in {0, os.geteuid()} or status.st_mode & 0o002:
                raise UsageError(f"{path}: others may write it, so it is not followed; chown and chmod o-w help")
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read the configuration: {error.strerror}: {path}") from error
    if len(data) > _LARGEST:
        raise UsageError(f"{path} is longer than {_LARGEST} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: byte {error.start} is not UTF-8") from error


def _flat(values: dict[str, Any], name: str, path: Path) -> Iterator[tuple[str, str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.{key}" if name else key, path)
        elif not name:
            raise UsageError(f"{path}: '{key}' stands outside of a table; a line like [scan] belongs above it")
        else:
            yield name, key, value


_TABLE = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(?:\"([^\"]+)\"|'([^']+)'|([\w-]+))\s*=")


def _lines(text: str) -> dict[tuple[str, str], int]:
    """Return where keys stand, as far as plain lines tell: TOML's parser does not say."""
    lines: dict[tuple[str, str], int] = {}
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        if table := _TABLE.match(line):
            name = ".".join(part.strip().strip("\"'") for part in table[1].split("."))
        elif key := _KEY.match(line):
            lines.setdefault((name, key[1] or key[2] or key[3]), number)
    return lines
