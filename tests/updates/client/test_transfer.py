"""Bytes from a mirror: what is sent, what is taken, and what is refused, against nginx and against hostile servers."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from tests.updates.client.conftest import Serve

from freehold.updates.client.origins import Bundle, Folder, Mirror, checked
from freehold.updates.client.refusals import EndlessData, SlowServer, Unreachable, UnsafeName
from freehold.updates.client.transfer import Absent, Client, RetryLater

New = Callable[..., Client]

REQUEST = "GET /head HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: Freehold\r\nAccept-Encoding: identity\r\n\r\n"


@contextmanager
def hostile(talk: Callable[[socket.socket], None], times: int = 1) -> Iterator[tuple[str, list[bytes]]]:
    """Be a server that reads each request and then does what ``talk`` does; also gives what clients sent."""
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            for _ in range(times):
                with listening.accept()[0] as connection:
                    request = b""
                    while b"\r\n\r\n" not in request and (piece := connection.recv(65_536)):
                        request += piece
                    sent.append(request)
                    try:
                        talk(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", sent
        finally:
            thread.join()


@pytest.fixture
def new() -> Iterator[Callable[..., Client]]:
    """Make clients, which are closed at the end: ``new(silence=…)``."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(closing(Client(**options)))


def answer(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


def test_what_is_sent_is_the_same_for_everybody(new: New) -> None:
    cookie = b'HTTP/1.1 200 OK\r\nSet-Cookie: you=7\r\nETag: "you-7"\r\nContent-Length: 2\r\n\r\nok'
    client = new()
    with hostile(answer(cookie), times=2) as (address, sent):
        for _ in range(2):
            assert client.get(f"{address}/head", 100) == b"ok"
            client.close()
    expected = REQUEST.format(port=address.rpartition(":")[2]).encode()
    assert sent == [expected, expected]


def test_one_connection_serves_several_requests(new: New, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two" * 100_000)
    web = serve(tmp_path, "add_header X-Connection $connection;")
    client = new()
    assert client.get(f"{web.address}/a", 10) == b"one"
    with pytest.raises(Absent):
        client.get(f"{web.address}/missing", 10)
    first = client._kept
    assert client.get(f"{web.address}/b", 1_000_000) == b"two" * 100_000
    assert client._kept == first
    assert web.requests() == ["GET /a 200", "GET /missing 404", "GET /b 200"]


def test_a_connection_that_ended_meanwhile_is_made_anew(new: New) -> None:
    ok = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    client = new()
    with hostile(ok, times=2) as (address, _):
        assert [client.get(f"{address}/head", 10) for _ in range(2)] == [b"ok", b"ok"]


def test_only_what_changed_is_sent(new: New, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes(b"new")
    web = serve(tmp_path)
    since = "Sat, 28 Nov 2026 10:00:00 GMT"
    os.utime(tmp_path / "head", (1795860000, 1795860000))
    client = new()
    assert client.get(f"{web.address}/head", 10, since=since) is None
    os.utime(tmp_path / "head", (1795860001, 1795860001))
    assert client.get(f"{web.address}/head", 10, since=since) == b"new"


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b"x" * 0xFFFF + b"\r\n",
    ],
    ids=["declared", "until it closes", "chunked"],
)
def test_endless_data(new: New, text: bytes) -> None:
    with hostile(answer(text)) as (address, _), pytest.raises(EndlessData, match="bytes"):
        new().get(f"{address}/head", 1000)


def drip(text: bytes, seconds: float) -> Callable[[socket.socket], None]:
    """Send a byte now and then, always before the other side would call it silence."""

    def talk(connection: socket.socket) -> None:
        connection.settimeout(seconds)
        for byte in text:
            connection.sendall(bytes((byte,)))
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return talk


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 10_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 10_000,
    ],
    ids=["headers", "body", "size of a chunk"],
)
def test_a_server_that_is_slow_all_along(new: New, text: bytes) -> None:
    start = text.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in text else 0

    def talk(connection: socket.socket) -> None:
        connection.sendall(text[:start])
        drip(text[start:], 0.05)(connection)

    with hostile(talk) as (address, _), pytest.raises(SlowServer, match="too slow"):
        new(patience=0.5, rate=10_000).get(f"{address}/head", 1000)


def test_a_server_that_is_silent(new: New) -> None:
    silent = threading.Event()
    with hostile(lambda _: silent.wait(60) and None) as (address, _):
        try:
            with pytest.raises(SlowServer, match="silent"):
                new(silence=0.2).get(f"{address}/head", 1000)
        finally:
            silent.set()


def test_a_handshake_that_never_ends(new: New) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            with listening.accept()[0] as connection:
                drip(b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\x00" * 10_000, 0.05)(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            with pytest.raises(SlowServer):
                new(patience=0.5, rate=10_000).get(f"https://127.0.0.1:{listening.getsockname()[1]}/head", 1000)
        finally:
            thread.join()


def test_a_file_that_breaks_off(new: New) -> None:
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
    with hostile(answer(text)) as (address, _), pytest.raises(Unreachable, match="broke off after 4 bytes"):
        new().get(f"{address}/head", 1000)


@pytest.mark.parametrize(("said", "seconds"), [("3600", 3600), ("999999999", 86_400), ("soon", 0), ("-5", 0)])
def test_a_server_that_wants_to_be_left_alone(new: New, said: str, seconds: int) -> None:
    text = f"HTTP/1.1 429 Too Many Requests\r\nRetry-After: {said}\r\nContent-Length: 0\r\n\r\n".encode()
    with hostile(answer(text)) as (address, _), pytest.raises(RetryLater) as raised:
        new().get(f"{address}/head", 1000)
    assert raised.value.seconds == seconds


def test_redirects_lead_to_another_server_and_not_around_in_circles(new: New, serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes(b"here")
    web = serve(
        tmp_path, "location /old/ { rewrite ^/old/(.*) /$1 redirect; } location /circle { return 302 /circle; }"
    )
    assert new().get(f"{web.address}/old/head", 10) == b"here"
    with pytest.raises(Unreachable, match="without an end"):
        new().get(f"{web.address}/circle", 10)


@pytest.fixture
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    top = tmp_path_factory.mktemp("tls")
    key, cert = top / "key.pem", top / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run([*command, *subject, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def test_encryption(
    new: New, serve: Serve, tmp_path: Path, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "head").write_bytes(b"secret")
    cert, key = certificate
    plain = serve(tmp_path)
    tls = f"ssl_certificate {cert}; ssl_certificate_key {key};"
    web = serve(tmp_path, f"{tls} location /down {{ return 302 {plain.address}/head; }}", " ssl", "https")
    with pytest.raises(Unreachable, match="certificate verify failed"):
        new().get(f"{web.address}/head", 10)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    client = new()
    assert client.get(f"{web.address}/head", 10) == b"secret"
    assert isinstance(client._kept[1].sock, ssl.SSLSocket)
    with pytest.raises(Unreachable, match="not encrypted"):
        client.get(f"{web.address}/down", 10)


def test_a_proxy_is_used_as_the_environment_says(new: New, monkeypatch: pytest.MonkeyPatch) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    refused = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
    with hostile(answer(ok)) as (proxy, sent):
        monkeypatch.setenv("http_proxy", proxy)
        assert new().get("http://mirror.example/head", 10) == b"ok"
    assert sent[0].startswith(b"GET http://mirror.example/head HTTP/1.1\r\nHost: mirror.example\r\n")
    with hostile(answer(refused)) as (proxy, sent):
        monkeypatch.setenv("https_proxy", proxy)
        with pytest.raises(Unreachable, match="407"):
            new().get("https://mirror.example/head", 10)
    assert sent[0] == b"CONNECT mirror.example:443 HTTP/1.1\r\nHost: mirror.example:443\r\n\r\n"


@pytest.mark.parametrize(
    "address", ["ftp://mirror.example/", "https://", "https://u:p@mirror.example/", "https://a b/"]
)
def test_addresses_that_are_none_of_a_mirror(new: New, address: str) -> None:
    with pytest.raises(Unreachable):
        Mirror(address, new())


@pytest.mark.parametrize(
    "path", ["../secret", "a/../../b", "/etc/passwd", "a//b", "a/", "", ".", "a\\b", "a/%2e%2e/b", "a\nb", "a/.."]
)
def test_names_that_would_lead_out_of_a_tree(path: str, tmp_path: Path) -> None:
    with pytest.raises(UnsafeName):
        checked(path)
    with pytest.raises(UnsafeName):
        Folder(tmp_path).open(path, 10)


def test_folders_give_regular_files_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    folder = Folder(tmp_path)
    assert b"".join(folder.open("a", 7) or ()) == b"content"
    for name, kind in (("a", EndlessData), ("link", Unreachable), ("pipe", EndlessData), ("missing", Absent)):
        with pytest.raises(kind):
            folder.open(name, 6)


def test_bundles_give_their_members(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "head").write_bytes(b"content")
    (tmp_path / "tree" / "link").symlink_to("/etc/passwd")
    subprocess.run(["tar", "-cf", tmp_path / "bundle", "-C", tmp_path / "tree", "."], check=True)
    bundle = Bundle(tmp_path / "bundle")
    assert b"".join(bundle.open("head", 7) or ()) == b"content"
    for name, kind in (("head", EndlessData), ("link", Absent), ("missing", Absent)):
        with pytest.raises(kind):
            bundle.open(name, 6)
