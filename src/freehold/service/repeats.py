"""Contents that come again: the same bytes have the same report, as long as the same database looks at them.

Mail servers send the same pictures and attachments many times. A content is told by its size and its SHA-256, which is
computed while it arrives: who can make two contents alike there could as well have broken every signature update.
What Freehold itself failed at is never remembered, and what could not be examined completely for some minutes only, as
the reason may have been a busy machine.
"""

import time
from collections import OrderedDict

from freehold.model.report import ProblemKind, Report
from freehold.service.entry import Entry

MOST = 10_000
"""Reports that are remembered; the one that nobody asked for the longest goes first."""

LIFETIME = 300.0
"""Seconds for which a report with problems is remembered."""

_FAILURES = frozenset(
    {ProblemKind.CRASHED, ProblemKind.TIMEOUT, ProblemKind.INTERNAL, ProblemKind.UNREADABLE, ProblemKind.CHANGED}
)
_DETAILS = 8
"""Detections and problems of a report that is remembered; longer ones are rare, and take memory."""

_Key = tuple[bytes, int, str, bool]


class Repeats:
    """Remembers the reports that one database made."""

    def __init__(self) -> None:
        self._reports: OrderedDict[_Key, tuple[Report, float]] = OrderedDict()

    def find(self, entry: Entry, name: str) -> Report | None:
        """Return the report of this content, which nobody may change.

        Args:
            entry: whose ``digest`` is known, or there is no report.
            name: by which a worker would know it.
        """
        if not entry.digest or entry.tree:
            return None
        key = _key(entry, name)
        found = self._reports.get(key)
        if found is None:
            return None
        report, expiry = found
        if expiry < time.monotonic():
            del self._reports[key]
            return None
        self._reports.move_to_end(key)
        return report

    def note(self, entry: Entry, name: str, report: Report) -> None:
        """Remember a report, if it says what another examination would say."""
        problems = report.problems
        if not entry.digest or entry.tree or len(report.detections) + len(problems) > _DETAILS:
            return
        if any(problem.kind in _FAILURES for problem in problems):
            return
        expiry = time.monotonic() + LIFETIME if problems else float("inf")
        self._reports[_key(entry, name)] = report, expiry
        if len(self._reports) > MOST:
            self._reports.popitem(last=False)


def _key(entry: Entry, name: str) -> _Key:
    return entry.digest, entry.size, name, entry.all_matches
