"""What the clamd front end allows whom, and how much."""

import os
import socket
import struct
from typing import NamedTuple

from freehold.frontends.clamd.replies import Incomplete
from freehold.model.limits import MIB
from freehold.service.walk import WalkOptions


class Rules(NamedTuple):
    """Rules of the front end; in brackets what clamd.conf calls them.

    Attributes:
        incomplete: what is answered about content that could not be examined completely.
        stream_bytes: the longest content of INSTREAM (StreamMaxLength).
        command_seconds: in which a client must have sent its next command (CommandReadTimeout).
        read_seconds: in which a client must send or take more (ReadTimeout).
        connections: at once; further clients wait to be accepted (MaxConnectionQueueLength).
        tcp_paths: let clients on TCP name paths.
        walk: what a scan of folders enters.
    """

    incomplete: Incomplete = Incomplete.ERROR
    stream_bytes: int = 100 * MIB
    command_seconds: float = 30.0
    read_seconds: float = 120.0
    connections: int = 2000
    tcp_paths: bool = False
    walk: WalkOptions = WalkOptions()


class Peer(NamedTuple):
    """Who is at the other end.

    Attributes:
        name: for the log.
        local: connected over a Unix socket.
        controls: may reload and end the service: root and the service's own user, never over TCP.
        user: its number on this machine, -1 where nobody can know.
    """

    name: str
    local: bool
    controls: bool
    user: int = -1

    def may_move(self, owner: int) -> bool:
        """Whether files of this owner may be taken away when it has them scanned."""
        return self.controls or self.user == owner


def peer_of(connection: socket.socket, address: object) -> Peer:
    """Ask the kernel who is at the other end of a connection."""
    if connection.family != socket.AF_UNIX:
        name = f"{address[0]}:{address[1]}" if isinstance(address, tuple) else "?"
        return Peer(name, local=False, controls=False)
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return Peer(f"pid {pid} uid {uid}", local=True, controls=uid in {0, os.geteuid()}, user=uid)
