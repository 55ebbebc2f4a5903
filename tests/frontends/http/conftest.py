"""A daemon that serves HTTP, and clients for it."""

import http.client
import json
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.frontends.clamd.conftest import Running, Start, await_line, database, port_of, serve  # noqa: F401 - fixtures


class Answer(NamedTuple):
    """One answer; the names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Asks a daemon, each time over a new connection."""

    def __init__(self, daemon: Running, token: str = "") -> None:
        self.daemon = daemon
        self.port = port_of(daemon, "http")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, target: str, body: Any = None, **headers: str) -> Answer:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, target, body, self._headers | given)
            with connection.getresponse() as response:
                return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def get(self, target: str, **headers: str) -> Answer:
        return self.ask("GET", target, **headers)

    def scan(self, body: Any, query: str = "", **headers: str) -> Answer:
        return self.ask("POST", f"/v1/scan?{query}", body, **headers)


@pytest.fixture(scope="session")
def http_daemon(serve: Start, database: Path) -> Running:  # noqa: F811 - a fixture
    return serve(database, "--http", "127.0.0.1:0", "--max-stream", "1M")


@pytest.fixture
def client(http_daemon: Running) -> Client:
    return Client(http_daemon)


@pytest.fixture(scope="session")
def token_file(
    freehold: Callable[..., "subprocess.CompletedProcess[bytes]"], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """A file of tokens, and a token that is in it."""
    path = tmp_path_factory.mktemp("tokens") / "http-tokens"
    done = freehold("serve", "token", "add", "tester", "--file", path)
    assert done.returncode == 0, done
    return path, done.stdout.decode().strip()


def form(*parts: tuple[str, bytes], boundary: bytes = b"xXx") -> bytes:
    """A form of parts, each given by what follows ``form-data;`` and its content."""
    lines = [
        b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (boundary, head.encode(), content)
        for head, content in parts
    ]
    return b"".join(lines) + b"--%b--\r\n" % boundary


FORM = "multipart/form-data; boundary=xXx"

__all__ = ["Start", "await_line"]
