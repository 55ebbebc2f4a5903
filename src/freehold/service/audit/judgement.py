"""What the rules say of a product on a day."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from freehold.model.policy import Law, PolicySet, Product, Prohibition, applies, day_in, in_force, to_come


class Ruling(NamedTuple):
    """What one rule says of one product.

    Attributes:
        law: the rule.
        day: that was asked for, in the rule's time zone.
        now: what it prohibits on that day, the oldest prohibition first.
        later: what it will prohibit, with the days that are left, the nearest first.
    """

    law: Law
    day: date
    now: tuple[Prohibition, ...]
    later: tuple[tuple[Prohibition, int], ...]


def rulings(
    policies: PolicySet, product: Product, moment: datetime | date, jurisdictions: Iterable[str] = ()
) -> Iterator[Ruling]:
    """Yield what each rule that covers a product says of it.

    Args:
        policies: whose rules count.
        product: what was found.
        moment: a point in time, which is a day of its own for each rule, or a day, which is the same for all.
        jurisdictions: only rules of these; all when there are none.
    """
    wanted = frozenset(jurisdictions)
    for law in policies.laws:
        if applies(law, product) and (not wanted or law.jurisdiction in wanted):
            day = day_in(law, moment) if isinstance(moment, datetime) else moment
            yield Ruling(law, day, tuple(in_force(law, day)), tuple(to_come(law, day)))
