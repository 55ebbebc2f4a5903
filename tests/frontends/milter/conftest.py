"""Postfix with queues, ports and configuration of its own, and a client that speaks the milter protocol."""

import contextlib
import os
import pwd
import shutil
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import pytest
from tests.frontends.clamd.conftest import Running, Start, clamd, database, freehold_daemon, serve  # noqa: F401 - fixtures
from tests.frontends.servers import Process, server


class Filter:
    """A connection of a mail server to a filter."""

    def __init__(self, path: Path) -> None:
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(60)
        self.connection.connect(os.fspath(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def send(self, command: bytes, data: bytes = b"") -> None:
        self.connection.sendall(struct.pack(">I", 1 + len(data)) + command + data)

    def receive(self) -> tuple[bytes, bytes]:
        """The next packet; (b"", b"") when the filter has hung up."""
        head = self._exactly(5)
        if len(head) < 5:
            return b"", b""
        return head[4:], self._exactly(struct.unpack(">I", head[:4])[0] - 1)

    def negotiate(self, *, actions: int = 0x1FF, steps: int = 0x1FFFFF, version: int = 6) -> tuple[int, int, int]:
        self.send(b"O", struct.pack(">III", version, actions, steps))
        command, data = self.receive()
        assert command == b"O"
        return struct.unpack(">III", data)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.connection.recv(count - len(data))
            except ConnectionResetError:
                return data
            if not piece:
                return data
            data += piece
        return data


class Postfix(NamedTuple):
    """A mail server; ``ports`` has one for each filter.

    Attributes:
        ports: that it listens on.
        mail: folder with what was delivered, one file for each message.
        queue: its folder of queues.
        log: its log.
    """

    ports: list[int]
    mail: Path
    queue: Path
    log: Path

    def delivered(self) -> list[bytes]:
        return [path.read_bytes() for path in (self.mail / "box/new").glob("*")]


MAIN = """
compatibility_level = 3.6
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = example.org
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
message_size_limit = 50000000
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
milter_default_action = tempfail
"""
SERVICES = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
postlog unix-dgram n - n - 1 postlogd
"""


@contextlib.contextmanager
def postfix(*filters: str) -> Iterator[Postfix]:
    """Run a mail server with a port for each filter, as ``smtpd_milters`` names it."""
    if not shutil.which("postfix") or os.geteuid() != 0:
        pytest.skip("Postfix is not installed, or the tests do not run as root, which it needs")
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    folder.chmod(0o755)
    for name, owner in (("queue", "root"), ("data", "postfix"), ("mail", "nobody"), ("configuration", "root")):
        (folder / name).mkdir()
        os.chown(folder / name, pwd.getpwnam(owner).pw_uid, -1)
    (folder / "configuration/main.cf").write_text(MAIN.format(folder=folder))

    def start(ports: list[int]) -> Process:
        smtpd = "127.0.0.1:{} inet n - n - - smtpd -o smtpd_milters={}\n"
        lines = [smtpd.format(port, milter) for port, milter in zip(ports, filters, strict=True)]
        (folder / "configuration/master.cf").write_text("".join(lines) + SERVICES)
        command = ["postfix", "-c", folder / "configuration", "start-fg"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        with server(len(filters), start, folder / "log") as ports:
            yield Postfix(ports, folder / "mail", folder / "queue", folder / "log")
    finally:
        subprocess.run(["postfix", "-c", folder / "configuration", "stop"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["Running", "Start"]
