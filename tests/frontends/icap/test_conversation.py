"""What RFC 3507 wants, asked over a socket."""

import gzip
import os
import shutil
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.frontends.clamd.conftest import MARKER, Running, Start, await_line, everything, port_of
from tests.frontends.icap.conftest import BOUNDS, FOUND, GET, Client, chunks, head, reqmod, respmod

CLEAN = b"nothing to see\n"
ALLOW = b"Allow: 204"
PUT = b"PUT http://example.org/up HTTP/1.1\r\nHost: example.org\r\n\r\n"


def assert_blocked(answer: object) -> None:
    assert answer.status == 200
    assert answer.fields["X-Infection-Found"] == "Type=0; Resolution=2; Threat=Test.One;"
    assert answer.fields["X-Virus-ID"] == "Test.One"
    assert answer.header.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert f"Content-Length: {len(answer.body)}\r\n".encode() in answer.header
    assert b"Test.One" in answer.body


def test_options(client: Client) -> None:
    methods = {b"reqmod": "REQMOD", b"respmod": "RESPMOD", b"avscan": "RESPMOD, REQMOD", b"respmod?x=y": "RESPMOD"}
    for service, expected in methods.items():
        answer = client.ask(head(b"OPTIONS", service))
        assert (answer.status, answer.fields["Methods"], answer.fields["Allow"]) == (200, expected, "204")
        assert int(answer.fields["Preview"]) > 0
        assert int(answer.fields["Max-Connections"]) > 0
        assert answer.fields["Service-ID"] == "freehold"
        assert len(answer.fields["ISTag"].strip('"')) <= 32


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (head(b"OPTIONS", b"nothing"), 404),
        (respmod(body=chunks(CLEAN), service=b"reqmod"), 405),
        (head(b"FETCH", b"respmod"), 501),
        (head(b"OPTIONS", b"respmod").replace(b"ICAP/1.0", b"ICAP/2.0"), 505),
        (head(b"OPTIONS", b"respmod").replace(b"ICAP/1.0", b"HTTP/1.1"), 400),
        (head(b"RESPMOD", b"respmod"), 400),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=0, req-hdr=9, res-body=20"), 400),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=5, res-body=20"), 400),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=0, res-body=-1"), 400),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=0, res-body=0"), 400),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=0, res-body=999999999"), 413),
        (head(b"RESPMOD", b"respmod", b"Encapsulated: res-hdr=0"), 400),
        (head(b"OPTIONS", b"respmod", b"no colon"), 400),
        (head(b"OPTIONS", b"respmod", b"X: " + b"y" * 20_000), 400),
        (head(b"OPTIONS", b"respmod", *[b"X: y"] * 300), 400),
        (respmod(b"Preview: many", body=chunks(CLEAN)), 400),
        (respmod(b"Preview: 4", body=chunks(CLEAN)), 400),
        (respmod(body=b"x\r\n"), 400),
        (respmod(body=b"-1\r\n"), 400),
        (respmod(body=b"3\r\nfour\r\n0\r\n\r\n"), 400),
        (respmod(body=b"5;" + b"x" * 5000), 400),
        (respmod(body=b"0\r\n" + b"X: y\r\n" * 5000), 400),
    ],
)
def test_what_breaks_the_protocol_is_refused(client: Client, request_: bytes, status: int) -> None:
    answer = client.ask(request_)
    assert answer.status == status
    assert answer.fields["Connection"] == "close"
    assert client.over()


@pytest.mark.parametrize("method", ["respmod", "reqmod"])
def test_a_preview_that_is_all(client: Client, method: str) -> None:
    def ask(content: bytes) -> object:
        body = chunks(content, end=b"0; ieof\r\n\r\n")
        if method == "respmod":
            return client.ask(respmod(b"Preview: 1024", body=body))
        return client.ask(reqmod(b"Preview: 1024", body=body, request=PUT))

    assert ask(CLEAN).status == 204
    assert_blocked(ask(MARKER))
    assert ask(b"").status == 204


@pytest.mark.parametrize("size", [0, 10, 100_000, 900_000])
def test_more_behind_a_preview(client: Client, size: int) -> None:
    rest = bytes(size)
    for content, found in ((rest, False), (rest + MARKER, True)):
        assert client.ask(respmod(b"Preview: 15", ALLOW, body=chunks(CLEAN))).status == 100
        answer = client.ask(chunks(content))
        if found:
            assert_blocked(answer)
        else:
            assert answer.status == 204


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
@pytest.mark.parametrize("preview", [False, True])
def test_what_is_clean_comes_back_as_it_was(client: Client, size: int, *, preview: bool) -> None:
    content = os.urandom(size)
    if preview:
        assert client.ask(respmod(b"Preview: 0", body=chunks())).status == 100
        answer = client.ask(chunks(content[:100], content[100:]))
    else:
        answer = client.ask(respmod(body=chunks(content)))
    assert (answer.status, answer.header, answer.body) == (200, FOUND, content)


def test_what_is_clean_in_a_request_comes_back_as_it_was(client: Client) -> None:
    answer = client.ask(reqmod(body=chunks(CLEAN), request=PUT))
    assert (answer.status, answer.header, answer.body) == (200, PUT, CLEAN)
    answer = client.ask(reqmod(body=None, request=GET))
    assert (answer.status, answer.header, answer.body) == (200, GET, None)


def test_without_a_body_there_is_nothing_to_examine(client: Client) -> None:
    assert client.ask(respmod(ALLOW, body=None)).status == 204
    assert client.ask(reqmod(ALLOW, b"Preview: 10", body=None, request=GET)).status == 204


def test_many_requests_at_once_are_answered_in_order(client: Client) -> None:
    found = [number % 3 == 1 for number in range(30)]
    bodies = [
        chunks(MARKER[:5], MARKER[5:], end=b"0\r\nX-Trailer: y\r\n\r\n") if bad else chunks(CLEAN) for bad in found
    ]
    client.connection.sendall(b"".join(respmod(ALLOW, body=body) for body in bodies))
    assert [client.answer().status == 200 for _ in bodies] == found


def test_it_hangs_up_when_it_is_asked_to(client: Client) -> None:
    answer = client.ask(respmod(ALLOW, b"Connection: close", body=chunks(CLEAN)))
    assert (answer.status, answer.fields["Connection"]) == (204, "close")
    assert client.over()


def test_the_page_names_the_address_without_its_secrets(client: Client) -> None:
    request = b"GET http://example.org/<b>?password=1 HTTP/1.1\r\n\r\n"
    parts = b"Encapsulated: req-hdr=0, res-hdr=%d, res-body=%d" % (len(request), len(request) + len(FOUND))
    answer = client.ask(head(b"RESPMOD", b"respmod", parts) + request + FOUND + chunks(MARKER))
    assert b"http://example.org/&lt;b&gt;<" in answer.body
    assert b"password" not in answer.body
    assert b"<b>" not in answer.body


@pytest.mark.parametrize(
    ("fields", "body", "threat"),
    [
        (b"Content-Encoding: deflate", zlib.compress(MARKER), "Test.One"),
        (b"content-encoding:gzip", gzip.compress(MARKER, mtime=0), "Test.One"),
        (b"Content-Encoding: br", b"\x0b\x02\x80clean\x03", "Freehold.Incomplete.Unsupported"),
        (b"Content-Range: bytes 0-5/6", b"clean\n", None),
        (b"Content-Range: bytes 0-5/7", b"clean\n", "Freehold.Incomplete.Truncated"),
        (b"Content-Type: multipart/form-data; boundary=b", b"--b\r\n\r\n" + MARKER + b"\r\n--b--", "Test.One"),
        (b"Content-Type: multipart/form-data", b"--b\r\n\r\nclean\r\n--b--", "Freehold.Incomplete.Malformed"),
        (b"Content-Type: multipart/form-data; boundary=b", b"--b\r\n\r\nclean\r\n--b--", None),
    ],
)
def test_what_http_says_of_a_body_counts(client: Client, fields: bytes, body: bytes, threat: str | None) -> None:
    header = b"HTTP/1.1 200 OK\r\nX: y\r\n" + fields + b"\r\n\r\n"
    answer = client.ask(respmod(body=chunks(body), response=header))
    assert answer.fields.get("X-Virus-ID") == threat
    if not threat:
        assert (answer.header, answer.body) == (header, body)


def test_what_is_too_long_is_not_examined(client: Client) -> None:
    long = FOUND.replace(b"\r\n\r\n", b"\r\nContent-Length: 5000000\r\n\r\n")
    answer = client.ask(respmod(b"Preview: 15", body=chunks(CLEAN), response=long))
    assert answer.fields["X-Infection-Found"] == "Type=2; Resolution=2; Threat=Freehold.Incomplete.Limit;"
    assert answer.header.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    answer = client.ask(respmod(b"Preview: 15", body=chunks(CLEAN, end=b"0; ieof\r\n\r\n"), response=long))
    assert answer.status == 204  # the length was a lie
    answer = client.ask(respmod(ALLOW, body=chunks(*[bytes(100_000)] * 11)))
    assert answer.fields["X-Virus-ID"] == "Freehold.Incomplete.Limit"
    assert client.over()


def test_slow_clients_are_told_so(icap_daemon: Running) -> None:
    port = port_of(icap_daemon, "icap")
    whole = respmod(body=chunks(CLEAN))
    cuts = [whole[:20], whole[: whole.index(GET) + 5], whole[:-9], whole[:-1]]
    clients = [Client(port) for _ in cuts]
    idle = Client(port)
    for slow, cut in zip(clients, cuts, strict=True):
        slow.connection.sendall(cut)
    for slow in clients:
        with slow:
            assert slow.answer().status == 408
            assert slow.over()
    with idle:
        assert idle.over()


def test_who_reads_too_slowly_gets_a_part_and_nothing_else(serve: Start, database: Path) -> None:
    daemon = serve(database, "--icap", "127.0.0.1:0", "--read-timeout", "2")
    content = bytes(20_000_000)
    with Client(port_of(daemon, "icap"), window=4096) as client:
        client.connection.sendall(respmod(body=chunks(content)))
        await_line(daemon, "left in the middle of an answer")
        said = everything(client.connection)
    assert said.startswith(b"ICAP/1.0 200 ")
    assert said.count(b"ICAP/1.0") == 1
    assert len(said) < len(content)


@pytest.mark.parametrize(("policy", "status"), [("block", 200), ("error", 500), ("pass", 204)])
def test_what_is_incomplete_is_answered_as_configured(
    serve: Start, database: Path, encrypted: bytes, policy: str, status: int
) -> None:
    daemon = serve(database, "--icap", "127.0.0.1:0", "--icap-incomplete", policy, *BOUNDS)
    with Client(port_of(daemon, "icap")) as client:
        answer = client.ask(respmod(ALLOW, body=chunks(encrypted)))
        assert answer.status == status
        if policy == "block":
            assert answer.fields["X-Virus-ID"] == "Freehold.Incomplete.Encrypted"
            assert b"encrypted: " in answer.body
        if policy == "error":
            assert answer.fields["X-Error-Code"] == "password_protected"
        assert_blocked(client.ask(respmod(ALLOW, body=chunks(MARKER))))
        long = os.urandom(1_500_000)
        if policy == "pass":  # what is too long to be examined passes as it is, too
            answer = client.ask(respmod(body=chunks(long[:1_200_000], long[1_200_000:])))
            assert (answer.header, answer.body) == (FOUND, long)
            assert client.ask(respmod(ALLOW, body=chunks(CLEAN))).status == 204


def test_the_tag_changes_with_the_databases(serve: Start, database: Path, tmp_path: Path) -> None:
    shutil.copytree(database, tmp_path / "database")
    daemon = serve(tmp_path / "database", "--icap", "127.0.0.1:0")
    with Client(port_of(daemon, "icap")) as client:
        before = client.ask(head(b"OPTIONS", b"respmod")).fields["ISTag"]
        assert client.ask(respmod(ALLOW, body=chunks(b"freehold-new"))).fields["ISTag"] == before
        (tmp_path / "database" / "new.ndb").write_text(f"Test.New:0:*:{b'freehold-new'.hex()}\n")
        assert daemon.ask(b"zRELOAD\0") == b"RELOADING\0"
        await_line(daemon, "event=reloaded")
        answer = client.ask(respmod(ALLOW, body=chunks(b"freehold-new")))
        assert answer.fields["X-Virus-ID"] == "Test.New"
        assert answer.fields["ISTag"] != before


def test_a_page_of_somebody_s_own(serve: Start, database: Path, tmp_path: Path, freehold: object) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>$$5: $reason at $url")
    daemon = serve(database, "--icap", "127.0.0.1:0", "--icap-page", os.fspath(page))
    with Client(port_of(daemon, "icap")) as client:
        answer = client.ask(respmod(body=chunks(MARKER)))
        assert answer.body == b"<p>$5: Test.One at http://example.org/folder/name.bin"
    page.write_text("$nonsense")
    for wrong in (page, tmp_path / "missing"):
        done = freehold("serve", "--database", database, "--check", "--icap", "127.0.0.1:0", "--icap-page", wrong)
        assert done.returncode == 3
        assert str(wrong).encode() in done.stderr


WORDS = st.sampled_from(
    [
        *(
            b"OPTIONS ",
            b"RESPMOD ",
            b"REQMOD ",
            b"icap://h/",
            b"respmod",
            b"avscan",
            b" ICAP/1.0",
            b"\r\n",
            b"\r\n\r\n",
        ),
        *(b"Encapsulated: ", b"req-hdr=0", b", ", b"res-hdr=", b"res-body=", b"null-body=", b"0", b"70", b"Preview: 4"),
        *(b"Allow: 204", GET, FOUND, chunks(CLEAN), b"5\r\n", b"0; ieof\r\n\r\n", respmod(body=chunks(CLEAN))),
    ]
) | st.binary(max_size=20)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=14))
def test_whatever_is_sent_the_daemon_goes_on(icap_daemon: Running, words: list[bytes]) -> None:
    port = port_of(icap_daemon, "icap")
    with Client(port) as client:
        client.connection.sendall(b"".join(words))
        client.connection.shutdown(1)
        while client.connection.recv(65_536):
            pass
    with Client(port) as client:
        assert_blocked(client.ask(respmod(body=chunks(MARKER))))
    assert "internal error" not in icap_daemon.log.read_text()


def descriptors(daemon: Running) -> int:
    return len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir()))


def test_clients_that_hang_up_leave_nothing_behind(icap_daemon: Running) -> None:
    port = port_of(icap_daemon, "icap")
    with Client(port) as client:
        client.ask(respmod(body=chunks(MARKER)))
    before = descriptors(icap_daemon)
    whole = respmod(body=chunks(bytes(200_000)))
    for number in range(40):
        with Client(port) as client:
            client.connection.sendall(whole[: len(whole) * number // 40])
    with Client(port) as client:  # asks for much and reads nothing
        client.connection.sendall(respmod(body=chunks(bytes(900_000))))
    for _ in range(200):
        if descriptors(icap_daemon) <= before + 2:  # each worker has a socket, and may have begun meanwhile
            return
        time.sleep(0.05)
    assert descriptors(icap_daemon) <= before + 2
