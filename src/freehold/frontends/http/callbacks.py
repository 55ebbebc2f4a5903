"""Telling others that a job is done: only hosts that the administrator named, and never from a worker.

A process of its own, the courier, talks to them: resolving names and TLS would need threads in the service, which must
be able to fork at any time.
"""

import asyncio
import base64
import binascii
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from freehold.frontends.http.jobs import Job
from freehold.model.errors import UsageError
from freehold.model.limits import MIB
from freehold.service.config import read_own
from freehold.service.log import Log

MOST_WAITING = 64 * MIB
"""Bytes that wait for the courier; what comes beyond is not told, and the log says so."""

_LONGEST_URL = 2048
_URL = re.compile(r"[!-~]+")


class Destinations(NamedTuple):
    """Who may be told.

    Attributes:
        origins: scheme, host and port, as ``https://hooks.example.org``.
        secret: with which what is told is signed.
    """

    origins: frozenset[str]
    secret: bytes

    def allow(self, url: str) -> bool:
        """Whether somebody may be told at this address."""
        if len(url) > _LONGEST_URL or not _URL.fullmatch(url):
            return False
        try:
            return origin_of(url) in self.origins
        except ValueError:
            return False


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address; raises ``ValueError`` for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError(url)
    if "\\" in url or parts.password is not None:
        raise ValueError(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{parts.hostname}:{port}"


def read_secret(path: Path) -> bytes:
    """Return the key in a file, ``whsec_`` and at least 24 bytes in Base64 as Standard Webhooks has it.

    Raises:
        UsageError: there is none.
    """
    text = read_own(path).strip()
    try:
        secret = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if not text.startswith("whsec_") or not 24 <= len(secret) <= 64:
        raise UsageError(
            f"{path}: not a secret; make one with: (printf whsec_; head -c 32 /dev/urandom | base64 -w0) > {path}"
        )
    return secret


class Courier:
    """Starts the courier when there is something to tell, and again when it died.

    Args:
        secret: with which what is told is signed.
        log: takes what became of it.
    """

    def __init__(self, secret: bytes, log: Log) -> None:
        self._secret = secret
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._sending: set[asyncio.Task[None]] = set()
        self._ending = False

    def tell(self, job: Job) -> None:
        """Have the address that a job names told about it."""
        line = json.dumps({"id": job.identity, "url": job.callback, "body": job.text()}) + "\n"
        waiting = self._writer.transport.get_write_buffer_size() if self._writer else 0
        if waiting + len(line) > MOST_WAITING:
            self._log.warning("callback dropped", job=job.identity, reason="too many are waiting")
            return
        task = asyncio.ensure_future(self._send(line.encode("ascii")))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def drain(self, seconds: float) -> None:
        """Let the courier try what it has once more, then end it."""
        self._ending = True
        if self._sending:
            await asyncio.wait(self._sending, timeout=seconds)
        if self._writer and self._listening:
            self._writer.write_eof()
            await asyncio.wait([self._listening], timeout=seconds)
        self.close()

    def close(self) -> None:
        """End the courier."""
        if self._writer:
            self._writer.close()
            self._writer = None
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def _send(self, line: bytes) -> None:
        async with self._starting:
            if self._writer is None:
                await self._start()
        if self._writer:
            self._writer.write(line)

    async def _start(self) -> None:
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-m", "freehold.frontends.http.courier"]
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen(command, stdin=end, stdout=end, start_new_session=True)  # noqa: ASYNC220, S603
        reader, self._writer = await asyncio.open_connection(sock=ours)
        key = base64.b64encode(self._secret).decode()
        self._writer.write(json.dumps({"key": key}).encode("ascii") + b"\n")
        self._listening = asyncio.ensure_future(self._listen(reader))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """Note what the courier says, until it ends."""
        try:
            while line := await reader.readline():
                said = json.loads(line)
                note = self._log.note if said["told"] else self._log.warning
                note("callback", job=said["id"], told=str(said["told"]).lower(), detail=said["detail"])
        except (OSError, ValueError) as error:
            self._log.warning("courier failed", error=repr(error))
        if not self._ending:
            self._log.warning("courier ended", reason="what it had not told is lost")
        self.close()
