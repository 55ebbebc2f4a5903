"""The part of ``freehold serve`` that is about mail servers."""

import argparse
import socket

from freehold.frontends.clamd.policy import Rules as Bounds
from freehold.frontends.cli import options
from freehold.frontends.host import Host
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server, announce, listener


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("mail servers that speak the milter protocol")
    group.add_argument(
        "--milter",
        type=options.place,
        action="append",
        default=[],
        metavar="PATH|HOST:PORT",
        help="listen on this Unix socket (with the mode of --socket-mode) or address (default: none)",
    )
    group.add_argument(
        "--milter-infected",
        choices=["reject", "discard", "quarantine", "accept"],
        default="reject",
        help="what becomes of a message in which something was found; quarantine is the mail server's own, accept "
        "marks it (default: %(default)s)",
    )
    group.add_argument(
        "--milter-incomplete",
        choices=["tempfail", "reject", "quarantine", "accept"],
        default="tempfail",
        help="what becomes of a message that could not be examined completely and in which nothing was found; "
        "tempfail lets the sender try again, accept marks it (default: %(default)s)",
    )
    group.add_argument(
        "--milter-header",
        action="store_true",
        help="tell the outcome in the field X-Virus-Status of every message, and remove those that senders wrote",
    )


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """Open what is listened on; raises ``UsageError``."""
    return [listener(place, args.socket_mode) for place in args.milter]


def start(
    args: argparse.Namespace, listeners: list[socket.socket], host: Host, bounds: Bounds, intake: Intake
) -> list[Server]:
    """Serve if there is anything to listen on."""
    if not listeners:
        return []
    from freehold.frontends.milter.policy import Rules, Treatment
    from freehold.frontends.milter.server import serve

    rules = Rules(
        infected=Treatment(args.milter_infected),
        incomplete=Treatment(args.milter_incomplete),
        add_field=args.milter_header,
        message_bytes=bounds.stream_bytes,
        read_seconds=bounds.read_seconds,
        connections=bounds.connections,
    )
    announce(host.log, "milter", listeners)
    return [serve(listeners, host, rules, intake)]
