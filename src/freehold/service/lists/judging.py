"""Applying the lists to finished reports.

An allowed detection is moved aside, never forgotten: reports show it with the entry that allows it. What is denied is
infected, whatever else a list says. Digests are computed here, from the file itself: a worker that was taken over
could claim any.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from freehold.model.limits import Limits
from freehold.model.report import Allowed, Detection, Problem, ProblemKind, Verdict
from freehold.responses.quarantine import names
from freehold.service.entry import Finished
from freehold.service.lists.entry import ALLOW, DENIED, DENY, Entry
from freehold.service.lists.holes import hole

CATEGORY = "denied"


class Lists:
    """The entries that count today.

    Args:
        entries: of all files.
        all_matches: whether the user wants to see all detections of a file.
        today: by default, today.

    Attributes:
        notices: what the user should know: entries that have expired, and those that open a hole.
    """

    def __init__(self, entries: Iterable[Entry], *, all_matches: bool = False, today: date | None = None) -> None:
        today = today or datetime.now(UTC).date()
        listed = list(entries)
        counting = [entry for entry in listed if not entry.is_expired(today)]
        self.notices = [
            f"entry {entry.identifier} ({entry.conditions}) has expired on {entry.expires} and does not count"
            for entry in listed
            if entry.is_expired(today)
        ]
        self._all_matches = all_matches
        self._allow = [entry for entry in counting if entry.kind == ALLOW]
        self._deny = {entry.identifier: entry for entry in counting if entry.kind == DENY}
        self._denied_names = {entry.signature: entry for entry in self._deny.values() if entry.signature}
        self._denied_paths = [entry for entry in self._deny.values() if entry.path]
        self.notices += [f"entry {entry.identifier}: {why}" for entry in self._allow if (why := hole(entry.path))]

    @property
    def wants_all_matches(self) -> bool:
        """Whether a scan must go on after a detection, as that one may be allowed and a later one not."""
        return any(entry.signature for entry in self._allow)

    @property
    def denies_paths(self) -> bool:
        """Whether files are denied by their paths, also those that are known to be clean."""
        return bool(self._denied_paths)

    def hash_lines(self) -> str:
        """Return the denied digests as signatures, in ClamAV's format of a ``.hsb`` file."""
        lines = []
        for entry in self._deny.values():
            if entry.sha256:
                size, level = ("*", ":73") if entry.size is None else (str(entry.size), "")
                lines.append(f"{entry.sha256}:{size}:{DENIED}{entry.identifier}{level}\n")
        return "".join(sorted(lines))

    def applied(self, finished: Iterator[Finished]) -> Iterator[Finished]:
        """Hand on what comes in, judged."""
        for item in finished:
            self.judge(item, all_matches=self._all_matches)
            yield item

    def concern(self, item: Finished) -> bool:
        """Whether ``judge`` might change anything; this asks no file system."""
        return bool(item.report.detections) or any(entry.covers(_place(item)) for entry in self._denied_paths)

    def judge(self, item: Finished, *, all_matches: bool) -> None:
        """Change a report into what counts.

        Args:
            item: an examined file, which may be read.
            all_matches: keep what comes after the first detection that means *infected*.
        """
        if self._denied_paths:
            self._deny_path(item)
        if item.report.detections:
            self._judge(item, all_matches=all_matches)

    def _deny_path(self, item: Finished) -> None:
        place = _place(item)
        for entry in self._denied_paths:
            if entry.covers(place):
                name = os.fsdecode(place.rpartition(b"/")[2])
                item.report.detections.append(
                    Detection(f"{DENIED}{entry.identifier}", name, 0, 0, entry.file, CATEGORY, description=entry.reason)
                )

    def _judge(self, item: Finished, *, all_matches: bool) -> None:
        report = item.report
        is_cut = len(report.detections) >= Limits().detections
        allowing = self._allowing(item)
        kept = []
        for detection in report.detections:
            denied = self._denied(detection)
            entry = None if denied else next((e for e in allowing if e.signature in {"", detection.name}), None)
            if denied:
                kept.append(denied)
            elif entry:
                report.allowed.append(Allowed(detection, entry.identifier, entry.why))
            else:
                kept.append(detection)
        report.detections[:] = kept if all_matches or not self.wants_all_matches else _until_infected(kept)
        if is_cut and report.allowed and not report.detections:
            detail = "more was found than is kept; what is behind the allowed detections is not known"
            report.problems.append(Problem(ProblemKind.LIMIT, "", detail))

    def _denied(self, detection: Detection) -> Detection | None:
        """Return a denied detection as it counts, None when nobody denies it."""
        if detection.category == CATEGORY:
            return detection
        if detection.name in self._denied_names:
            return detection._replace(verdict=Verdict.INFECTED)
        entry = self._deny.get(detection.name.removeprefix(DENIED)) if detection.name.startswith(DENIED) else None
        if entry is None:
            return None
        return detection._replace(source=entry.file, category=CATEGORY, description=entry.reason)

    def _allowing(self, item: Finished) -> list[Entry]:
        """Return the entries whose conditions on the file hold."""
        if not self._allow:
            return []
        place = _place(item)
        candidates = [entry for entry in self._allow if entry.covers(place)]
        if not any(entry.sha256 for entry in candidates):
            return candidates
        digest = _digest(item)
        return [entry for entry in candidates if entry.sha256 in {"", digest}]


def _until_infected(detections: list[Detection]) -> list[Detection]:
    """Return what an examination would have yielded that ends with the first infection."""
    for number, detection in enumerate(detections, 1):
        if detection.verdict is Verdict.INFECTED:
            return detections[:number]
    return detections


def _place(item: Finished) -> bytes:
    return os.path.realpath(item.path) if item.fd is None else names.true_path(item.fd, item.path)


def _digest(item: Finished) -> str:
    if item.fd is None:
        return "unknown"
    try:
        return names.digest(item.fd)
    except OSError:
        return "unknown"
