"""What a service has done: counted as it happens, told to who asks. Nothing here grows with the number of requests."""

import time
from bisect import bisect_left
from collections import Counter, deque
from itertools import chain
from typing import Any, NamedTuple

from freehold.model.report import Report

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
"""Upper bounds of the classes into which the durations of requests fall, in seconds; longer ones are a class more."""

SPAN = 60
"""Seconds over which throughput is told."""

_SLOWEST = 10
_SIGNATURES = 1_000
_TEN_MINUTES = 600.0


class Slow(NamedTuple):
    """A request that took long.

    Attributes:
        seconds: from its arrival to its answer.
        name: of the file, as its client calls it.
        size: in bytes.
        file_type: as identified.
    """

    seconds: float
    name: str
    size: int
    file_type: str


class _Second:
    __slots__ = ("bytes", "moment", "requests")

    def __init__(self, moment: int) -> None:
        self.moment = moment
        self.requests = 0
        self.bytes = 0


class Statistics:
    """Counts.

    Attributes:
        began: when counting began, in seconds since the epoch.
        requests: how many were answered.
        bytes: that they had.
        verdicts: how many requests ended with each.
        problems: how many requests named which kind of problem first.
        durations: how many requests fell into each class of ``BOUNDS``.
        seconds: that all requests took together, from arrival to answer.
        lost: workers that were lost.
        refused: requests for content that has cost workers before.
        reloads: databases that were taken into use.
    """

    def __init__(self) -> None:
        self.began = time.time()
        self.requests = 0
        self.bytes = 0
        self.verdicts: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()
        self.durations = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.lost = 0
        self.refused = 0
        self.reloads = 0
        self._signatures: Counter[str] = Counter()
        self._span: deque[_Second] = deque([_Second(0)], maxlen=SPAN + 1)
        self._slow: list[list[Slow]] = [[], []]
        self._slow_since = time.monotonic()

    def add(self, name: bytes, report: Report, seconds: float) -> None:
        """Count a request that has been answered."""
        self.requests += 1
        self.bytes += report.size
        self.seconds += seconds
        self.durations[bisect_left(BOUNDS, seconds)] += 1
        self.verdicts[report.verdict.value if report.detections or report.problems else "clean"] += 1
        for detection in report.detections:
            self._count(detection.name)
        if report.problems:
            self.problems[report.problems[0].kind.value] += 1
        now = time.monotonic()
        second = self._span[-1]
        if second.moment != int(now):
            second = _Second(int(now))
            self._span.append(second)
        second.requests += 1
        second.bytes += report.size
        slow = self._slow[0]
        if len(slow) < _SLOWEST or seconds > slow[-1].seconds:
            self._note_slow(Slow(seconds, name.decode("utf-8", "backslashreplace"), report.size, report.file_type), now)

    def told(self) -> dict[str, Any]:
        """Return everything, as JSON knows it."""
        now = int(time.monotonic())
        recent = [second for second in self._span if now - SPAN <= second.moment < now]
        span = max(min(SPAN, time.time() - self.began), 1.0)
        return {
            "began": self.began,
            "requests": self.requests,
            "bytes": self.bytes,
            "verdicts": dict(self.verdicts),
            "problems": dict(self.problems),
            "seconds": self.seconds,
            "durations": {"bounds": BOUNDS, "counts": self.durations},
            "requests_per_second": sum(second.requests for second in recent) / span,
            "bytes_per_second": sum(second.bytes for second in recent) / span,
            "lost_workers": self.lost,
            "refused": self.refused,
            "reloads": self.reloads,
            "slowest": [slow._asdict() for slow in sorted(chain(*self._slow), reverse=True)[:_SLOWEST]],
            "signatures": self._signatures.most_common(_SLOWEST),
        }

    def _count(self, name: str) -> None:
        self._signatures[name] += 1
        if len(self._signatures) > _SIGNATURES:
            self._signatures = Counter(dict(self._signatures.most_common(_SIGNATURES // 2)))

    def _note_slow(self, slow: Slow, now: float) -> None:
        """Keep the slowest of the last ten to twenty minutes."""
        if now - self._slow_since > _TEN_MINUTES:
            self._slow_since = now
            self._slow = [[], self._slow[0]]
        slowest = self._slow[0]
        slowest.append(slow)
        slowest.sort(reverse=True)
        del slowest[_SLOWEST:]
