"""Telling others about finished jobs; what they get is verified by the library of Standard Webhooks."""

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from tests.frontends.clamd.conftest import MARKER
from tests.frontends.http.conftest import Client, Running, Start, await_line

from freehold.frontends.http.callbacks import Destinations, origin_of

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Hook:
    """A host that is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes, dict[str, str]]] = []
        self.statuses: list[int] = []
        self.heard = threading.Event()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.told.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
                status = hook.statuses.pop(0) if hook.statuses else 204
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                if status < 300:
                    hook.heard.set()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture(scope="module")
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture(scope="module")
def daemon(serve: Start, database: Path, hook: Hook, tmp_path_factory: pytest.TempPathFactory) -> Running:
    secret = tmp_path_factory.mktemp("secret") / "secret"
    secret.write_text(SECRET + "\n")
    options = ("--http-callback", hook.origin, "--http-callback-secret", str(secret))
    return serve(database, "--http", "127.0.0.1:0", *options)


def test_a_host_is_told_with_a_signature(daemon: Running, hook: Hook) -> None:
    hook.heard.clear()
    hook.told.clear()
    hook.statuses = [500, 302]  # it is told again, and nobody follows the redirection
    begun = Client(daemon).ask("POST", f"/v1/jobs?name=x&callback={hook.origin}/done%3Fa=b", MARKER).json
    assert hook.heard.wait(120)
    assert [path for path, _, _ in hook.told] == ["/done?a=b"] * 3
    for _, body, headers in hook.told:
        said = Webhook(SECRET).verify(body, headers)
        assert said["id"] == begun["id"] == headers["webhook-id"]
        assert said["result"]["verdict"] == "infected"
    await_line(daemon, f"event=callback job={begun['id']} told=true")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "http://169.254.169.254/latest",
        "http://user@{host}/",
        "http://127.0.0.1:{port}.evil.example/",
        "http://evil.example\\@{host}/",
        "//{host}/",
        "file:///etc/passwd",
        "{origin}/#x",
        "{origin}/%0d%0aX:y\r\n",
        "nothing",
    ],
)
def test_others_are_not_told(daemon: Running, hook: Hook, url: str) -> None:
    from urllib.parse import quote

    host = hook.origin.removeprefix("http://")
    filled = url.format(host=host, port=host.rpartition(":")[2], origin=hook.origin)
    answer = Client(daemon).ask("POST", f"/v1/jobs?callback={quote(filled)}", MARKER)
    assert answer.status == 403


def test_origins_are_compared_with_their_port() -> None:
    allowed = Destinations(frozenset([origin_of("https://hooks.example.org")]), b"")
    assert allowed.allow("https://hooks.example.org/a?b=c")
    assert allowed.allow("https://HOOKS.example.org:443/")
    assert not allowed.allow("https://hooks.example.org:444/")
    assert not allowed.allow("http://hooks.example.org/")
    assert not allowed.allow("https://hooks.example.org.evil.example/")
    assert not allowed.allow("https://hooks.example.org:99999/")
    assert not allowed.allow("https://hooks.example.org/" + "x" * 3000)


def test_a_secret_is_checked(freehold: Callable[..., "subprocess.CompletedProcess[bytes]"], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for text in ("", "whsec_", "whsec_AAAA", "no", "whsec_" + "A" * 200, "whsec_ä"):
        secret.write_text(text)
        options = ("--http-callback", "https://x.example", "--http-callback-secret", secret)
        done = freehold("serve", "--check", "--http", "127.0.0.1:0", *options)
        assert done.returncode == 3
        assert b"not a secret" in done.stderr


def test_a_courier_that_dies_is_replaced(daemon: Running, hook: Hook) -> None:
    client = Client(daemon)
    for _ in range(2):
        hook.heard.clear()
        client.ask("POST", f"/v1/jobs?callback={hook.origin}/", MARKER)
        assert hook.heard.wait(120)
        couriers = [pid for pid in _children(daemon.process.pid) if b"courier" in _command(pid)]
        assert len(couriers) == 1
        before = daemon.log.read_text().count("courier ended")
        subprocess.run(["kill", "-9", str(couriers[0])], check=True)
        await_line(daemon, "courier ended", before + 1)


def test_what_was_begun_is_told_before_the_end(serve: Start, database: Path, hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    options = ("--http-callback", hook.origin, "--http-callback-secret", str(tmp_path / "secret"))
    daemon = serve(database, "--http", "127.0.0.1:0", *options)
    hook.told.clear()
    job = Client(daemon).ask("POST", f"/v1/jobs?callback={hook.origin}/", MARKER).json["id"]
    daemon.process.terminate()
    assert daemon.process.wait(60) == 0
    assert [json.loads(body)["id"] for _, body, _ in hook.told] == [job]
    assert f"event=callback job={job} told=true" in daemon.log.read_text()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_what_is_told_is_what_can_be_asked_for(daemon: Running, hook: Hook) -> None:
    hook.heard.clear()
    hook.told.clear()
    begun = Client(daemon).ask("POST", f"/v1/jobs?callback={hook.origin}/", b"clean").json
    assert hook.heard.wait(120)
    assert json.loads(hook.told[0][1]) == Client(daemon).get(f"/v1/jobs/{begun['id']}").json
