"""An audit as a page that can be filed; and many audits as the report of an organisation."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, TextIO

from freehold import __version__
from freehold.responses.audit.record import Record
from freehold.responses.page import bars, render


def write_page(stream: TextIO, record: Record, fingerprint: str = "") -> None:
    """Write the page of one audit; ``fingerprint`` names the key of evidence that was checked."""
    found = [finding for finding in record["findings"] if finding["found"]]
    weak = [finding for finding in record["findings"] if not finding["found"]]
    render(
        stream,
        "audit/audit.html.jinja",
        record=record,
        found=found,
        weak=weak,
        headline=_headline(found, weak, complete=record["complete"]),
        fingerprint=fingerprint,
        version=__version__,
    )


def write_organisation(stream: TextIO, records: Sequence[Record]) -> None:
    """Write the page of many machines: the latest audit of each counts, the earlier ones show progress."""
    ordered = sorted(records, key=lambda record: str(record["began"]))
    latest = {record["machine"]: record for record in ordered}
    products = Counter(f["name"] for record in latest.values() for f in record["findings"] if f["found"])
    laws = Counter(
        ruling["title"]
        for record in latest.values()
        for finding in record["findings"]
        if finding["found"]
        for ruling in finding["rulings"]
        if ruling["now"]
    )
    render(
        stream,
        "audit/organisation.html.jinja",
        machines=[_machine(latest[name]) for name in sorted(latest)],
        affected=sum(any(f["found"] for f in record["findings"]) for record in latest.values()),
        progress=_progress(ordered),
        charts=[
            (title, chart)
            for title, chart in (
                ("Machines by product", bars(products, "barred")),
                ("Findings by rule in force", bars(laws, "bad")),
            )
            if chart
        ],
        version=__version__,
    )


def _headline(found: Sequence[Any], weak: Sequence[Any], *, complete: bool) -> tuple[str, str]:
    if found:
        return "barred", f"{len(found)} prohibited product{'s' if len(found) > 1 else ''} found"
    if weak:
        return "open", "No prohibited product found, but there are signs to look at"
    if not complete:
        return "open", "No prohibited product found, but not everything could be examined"
    return "good", "No prohibited product found"


def _machine(record: Record) -> dict[str, Any]:
    return {
        "name": record["machine"],
        "began": record["began"],
        "found": [finding["name"] for finding in record["findings"] if finding["found"]],
        "weak": sum(not finding["found"] for finding in record["findings"]),
        "complete": record["complete"],
    }


def _progress(ordered: Sequence[Record]) -> list[dict[str, Any]]:
    """Return, for each day with an audit, how many machines still have something, by what was known that day."""
    state: dict[str, bool] = {}
    days: dict[str, dict[str, Any]] = {}
    for record in ordered:
        state[record["machine"]] = any(finding["found"] for finding in record["findings"])
        days[record["began"][:10]] = {"day": record["began"][:10], "affected": sum(state.values()), "known": len(state)}
    return list(days.values())
