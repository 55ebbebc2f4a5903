"""What a service and systemd tell each other: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)."""

import contextlib
import os
import socket
import time

from freehold.model.errors import UsageError

_FIRST = 3
"""The first descriptor that systemd passes on."""


def notify(*assignments: str) -> None:
    """Send assignments like ``READY=1``; does nothing where no service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
        wire.sendto("\n".join(assignments).encode(), address)


def reloading() -> None:
    """Say that a reload has begun; ``READY=1`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_seconds() -> float:
    """Return how often ``WATCHDOG=1`` is expected, 0 when it is not."""
    text = os.environ.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    return int(text) / 1e6


def inherited() -> dict[str, list[socket.socket]]:
    """Return the listening sockets that systemd opened for this process, by name; each call after the first: none.

    Raises:
        UsageError: they are not what a service can listen on.
    """
    count = os.environ.pop("LISTEN_FDS", "")
    names = os.environ.pop("LISTEN_FDNAMES", "")
    if os.environ.pop("LISTEN_PID", "") != str(os.getpid()) or not count.isdecimal():
        return {}
    found: dict[str, list[socket.socket]] = {}
    named = names.split(":") if names else [""] * int(count)
    for fd, name in zip(range(_FIRST, _FIRST + int(count)), named, strict=True):
        found.setdefault(name, []).append(_listener(fd, name))
    return found


def _listener(fd: int, name: str) -> socket.socket:
    try:
        os.set_inheritable(fd, False)
        listener = socket.socket(fileno=fd)
        if listener.type == socket.SOCK_STREAM and listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            listener.setblocking(False)
            return listener
    except OSError as error:
        raise UsageError(f"systemd passed on descriptor {fd} ('{name}'), which is no socket") from error
    raise UsageError(f"the socket '{name}' takes no connections: ListenStream= and Accept=no are needed")
