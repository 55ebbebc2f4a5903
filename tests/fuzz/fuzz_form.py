"""Fuzz target: reading forms that come in pieces. The first byte says how long the pieces are."""

from freehold.frontends.http.problems import Refused
from freehold.frontends.http.upload import Form

MOST = 100_000


def target(data: bytes) -> None:
    length = data[0] + 1 if data else 1
    body = data[1:]
    whole = read(body, len(body) or 1)
    pieces = read(body, length)
    assert whole is None or pieces is None or whole == pieces


def read(body: bytes, length: int) -> tuple[bytes, str] | None:
    """Return the file and its name, None when the form is refused."""
    form = Form("xXx", MOST)
    found = []
    try:
        for start in range(0, len(body), length):
            found += form.feed(body[start : start + length])
        name = form.end()
    except Refused:
        return None
    content = b"".join(found)
    assert len(content) <= min(len(body), MOST)
    return content, name
