"""``freehold serve``: the daemon."""

import argparse
import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from freehold.frontends.cli import (
    options,
    resolving,
    responding,
    serve_clamd,
    serve_control,
    serve_http,
    serve_icap,
    serve_milter,
    serve_token,
    serve_units,
    update_watch,
)
from freehold.frontends.cli.resolving import Wanted
from freehold.frontends.intake import Intake
from freehold.model.errors import UsageError
from freehold.service import manager
from freehold.service.clerks import Clerks, Errands, Item
from freehold.service.daemon import Daemon, Prepared
from freehold.service.log import Log
from freehold.service.pool import processors
from freehold.service.station import Staffing

_FRONT_ENDS = {
    "clamd": serve_clamd,
    "icap": serve_icap,
    "milter": serve_milter,
    "http": serve_http,
    "control": serve_control,
}
"""By the name that systemd knows their sockets by; each adds its options, listens, and starts."""

_Listeners = dict[str, list[socket.socket]]

_EXAMPLES = """\
SIGHUP loads the databases anew, SIGTERM lets clients finish and ends. RELOAD and SHUTDOWN of clamd's protocol are
understood from root and from the daemon's own user, over the Unix socket only.

exit status: 0 ended as asked, 3 or higher: usage or internal errors

examples:
  freehold serve --socket /run/freehold/clamd.sock
  freehold serve --check                         load and try the databases, and say what would be served
  freehold serve --tcp 127.0.0.1:3310 --incomplete found
  freehold serve --icap 127.0.0.1:1344           examine for a proxy, too
  freehold serve --milter /run/freehold/milter.sock --milter-header   and for a mail server
  freehold serve --http 127.0.0.1:8080           serve a web API, and a page for people who drop a file
  freehold serve token add nextcloud             make a token for the web API
  freehold serve --units show                    look at the units with which systemd runs it
  freehold config import /etc/clamav/clamd.conf  turn clamd's configuration into Freehold's
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("--check", action="store_true", help="load and try everything, and end without serving")
    units = parser.add_argument_group("units for systemd")
    units.add_argument(
        "--units", choices=["show", "install"], help=f"show units, or write them to {serve_units.SYSTEM}, and end"
    )
    units.add_argument(
        "--files",
        action="store_true",
        help="units of a daemon with the rights to read what clients name, and to move it into the quarantine",
    )
    for front_end in _FRONT_ENDS.values():
        front_end.add_arguments(parser)
    parser.add_argument("--jobs", type=options.count, metavar="N", help="workers (default: one for each core)")
    parser.add_argument(
        "--log", choices=["text", "json"], default="text", help="form of the lines on standard error (default: text)"
    )
    responding.add_arguments(parser.add_argument_group("what is done with what is found"))
    options.add_examination(parser)
    options.add_unwanted(parser)
    serve_token.add_parser(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until somebody ends it."""
    if args.verb == "token":
        return serve_token.run(args)
    if sys.platform != "linux":
        raise UsageError("the daemon needs Linux: its workers get their files over Unix sockets and are locked down")
    if args.units:
        serve_units.act(args.units, files=args.files)
        return 0
    serve_http.check(args)
    with _listening(args) as listeners:
        asyncio.run(_serve(args, listeners))
    return 0


async def _serve(args: argparse.Namespace, listeners: _Listeners) -> None:
    limits = options.limits_of(args)
    passwords = options.passwords_of(args)
    jobs = args.jobs or processors()
    staffing = Staffing(limits, jobs, confine=not args.unsafe_no_sandbox, passwords=passwords)
    errands: Errands = {"state": partial(_state, args), **resolving.errands()}
    daemon = Daemon(staffing, partial(_prepare, args), Log(as_json=args.log == "json"), errands)
    try:
        await daemon.load()
    except BaseException:
        daemon.close()
        raise
    if args.check:
        print(f"{daemon.version}: {jobs} workers, {daemon.dispatcher.sandbox}")
        daemon.close()
        return
    if not args.database:
        daemon.dispatcher.on_loss = update_watch.report_lost_workers
    bounds, intake = serve_clamd.bounds(args), Intake(args.max_streams)
    servers = [
        server
        for name, front_end in _FRONT_ENDS.items()
        for server in front_end.start(args, listeners[name], daemon, bounds, intake)
    ]
    try:
        await daemon.run(servers)
    finally:
        for server in servers:
            server.close()


async def _prepare(args: argparse.Namespace, clerks: Clerks) -> Prepared:
    """Read the lists, and find the databases with what they deny; raises ``UsageError``."""
    consequences = responding.open_consequences(args)
    lists = consequences.lists
    bundles = await resolving.found(clerks, Wanted(args.database, args.detect_pua, lists.hash_lines() if lists else ""))
    return Prepared(bundles, consequences, lists.notices if lists else ())


def _state(args: argparse.Namespace, _: int) -> Iterator[Item]:
    """Yield what changes when ``_prepare`` would find something else; lists do so at midnight, when entries expire."""
    from freehold.frontends.cli import databases

    with contextlib.suppress(databases.NotCompiled, UsageError):  # what is in use stays in the cache
        databases.resolve(args.database, unwanted=args.detect_pua, compiles=False)
    files = responding.lists_files(args)
    yield Item([databases.state(args.database, files) + (time.strftime("%F", time.gmtime()) if files else "")])


@contextlib.contextmanager
def _listening(args: argparse.Namespace) -> Iterator[_Listeners]:
    """Open what is listened on: first, so that a second daemon ends before it loads anything."""
    inherited = manager.inherited()
    if unknown := inherited.keys() - _FRONT_ENDS.keys():
        raise UsageError(f"no front end is called '{min(unknown)}': see FileDescriptorName= of the socket's unit")
    if not (args.socket or "clamd" in inherited):
        args.socket = _usual_socket()
    with contextlib.ExitStack() as stack:
        found = {}
        for name, front_end in _FRONT_ENDS.items():
            found[name] = [stack.enter_context(listener) for listener in inherited.get(name, [])]
            for listener in [] if args.check else front_end.listen(args):
                found[name].append(stack.enter_context(listener))
                if listener.family == socket.AF_UNIX:
                    stack.callback(Path(listener.getsockname()).unlink, missing_ok=True)
        yield found


def _usual_socket() -> Path:
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    if not folder:
        raise UsageError("there is no usual place for the socket: name one with --socket")
    return Path(folder, "freehold", "clamd.sock")
