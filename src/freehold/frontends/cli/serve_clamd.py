"""The part of ``freehold serve`` that is about clamd's protocol, and the bounds that hold for all clients."""

import argparse
import contextlib
import resource
import socket
from pathlib import Path

from freehold.frontends.clamd.policy import Rules
from freehold.frontends.clamd.replies import Incomplete
from freehold.frontends.clamd.server import serve
from freehold.frontends.cli import options
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server, tcp_listener, unix_listener
from freehold.model.limits import MIB
from freehold.service.daemon import Daemon
from freehold.service.walk import WalkOptions

_RESERVE = 256
"""Descriptors that are not for clients."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    usual = Rules()
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
    _add_bounds(group, usual)
    group.add_argument("--one-file-system", action="store_true", help="SCAN does not enter other file systems")
    group.add_argument("--follow-symlinks", action="store_true", help="SCAN opens what symbolic links point to")


def _add_bounds(group: "argparse._ArgumentGroup", usual: Rules) -> None:
    group.add_argument(
        "--max-stream",
        type=options.size,
        default=usual.stream_bytes,
        metavar="SIZE",
        help=f"longest content of INSTREAM, ICAP and milter (default: {usual.stream_bytes // MIB}M)",
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


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """Open what is listened on; raises ``UsageError``."""
    listeners = []
    if args.socket:
        with contextlib.suppress(OSError):  # what is wrong is told by the socket
            args.socket.parent.mkdir(exist_ok=True)
        listeners.append(unix_listener(args.socket, args.socket_mode))
    return [*listeners, *(tcp_listener(host, port) for host, port in args.tcp)]


def start(
    _: argparse.Namespace, listeners: list[socket.socket], host: Daemon, bounds: Rules, intake: Intake
) -> list[Server]:
    """Serve if there is anything to listen on."""
    return [serve(listeners, host, bounds, intake)] if listeners else []


def bounds(args: argparse.Namespace) -> Rules:
    """Return the bounds that the options ask for; descriptors are had as many as the system allows."""
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


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise argparse.ArgumentTypeError(f"'{text}' is not a mode; write 660 or 666")
    return mode
