"""Reading ``clamd.conf``: directives become settings of ``[serve]``; what has no counterpart is said."""

import re
from collections.abc import Callable
from typing import NamedTuple

_SETTINGS: dict[str, tuple[str, str]] = {
    "LocalSocket": ("socket", "text"),
    "LocalSocketMode": ("socket-mode", "text"),
    "StreamMaxLength": ("max-stream", "size"),
    "CommandReadTimeout": ("command-timeout", "count"),
    "ReadTimeout": ("read-timeout", "count"),
    "MaxConnectionQueueLength": ("max-connections", "count"),
    "MaxQueue": ("max-streams", "count"),
    "MaxThreads": ("jobs", "count"),
    "MaxScanSize": ("max-unpacked", "size"),
    "MaxRecursion": ("max-depth", "count"),
    "MaxFiles": ("max-artifacts", "count"),
    "MaxScanTime": ("timeout", "milliseconds"),
    "DatabaseDirectory": ("database", "list"),
    "DetectPUA": ("detect-pua", "yes"),
    "FollowFileSymlinks": ("follow-symlinks", "yes"),
    "CrossFilesystems": ("one-file-system", "no"),
}
"""Directives with a counterpart: the key, and how the value is read."""

_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0"})


class Imported(NamedTuple):
    """What became of a configuration.

    Attributes:
        settings: of ``[serve]``, by key; values are text, numbers, truth values or lists of text.
        left_out: a line for each directive that has no effect: its number, and why.
    """

    settings: dict[str, str | int | float | bool | list[str]]
    left_out: list[str]


def read(text: str) -> Imported:
    """Translate the text of a ``clamd.conf``; see clamd.conf(5)."""
    imported = Imported({}, [])
    tcp: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, rest = line.strip().partition(" ")
        value = rest.strip().strip('"')
        if not name or name.startswith("#"):
            continue
        if name in {"TCPSocket", "TCPAddr"}:
            tcp[name] = value
            continue
        key, kind = _SETTINGS.get(name, ("", ""))
        try:
            imported.settings[key] = _READERS[kind](value)
        except ValueError as error:
            imported.left_out.append(f"{number}: {name}: {error}")
    _add_tcp(imported, tcp)
    return imported


def _add_tcp(imported: Imported, tcp: dict[str, str]) -> None:
    if "TCPSocket" not in tcp:
        return
    host = tcp.get("TCPAddr", "")
    if re.fullmatch(r"[0-9.]+|[0-9a-fA-F:]*:[0-9a-fA-F:]*", host):
        imported.settings["tcp"] = [f"[{host}]:{tcp['TCPSocket']}" if ":" in host else f"{host}:{tcp['TCPSocket']}"]
    else:
        imported.left_out.append(
            "TCPSocket: is left out without a TCPAddr in numbers: clamd would listen on all addresses; "
            'write tcp = ["127.0.0.1:3310"] if local clients need it'
        )


def _refuse(_: str) -> str:
    raise ValueError("has no counterpart")


def _count(value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value) or int(value) == 0:
        raise ValueError(f"'{value}' is not a number above zero: the default stays")
    return int(value)


def _size(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,12}[KkMm]?", value) or not value.strip("0KkMm"):
        raise ValueError(f"'{value}' is not a size above zero: the default stays")
    return value.upper()


def _flag(value: str, *, wanted: frozenset[str]) -> bool:
    if value.lower() not in _YES | _NO:
        raise ValueError(f"'{value}' is neither yes nor no")
    return value.lower() in wanted


_READERS: dict[str, Callable[[str], str | int | float | bool | list[str]]] = {
    "": _refuse,
    "text": str,
    "list": lambda value: [value],
    "count": _count,
    "size": _size,
    "milliseconds": lambda value: _count(value) / 1000,
    "yes": lambda value: _flag(value, wanted=_YES),
    "no": lambda value: _flag(value, wanted=_NO),
}
