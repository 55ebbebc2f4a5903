"""Real clients: c-icap's, and Squid in front of a web server, driven by curl."""

import contextlib
import hashlib
import http.server
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.frontends.clamd.conftest import Running, Start, port_of
from tests.frontends.servers import Process, server

needs_client = pytest.mark.skipif(not shutil.which("c-icap-client"), reason="c-icap-client is not installed")


@pytest.fixture(scope="session")
def eicar_daemon(serve: Start, eicar: bytes, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A daemon that knows the EICAR test file by its hash alone."""
    folder = tmp_path_factory.mktemp("eicar")
    (folder / "eicar.hdb").write_text(f"{hashlib.md5(eicar).hexdigest()}:{len(eicar)}:Test.Eicar\n")  # noqa: S324
    return serve(folder, "--icap", "127.0.0.1:0")


@pytest.fixture
def folder(tmp_path: Path, eicar: bytes) -> Path:
    (tmp_path / "eicar.com").write_bytes(eicar)
    (tmp_path / "clean.txt").write_bytes(b"nothing to see\n")
    (tmp_path / "medium.bin").write_bytes(os.urandom(50_000))
    (tmp_path / "large.bin").write_bytes(os.urandom(20_000_000))
    with zipfile.ZipFile(tmp_path / "eicar.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/eicar.com", eicar)
        archive.writestr("more", os.urandom(30_000))
    return tmp_path


def c_icap_client(daemon: Running, *arguments: str | Path) -> tuple[str, bytes]:
    """Return what the client says of the answer, and what came back."""
    port = str(port_of(daemon, "icap"))
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "out")
        command = ["c-icap-client", "-i", "127.0.0.1", "-p", port, "-v", "-o", out, *arguments]
        done = subprocess.run(command, capture_output=True, check=False, timeout=120)
        said = (done.stdout + done.stderr).decode(errors="replace")
        return said, out.read_bytes() if out.exists() else b""


@needs_client
def test_c_icap_client_asks_for_options(eicar_daemon: Running) -> None:
    said, _ = c_icap_client(eicar_daemon, "-s", "avscan")
    assert "Allow 204: Yes" in said
    assert "Preview: 4096" in said


@needs_client
@pytest.mark.parametrize("options", [[], ["-nopreview"], ["-no204"], ["-nopreview", "-no204"], ["-206"]], ids=" ".join)
@pytest.mark.parametrize("method", ["-resp", "-req"])
def test_c_icap_client(eicar_daemon: Running, folder: Path, options: list[str], method: str) -> None:
    more = ["-method", "POST"] if method == "-req" else []
    where = ["-s", "reqmod" if method == "-req" else "respmod", method, "http://example.org/x", *more, *options]
    for name, found in (("clean.txt", False), ("large.bin", False), ("eicar.com", True), ("eicar.zip", True)):
        said, back = c_icap_client(eicar_daemon, *where, "-f", folder / name)
        if found:
            assert "X-Infection-Found: Type=0; Resolution=2; Threat=Test.Eicar;" in said, said
            assert b"Test.Eicar" in back
        elif "-no204" in options and (name == "large.bin" or "-nopreview" in options):
            assert back == (folder / name).read_bytes()
        else:
            assert "No modification needed (Allow 204 response)" in said, said


class Web(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, and a place that takes what is sent."""

    protocol_version = "HTTP/1.1"
    taken: list[bytes]

    def do_POST(self) -> None:
        self.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST  # noqa: N815 - as it is called

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Proxied(NamedTuple):
    """A web server behind a proxy.

    Attributes:
        web: address of the server.
        proxy: address of the proxy.
        taken: what the server was sent.
        log: of the proxy.
    """

    web: str
    proxy: str
    taken: list[bytes]
    log: Path

    def curl(self, *arguments: str | Path) -> "subprocess.CompletedProcess[bytes]":
        command = ["curl", "-s", "-S", "--proxy", self.proxy, "--noproxy", "", "--max-time", "120", *arguments]
        return subprocess.run(command, capture_output=True, check=False)

    def status(self, *arguments: str | Path) -> str:
        done = self.curl("-o", "/dev/null", "-w", "%{http_code}", *arguments)
        assert not done.returncode, (done, self.log.with_name("cache.log").read_text())
        return done.stdout.decode()


SQUID = """
http_port 127.0.0.1:{port}
http_access allow all
icap_enable on
icap_service examine_requests reqmod_precache icap://127.0.0.1:{icap}/reqmod bypass=off
icap_service examine_responses respmod_precache icap://127.0.0.1:{icap}/respmod bypass=off
adaptation_access examine_requests allow all
adaptation_access examine_responses allow all
adaptation_send_client_ip on
cache deny all
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename none
netdb_filename none
pinger_enable off
client_request_buffer_max_size 64 MB
coredump_dir {folder}
shutdown_lifetime 1 second
visible_hostname proxy.example.org
{user}
"""


@contextlib.contextmanager
def squid(icap: int) -> Iterator[tuple[int, Path]]:
    """Squid with an ICAP server; yields its port and its log."""
    folder = Path(tempfile.mkdtemp(prefix="squid-"))
    name = f"t{uuid.uuid4().hex[:12]}"
    user = ""
    if os.geteuid() == 0:
        user = "cache_effective_user proxy"
        os.chown(folder, pwd.getpwnam("proxy").pw_uid, -1)

    def start(ports: list[int]) -> Process:
        (folder / "squid.conf").write_text(SQUID.format(port=ports[0], icap=icap, folder=folder, user=user))
        command = ["squid", "-N", "-n", name, "-f", folder / "squid.conf"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        with server(1, start, folder / "cache.log") as (port,):
            yield port, folder / "access.log"
    finally:
        shutil.rmtree(folder)
        for left in Path("/dev/shm").glob(f"{name}-*"):  # noqa: S108 - Squid's own choice
            left.unlink(missing_ok=True)


@pytest.fixture
def proxied(eicar_daemon: Running, folder: Path) -> Iterator[Proxied]:
    if not shutil.which("squid") or not shutil.which("curl"):
        pytest.skip("squid or curl is not installed")
    taken: list[bytes] = []
    handler = type("Handler", (Web,), {"taken": taken})
    web = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: handler(*arguments, directory=os.fspath(folder))
    )
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        with squid(port_of(eicar_daemon, "icap")) as (port, log):
            yield Proxied(f"http://127.0.0.1:{web.server_port}", f"http://127.0.0.1:{port}", taken, log)
    finally:
        web.shutdown()
        web.server_close()


def _gets_stuck() -> bool:
    """Whether this Squid waits forever for services that want all of a long response first (Squid's bug 5352)."""
    said = subprocess.run(["squid", "-v"], capture_output=True, check=True, text=True).stdout
    version = re.search(r"Version ([0-9]+)\.([0-9]+)", said)
    return version is not None and (int(version[1]), int(version[2])) < (6, 13)


@pytest.mark.slow
def test_squid(proxied: Proxied, folder: Path, eicar_daemon: Running) -> None:
    for name in ("clean.txt", "medium.bin", *([] if _gets_stuck() else ["large.bin"])):
        assert proxied.curl(f"{proxied.web}/{name}").stdout == (folder / name).read_bytes()
    for name in ("eicar.com", "eicar.zip"):
        done = proxied.curl("-i", f"{proxied.web}/{name}?a=b")
        assert b" 403 " in done.stdout.partition(b"\r\n")[0], done
        assert b"Test.Eicar" in done.stdout
        assert f"<code>{proxied.web}/{name}</code>".encode() in done.stdout
    assert "127.0.0.1:" in eicar_daemon.log.read_text()
    assert " for 127.0.0.1" in eicar_daemon.log.read_text()

    for name in ("clean.txt", "large.bin"):
        assert proxied.status("-T", folder / name, f"{proxied.web}/up") == "201"
        assert proxied.taken.pop() == (folder / name).read_bytes()
        assert proxied.status("-F", "a=b", "-F", f"file=@{folder / name}", f"{proxied.web}/up") == "201"
        assert (folder / name).read_bytes() in proxied.taken.pop()
    for name in ("eicar.com", "eicar.zip"):
        assert proxied.status("-T", folder / name, f"{proxied.web}/up") == "403"
        assert proxied.status("-F", "a=b", "-F", f"file=@{folder / name}", f"{proxied.web}/up") == "403"
        assert proxied.status("--data-binary", f"@{folder / name}", f"{proxied.web}/up") == "403"
    assert proxied.taken == []

    assert proxied.status("-H", "Range: bytes=0-4", f"{proxied.web}/clean.txt") == "200"  # this server sends all of it
    many = [argument for _ in range(30) for argument in (f"{proxied.web}/clean.txt", "-o", "/dev/null")]
    assert proxied.curl("-w", "%{http_code} ", *many).stdout == b"200 " * 30
