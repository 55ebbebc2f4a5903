"""Taking what a client sends: the content itself, or a form of a web page with one file in it.

Memory is bounded: pieces go to the content as they come, and what stands around a file in a form is counted and thrown
away. Source: RFC 7578 (multipart/form-data).
"""

import asyncio
import time
from collections.abc import AsyncIterator

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header
from starlette.requests import Request

from freehold.frontends.http.policy import Rules
from freehold.frontends.http.problems import Refused
from freehold.frontends.intake import Arrival, NoRoom
from freehold.frontends.wire import HungUp, Pace

_PARTS = 32
"""Parts of a form, the file included."""

_FIELDS = 64 * 1024
"""Bytes of everything in a form but the file."""

_AROUND = 1 << 20
"""Bytes that a form may be longer than the file in it."""

_BOUNDARY = 70
"""Characters that RFC 2046 allows."""

_NAME = 1024
"""Characters of a file's name."""

UNNAMED = "stream"


async def receive(request: Request, arrival: Arrival, rules: Rules) -> str:
    """Take a content, and return the name that the client gave it.

    Raises:
        Refused: it is too long, too slow, or not what was asked for.
        HungUp: the client is gone.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(415, "send the content as it is, without Content-Encoding", {"Accept-Encoding": "identity"})
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        if kind == "multipart/form-data":
            return await _form(request, arrival, rules, options.get("boundary", ""))
        async for piece in _pieces(request, rules.content_bytes, rules.read_seconds):
            await arrival.write(piece)
    except NoRoom as error:
        raise Refused(503, f"there is no room for the content: {error}", {"Retry-After": "10"}) from error
    return checked_name(request.query_params.get("name", UNNAMED))


def checked_name(name: str) -> str:
    """Return a name that a client gave; it names nothing on this machine. Raises ``Refused``."""
    if len(name) > _NAME:
        raise Refused(400, f"a name may have {_NAME} characters")
    return name.encode("utf-8", "replace").decode() or UNNAMED


async def _pieces(request: Request, most: int, patience: float) -> AsyncIterator[bytes]:
    """Yield a content as it comes; raises ``Refused`` and ``HungUp``."""
    length = request.headers.get("content-length", "0")
    if len(length) > 18 or int(length) > most:
        raise _too_long(most)
    pace = Pace(patience)
    more = True
    while more:
        try:
            async with asyncio.timeout(max(pace.deadline - time.monotonic(), 0)):
                message = await request.receive()
        except TimeoutError as error:
            raise Refused(408, "the content came too slowly") from error
        if message["type"] == "http.disconnect":
            raise HungUp
        more = message.get("more_body", False)
        request.scope["state"]["unread"] = more
        piece = message.get("body", b"")
        pace.size += len(piece)
        if pace.size > most:
            raise _too_long(most)
        if piece:
            yield piece


def _too_long(most: int) -> Refused:
    return Refused(413, f"a content may have {most} bytes")


async def _form(request: Request, arrival: Arrival, rules: Rules, boundary: str) -> str:
    form = Form(boundary, rules.content_bytes)
    async for piece in _pieces(request, rules.content_bytes + _AROUND, rules.read_seconds):
        for part in form.feed(piece):
            await arrival.write(part)
    return form.end()


class Form:
    """A form that comes in pieces.

    Args:
        boundary: what stands between its parts.
        most: bytes of the file.
    """

    def __init__(self, boundary: str, most: int) -> None:
        self._name: str | None = None
        self._most = most
        self._fields = 0
        self._inside = False
        if not 0 < len(boundary) <= _BOUNDARY:
            raise Refused(400, f"the form cannot be read: its boundary must have 1 to {_BOUNDARY} characters")
        self._parser = PushMultipartParser(
            boundary.encode("latin-1", "replace"), max_segment_count=_PARTS, header_charset="latin-1"
        )

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the pieces of the file that a piece of the form contains; raises ``Refused``."""
        found = []
        try:
            for event in self._parser.parse(piece):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event and self._inside:
                    self._most -= len(event)
                    found.append(bytes(event))
                elif event:
                    self._fields += len(event)
        except ParserLimitReached as error:
            raise Refused(413, f"the form is too large: {error}") from error
        except MultipartError as error:
            raise Refused(400, f"the form cannot be read: {error}") from error
        if self._most < 0 or self._fields > _FIELDS:
            raise Refused(413, "the form, or the file in it, is too long")
        return found

    def end(self) -> str:
        """Return the name of the file, once the form is there as a whole; raises ``Refused``."""
        try:
            self._parser.close()
        except MultipartError as error:
            raise Refused(400, f"the form is not complete: {error}") from error
        if self._name is None:
            raise Refused(400, "there is no file in the form; send it in a part with the name 'file'")
        return self._name

    def _begin(self, segment: MultipartSegment) -> None:
        self._inside = bool(segment.filename) or segment.name == "file"
        if self._inside and self._name is not None:
            raise Refused(400, "there are several files in the form; send one request for each")
        if self._inside:
            name = (segment.filename or UNNAMED).encode("latin-1", "replace").decode("utf-8", "replace")
            self._name = checked_name(name)
