"""An audit as a table: a row for each sign and rule, as RFC 4180 has it.

What was not examined has rows of its own, and an audit that found nothing has one that says so: a table that is empty
could be one that went wrong.
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from freehold.responses.audit.record import Record
from freehold.responses.cells import cell

_COLUMNS = (
    *("machine", "began", "as_of", "state", "product", "name", "presence", "strength", "kind", "value"),
    *("target", "where", "detail", "law", "jurisdiction", "binding", "now", "later"),
)


def write_table(stream: TextIO, records: Sequence[Record]) -> None:
    """Write audits as CSV."""
    writer = csv.DictWriter(stream, _COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    for record in records:
        head = {name: record[name] for name in ("machine", "began", "as_of")}
        for row in _rows(record):
            writer.writerow({name: cell(value) for name, value in (head | row).items()})


def _rows(record: Record) -> Iterator[dict[str, Any]]:
    for finding in record["findings"]:
        state = "found" if finding["found"] else "look here"
        product = {name: finding[name] for name in ("product", "name", "presence")} | {"state": state}
        for item in finding["evidence"]:
            sign = {name: item[name] for name in ("strength", "kind", "value", "target", "where", "detail")}
            for ruling in finding["rulings"] or [{}]:
                yield product | sign | _ruling(ruling)
    for problem in record["problems"]:
        sign = {name: problem[name] for name in ("kind", "target", "where", "detail")}
        yield sign | {"state": "not examined"}
    if not record["findings"] and record["complete"]:
        yield {"state": "nothing found", "target": " ".join(record["targets"])}


def _ruling(ruling: dict[str, Any]) -> dict[str, Any]:
    if not ruling:
        return {}
    return {name: ruling[name] for name in ("law", "jurisdiction", "binding")} | {
        when: "; ".join(f"{part['since']}: {part['what']}" for part in ruling[when]) for when in ("now", "later")
    }
