"""Items of the quarantine, as text for people and as objects for programs."""

import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from freehold.responses.quarantine.item import Item
from freehold.responses.wording import count_text, printable, printable_path, size_text


def item_object(item: Item, stored: int | None = None) -> dict[str, Any]:
    """Return an item for programs; undecodable bytes of its path are surrogate escapes, as in the jsonl report."""
    kept = item.metadata
    return {
        "id": item.identifier,
        "path": item.path.decode("utf-8", "surrogateescape"),
        "taken": item.taken,
        "size": kept.size,
        "sha256": item.sha256,
        "type": item.file_type,
        "signatures": list(dict.fromkeys(reason.name for reason in item.reasons)),
        "detections": [
            {"name": r.name, "artifact": r.artifact, "source": r.source, "category": r.category} for r in item.reasons
        ],
        "inside": item.is_container,
        "mode": f"{stat.S_IMODE(kept.mode):04o}",
        "uid": kept.uid,
        "gid": kept.gid,
        "links": kept.links,
        "mtime_ns": kept.mtime_ns,
        "atime_ns": kept.atime_ns,
        "attributes": {name: value.hex() for name, value in kept.attributes.items()},
    } | ({} if stored is None else {"stored": stored})


def item_lines(item: Item, stored: int) -> Iterator[str]:
    """Yield everything that is known of an item for people, line by line."""
    kept = item.metadata
    yield f"{item.identifier}  {printable_path(item.path)}"
    yield _row("taken", item.taken)
    for reason in item.reasons:
        category = f", {printable(reason.category)}" if reason.category else ""
        yield _row("because of", f"{printable(reason.name)} ({printable(reason.source)}{category})")
        yield _row("", f"in {printable(reason.artifact)}")
    if item.is_container:
        yield _row("", "what was detected is inside this file: the whole file was taken and would be put back")
    yield _row("type", printable(item.file_type) or "unknown")
    yield _row("size", f"{count_text(kept.size, 'byte')}; {size_text(stored)} in the quarantine")
    yield _row("sha256", item.sha256)
    yield _row("owner", f"{kept.uid}:{kept.gid}")
    yield _row("mode", stat.filemode(kept.mode))
    yield _row("changed", datetime.fromtimestamp(kept.mtime_ns / 1e9, UTC).isoformat(timespec="seconds"))
    if kept.links > 1:
        yield _row("links", f"{kept.links} names of one file; each is an item of its own")
    for name, value in sorted(kept.attributes.items()):
        yield _row("attribute", f"{printable(name)} ({count_text(len(value), 'byte')})")


def _row(label: str, text: str) -> str:
    return f"  {label:<12}{text}"
