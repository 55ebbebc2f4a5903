"""What ``freehold db info`` says of a compiled database."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from freehold.bundle import Bundle, Segment
from freehold.responses.wording import count_text, printable, size_text

_SHOWN = 10


def facts_of(bundle: Bundle) -> dict[str, Any]:
    """Return everything as values for JSON."""
    counts, targets = Counter[str](), Counter[str]()
    for segment in bundle.segments:
        counts.update(segment.counts)
        targets.update(segment.targets)
    weakest = sorted((atom for segment in bundle.segments for atom in _weakest(segment)), key=_bits)
    return {
        "path": str(bundle.path),
        "format": bundle.manifest["format"],
        "machine": bundle.manifest["machine"],
        "signatures": sum(counts.values()),
        "languages": dict(sorted(counts.items())),
        "targets": dict(sorted(targets.items())),
        "segments": [_segment(segment) for segment in bundle.segments],
        "ignored": sorted({name for segment in bundle.segments for name in segment.ignored}),
        "weakest_atoms": weakest[:_SHOWN],
        "always_evaluated": [slow for segment in bundle.segments for slow in _always(segment)],
    }


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "name": segment.name,
        "bytes": segment.size,
        "signatures": sum(segment.counts.values()),
        "atoms": {root.target.name.lower(): root.atoms for root in segment.logical_roots},
    }


def _weakest(segment: Segment) -> Iterator[dict[str, Any]]:
    for root in segment.logical_roots:
        for atom in root.weakest:
            about = segment.about(segment.program(atom.program, root.target).about)
            target = root.target.name.lower()
            yield {"bits": atom.bits, "atom": atom.text, "target": target, "users": atom.users, "signature": about.name}


def _bits(atom: dict[str, Any]) -> float:
    return float(atom["bits"])


def _always(segment: Segment) -> Iterator[dict[str, Any]]:
    """Yield the signatures that no atom calls for, so that they are evaluated for every file of a target."""
    for root in segment.logical_roots:
        for container, numbers in sorted(root.always.items()):
            first = [segment.about(segment.program(number, root.target).about).name for number in numbers[:_SHOWN]]
            target = root.target.name.lower()
            yield {"target": target, "container": container, "count": len(numbers), "signatures": first}


def lines_of(facts: dict[str, Any]) -> Iterator[str]:
    """Yield the same for people."""
    yield f"{facts['path']}: {count_text(facts['signatures'], 'signature')}"
    yield f"layout {facts['format']}, compiled for {facts['machine']}"
    for title, numbers in (("by language", facts["languages"]), ("patterns by target", facts["targets"])):
        yield f"{title}:"
        for name, number in numbers.items():
            yield f"  {name:<16} {number:>12,}"
    yield "segments:"
    for segment in facts["segments"]:
        number = count_text(segment["signatures"], "signature")
        yield f"  {segment['name']:<16} {size_text(segment['bytes']):>12}  {number}"
    if facts["ignored"]:
        yield f"never reported: {', '.join(map(printable, facts['ignored'][:_SHOWN]))}" + _more(facts["ignored"])
    if facts["weakest_atoms"]:
        yield "weakest atoms (signatures that are looked at most often for nothing):"
        for atom in facts["weakest_atoms"]:
            users = f" and {count_text(atom['users'] - 1, 'other')}" if atom["users"] > 1 else ""
            shown = f"{atom['target']:<9} {atom['atom'][:32]:<32} {printable(atom['signature'])}{users}"
            yield f"  once in 2^{atom['bits']:<5g} {shown}"
    for slow in facts["always_evaluated"]:
        where = f" in {slow['container']}" if slow["container"] else ""
        names = ", ".join(map(printable, slow["signatures"][:3]))
        yield f"slowest, evaluated for every file of target {slow['target']}{where}: {slow['count']:,} ({names} …)"


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
