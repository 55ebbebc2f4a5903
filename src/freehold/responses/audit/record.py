"""An audit as data: what was examined, by what, when, and what came out. This is what gets signed and compared."""

import json
from typing import Any

from freehold.model.errors import MalformedInput

FORMAT = 1
LARGEST = 64 << 20
"""Bytes of a record that is read."""

_KEYS = {
    "format": int,
    "machine": str,
    "began": str,
    "as_of": str,
    "version": str,
    "packs": list,
    "targets": list,
    "examined": int,
    "complete": bool,
    "problems": list,
    "findings": list,
}
_FINDING = {"product": str, "name": str, "presence": str, "found": bool, "evidence": list, "rulings": list}

Record = dict[str, Any]
"""The names and types are those of ``_KEYS``; see ``docs/audit.md``."""


def canonical(record: Record) -> bytes:
    """Return the bytes that are signed: the same for the same record."""
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def checked(value: Any) -> Record:
    """Return a record that came from elsewhere; raises ``MalformedInput`` when it is none."""
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise MalformedInput("this is not an audit that this Freehold can read")
    _check(value, _KEYS)
    for finding in value["findings"]:
        _check(finding, _FINDING)
    return value


def products(record: Record) -> dict[str, dict[str, Any]]:
    """Return the findings by product, without those that only say that somebody should look."""
    return {finding["product"]: finding for finding in record["findings"] if finding["found"]}


def _check(value: Any, keys: dict[str, type]) -> None:
    if not isinstance(value, dict):
        raise MalformedInput("an audit has something else where a table must stand")
    for key, kind in keys.items():
        if type(value.get(key)) is not kind:
            raise MalformedInput(f"an audit's '{key}' is missing or of another kind")
