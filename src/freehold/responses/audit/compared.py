"""What changed between two audits of one machine."""

from collections.abc import Iterator
from typing import NamedTuple

from freehold.responses.audit.record import Record, products


class Change(NamedTuple):
    """What became of one product.

    Attributes:
        product: its identifier.
        name: for people.
        before: when the earlier audit found it, "" when it did not.
        after: when the later audit found it, "" when it did not.
        later: when the later audit was made.
        proved: False when the later audit was not complete, so that absence is not proved.
    """

    product: str
    name: str
    before: str
    after: str
    later: str
    proved: bool


def changes(first: Record, second: Record) -> Iterator[Change]:
    """Yield what became of each product that either audit found; the earlier audit is that which began first."""
    earlier, later = sorted((first, second), key=lambda record: str(record["began"]))
    before, after = products(earlier), products(later)
    same_scope = set(earlier["targets"]) <= set(later["targets"])
    for identifier in sorted(before.keys() | after.keys()):
        yield Change(
            identifier,
            str((after.get(identifier) or before[identifier])["name"]),
            earlier["began"] if identifier in before else "",
            later["began"] if identifier in after else "",
            later["began"],
            identifier in after or (bool(later["complete"]) and same_scope),
        )
