"""What is at which address, and what is answered there."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from freehold import __version__
from freehold.frontends.http import metrics, upload
from freehold.frontends.http.access import Access
from freehold.frontends.http.host import Host
from freehold.frontends.http.jobs import Full, Jobs
from freehold.frontends.http.policy import Rules
from freehold.frontends.http.problems import Problem, Refused, answer
from freehold.frontends.intake import Arrival, Intake
from freehold.frontends.wire import HungUp
from freehold.responses.explanation import explanation_object
from freehold.responses.report_jsonl import file_object
from freehold.service.entry import Entry

_OWN = "freehold.frontends.http"
_FILES = (
    ("/openapi.json", _OWN, "openapi.json", "application/json"),
    ("/", _OWN, "page/index.html", "text/html"),
    ("/page.css", _OWN, "page/page.css", "text/css"),
    ("/page.js", _OWN, "page/page.js", "text/javascript"),
    ("/icon.svg", _OWN, "page/icon.svg", "image/svg+xml"),
    ("/report.css", "freehold.responses", "report.css", "text/css"),
)
"""What is always the same: address, package, file, and what it is. The page looks like Freehold's reports."""


class Api:
    """All addresses.

    Args:
        host: the service.
        rules: for all clients.
        intake: the places for large contents.
        access: who may ask.
        jobs: what is examined while nobody waits.

    Attributes:
        responses: how many had which status.
    """

    def __init__(self, host: Host, rules: Rules, intake: Intake, access: Access, jobs: Jobs) -> None:
        self._host = host
        self._rules = rules
        self._intake = intake
        self._access = access
        self._jobs = jobs
        self.responses: Counter[int] = Counter()

    def application(self) -> Starlette:
        """Return the ASGI application."""
        routes = [
            Route("/v1/scan", self._scan, methods=["POST"]),
            Route("/v1/jobs", self._begin_job, methods=["POST"]),
            Route("/v1/jobs/{identity}", self._job, methods=["GET"]),
            Route("/v1/health", self._health, methods=["GET"]),
            Route("/v1/ready", self._ready, methods=["GET"]),
            Route("/v1/version", self._version, methods=["GET"]),
            Route("/metrics", self._metrics, methods=["GET"]),
            *(Route(address, _fixed(*file), methods=["GET"]) for address, *file in _FILES),
        ]
        return Starlette(routes=routes, exception_handlers=_HANDLERS)

    async def _scan(self, request: Request) -> Response:
        client = self._access.admit(request)
        options = _Options(request, {"name", "tree", "all_matches"})
        async with self._received(request) as (arrival, name):
            text = await _unless_gone(request, self._examine(client, _entry(arrival, name, options), options))
        return _json(text)

    async def _begin_job(self, request: Request) -> Response:
        client = self._access.admit(request)
        options = _Options(request, {"name", "tree", "all_matches", "callback"})
        if options.callback is not None and not self._jobs.may_tell(options.callback):
            raise Refused(403, "this callback is none of the addresses that the administrator allows")
        try:
            self._jobs.make_room()
        except Full as error:
            raise Refused(503, "too many jobs are pending", {"Retry-After": "5"}) from error
        arrival = self._intake.begin()
        try:
            name = await upload.receive(request, arrival, self._rules)
            work = self._examine_and_release(client, arrival, name, options)
        except BaseException:
            arrival.close()
            raise
        job = self._jobs.begin(client, options.callback or "", work)
        return _json(job.text(), 202, {"Location": f"/v1/jobs/{job.identity}", "Retry-After": "1"})

    async def _job(self, request: Request) -> Response:
        client = self._access.admit(request)
        job = self._jobs.find(request.path_params["identity"], client)
        if job is None:
            raise Refused(404, "there is no such job of yours; results are kept for an hour")
        return _json(job.text(), headers={} if job.result else {"Retry-After": "1"})

    async def _health(self, _: Request) -> Response:
        if self._host.dispatcher.failed.done():
            raise Refused(503, "workers cannot be kept alive")
        return _json('{"status": "ok"}')

    async def _ready(self, _: Request) -> Response:
        if self._host.dispatcher.failed.done() or not self._host.dispatcher.bundles:
            raise Refused(503, "no database is in use")
        return _json('{"status": "ready"}')

    async def _version(self, _: Request) -> Response:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._host.database_time))
        told = {"version": __version__, "database": moment, "api": "1", "max_bytes": self._rules.content_bytes}
        return _json(json.dumps(told))

    async def _metrics(self, request: Request) -> Response:
        self._access.admit(request)
        text = metrics.text(self._host, self.responses, self._jobs.pending)
        return Response(text, media_type=metrics.MEDIA_TYPE)

    @asynccontextmanager
    async def _received(self, request: Request) -> AsyncIterator[tuple[Arrival, str]]:
        with self._intake.begin() as arrival:
            yield arrival, await upload.receive(request, arrival, self._rules)

    async def _examine_and_release(self, client: str, arrival: Arrival, name: str, options: "_Options") -> str:
        with arrival:
            return await self._examine(client, _entry(arrival, name, options), options)

    async def _examine(self, client: str, entry: Entry, options: "_Options") -> str:
        report = await self._host.dispatcher.examine(entry)
        self._host.log.verdict(client, entry.path, report)
        return json.dumps((explanation_object if options.tree else file_object)(entry.path, report))


class _Options:
    """What the query of a request asks for; raises ``Refused``.

    Attributes:
        tree: whether the artifacts that are inside are told.
        all_matches: whether the examination goes on after a detection.
        callback: who is told about a job, None for nobody.
    """

    def __init__(self, request: Request, known: set[str]) -> None:
        query = request.query_params
        if unknown := sorted(query.keys() - known):
            raise Refused(400, f"unknown parameter '{unknown[0][:100]}'; known: {', '.join(sorted(known))}")
        self.tree = _flag(query.get("tree", "false"), "tree")
        self.all_matches = _flag(query.get("all_matches", "false"), "all_matches")
        self.callback = query.get("callback")
        upload.checked_name(query.get("name", ""))


def _flag(text: str, name: str) -> bool:
    if text not in {"true", "false"}:
        raise Refused(400, f"{name} takes true or false")
    return text == "true"


def _entry(arrival: Arrival, name: str, options: _Options) -> Entry:
    entry = arrival.entry(name.encode())
    entry.tree = options.tree
    entry.all_matches = options.all_matches
    return entry


async def _unless_gone(request: Request, work: Coroutine[Any, Any, str]) -> str:
    """Return what work returns; gives it up when the client is gone, and raises ``HungUp``."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HungUp
        return await working
    finally:
        leaving.cancel()
        working.cancel()


def _json(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(text.encode("ascii"), status, headers, "application/json")


async def _refuse(_: Request, error: Exception) -> Response:
    """Answer requests for what is not there, or that are no request of its."""
    if not isinstance(error, HTTPException):
        raise error
    detail = "see /openapi.json for what is here" if error.status_code in {404, 405} else error.detail
    return Problem(error.status_code, detail, dict(error.headers or {}))


async def _hung_up(_: Request, _error: Exception) -> Response:
    """Answer who is gone: nothing is sent, but counted."""
    return Response(status_code=499)


async def _internal(_: Request, _error: Exception) -> Response:
    """Answer when something happened that must not happen; whoever called the application hears of it."""
    return Problem(500, "an error of Freehold's own; its log says more")


_HANDLERS: dict[Any, Any] = {Refused: answer, HTTPException: _refuse, HungUp: _hung_up, Exception: _internal}


def _fixed(package: str, name: str, kind: str) -> Any:
    """Return an endpoint that answers with a file of a package, as it was at the start."""
    content = resources.files(package).joinpath(name).read_bytes()

    async def endpoint(_: Request) -> Response:
        return Response(content, media_type=kind)

    return endpoint
