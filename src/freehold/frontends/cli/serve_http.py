"""The part of ``freehold serve`` that is about HTTP."""

import argparse
import ipaddress
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.frontends.clamd.policy import Rules as Bounds
from freehold.frontends.cli import options
from freehold.frontends.http import tokens
from freehold.frontends.http.callbacks import Destinations, origin_of, read_secret
from freehold.frontends.http.host import Host
from freehold.frontends.http.policy import Rules
from freehold.frontends.intake import Intake
from freehold.frontends.listening import address_text, announce, listener
from freehold.model.errors import UsageError
from freehold.service.daemon import FrontEnd

if TYPE_CHECKING:
    from freehold.frontends.http.tls import Certificates

_LIBRARIES = ("starlette", "uvicorn", "multipart")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    usual = Rules()
    group = parser.add_argument_group("programs and people that speak HTTP")
    group.add_argument(
        "--http",
        type=options.place,
        action="append",
        default=[],
        metavar="HOST:PORT|PATH",
        help="serve the web API, /metrics and a page on this address, or on a Unix socket (default: none)",
    )
    _add_access(group)
    group.add_argument(
        "--http-rate",
        type=options.count,
        default=usual.requests_a_minute,
        metavar="N",
        help="requests a minute of one client, by token, certificate or address (default: %(default)s)",
    )
    group.add_argument(
        "--http-callback",
        type=_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="jobs may have addresses of this host told about their end, as https://hooks.example.org (default: none)",
    )
    group.add_argument(
        "--http-callback-secret", type=Path, metavar="FILE", help="with which that is signed (Standard Webhooks)"
    )


def _add_access(group: "argparse._ArgumentGroup") -> None:
    """Add what says who may use it."""
    group.add_argument(
        "--http-tokens",
        type=Path,
        metavar="FILE",
        help="clients need one of these tokens; 'freehold serve token --help' makes them",
    )
    group.add_argument("--http-certificate", type=Path, metavar="FILE", help="serve HTTPS with this certificate (PEM)")
    group.add_argument("--http-key", type=Path, metavar="FILE", help="its key (default: in the same file)")
    group.add_argument(
        "--http-client-ca",
        type=Path,
        metavar="FILE",
        help="clients need a certificate that one of these authorities has signed (PEM)",
    )
    group.add_argument(
        "--http-anonymous",
        action="store_true",
        help="let everybody use it who reaches an address that is not this machine's own, without token or certificate",
    )


def check(args: argparse.Namespace) -> None:
    """Read everything that the options name; raises ``UsageError``."""
    if args.http:
        _validate(args)


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """Open what is listened on; raises ``UsageError``."""
    return [listener(place, args.socket_mode) for place in args.http]


def start(
    args: argparse.Namespace, listeners: list[socket.socket], host: Host, bounds: Bounds, intake: Intake
) -> list[FrontEnd]:
    """Serve if there is anything to listen on."""
    if not listeners:
        return []
    _validate(args)  # not done yet where systemd listens
    from freehold.frontends.http.server import HttpServer

    for name in (listening.getsockname() for listening in listeners):
        if isinstance(name, tuple):  # those of systemd's sockets have not been looked at
            _refuse_strangers(args, name)
    rules = Rules(
        content_bytes=bounds.stream_bytes,
        command_seconds=bounds.command_seconds,
        read_seconds=bounds.read_seconds,
        connections=bounds.connections,
        requests_a_minute=args.http_rate,
        only_here=not _knows_clients(args),
    )
    holders = tokens.Tokens(args.http_tokens) if args.http_tokens else None
    server = HttpServer(
        listeners,
        host,
        rules,
        intake,
        tokens=holders,
        certificates=_certificates(args),
        destinations=_destinations(args),
    )
    announce(host.log, "https" if args.http_certificate else "http", listeners)
    return [server]


def _validate(args: argparse.Namespace) -> None:
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise UsageError(f"--http needs {', '.join(missing)}: pip install 'freehold[http]'")
    if (args.http_key or args.http_client_ca) and not args.http_certificate:
        raise UsageError("--http-key and --http-client-ca need --http-certificate")
    if bool(args.http_callback) != bool(args.http_callback_secret):
        raise UsageError("--http-callback and --http-callback-secret belong together")
    for address in args.http:
        if isinstance(address, tuple):
            _refuse_strangers(args, address)
    if args.http_tokens:
        tokens.read(args.http_tokens)
    _certificates(args)
    _destinations(args)


def _knows_clients(args: argparse.Namespace) -> bool:
    return bool(args.http_tokens or args.http_client_ca or args.http_anonymous)


def _refuse_strangers(args: argparse.Namespace, address: tuple[str, int]) -> None:
    """Raise ``UsageError`` when an address is open to others and nobody has said who may use it."""
    if not _knows_clients(args) and not ipaddress.ip_address(address[0]).is_loopback:
        raise UsageError(
            f"{address_text(address)} is open to others: ask for tokens (--http-tokens) or certificates "
            "(--http-client-ca), or let everybody use it with --http-anonymous"
        )


def _certificates(args: argparse.Namespace) -> "Certificates | None":
    if not args.http_certificate:
        return None
    from freehold.frontends.http.tls import Certificates

    return Certificates(args.http_certificate, args.http_key, args.http_client_ca)


def _destinations(args: argparse.Namespace) -> Destinations:
    secret = read_secret(args.http_callback_secret) if args.http_callback_secret else b""
    return Destinations(frozenset(args.http_callback), secret)


def _origin(text: str) -> str:
    try:
        return origin_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a host; write https://hooks.example.org") from error
