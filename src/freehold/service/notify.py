"""What a service tells systemd: the protocol of sd_notify(3), one datagram for each message."""

import contextlib
import os
import socket
import time


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
