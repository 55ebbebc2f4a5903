"""An audit as a page that can be filed; and many audits as the report of an organisation."""

from collections.abc import Sequence
from typing import Any, TextIO

from freehold import __version__
from freehold.responses.audit.organisation import Organisation
from freehold.responses.audit.record import Record
from freehold.responses.audit.sealed import Opened
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


def write_organisation(stream: TextIO, opened: Sequence[Opened]) -> None:
    """Write the page of many machines."""
    whole = Organisation(opened)
    charts = (
        ("Machines by product", bars(whole.products, "barred")),
        ("Machines by rule in force", bars(whole.laws, "bad")),
    )
    render(
        stream,
        "audit/organisation.html.jinja",
        machines=whole.machines,
        affected=whole.affected,
        progress=whole.days,
        charts=[(title, chart) for title, chart in charts if chart],
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
