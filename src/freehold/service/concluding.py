"""What follows from a finding in a service: lists say what counts, and infected files go into the quarantine.

Only files that have a place of their own are taken, never what came as a stream. A service has no end at which it
could look back as a scan does (``quarantining``), so the breaker looks at the last hour.
"""

import asyncio
import os
import time
from collections import Counter, deque
from collections.abc import Iterator
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.model.report import Action, Allowed, Outcome, Problem, ProblemKind, Report, Verdict
from freehold.service.clerks import ClerkLost, Clerks, Errands, Item
from freehold.service.crew import name_of
from freehold.service.entry import Entry, Finished
from freehold.service.statuses import from_status, to_status

if TYPE_CHECKING:
    from freehold.responses.quarantine.vault import Vault
    from freehold.service.lists.judging import Lists
    from freehold.service.quarantining import Breaker

HOUR = 60
"""Minutes that the breaker looks back."""

PATIENCE = 60.0
"""Seconds that lists and the quarantine get; a file system that does not answer must not keep findings from clients."""

_NO_SUCH_FILE = "content that came without a file that its sender may move is not taken"


class Consequences(NamedTuple):
    """What is done with what is found.

    Attributes:
        lists: what is allowed and denied; None when there are none.
        vault: takes infected files; None to leave them where they are.
        breaker: when a signature is not believed any more; None to believe every one.
    """

    lists: "Lists | None" = None
    vault: "Vault | None" = None
    breaker: "Breaker | None" = None

    def errands(self) -> Errands:
        """Return what clerks must be able to do for ``Conclusions``."""
        return {"conclude": self._conclude}

    def _conclude(self, fd: int, wire: Any, place: list[Any], held: str, all_matches: bool) -> Iterator[Item]:
        from freehold.responses.quarantine.names import true_path

        path, status = place
        item = Finished(true_path(fd, os.fsencode(path)), Report.from_wire(wire), fd, to_status(status))
        try:
            if self.lists:
                self.lists.judge(item, all_matches=all_matches)
            if self.vault and item.report.verdict is Verdict.INFECTED:
                self._take(self.vault, item, held)
        finally:
            os.close(fd)
        yield Item(_to_wire(item.report))

    def _take(self, vault: "Vault", item: Finished, held: str) -> None:
        from freehold.service import quarantining

        if item.status is None:
            item.report.actions.append(Action(Outcome.REFUSED, _NO_SUCH_FILE))
        elif why := held or (quarantining.of_package(item) if self.breaker else ""):
            item.report.actions.append(Action(Outcome.HELD_BACK, why))
        else:
            quarantine = quarantining.Quarantine(vault, None, lambda: 0)
            quarantine.respond(item.path, item.fd, item.report, item.status)


class Conclusions:
    """Draws them; made on the running event loop.

    Args:
        consequences: what is done.
        clerks: who can do it.
        hour: what the breaker looks back at.
    """

    def __init__(self, consequences: Consequences, clerks: Clerks, hour: "Hour") -> None:
        self._consequences = consequences
        self._clerks = clerks
        self._hour = hour

    @property
    def wants_all_matches(self) -> bool:
        """Whether an examination must go on after a detection, as that one may be allowed."""
        lists = self._consequences.lists
        return lists is not None and lists.wants_all_matches

    async def draw(self, entry: Entry, report: Report, *, all_matches: bool) -> Report:
        """Return what counts of a report, with what was done because of it.

        Args:
            entry: open.
            report: of its examination.
            all_matches: whether whoever asked wants to know everything.
        """
        held = self._note(entry, report)
        if entry.fd is None or not self._concern(entry, report):
            return report
        place = [os.fsdecode(entry.path), from_status(entry.status)]
        arguments = (report.to_wire(), place, held, all_matches)
        try:
            async with asyncio.timeout(PATIENCE), self._clerks.errand("conclude", *arguments, fd=entry.fd) as errand:
                async for item in errand:
                    return _from_wire(report, item.values)
        except (ClerkLost, TimeoutError) as error:
            report = copy(report)  # others may have the same one
            detail = f"lists and quarantine cannot be asked: {str(error) or 'they take too long'}"
            report.problems = [*report.problems, Problem(ProblemKind.INTERNAL, name_of(entry), detail)]
        return report

    def _concern(self, entry: Entry, report: Report) -> bool:
        lists, vault, _ = self._consequences
        if vault and report.verdict is Verdict.INFECTED:
            return True
        return lists is not None and lists.concern(Finished(entry.path, report, entry.fd, entry.status))

    def _note(self, entry: Entry, report: Report) -> str:
        """Count a file that could be taken; returns why it is not, if a signature has hit too much."""
        breaker = self._consequences.breaker
        if not (breaker and self._consequences.vault and entry.status is not None):
            return ""
        from freehold.service.quarantining import infections, objection

        names = infections(report) if report.detections else set()
        self._hour.add(names)
        if not names:
            return ""
        examined, hits = self._hour.sum()
        tripped = {name: hits[name] for name in names if breaker.trips(hits[name], examined)}
        return objection(report, tripped, examined, "within an hour")


class Hour:
    """Counts files, and those that signatures have hit, minute by minute."""

    def __init__(self) -> None:
        self._minutes: deque[tuple[int, Counter[str]]] = deque(maxlen=HOUR)

    def add(self, names: set[str]) -> None:
        """Count a file with what hit it."""
        minute = int(time.monotonic() // 60)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Counter()))
        self._minutes[-1][1].update(["", *names])

    def sum(self) -> tuple[int, Counter[str]]:
        """Return how many files there were, and how many each signature has hit."""
        first = int(time.monotonic() // 60) - HOUR
        hits: Counter[str] = Counter()
        for minute, counted in self._minutes:
            if minute > first:
                hits.update(counted)
        return hits.pop("", 0), hits


def _to_wire(report: Report) -> list[Any]:
    allowed = Report(detections=[one.detection for one in report.allowed])
    why = [[one.entry, one.why] for one in report.allowed]
    return [report.to_wire(), allowed.to_wire(), why, report.actions]


def _from_wire(before: Report, wire: list[Any]) -> Report:
    counting, allowed, why, actions = wire
    report = Report.from_wire(counting)
    report.nodes = before.nodes
    found = Report.from_wire(allowed).detections
    report.allowed = [Allowed(detection, *reason) for detection, reason in zip(found, why, strict=True)]
    report.actions = [Action(Outcome(outcome), detail, item) for outcome, detail, item in actions]
    return report
