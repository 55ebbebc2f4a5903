"""The part of ``freehold serve`` that is about ICAP."""

import argparse
import socket
from pathlib import Path
from string import Template

from freehold.frontends.clamd.policy import Rules as Bounds
from freehold.frontends.cli import options
from freehold.frontends.host import Host
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server, announce, tcp_listener
from freehold.model.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("proxies and applications that speak ICAP")
    group.add_argument(
        "--icap",
        type=options.address,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="listen on this address, usually 127.0.0.1:1344; whoever reaches it may use it (default: none)",
    )
    group.add_argument(
        "--icap-incomplete",
        choices=["block", "error", "pass"],
        default="block",
        help="what becomes of content that could not be examined completely and in which nothing was found: block "
        "shows the page, error is for applications that know it, pass lets it through (default: %(default)s)",
    )
    group.add_argument(
        "--icap-page",
        type=_page,
        metavar="FILE",
        help="HTML that people see instead of what is blocked, with $title, $explanation, $url, $reason and $version "
        "(default: a plain page)",
    )


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """Open what is listened on; raises ``UsageError``."""
    return [tcp_listener(host, port) for host, port in args.icap]


def start(
    args: argparse.Namespace, listeners: list[socket.socket], host: Host, bounds: Bounds, intake: Intake
) -> list[Server]:
    """Serve if there is anything to listen on."""
    if not listeners:
        return []
    from freehold.frontends.icap import page
    from freehold.frontends.icap.policy import Incomplete, Rules
    from freehold.frontends.icap.server import serve

    rules = Rules(
        incomplete=Incomplete(args.icap_incomplete),
        content_bytes=bounds.stream_bytes,
        command_seconds=bounds.command_seconds,
        read_seconds=bounds.read_seconds,
        connections=bounds.connections,
        page=args.icap_page or page.USUAL,
    )
    announce(host.log, "icap", listeners)
    return [serve(listeners, host, rules, intake)]


def _page(text: str) -> Template:
    from freehold.frontends.icap import page

    try:
        return page.load(Path(text))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
