"""What Prometheus reads: numbers of the service, and of this way in. Source: text-based exposition format 0.0.4."""

import time
from collections.abc import Iterator, Mapping

from freehold import __version__
from freehold.frontends.http.host import Host
from freehold.model.report import ProblemKind, Verdict
from freehold.service.statistics import BOUNDS, Statistics

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(host: Host, responses: Mapping[int, int], pending_jobs: int) -> str:
    """Return everything as Prometheus reads it.

    Args:
        host: the service.
        responses: over HTTP, by status.
        pending_jobs: that are not done.
    """
    lines = (*_service(host), *_examinations(host.dispatcher.statistics), *_front_end(responses, pending_jobs))
    return "".join(f"{line}\n" for line in lines)


def _service(host: Host) -> Iterator[str]:
    work = host.dispatcher
    yield from _family("build_info", "gauge", "The program.", {f'version="{__version__}"': 1})
    for name, kind, what, value in (
        ("start_timestamp_seconds", "gauge", "When the service began.", work.statistics.began),
        ("workers", "gauge", "Workers at most.", work.jobs),
        ("workers_busy", "gauge", "Workers that have something to do.", work.busy),
        ("workers_lost_total", "counter", "Workers that died or had to be stopped.", work.statistics.lost),
        ("queue_length", "gauge", "Requests that no worker has yet.", work.queued),
        ("reloads_total", "counter", "Databases that were taken into use.", work.statistics.reloads),
        ("database_timestamp_seconds", "gauge", "When the newest database was compiled.", host.database_time),
        ("database_age_seconds", "gauge", "Its age.", max(time.time() - host.database_time, 0)),
    ):
        yield from _family(name, kind, what, {"": value})


def _examinations(done: Statistics) -> Iterator[str]:
    verdicts = {f'verdict="{verdict.value}"': done.verdicts[verdict.value] for verdict in Verdict}
    problems = {f'kind="{kind.value}"': done.problems[kind.value] for kind in ProblemKind}
    yield from _family("requests_total", "counter", "Examinations by verdict, of all ways in.", verdicts)
    yield from _family("problems_total", "counter", "Why something was not examined.", problems)
    yield from _family("bytes_total", "counter", "Bytes that came to be examined.", {"": done.bytes})
    yield from _family("refused_total", "counter", "Contents that have cost workers before.", {"": done.refused})
    name = "freehold_request_duration_seconds"
    yield f"# HELP {name} From the end of a content to its verdict, the time in the queue included."
    yield f"# TYPE {name} histogram"
    below = 0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), done.durations, strict=True):
        below += count
        yield f'{name}_bucket{{le="{bound}"}} {below}'
    yield from (f"{name}_sum {done.seconds:.6f}", f"{name}_count {below}")


def _front_end(responses: Mapping[int, int], pending_jobs: int) -> Iterator[str]:
    codes = {f'code="{status}"': count for status, count in sorted(responses.items())}
    yield from _family("http_responses_total", "counter", "Responses over HTTP.", codes)
    yield from _family("http_jobs_pending", "gauge", "Jobs that are not done.", {"": pending_jobs})


def _family(name: str, kind: str, what: str, values: Mapping[str, float]) -> Iterator[str]:
    yield from (f"# HELP freehold_{name} {what}", f"# TYPE freehold_{name} {kind}")
    for label, value in values.items():
        yield f"freehold_{name}{{{label}}} {value}" if label else f"freehold_{name} {value}"
