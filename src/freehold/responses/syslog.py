"""Sending lines to a log collector that the user names: RFC 5424 messages over a Unix socket, UDP or TCP.

Nothing is sent unless an address was given; what is sent are the lines of ``events.cef`` and nothing else.
"""

import os
import platform
import re
import socket
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime

from freehold.model.errors import UsageError
from freehold.model.report import Report
from freehold.responses import events
from freehold.responses.history import FINDINGS_KEPT, findings_of
from freehold.responses.summary import Run, Summary

_TIMEOUT = 5.0
_FACILITY = 13
"""``log audit``."""

_WARNING = 4


class Address:
    """Where a collector listens: ``/dev/log``, ``udp://host:514`` or ``tcp://[::1]:601``; raises ``UsageError``."""

    def __init__(self, text: str) -> None:
        match = re.fullmatch(r"(udp|tcp)://(?:\[([0-9A-Fa-f:.]+)\]|([^:/\s\[\]]+)):(\d{1,5})", text)
        if not match and not text.startswith("/"):
            raise UsageError(
                f"'{text}' is no address of a log collector; write /dev/log, udp://HOST:514 or tcp://HOST:601"
            )
        self.text = text
        self._kind = match[1] if match else "unix"
        self._where = (match[2] or match[3], int(match[4])) if match else ("", 0)

    def send(self, lines: Iterable[str]) -> int:
        """Send lines and return how many; raises ``OSError`` when nobody takes them."""
        count = 0
        with closing(self._connect()) as connection:
            for line in lines:
                message = self._message(line)
                connection.sendall(b"%d %s" % (len(message), message) if self._kind == "tcp" else message)
                count += 1
        return count

    def _connect(self) -> socket.socket:
        if self._kind == "tcp":
            return socket.create_connection(self._where, _TIMEOUT)
        family, place = socket.AF_UNIX, self.text
        if self._kind == "udp":
            family, _, _, _, place = socket.getaddrinfo(*self._where, type=socket.SOCK_DGRAM)[0]  # type: ignore[assignment]
        connection = socket.socket(family, socket.SOCK_DGRAM)
        try:
            connection.settimeout(_TIMEOUT)
            connection.connect(place)
        except OSError:
            connection.close()
            raise
        return connection

    def _message(self, line: str) -> bytes:
        now = datetime.now(UTC)
        priority = f"<{_FACILITY * 8 + _WARNING}>"
        if self._kind == "unix":  # the local socket takes the older form, without a host
            return f"{priority}{now:%b %e %H:%M:%S} freehold[{os.getpid()}]: {line}".encode()
        stamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return f"{priority}1 {stamp} {platform.node() or '-'} freehold {os.getpid()} detection - {line}".encode()


class SyslogReport:
    """A report writer that sends what was found at the end of a scan.

    Attributes:
        trouble: why it could not be sent, "" when it was.
    """

    def __init__(self, address: str) -> None:
        self.trouble = ""
        self._address = Address(address)
        self._found: list[tuple[bytes, Report]] = []

    def file(self, path: bytes, report: Report) -> None:
        """See ``ReportWriter``."""
        if report.detections and len(self._found) < FINDINGS_KEPT:
            self._found.append((path, report))

    def end(self, run: Run, _summary: Summary) -> None:
        """See ``ReportWriter``; never raises."""
        findings = (row for path, report in self._found for row in findings_of(0, run.started, path, report))
        try:
            if self._found:
                self._address.send(map(events.cef, findings))
        except OSError as error:
            self.trouble = f"{self._address.text} takes nothing: {error.strerror or error}"
