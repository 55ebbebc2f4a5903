"""What Prometheus reads: numbers of the service, and of this way in. Source: text-based exposition format 0.0.4."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping

from freehold import __version__
from freehold.frontends.http.host import Host
from freehold.model.report import Report, Verdict

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Of the histogram of durations, in seconds."""


class Metrics:
    """Counts since the start."""

    def __init__(self) -> None:
        self._verdicts: Counter[str] = Counter()
        self._responses: Counter[str] = Counter()
        self._durations = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0
        self._bytes = 0

    def responded(self, status: int) -> None:
        """Count a response."""
        self._responses[str(status)] += 1

    def examined(self, report: Report, seconds: float) -> None:
        """Count an examination, which took so many seconds from the end of the content to the verdict."""
        self._verdicts[report.verdict.value] += 1
        self._durations[bisect_left(_BOUNDS, seconds)] += 1
        self._seconds += seconds
        self._bytes += report.size

    def text(self, host: Host, pending_jobs: int) -> str:
        """Return everything as Prometheus reads it."""
        return "".join(f"{line}\n" for line in (*self._service(host), *self._front_end(pending_jobs)))

    def _service(self, host: Host) -> Iterator[str]:
        work = host.dispatcher
        yield from _family("build_info", "gauge", "The program.", {f'version="{__version__}"': 1})
        for name, kind, text, value in (
            ("examined_total", "counter", "Examinations that all ways in have asked for.", work.examined),
            ("workers", "gauge", "Workers at most.", work.jobs),
            ("workers_busy", "gauge", "Workers that have something to do.", work.busy),
            ("queue_length", "gauge", "Requests that no worker has yet.", work.queued),
            ("database_timestamp_seconds", "gauge", "When the newest database was compiled.", host.database_time),
            ("database_age_seconds", "gauge", "Its age.", max(time.time() - host.database_time, 0)),
        ):
            yield from _family(name, kind, text, {"": value})

    def _front_end(self, pending_jobs: int) -> Iterator[str]:
        verdicts = {f'verdict="{verdict.value}"': self._verdicts[verdict.value] for verdict in Verdict}
        responses = {f'code="{status}"': count for status, count in sorted(self._responses.items())}
        yield from _family("http_verdicts_total", "counter", "Examinations over HTTP.", verdicts)
        yield from _family("http_responses_total", "counter", "Responses over HTTP.", responses)
        yield from _family("http_bytes_total", "counter", "Bytes that came to be examined.", {"": self._bytes})
        yield from _family("http_jobs_pending", "gauge", "Jobs that are not done.", {"": pending_jobs})
        buckets, below = {}, 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._durations, strict=True):
            below += count
            buckets[f'_bucket{{le="{bound}"}}'] = below
        name = "freehold_http_examination_seconds"
        yield f"# HELP {name} From the end of a content to its verdict, the time in the queue included."
        yield f"# TYPE {name} histogram"
        yield from (f"{name}{label} {count}" for label, count in buckets.items())
        yield from (f"{name}_sum {self._seconds:.6f}", f"{name}_count {below}")


def _family(name: str, kind: str, text: str, values: Mapping[str, float]) -> Iterator[str]:
    yield from (f"# HELP freehold_{name} {text}", f"# TYPE freehold_{name} {kind}")
    for label, value in values.items():
        yield f"freehold_{name}{{{label}}} {value}" if label else f"freehold_{name} {value}"
