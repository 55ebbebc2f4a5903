"""The words of ICAP's answers.

Source: RFC 3507, sections 4.3.3 (status), 4.10.2 (OPTIONS), 4.7 (ISTag); draft-stecher-icap-subid for the names of the
fields that tell what was found.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

from freehold.bundle.layout import MANIFEST
from freehold.frontends.icap.message import PREVIEW, BadRequest, Request
from freehold.frontends.icap.policy import Rules
from freehold.frontends.judgement import Judgement, Outcome
from freehold.model.report import ProblemKind

CONTINUE = b"ICAP/1.0 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

SERVICES: dict[str, tuple[str, ...]] = {
    "reqmod": ("REQMOD",),
    "respmod": ("RESPMOD",),
    "avscan": ("RESPMOD", "REQMOD"),
}
"""Services and the methods of each; applications call the third one by the name that c-icap gives it."""

_STATUS = {
    200: "OK",
    204: "No Modifications Needed",
    400: "Bad Request",
    404: "ICAP Service Not Found",
    405: "Method Not Allowed For Service",
    408: "Request Timeout",
    413: "Request Entity Too Large",
    500: "Server Error",
    501: "Method Not Implemented",
    503: "Service Overloaded",
    505: "ICAP Version Not Supported",
}
_OPTIONS_SECONDS = 3600
_ERROR_CODES = {
    ProblemKind.ENCRYPTED: "password_protected",
    ProblemKind.LIMIT: "max_archive_layers_exceeded",
    ProblemKind.LOOP: "max_archive_layers_exceeded",
}
"""What Nextcloud understands of ``X-Error-Code``; everything else is a ``decode_error``."""


class Voice:
    """Words answers.

    Args:
        version: of the program and its databases.
        tag: changes whenever answers may.
    """

    def __init__(self, version: str, tag: str) -> None:
        self._version = version
        self._tag = tag

    def options(self, service: str, connections: int) -> bytes:
        """Answer OPTIONS."""
        return self._head(
            200,
            f"Methods: {', '.join(SERVICES[service])}",
            f"Service: {self._version}",
            "Service-ID: freehold",
            f"Max-Connections: {connections}",
            f"Options-TTL: {_OPTIONS_SECONDS}",
            f"Preview: {PREVIEW}",
            "Transfer-Preview: *",
            "Allow: 204",
            f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}",
            "Encapsulated: null-body=0",
        )

    def unchanged(self, *, closes: bool) -> bytes:
        """Say that the message may pass as it is."""
        return self._head(204, *_closing(closes))

    def echo(self, request: Request, header: bytes, *, closes: bool) -> bytes:
        """Begin to send back the message as it is; its body follows in chunks when there is one."""
        name = "res" if request.method == "RESPMOD" else "req"
        body = f"{name}-body" if request.body else "null-body"
        return self._head(200, *_closing(closes), f"Encapsulated: {name}-hdr=0, {body}={len(header)}") + header

    def blocked(self, judgement: Judgement, page: bytes, *, closes: bool) -> bytes:
        """Give people a page in place of the message."""
        header = (
            f"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
            "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n"
        ).encode()
        parts = f"Encapsulated: res-hdr=0, res-body={len(header)}"  # Nextcloud reads no further than this field
        head = self._head(200, *_closing(closes), *_findings(judgement), parts)
        return head + header + chunk(page) + LAST_CHUNK

    def error(self, status: int, *fields: str) -> bytes:
        """Say that a request cannot be answered; the connection ends."""
        return self._head(status, "Connection: close", *fields, "Encapsulated: null-body=0")

    def refused(self, error: BadRequest) -> bytes:
        """Say what is wrong with a request."""
        return self.error(error.status, f"X-Error: {error}")

    def not_examined(self, judgement: Judgement, *, closes: bool) -> bytes:
        """Say as an error that a message could not be examined; applications tell the reason by its code."""
        codes = []
        if judgement.kind and judgement.outcome is Outcome.INCOMPLETE:
            codes.append(f"X-Error-Code: {_ERROR_CODES.get(judgement.kind, 'decode_error')}")
        reason = f"X-Error: {judgement.detail}"
        return self._head(500, *_closing(closes), *codes, reason, "Encapsulated: null-body=0")

    def _head(self, status: int, *fields: str) -> bytes:
        lines = [f"ICAP/1.0 {status} {_STATUS[status]}", f'ISTag: "{self._tag}"', *fields]
        return "".join(f"{line}\r\n" for line in lines).encode("ascii", "replace") + b"\r\n"


def chunk(piece: bytes) -> bytes:
    """Return a piece of a body as one chunk."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def tag(bundles: Sequence[Path], rules: Rules) -> str:
    """Return what an answer depends on besides the message, as a word: databases and rules."""
    moments = [(str(path), (path / MANIFEST).stat().st_mtime_ns) for path in bundles]
    return hashlib.sha256(repr((moments, rules.incomplete, rules.page.template)).encode()).hexdigest()[:24]


def _closing(closes: bool) -> list[str]:
    return ["Connection: close"] if closes else []


def _findings(judgement: Judgement) -> list[str]:
    """Return the fields that tell what was found: type 0 is a virus, 2 a container that could not be opened."""
    if judgement.outcome is Outcome.FOUND:
        kind, name = 0, judgement.name
    elif judgement.outcome is Outcome.INCOMPLETE and judgement.kind:
        kind, name = 2, f"Freehold.Incomplete.{judgement.kind.capitalize()}"
    else:
        return []
    return [f"X-Infection-Found: Type={kind}; Resolution=2; Threat={name};", f"X-Virus-ID: {name}"]
