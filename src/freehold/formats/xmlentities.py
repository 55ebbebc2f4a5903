"""Entities that an XML document declares: how many, which lead elsewhere, and what they would expand to.

They are never expanded. What they would expand to is summed up instead, so that a bomb costs no more than its own text.
"""

import re
from typing import NamedTuple

from freehold.model.interfaces import Unpacking
from freehold.model.report import ProblemKind

_DECLARATION = re.compile(
    rb"""<!ENTITY\s{1,64}(?:%\s{1,64})?([^\s"'<>&;]{1,128})\s{1,64}"""
    rb"""(?:"([^"]{0,1048576}+)"|'([^']{0,1048576}+)'|(SYSTEM|PUBLIC)\s{1,64}["']([^"'<>]{0,2048}))"""
)
_REFERENCE = re.compile(rb"[&%]([^\s&%;#]{1,128});")
_BEGIN = b"<!ENTITY"
_MOST = 2000
_MOST_REFERENCES = 100_000
_EXPANDED = 1 << 20
"""Bytes that an entity may stand for: nobody writes longer ones."""
_FACT_LETTERS = 2000


class _Entity(NamedTuple):
    length: int
    references: list[bytes]


def look_at(data: bytes, unpacking: Unpacking) -> None:
    """Record facts about the declared entities, and a problem when readers would see something far larger."""
    if b"<!DOCTYPE" not in data:
        return
    unpacking.fact("doctype", True)
    entities: dict[bytes, _Entity] = {}
    outside: list[bytes] = []
    references = 0
    at = data.find(_BEGIN)
    while at >= 0 and len(entities) < _MOST:
        found = _DECLARATION.match(data, at)
        if found and found[4]:
            outside.append(found[5])
        elif found:
            value = found[2] or found[3] or b""
            names = _REFERENCE.findall(value)
            references += len(names)
            entities.setdefault(found[1], _Entity(len(value), names))
        at = data.find(_BEGIN, found.end() if found else at + 1)
        unpacking.budget.tick()
    if entities:
        unpacking.fact("entities", len(entities))
    if outside:
        unpacking.fact("external-entities", b" ".join(outside).decode("utf-8", "replace")[:_FACT_LETTERS])
    if at >= 0 or references > _MOST_REFERENCES:
        unpacking.problem(ProblemKind.LIMIT, f"more than {_MOST} entities; what they stand for was not examined")
        return
    _judge(entities, unpacking)


def _judge(entities: dict[bytes, _Entity], unpacking: Unpacking) -> None:
    largest = max(_lengths(entities).values(), default=0)
    if largest < 0:
        unpacking.problem(ProblemKind.MALFORMED, "an entity stands for itself")
    elif largest > _EXPANDED:
        unpacking.problem(
            ProblemKind.LIMIT, f"an entity stands for more than {_EXPANDED} bytes; entities are not expanded"
        )


def _lengths(entities: dict[bytes, _Entity]) -> dict[bytes, int]:
    """Return what each entity would expand to, in bytes, counting no further than the limit; -1 for all in a loop."""
    lengths: dict[bytes, int] = {}
    for first, entity in entities.items():
        waiting = {first: iter(entity.references)}
        while waiting:
            name, inner = next(reversed(waiting.items()))
            reference = next((text for text in inner if text in entities and text not in lengths), None)
            if reference in waiting:
                return {name: -1}
            if reference is not None:
                waiting[reference] = iter(entities[reference].references)
                continue
            sizes = (lengths.get(text, 0) for text in entities[name].references)
            lengths[name] = min(entities[name].length + sum(sizes), _EXPANDED + 1)
            del waiting[name]
    return lengths
