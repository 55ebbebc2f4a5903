"""SCAN and its sisters: files and folders that local clients name."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple

from freehold.frontends.clamd import replies
from freehold.frontends.clamd.commands import Command
from freehold.frontends.clamd.policy import Rules
from freehold.frontends.judgement import one_line
from freehold.model.report import Report
from freehold.service.clerks import ClerkLost, Clerks
from freehold.service.dispatch import Dispatcher
from freehold.service.entry import Entry
from freehold.service.walking import Obstacle, Walked, walked

_ONCE = frozenset({"SCAN", "ALLMATCHSCAN"})
"""Commands that end with the first file in which something is found."""

_AHEAD = 2
"""Files for each worker that are opened before the answer about the first one of them is there."""

_Examination = asyncio.Task[Report]


class Client(NamedTuple):
    """Who wants to know.

    Attributes:
        say: sends one answer.
        note: takes every report, for the log.
        gone: whether nobody waits for answers any more.
        may_move: whether files of an owner may be taken away on its behalf.
    """

    say: Callable[[bytes], Awaitable[None]]
    note: Callable[[bytes, Report], None]
    gone: Callable[[], bool]
    may_move: Callable[[int], bool]


class Examiners(NamedTuple):
    """Who does the work: finds files, and examines them."""

    dispatcher: Dispatcher
    walkers: Clerks


async def scan_tree(command: Command, examiners: Examiners, rules: Rules, client: Client) -> None:
    """Examine what a path names, and answer.

    A line for each file with a finding or an error; OK for the whole when there was none. SCAN and ALLMATCHSCAN end
    with the first file in which something is found.
    """
    label = replies.path_label(command.argument, command.end)
    if not command.argument.startswith(b"/"):
        await client.say(label + b": File path check failure: No such file or directory. ERROR")
        return
    ahead = 1 if command.name in _ONCE else _AHEAD * examiners.dispatcher.jobs
    every = command.name == "ALLMATCHSCAN"
    quiet = True
    try:
        async with walked(examiners.walkers, command.argument, rules.walk, ahead) as entries:
            reports = _reports(entries, ahead, lambda entry: _examine(entry, examiners.dispatcher, client, every=every))
            async with aclosing(reports):
                async for path, report in reports:
                    client.note(path, report)
                    name = replies.path_label(path, command.end)
                    for words in replies.verdict(name, report, rules.incomplete, all_matches=every):
                        quiet = False
                        await client.say(words)
                    if client.gone() or (command.name in _ONCE and report.detections):
                        return
    except Obstacle as obstacle:
        quiet = False
        await client.say(b"%s: %s ERROR" % (label, _complaint(str(obstacle))))
    except ClerkLost as error:
        quiet = False
        await client.say(b"%s: Not fully examined: %s ERROR" % (label, one_line(str(error)).encode()))
    if quiet:
        await client.say(label + b": OK")


async def _reports(
    entries: Walked, most: int, examine: Callable[[Entry], _Examination]
) -> AsyncGenerator[tuple[bytes, Report], None]:
    """Have files examined, up to so many at once, and yield their reports in the order of the walk."""
    begun: deque[tuple[bytes, _Examination]] = deque()
    try:
        while True:
            while len(begun) < most and (entry := await entries.next()):
                begun.append((entry.path, examine(entry)))
            if not begun:
                return
            path, examination = begun[0]
            report = await examination
            begun.popleft()
            yield path, report
    finally:
        for _, examination in begun:
            examination.cancel()


def _examine(entry: Entry, dispatcher: Dispatcher, client: Client, *, every: bool) -> _Examination:
    examination = asyncio.ensure_future(_report(entry, dispatcher, client, every=every))
    examination.add_done_callback(lambda _: dispatcher.release(entry))  # it may be cancelled before it has begun
    return examination


async def _report(entry: Entry, dispatcher: Dispatcher, client: Client, *, every: bool) -> Report:
    if entry.problem is not None:
        return Report(entry.size, problems=[entry.problem])
    entry.all_matches = every
    if entry.status is not None and not client.may_move(entry.status.st_uid):
        entry.status = None
    return await dispatcher.examine(entry)


def _complaint(obstacle: str) -> bytes:
    return f"File path check failure: {one_line(obstacle)}.".encode() if obstacle else b"Not supported file type"
