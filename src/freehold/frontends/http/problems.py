"""Refusals as RFC 9457 words them: ``application/problem+json``."""

import asyncio
import json
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_LINGER = 5.0
_LINGER_BYTES = 16 << 20
"""How long, and how much, a client may go on sending what nobody wants, so that it can read why."""


class Refused(Exception):
    """A request is not answered as asked; the text says why, and what to do.

    Attributes:
        status: of HTTP.
        headers: that the answer has besides.
    """

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


class Problem(Response):
    """The answer to a request that is refused.

    The connection ends with it when the client still sends a content: the rest is thrown away for a moment, because a
    client whose words nobody reads loses the answer.
    """

    media_type = "application/problem+json"

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        title = HTTPStatus(status).phrase
        body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
        super().__init__(body.encode("ascii"), status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        if not is_unread(scope):
            await super().__call__(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if b"expect" not in dict(scope["headers"]):  # who expects to be asked for the content sends none
            await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def is_unread(scope: Scope) -> bool:
    """Whether a request has a content whose end has not come yet; the connection cannot be used again then."""
    headers = dict(scope["headers"])
    has_content = headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers
    return bool(scope["state"].get("unread", has_content))


async def answer(_: Request, error: Exception) -> Response:
    """Return the answer to a request that ``Refused`` ends."""
    if not isinstance(error, Refused):
        raise error
    return Problem(error.status, str(error), error.headers)


async def _discard(receive: Receive) -> None:
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
