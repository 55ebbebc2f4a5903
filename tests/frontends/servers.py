"""Starting real servers on ports that were free a moment ago."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

Process = subprocess.Popen[bytes]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; somebody may come before us, so whoever uses them must be ready to try again."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def listens(process: Process, port: int) -> bool:
    """Wait until somebody listens on a port; False when the process that should do so has ended."""
    for _ in range(600):
        if process.poll() is not None:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def server(count: int, start: Callable[[list[int]], Process], log: Path) -> Iterator[list[int]]:
    """Run a server that listens on so many ports; yields them."""
    for _ in range(5):
        ports = free_ports(count)
        with start(ports) as process:
            try:
                if all(listens(process, port) for port in ports):
                    yield ports
                    return
            finally:
                process.terminate()
    raise AssertionError(log.read_text() if log.exists() else "it does not start")
