"""An audit for people at a terminal."""

from collections.abc import Iterator
from typing import Any

from freehold.responses.audit.record import Record
from freehold.responses.wording import count_text, printable

_PROBLEMS = 20
"""Problems that are shown one by one."""


def text_lines(record: Record, *, guide: bool = False) -> Iterator[str]:
    """Yield an audit line by line; with ``guide``, how to remove what was found."""
    yield f"Audit of {printable(record['machine'])}, {record['began']}, rules as of {record['as_of']}"
    for finding in record["findings"]:
        yield ""
        yield from _finding_lines(record, finding)
        if guide:
            yield from _guide_lines(finding)
    yield ""
    yield from _summary_lines(record)


def _finding_lines(record: Record, finding: dict[str, Any]) -> Iterator[str]:
    word = "FOUND" if finding["found"] else "LOOK HERE"
    inside = " (embedded in another product)" if finding["presence"] == "embedded" else ""
    yield f"{word}  {printable(finding['name'])}{inside}  [{finding['product']}]"
    for item in finding["evidence"]:
        seen = f": {printable(item['detail'])}" if item["detail"] else ""
        yield f"  {item['strength']:<6} {item['kind']} {printable(item['value'])}, in {_place(record, item)}{seen}"
    if not finding["rulings"]:
        yield "  no rule that was asked for covers this"
    for ruling in finding["rulings"]:
        yield from _ruling_lines(ruling)


def _ruling_lines(ruling: dict[str, Any]) -> Iterator[str]:
    kind = "rule" if ruling["binding"] else "warning"
    yield f"  {kind} {ruling['law']} ({ruling['jurisdiction']}): {printable(ruling['title'])}"
    yield f"    binds {printable(ruling['binds'])}"
    for item in ruling["now"]:
        yield f"    since {item['since']}: {printable(item['what'])}"
    for item in ruling["later"]:
        yield f"    in {count_text(item['days'], 'day')}, from {item['since']}: {printable(item['what'])}"
    if not ruling["now"] and not ruling["later"]:
        yield "    nothing on this day, or after it"
    yield from (f"    except: {printable(text)}" for text in ruling["exceptions"])
    if ruling.get("penalties"):
        yield f"    penalties: {printable(ruling['penalties'])}"


def _guide_lines(finding: dict[str, Any]) -> Iterator[str]:
    yield "  what to do (Freehold removes nothing by itself):"
    for number, step in enumerate(finding["removal"], 1):
        yield f"    {number}. {printable(step)}"
    if not finding["removal"]:
        yield "    the pack says nothing of removal"


def _summary_lines(record: Record) -> Iterator[str]:
    found = sum(finding["found"] for finding in record["findings"])
    weak = len(record["findings"]) - found
    places = count_text(record["examined"], "place")
    yield f"{count_text(found, 'product')} found, {weak:,} to look at; {places} examined"
    if not record["complete"]:
        yield "  Not everything could be examined, so absence is not proved:"
        for problem in record["problems"][:_PROBLEMS]:
            yield f"    {problem['kind']}: {printable(problem['detail'])} ({_place(record, problem)})"
        if (more := len(record["problems"]) - _PROBLEMS) > 0:
            yield f"    and {more:,} more; --format jsonl or html lists all"
    packs = ", ".join(f"{pack['name']} {pack['version']}" for pack in record["packs"])
    yield f"  Policies: {printable(packs)}"


def _place(record: Record, item: dict[str, Any]) -> str:
    """Return where something was seen, with its target where that is not this machine."""
    target = "" if record["targets"] == ["/"] else f" of {printable(item['target'])}"
    return printable(item["where"]) + target
