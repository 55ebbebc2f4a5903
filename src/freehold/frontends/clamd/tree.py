"""SCAN and its sisters: files and folders that local clients name."""

import asyncio
import os
import stat
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from freehold.frontends.clamd import replies
from freehold.frontends.clamd.commands import Command
from freehold.frontends.clamd.policy import Rules
from freehold.frontends.judgement import one_line
from freehold.model.report import Report
from freehold.service.dispatch import Dispatcher
from freehold.service.entry import Entry
from freehold.service.walk import Walk

_AHEAD = 2
"""Files for each worker that are opened before the answer about the first one of them is there."""

_Begun = tuple[Entry, "asyncio.Future[Report]"]


class Client(NamedTuple):
    """Who wants to know.

    Attributes:
        say: sends one answer.
        note: takes every report, for the log.
        gone: whether nobody waits for answers any more.
    """

    say: Callable[[bytes], Awaitable[None]]
    note: Callable[[bytes, Report], None]
    gone: Callable[[], bool]


async def scan_tree(
    command: Command,
    dispatcher: Dispatcher,
    rules: Rules,
    client: Client,
) -> None:
    """Examine what a path names, and answer.

    A line for each file with a finding or an error; OK for the whole when there was none. SCAN and ALLMATCHSCAN end
    with the first file in which something is found.
    """
    path = command.argument
    label = replies.path_label(path, command.end)
    if complaint := _obstacle(path):
        await client.say(b"%s: %s ERROR" % (label, complaint))
        return
    once = command.name in {"SCAN", "ALLMATCHSCAN"}
    every = command.name == "ALLMATCHSCAN"
    quiet = True
    entries = (entry for entry in Walk(rules.walk).entries([os.path.realpath(path)]))  # noqa: ASYNC240 - as the walk
    begun: deque[_Begun] = deque()
    try:
        with closing(entries):
            while _open_ahead(entries, begun, dispatcher, 1 if once else _AHEAD * dispatcher.jobs, every=every):
                entry, examination = begun[0]
                report = await examination
                begun.popleft()
                client.note(entry.path, report)
                name = replies.path_label(entry.path, command.end)
                for words in replies.verdict(name, report, rules.incomplete, all_matches=every):
                    quiet = False
                    await client.say(words)
                if client.gone() or (once and report.detections):
                    return
    finally:
        for _, examination in begun:
            examination.cancel()
    if quiet:
        await client.say(label + b": OK")


def _open_ahead(
    entries: Iterator[Entry], begun: deque[_Begun], dispatcher: Dispatcher, most: int, *, every: bool
) -> bool:
    """Open files and have them examined, up to so many at once; whether there is anything to wait for."""
    while len(begun) < most and (entry := next(entries, None)):
        entry.all_matches = every
        begun.append((entry, asyncio.ensure_future(_report(entry, dispatcher))))
    return bool(begun)


async def _report(entry: Entry, dispatcher: Dispatcher) -> Report:
    if entry.problem is not None:
        return Report(entry.size, problems=[entry.problem])
    return await dispatcher.examine(entry)


def _obstacle(path: bytes) -> bytes:
    """Say why a path cannot be examined, b"" when it can."""
    try:
        mode = os.stat(path).st_mode if path.startswith(b"/") else None  # noqa: PTH116 - paths are bytes
    except (OSError, ValueError) as error:
        return b"File path check failure: %s." % one_line(getattr(error, "strerror", None) or str(error)).encode()
    if mode is None:
        return b"File path check failure: No such file or directory."
    return b"" if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else b"Not supported file type"
