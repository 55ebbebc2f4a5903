"""A real web server: nginx over a folder, with the configuration that a test wants, on a port that is free."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.frontends.conftest import environment, freehold  # noqa: F401 - fixtures
from tests.frontends.servers import free_ports, listens

_CONFIGURATION = """\
daemon off; master_process off; pid {top}/pid; error_log {top}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log {top}/access.log combined; default_type application/octet-stream; if_modified_since exact;
  client_body_temp_path {top}/t1; proxy_temp_path {top}/t2; fastcgi_temp_path {top}/t3; uwsgi_temp_path {top}/t4;
  scgi_temp_path {top}/t5;
  server {{ listen 127.0.0.1:{port}{options}; root {root}; {server} }}
}}
"""


class Web(NamedTuple):
    """A running nginx."""

    address: str
    root: Path
    log: Path

    def requests(self) -> list[str]:
        """Return what was asked for since the last call, as in ``GET /head 200``."""
        lines = self.log.read_text().splitlines()
        self.log.write_text("")
        parts = [line.split('"') for line in lines]
        return [f"{part[1].rpartition(' ')[0]} {part[2].split()[0]}" for part in parts]


Serve = Callable[..., Web]


@pytest.fixture
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Serve a folder: ``serve(folder, server="…nginx directives…")``."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    running: list[subprocess.Popen[bytes]] = []

    def start(root: Path, server: str = "", options: str = "", scheme: str = "http") -> Web:
        for _ in range(5):  # somebody else may take the port between its choice and nginx's start
            top = tmp_path_factory.mktemp("nginx")
            (port,) = free_ports(1)
            text = _CONFIGURATION.format(top=top, port=port, root=root, server=server, options=options)
            (top / "nginx.conf").write_text(text)
            process = subprocess.Popen([nginx, "-p", top, "-c", top / "nginx.conf"], stderr=subprocess.PIPE)
            running.append(process)
            if listens(process, port):
                return Web(f"{scheme}://127.0.0.1:{port}", root, top / "access.log")
        raise AssertionError(process.communicate()[1])

    yield start
    for process in running:
        process.terminate()
        process.communicate()


@pytest.fixture
def unused_address() -> Iterator[str]:
    """An address at which nobody answers: its port is bound by this very test, and nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
