"""Folders and a real HTTP server as origins."""

import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from freehold.feeds import local, snapshot, transfer
from freehold.feeds.registry import kind_of
from freehold.feeds.sources.clamav import FEED as CLAMAV
from freehold.feeds.sources.folder import FEED as FOLDER
from freehold.model.errors import FreeholdError, TrustError, UsageError
from freehold.signatures.clamav.container import SUFFIXES
from freehold.signatures.registry import BY_SUFFIX


def database(version: int, content: bytes = b"") -> bytes:
    return (b"ClamAV-VDB:22 Jun 2021 14-58 -0400:%d:1:81:X:X:me:1624388302" % version).ljust(512) + content


def files(top: Path) -> dict[str, bytes]:
    """Return the content of a snapshot and check that its index says the same."""
    root = snapshot.folder(top)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    listed = snapshot.index(top)
    assert {name: len(data) for name, data in found.items()} == {name: s.size for name, s in listed.items()}
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """Return a function that makes a new empty folder."""
    numbers = iter(range(100))

    def make() -> Path:
        folder = tmp_path / f"snapshot-{next(numbers)}"
        folder.mkdir()
        return folder

    return make


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    return folder


class TestFolder:
    def test_takes_signature_files_only(self, origin: Path, fresh: Callable[[], Path], tmp_path: Path) -> None:
        wanted = {"a.yar": b"1", "b.HDB": b"2", "sub/c.ndb": b"3", "sub/deep/d.toml": b"4"}
        unwanted = {"readme.md": b"x", ".git/e.yar": b"x", ".hidden.yar": b"x", "f": b"x"}
        for name, data in (wanted | unwanted).items():
            path = origin / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        secret = tmp_path / "secret"
        secret.write_text("secret")
        (origin / "link.yar").symlink_to(secret)
        (origin / "loop").symlink_to(origin)
        os.mkfifo(origin / "pipe.yar")
        destination = fresh()
        FOLDER.refresh(str(origin), None, destination)
        assert files(destination) == wanted

    def test_refresh(self, origin: Path, fresh: Callable[[], Path]) -> None:
        for name in ("same.yar", "changed.yar", "removed.yar"):
            (origin / name).write_text(name)
        first, second = fresh(), fresh()
        FOLDER.refresh(f"file://{origin}", None, first)
        (origin / "changed.yar").write_text("other")
        (origin / "removed.yar").unlink()
        (origin / "new.yar").write_text("new")
        FOLDER.refresh(f"file://{origin}", first, second)
        assert files(second) == {"same.yar": b"same.yar", "changed.yar": b"other", "new.yar": b"new"}
        assert len(files(first)) == 3
        same = [snapshot.folder(top) / "same.yar" for top in (first, second)]
        assert same[0].samefile(same[1])

    def test_what_counts_as_change(self, origin: Path, fresh: Callable[[], Path]) -> None:
        (origin / "a.yar").write_text("one")
        first, second, third = fresh(), fresh(), fresh()
        FOLDER.refresh(str(origin), None, first)
        os.utime(origin / "a.yar")
        FOLDER.refresh(str(origin), first, second)
        (origin / "a.yar").write_text("two")
        FOLDER.refresh(str(origin), second, third)
        digests = [snapshot.digest(snapshot.index(top)) for top in (first, second, third)]
        assert digests[0] == digests[1] != digests[2]

    def test_unusable_origins(self, origin: Path, fresh: Callable[[], Path]) -> None:
        for bad in (str(origin), str(origin / "missing"), "file://elsewhere/rules", "ftp://host/rules"):
            with pytest.raises(UsageError):
                FOLDER.refresh(bad, None, fresh())

    def test_damaged_index(self, origin: Path, fresh: Callable[[], Path]) -> None:
        (origin / "a.yar").write_text("one")
        first = fresh()
        FOLDER.refresh(str(origin), None, first)
        (first / "index.json").write_text('{"a.yar": {"sise": 1}}')
        with pytest.raises(TrustError):
            FOLDER.refresh(str(origin), first, fresh())


class TestClamavFolder:
    def test_newer_of_published_and_updated(self, origin: Path, fresh: Callable[[], Path]) -> None:
        contents = {
            "daily.cvd": database(5), "daily.cld": database(6), "main.cvd": database(9), "main.cld": database(8),
            "own.ndb": b"x", "main-9.cvd.sign": b"y", "freshclam.dat": b"uuid", "sub/more.ndb": b"z",
        }  # fmt: skip
        (origin / "sub").mkdir()
        for name, data in contents.items():
            (origin / name).write_bytes(data)
        destination = fresh()
        CLAMAV.refresh(str(origin), None, destination)
        assert set(files(destination)) == {"daily.cld", "main.cvd", "main-9.cvd.sign", "own.ndb"}

    def test_older_database_is_refused(self, origin: Path, fresh: Callable[[], Path]) -> None:
        first = fresh()
        (origin / "daily.cld").write_bytes(database(6))
        CLAMAV.refresh(str(origin), None, first)
        (origin / "daily.cld").unlink()
        (origin / "daily.cvd").write_bytes(database(5))
        with pytest.raises(TrustError, match="older"):
            CLAMAV.refresh(str(origin), first, fresh())
        (origin / "daily.cvd").write_bytes(database(7))
        CLAMAV.refresh(str(origin), first, second := fresh())
        assert files(second) == {"daily.cvd": database(7)}

    @pytest.mark.parametrize("content", [b"", b"no database", b"ClamAV-VDB:t:x:", b"ClamAV-VDB:t:" + b"9" * 99])
    def test_what_is_no_database(self, origin: Path, fresh: Callable[[], Path], content: bytes) -> None:
        first = fresh()
        (origin / "daily.cvd").write_bytes(database(5))
        CLAMAV.refresh(str(origin), None, first)
        (origin / "daily.cvd").write_bytes(content)
        with pytest.raises(FreeholdError):
            CLAMAV.refresh(str(origin), first, fresh())


@dataclass
class Mirror:
    """A web server of a few files, and of a few bad habits."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    declared: dict[str, int] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    address: str = ""

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                mirror.requests.append((self.path, dict(self.headers)))
                data = mirror.files.get(self.path)
                tag = f'"{hash(data)}"'
                if self.path in mirror.redirects:
                    self.answer(302, Location=mirror.redirects[self.path])
                elif data is None:
                    self.answer(404)
                elif self.headers["If-None-Match"] == tag:
                    self.answer(304)
                elif mirror.chunked:
                    self.answer(200, None, ETag=tag, **{"Transfer-Encoding": "chunked"})
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))  # and never the last, empty chunk
                else:
                    self.answer(200, mirror.declared.get(self.path, len(data)), ETag=tag)
                    self.wfile.write(data)
                self.close_connection = True

            def answer(self, status: int, length: int | None = 0, **headers: str) -> None:
                mirror.statuses.append(status)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.send_header("Set-Cookie", "id=1")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("no_proxy", "*")
    mirror = Mirror()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), mirror.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        mirror.address = f"http://127.0.0.1:{server.server_port}"
        yield mirror
        server.shutdown()
        thread.join()


class TestMirror:
    def test_databases_with_their_signatures(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {
            "/av/main.cvd": database(62, os.urandom(3 << 20)), "/av/main-62.cvd.sign": b"sign",
            "/av/daily.cld": database(7), "/av/other.ndb": b"x",
        }  # fmt: skip
        destination = fresh()
        CLAMAV.refresh(mirror.address + "/av/", None, destination)
        assert files(destination) == {
            "main.cvd": mirror.files["/av/main.cvd"], "main-62.cvd.sign": b"sign", "daily.cld": database(7)
        }  # fmt: skip

    def test_nothing_is_sent_twice(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/main.cvd": database(1), "/main-1.cvd.sign": b"sign", "/daily.cvd": database(1)}
        first, second = fresh(), fresh()
        CLAMAV.refresh(mirror.address, None, first)
        mirror.files["/daily.cvd"] = database(2)
        mirror.statuses.clear()
        CLAMAV.refresh(mirror.address, first, second)
        assert sorted(mirror.statuses) == [200, 304, 304, 404, 404, 404, 404, 404]
        assert files(second) == {name[1:]: data for name, data in mirror.files.items()}

    def test_requests_tell_nothing(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/main.cvd": database(1)}
        first = fresh()
        CLAMAV.refresh(mirror.address, None, first)
        CLAMAV.refresh(mirror.address, first, fresh())
        names = {name for _, headers in mirror.requests for name in headers}
        assert names <= {"Host", "User-Agent", "Accept-Encoding", "Connection", "If-None-Match"}
        assert {headers["User-Agent"] for _, headers in mirror.requests} == {"Freehold"}

    def test_lies_about_length(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/main.cvd": database(1, bytes(1000))}
        mirror.declared = {"/main.cvd": 5000}
        with pytest.raises(FreeholdError, match="1512 of 5000"):
            CLAMAV.refresh(mirror.address, None, fresh())

    def test_interrupted(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files, mirror.chunked = {"/main.cvd": database(1, bytes(1000))}, True
        with pytest.raises(FreeholdError):
            CLAMAV.refresh(mirror.address, None, fresh())

    def test_too_large(self, mirror: Mirror, fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(snapshot, "FILE_BYTES", 10_000)
        mirror.files = {"/main.cvd": database(1, bytes(100_000))}
        with pytest.raises(FreeholdError, match="larger"):
            CLAMAV.refresh(mirror.address, None, fresh())

    def test_database_disappears(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/main.cvd": database(1), "/daily.cvd": database(1)}
        CLAMAV.refresh(mirror.address, None, first := fresh())
        del mirror.files["/daily.cvd"]
        with pytest.raises(FreeholdError, match="daily"):
            CLAMAV.refresh(mirror.address, first, fresh())

    def test_empty_and_absent_mirror(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        with pytest.raises(UsageError, match="no ClamAV database"):
            CLAMAV.refresh(mirror.address, None, fresh())
        with pytest.raises(FreeholdError):
            CLAMAV.refresh("http://127.0.0.1:9", None, fresh())

    def test_redirects(self, mirror: Mirror, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/elsewhere/main.cvd": database(1)}
        mirror.redirects = {"/main.cvd": "/elsewhere/main.cvd"}
        CLAMAV.refresh(mirror.address, None, first := fresh())
        assert files(first) == {"main.cvd": database(1)}
        refused = [
            "https://database.clamav.net/main.cvd",
            "file:///etc/passwd",
            "ftp://127.0.0.1/main.cvd",
            "/main.cvd",
        ]
        for target in refused:
            mirror.redirects = {"/main.cvd": target}
            with pytest.raises(FreeholdError):
                CLAMAV.refresh(mirror.address, None, fresh())


class TestEncryptedMirror:
    pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        path = tmp_path / "mirror.pem"
        command = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        )
        subprocess.run([*command.split(), "-keyout", path, "-out", tmp_path / "cert"], check=True, capture_output=True)
        path.write_bytes(path.read_bytes() + (tmp_path / "cert").read_bytes())
        return path

    @pytest.fixture
    def encrypted(self, mirror: Mirror, certificate: Path) -> Iterator[str]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), mirror.handler()) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that do not trust it hang up
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            yield f"https://localhost:{server.server_port}"
            server.shutdown()
            thread.join()

    def test_trusted_certificate(
        self, mirror: Mirror, encrypted: str, certificate: Path, fresh: Callable[[], Path], monkeypatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        mirror.files = {"/main.cvd": database(1)}
        CLAMAV.refresh(encrypted, None, destination := fresh())
        assert files(destination) == {"main.cvd": database(1)}
        mirror.redirects = {"/main.cvd": mirror.address + "/other.cvd"}
        with pytest.raises(UsageError, match="not encrypted"):
            CLAMAV.refresh(encrypted, None, fresh())

    def test_strange_certificate(self, mirror: Mirror, encrypted: str, fresh: Callable[[], Path]) -> None:
        mirror.files = {"/main.cvd": database(1)}
        with pytest.raises(FreeholdError, match="certificate"):
            CLAMAV.refresh(encrypted, None, fresh())
        assert not mirror.requests


@pytest.mark.parametrize(
    "address",
    ["https://database.clamav.net/", "https://CLAMAV.net", "http://db.us.clamav.net./x", "https://current.cvd.clamav.net:443/"],
)  # fmt: skip
def test_never_clamavs_own_servers(address: str) -> None:
    with pytest.raises(UsageError, match="freshclam or cvdupdate"):
        transfer.check_address(address)


@pytest.mark.parametrize(
    "address", ["https://notclamav.net/", "https://clamav.net.example/", "http://10.0.0.1:8000/av"]
)
def test_own_mirrors_are_welcome(address: str) -> None:
    transfer.check_address(address)


@pytest.mark.parametrize("address", ["https://", "ftp://host/", "https://me:secret@host/", "javascript:x"])
def test_other_addresses_are_not(address: str) -> None:
    with pytest.raises(UsageError):
        transfer.check_address(address)


def test_kind_of_origin(origin: Path) -> None:
    assert kind_of(str(origin)) == "folder"
    (origin / "daily.cld").touch()
    assert kind_of(str(origin)) == kind_of(f"file://{origin}") == kind_of("https://host/av") == "clamav"


@pytest.mark.parametrize("suffix", sorted({*BY_SUFFIX, *SUFFIXES, ".sign"}))
def test_every_language_that_is_read_is_copied(suffix: str) -> None:
    assert local.SIGNATURE_FILE.fullmatch(f"name{suffix}")
