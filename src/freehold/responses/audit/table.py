"""An audit as a table: a row for each sign and rule, as RFC 4180 has it."""

import csv
from collections.abc import Iterator
from typing import Any, TextIO

from freehold.responses.audit.record import Record
from freehold.responses.cells import cell

_COLUMNS = (
    *("machine", "began", "product", "name", "presence", "found", "strength", "kind", "value", "where", "detail"),
    *("law", "jurisdiction", "binding", "now"),
)


def write_table(stream: TextIO, record: Record) -> None:
    """Write an audit as CSV."""
    writer = csv.DictWriter(stream, _COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(_rows(record))


def _rows(record: Record) -> Iterator[dict[str, str]]:
    for finding in record["findings"]:
        for item in finding["evidence"]:
            for ruling in finding["rulings"] or [{}]:
                yield {name: cell(value) for name, value in _row(record, finding, item, ruling).items()}


def _row(record: Record, finding: dict[str, Any], item: dict[str, Any], ruling: dict[str, Any]) -> dict[str, object]:
    return {
        "machine": record["machine"],
        "began": record["began"],
        "product": finding["product"],
        "name": finding["name"],
        "presence": finding["presence"],
        "found": finding["found"],
        "strength": item["strength"],
        "kind": item["kind"],
        "value": item["value"],
        "where": item["where"],
        "detail": item["detail"],
        "law": ruling.get("law", ""),
        "jurisdiction": ruling.get("jurisdiction", ""),
        "binding": ruling.get("binding", ""),
        "now": "; ".join(f"since {part['since']}: {part['what']}" for part in ruling.get("now", [])),
    }
