"""The audits of many machines, put together: the latest of each counts, the earlier ones show progress."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from freehold.responses.audit.record import Record
from freehold.responses.audit.sealed import Opened
from freehold.responses.wording import count_text, printable


class Machine(NamedTuple):
    """What the latest audit of one machine, or of the same targets on it, says.

    Attributes:
        name: of the machine, with the targets where they are not the machine itself.
        key: the first digits of its key's fingerprint.
        began: when.
        found: the names of the products that it found.
        laws: the rules that prohibit one of these on the day that was asked for.
        weak: how many signs there are to look at.
        complete: whether everything could be examined.
    """

    name: str
    key: str
    began: str
    found: tuple[str, ...]
    laws: tuple[str, ...]
    weak: int
    complete: bool


class Day(NamedTuple):
    """How things stood at the end of a day, by what was known then."""

    day: str
    affected: int
    known: int


class Organisation:
    """Many audits.

    Attributes:
        machines: by name.
        products: machines by product that was found there.
        laws: machines by rule that prohibits something found there on the day that was asked for.
        days: those with an audit, the oldest first.
    """

    def __init__(self, opened: Sequence[Opened]) -> None:
        ordered = sorted(opened, key=lambda item: str(item.record["began"]))
        latest = {_identity(item): item for item in ordered}
        self.machines = sorted(map(_machine, latest.values()))
        self.products = Counter(name for machine in self.machines for name in machine.found)
        self.laws = Counter(law for machine in self.machines for law in machine.laws)
        self.days = _days(ordered)

    @property
    def affected(self) -> int:
        """How many machines have a prohibited product."""
        return sum(bool(machine.found) for machine in self.machines)


def organisation_lines(opened: Sequence[Opened]) -> Iterator[str]:
    """Yield the audits of many machines."""
    whole = Organisation(opened)
    yield f"{whole.affected:,} of {count_text(len(whole.machines), 'machine')} with a prohibited product"
    for machine in whole.machines:
        found = ", ".join(machine.found) or "nothing found"
        weak = f", {machine.weak:,} to look at" if machine.weak else ""
        cut = "" if machine.complete else ", not complete"
        yield f"  {printable(machine.name)} (key {machine.key}), {machine.began}: {printable(found)}{weak}{cut}"
    yield from _count_lines("machines by product:", whole.products)
    yield from _count_lines("machines by rule in force:", whole.laws)
    yield "progress:"
    yield from (f"  {day.day}: {day.affected:,} of {day.known:,}" for day in whole.days)


def _count_lines(title: str, counts: Counter[str]) -> Iterator[str]:
    if counts:
        yield title
        yield from (f"  {count:,}  {printable(name)}" for name, count in counts.most_common())


def _identity(item: Opened) -> tuple[object, ...]:
    return (*item.machine, tuple(sorted(item.record["targets"])))


def _found(record: Record) -> list[dict[str, Any]]:
    return [finding for finding in record["findings"] if finding["found"]]


def _machine(item: Opened) -> Machine:
    record = item.record
    targets = "" if record["targets"] == ["/"] else f": {', '.join(record['targets'])}"
    return Machine(
        record["machine"] + targets,
        item.fingerprint[:16],
        record["began"],
        tuple(sorted({finding["name"] for finding in _found(record)})),
        tuple(sorted({r["law"] for finding in _found(record) for r in finding["rulings"] if r["now"]})),
        sum(not finding["found"] for finding in record["findings"]),
        record["complete"],
    )


def _days(ordered: Sequence[Opened]) -> list[Day]:
    state: dict[tuple[object, ...], bool] = {}
    days: dict[str, Day] = {}
    for item in ordered:
        state[_identity(item)] = bool(_found(item.record))
        day = item.record["began"][:10]
        days[day] = Day(day, sum(state.values()), len(state))
    return list(days.values())
