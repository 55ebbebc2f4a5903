"""An audit as data: what was examined, by what, when, and what came out. This is what gets signed and compared."""

import json
from collections.abc import Mapping
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
    "jurisdictions": list,
    "version": str,
    "packs": list,
    "targets": list,
    "examined": int,
    "complete": bool,
    "problems": list,
    "findings": list,
}
_PROBLEM = {"kind": str, "target": str, "where": str, "detail": str}
_PACK = {"name": str, "version": str, "sha256": str}
_EVIDENCE = dict.fromkeys(("strength", "kind", "value", "target", "where", "detail", "source"), str)
_RULING = {
    **dict.fromkeys(("law", "title", "authority", "citation", "jurisdiction", "binds", "day", "checked"), str),
    "binding": bool,
    "now": list,
    "later": list,
    "exceptions": list,
    "sources": list,
    "penalties": str,
}
_NOW = {"since": str, "what": str}
_LATER = {"since": str, "what": str, "days": int}
_FINDING = {
    **dict.fromkeys(("product", "name", "entity", "presence"), str),
    "found": bool,
    "evidence": list,
    "rulings": list,
    "removal": list,
}

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
    _texts(value["targets"], value["jurisdictions"])
    _each(value["packs"], _PACK)
    _each(value["problems"], _PROBLEM)
    _each(value["findings"], _FINDING)
    for finding in value["findings"]:
        _texts(finding["removal"])
        _each(finding["evidence"], _EVIDENCE)
        _each(finding["rulings"], _RULING)
        for ruling in finding["rulings"]:
            _texts(ruling["exceptions"], ruling["sources"])
            _each(ruling["now"], _NOW)
            _each(ruling["later"], _LATER)
    return value


def products(record: Record) -> dict[str, dict[str, Any]]:
    """Return the findings by product, without those that only say that somebody should look."""
    return {finding["product"]: finding for finding in record["findings"] if finding["found"]}


def _each(values: list[Any], keys: Mapping[str, type]) -> None:
    for value in values:
        _check(value, keys)


def _texts(*lists: list[Any]) -> None:
    if not all(isinstance(item, str) for values in lists for item in values):
        raise MalformedInput("an audit has something else where a text must stand")


def _check(value: Any, keys: Mapping[str, type]) -> None:
    if not isinstance(value, dict):
        raise MalformedInput("an audit has something else where a table must stand")
    for key, kind in keys.items():
        if type(value.get(key)) is not kind:
            raise MalformedInput(f"an audit's '{key}' is missing or of another kind")
