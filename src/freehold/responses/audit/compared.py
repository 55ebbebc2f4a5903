"""What changed between two audits of one machine, and whether the later one proves that something is gone."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from freehold.responses.audit.record import Record, products


class State(StrEnum):
    """What became of a product."""

    GONE = "gone"
    STILL = "still there"
    NEW = "new"
    UNPROVED = "not proved to be gone"


class Change(NamedTuple):
    """What became of one product.

    Attributes:
        product: its identifier.
        name: for people.
        state: what became of it.
        before: when the earlier audit found it, "" when it did not.
        later: when the later audit was made.
        doubts: why its absence is not proved.
    """

    product: str
    name: str
    state: State
    before: str
    later: str
    doubts: tuple[str, ...]


def changes(first: Record, second: Record, *, same_machine: bool = True) -> Iterator[Change]:
    """Yield what became of each product that either audit found; the earlier audit is that which began first."""
    earlier, later = sorted((first, second), key=lambda record: str(record["began"]))
    before, after = products(earlier), products(later)
    weak = {finding["product"] for finding in later["findings"] if not finding["found"]}
    doubts = tuple(_doubts(earlier, later, same_machine=same_machine))
    for identifier in sorted(before.keys() | after.keys()):
        own = (*doubts, "there are weak signs of it: look there") if identifier in weak else doubts
        if identifier in after:
            state, own = (State.STILL if identifier in before else State.NEW), ()
        else:
            state = State.UNPROVED if own else State.GONE
        name = str((after.get(identifier) or before[identifier])["name"])
        yield Change(identifier, name, state, earlier["began"] if identifier in before else "", later["began"], own)


def _doubts(earlier: Record, later: Record, *, same_machine: bool) -> Iterator[str]:
    """Yield why what the later audit did not find may still be there."""
    if not same_machine:
        yield "the audits are of different machines, or signed by different keys"
    if not later["complete"]:
        yield "the later audit could not examine everything"
    for target in sorted(set(earlier["targets"]) - set(later["targets"])):
        yield f"the later audit did not look at {target}"
    for name in sorted({pack["name"] for pack in earlier["packs"]} - {pack["name"] for pack in later["packs"]}):
        yield f"the later audit did not use the pack {name}"
