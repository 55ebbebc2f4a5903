"""The part of ``freehold serve`` that lets its owner look at it."""

import argparse
import socket
from pathlib import Path

from freehold.frontends.clamd.policy import Rules
from freehold.frontends.control.client import path_beside
from freehold.frontends.control.server import serve
from freehold.frontends.intake import Intake
from freehold.frontends.listening import Server, unix_listener
from freehold.service.daemon import Daemon

_MODE = 0o600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--control",
        type=Path,
        metavar="PATH",
        help="Unix socket for 'freehold top' and 'freehold doctor --service' (default: control.sock beside --socket)",
    )


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """Open what is listened on; raises ``UsageError``."""
    path = args.control or (args.socket and path_beside(args.socket))
    return [unix_listener(path, _MODE)] if path else []


def start(_: argparse.Namespace, listeners: list[socket.socket], host: Daemon, *__: Rules | Intake) -> list[Server]:
    """Serve if there is anything to listen on."""
    return [serve(listeners, host)] if listeners else []
