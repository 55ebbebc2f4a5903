"""Bodies of HTTP as real clients make them."""

import http.server
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.driver import open_one

from freehold.model.report import ProblemKind

MARK = b"\x89HTTP\r\n"


class Receiver(http.server.BaseHTTPRequestHandler):
    received: bytes

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.received = MARK + b"content-type: %b\r\n\r\n" % self.headers["Content-Type"].encode() + body
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_a_form_that_curl_sends(tmp_path: Path) -> None:
    files = {
        "empty": b"",
        "a.bin": os.urandom(200_000),
        "ends.txt": b"with lines\r\n\r\n",
        "dashes": b"--\r\n--x--\r\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    arguments = [part for name in files for part in ("-F", f"file=@{tmp_path / name}")]
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        subprocess.run(["curl", "-s", "--noproxy", "*", "-F", "text=hello", *arguments, url], check=True)
        thread.join()
    opened = open_one("http", Receiver.received)
    assert opened.members == [("text", b"hello"), *((name, content) for name, content in files.items() if content)]
    assert opened.collector.problems == []


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.text("abX-'+_", min_size=1, max_size=20))
def test_parts_are_what_was_put_in(contents: list[bytes], boundary: str) -> None:
    mark = f"--{boundary}".encode()
    contents = [content for content in contents if mark not in content]
    body = b"".join(mark + b"\r\nA: b\r\n\r\n" + content + b"\r\n" for content in contents) + mark + b"--"
    opened = open_one(
        "http", MARK + f'content-type: multipart/form-data; boundary="{boundary}"\r\n\r\n'.encode() + body
    )
    assert opened.contents == contents
    assert opened.collector.problems == []


def test_what_stands_around_the_parts_is_examined_too() -> None:
    head = MARK + b"content-type: multipart/form-data; boundary=x\r\n\r\n"
    opened = open_one("http", head + b"before\r\n--x\r\n\r\npart\r\n--x--\r\n\r\nbehind")
    assert opened.contents == [b"before", b"part", b"behind"]


@pytest.mark.parametrize("header", [True, False])
def test_deflate_with_and_without_its_header(*, header: bool) -> None:
    import zlib

    packer = zlib.compressobj(wbits=15 if header else -15)
    packed = packer.compress(b"content" * 100) + packer.flush()
    assert open_one("http", MARK + b"content-encoding: deflate\r\n\r\n" + packed).contents == [b"content" * 100]


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        (b"content-range: bytes 0-4/5", set()),
        (b"content-range: bytes 0-4/*", {ProblemKind.TRUNCATED}),
        (b"content-range: bytes 1-4/5", {ProblemKind.TRUNCATED}),
        (b"content-range: lines 0-4/5", {ProblemKind.TRUNCATED}),
        (b"content-encoding: gzip", set()),
        (b"content-encoding: gzip, br", {ProblemKind.UNSUPPORTED}),
        (b"content-encoding: deflate, deflate", {ProblemKind.UNSUPPORTED}),
        (b"content-type: multipart/form-data", {ProblemKind.MALFORMED}),
        (b"content-type: multipart/form-data; boundary=x", {ProblemKind.TRUNCATED}),
    ],
)
def test_what_cannot_be_read_is_a_problem_and_is_examined_as_it_is(fields: bytes, kinds: set[ProblemKind]) -> None:
    opened = open_one("http", MARK + fields + b"\r\n\r\nwhole")
    assert opened.contents == [b"whole"]
    assert opened.kinds == kinds
