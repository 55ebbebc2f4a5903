"""``freehold serve``: the daemon."""

import argparse
import asyncio
import contextlib
import os
import resource
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from freehold.frontends.clamd.policy import Rules
from freehold.frontends.clamd.replies import Incomplete
from freehold.frontends.clamd.server import serve
from freehold.frontends.cli import options, responding, serve_icap
from freehold.frontends.cli.resolving import resolve
from freehold.frontends.intake import Intake
from freehold.frontends.listening import tcp_listener, unix_listener
from freehold.model.errors import UsageError
from freehold.model.limits import MIB
from freehold.service.daemon import Daemon, Prepared
from freehold.service.log import Log
from freehold.service.pool import processors
from freehold.service.station import Staffing
from freehold.service.walk import WalkOptions

_RESERVE = 256
"""Descriptors that are not for clients."""

_EXAMPLES = """\
SIGHUP loads the databases anew, SIGTERM lets clients finish and ends. RELOAD and SHUTDOWN of clamd's protocol are
understood from root and from the daemon's own user, over the Unix socket only.

exit status: 0 ended as asked, 3 or higher: usage or internal errors

examples:
  freehold serve --socket /run/freehold/clamd.sock
  freehold serve --check                         load and try the databases, and say what would be served
  freehold serve --tcp 127.0.0.1:3310 --incomplete found
  freehold config import /etc/clamav/clamd.conf  turn clamd's configuration into Freehold's
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """See ``freehold.frontends.cli``."""
    usual = Rules()
    parser.epilog = _EXAMPLES
    parser.add_argument("--check", action="store_true", help="load and try everything, and end without serving")
    group = parser.add_argument_group("clients of clamd's protocol")
    group.add_argument(
        "--socket",
        type=Path,
        metavar="PATH",
        help="Unix socket (default: freehold/clamd.sock below /run, or the user's)",
    )
    group.add_argument("--socket-mode", type=_mode, default=0o660, metavar="MODE", help="its mode (default: 660)")
    group.add_argument(
        "--tcp",
        type=options.address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="listen on this address, too; whoever reaches it may use it (default: none)",
    )
    group.add_argument("--tcp-paths", action="store_true", help="let clients on TCP name files of this machine")
    group.add_argument(
        "--incomplete",
        choices=[policy.value for policy in Incomplete],
        default=usual.incomplete.value,
        help="answer about content that could not be examined completely and in which nothing was found: error, "
        "ok as clamd does, or found (default: %(default)s)",
    )
    group.add_argument(
        "--max-stream",
        type=options.size,
        default=usual.stream_bytes,
        metavar="SIZE",
        help=f"longest content of INSTREAM (default: {usual.stream_bytes // MIB}M)",
    )
    group.add_argument(
        "--max-streams",
        type=options.count,
        default=100,
        metavar="N",
        help="contents above 64K that are kept on disk at once (default: %(default)s)",
    )
    group.add_argument(
        "--max-connections",
        type=options.count,
        default=usual.connections,
        metavar="N",
        help="clients at once; further ones wait (default: %(default)s)",
    )
    for name, value, what in (
        ("command", usual.command_seconds, "send its next command"),
        ("read", usual.read_seconds, "send or take more"),
    ):
        group.add_argument(
            f"--{name}-timeout",
            type=options.seconds,
            default=value,
            metavar="SECONDS",
            help=f"in which a client must {what} (default: %(default)g)",
        )
    serve_icap.add_arguments(parser)
    parser.add_argument("--jobs", type=options.count, metavar="N", help="workers (default: one for each core)")
    parser.add_argument("--one-file-system", action="store_true", help="SCAN does not enter other file systems")
    parser.add_argument("--follow-symlinks", action="store_true", help="SCAN opens what symbolic links point to")
    responding.add_arguments(parser.add_argument_group("what is done with what is found"))
    options.add_examination(parser)
    options.add_unwanted(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until somebody ends it."""
    if sys.platform != "linux":
        raise UsageError("the daemon needs Linux: its workers get their files over Unix sockets and are locked down")
    path = args.socket or _usual_socket()
    with _listening(args, path) as listeners, contextlib.ExitStack() as stack:
        others = [] if args.check else [stack.enter_context(listener) for listener in serve_icap.listen(args)]
        asyncio.run(_serve(args, listeners, others))
    return 0


async def _serve(args: argparse.Namespace, listeners: list[socket.socket], icap: list[socket.socket]) -> None:
    limits = options.limits_of(args)
    passwords = options.passwords_of(args)
    jobs = args.jobs or processors()
    staffing = Staffing(limits, jobs, confine=not args.unsafe_no_sandbox, passwords=passwords)
    daemon = Daemon(staffing, lambda: _prepare(args), Log())
    try:
        await daemon.load()
    except BaseException:
        daemon.close()
        raise
    if args.check:
        print(f"{daemon.version}: {jobs} workers, {daemon.dispatcher.sandbox}")
        daemon.close()
        return
    rules, intake = _rules(args), Intake(args.max_streams)
    servers = [serve(listeners, daemon, rules, intake), *serve_icap.start(args, icap, daemon, rules, intake)]
    try:
        await daemon.run(servers)
    finally:
        for server in servers:
            server.close()


async def _prepare(args: argparse.Namespace) -> Prepared:
    """Read the lists, and find the databases with what they deny; raises ``UsageError``."""
    consequences = responding.open_consequences(args)
    lists = consequences.lists
    bundles = await resolve(args.database, unwanted=args.detect_pua, denied=lists.hash_lines() if lists else "")
    return Prepared(bundles, consequences, lists.notices if lists else ())


def _rules(args: argparse.Namespace) -> Rules:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = hard if hard != resource.RLIM_INFINITY else 1 << 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return Rules(
        incomplete=Incomplete(args.incomplete),
        stream_bytes=args.max_stream,
        command_seconds=args.command_timeout,
        read_seconds=args.read_timeout,
        connections=max(min(args.max_connections, (most - _RESERVE) // 3), 1),
        tcp_paths=args.tcp_paths,
        walk=WalkOptions(one_file_system=args.one_file_system, follow_symlinks=args.follow_symlinks),
    )


@contextlib.contextmanager
def _listening(args: argparse.Namespace, path: Path) -> Iterator[list[socket.socket]]:
    """Open what is listened on: first, so that a second daemon ends before it loads anything."""
    if args.check:
        yield []
        return
    with contextlib.suppress(OSError):  # what is wrong is told by the socket
        path.parent.mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(unix_listener(path, args.socket_mode))]
        stack.callback(path.unlink, missing_ok=True)
        listeners += [stack.enter_context(tcp_listener(host, port)) for host, port in args.tcp]
        yield listeners


def _usual_socket() -> Path:
    folder = "/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "")
    if not folder:
        raise UsageError("there is no usual place for the socket: name one with --socket")
    return Path(folder, "freehold", "clamd.sock")


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise argparse.ArgumentTypeError(f"'{text}' is not a mode; write 660 or 666")
    return mode
