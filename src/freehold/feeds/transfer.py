"""Files from a mirror: the only place of Freehold's feeds that uses the network.

Every request looks like that of every other user: a constant ``User-Agent``, no cookies, no identifier; beside it only
what the mirror itself said of the version that is here, so that it need not send it again.
"""

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from urllib.parse import urlsplit

from freehold.feeds.snapshot import Stored
from freehold.model.errors import FreeholdError, UsageError

USER_AGENT = "Freehold"

SILENCE_SECONDS = 30
"""How long a mirror may send nothing."""

FILE_SECONDS = 1800
"""How long one file may take."""

_CHUNK = 256 << 10
_ABSENT = {404, 410}
_TAG_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Answer:
    """A file that the mirror has.

    Attributes:
        same: it has not changed; then ``chunks`` is empty.
        etag: how the mirror names this version.
        last_modified: when it was changed, in the mirror's words.
        chunks: the content; raises ``FreeholdError`` when it ends too early, takes too long, or the connection breaks.
    """

    same: bool
    etag: str
    last_modified: str
    chunks: Iterator[bytes]


def check_address(address: str) -> None:
    """Refuse addresses that are no mirror of one's own; raises ``UsageError``.

    ClamAV's own servers serve ClamAV's own tools only: that is the wish of those who pay for them.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in {"https", "http"} or not host:
        raise UsageError(f"{address}: an origin is a folder, or begins with https:// or file://")
    if parts.username or parts.password:
        raise UsageError(f"{parts.scheme}://{host}: an address with a password in it is not kept safely here")
    if host == "clamav.net" or host.endswith(".clamav.net"):
        raise UsageError(
            f"{host} serves ClamAV's own tools only, and its maintainers block all others. Let freshclam or cvdupdate "
            "download the databases, then name their folder: freehold feed add clamav --from /var/lib/clamav"
        )


@contextmanager
def get(address: str, known: Stored | None) -> Iterator[Answer | None]:
    """Ask a mirror for a file, and give None when it has none of this name.

    Args:
        address: where it is.
        known: the version that is here, if any.

    Raises:
        FreeholdError: the mirror cannot be reached, answers with an error, or leads somewhere else that is refused.
    """
    check_address(address)
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    if known and known.etag:
        headers["If-None-Match"] = known.etag
    elif known and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    opener = _opener(secure=address.startswith("https:"))
    try:
        response = opener.open(urllib.request.Request(address, headers=headers), timeout=SILENCE_SECONDS)  # noqa: S310 - checked
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _ABSENT:
            yield None
        elif error.code == http.client.NOT_MODIFIED and known:
            yield Answer(same=True, etag=known.etag, last_modified=known.last_modified, chunks=iter(()))
        else:
            raise FreeholdError(f"{address}: the mirror answers {error.code} {error.reason}") from error
        return
    except (OSError, http.client.HTTPException) as error:
        raise FreeholdError(f"{address}: {_reason(error)}") from error
    with response:
        yield Answer(
            same=False,
            etag=response.headers.get("ETag", "")[:_TAG_LENGTH],
            last_modified=response.headers.get("Last-Modified", "")[:_TAG_LENGTH],
            chunks=_chunks(address, response),
        )


def _chunks(address: str, response: http.client.HTTPResponse) -> Iterator[bytes]:
    declared = response.headers.get("Content-Length")
    deadline = time.monotonic() + FILE_SECONDS
    got = 0
    try:
        while chunk := response.read1(_CHUNK):
            got += len(chunk)
            yield chunk
            if time.monotonic() > deadline:
                raise FreeholdError(f"{address}: {FILE_SECONDS // 60} minutes were not enough")
    except (OSError, http.client.HTTPException) as error:
        raise FreeholdError(f"{address}: {_reason(error)}") from error
    if declared is not None and declared != str(got):
        raise FreeholdError(f"{address}: the mirror sent {got} of {declared[:20]} bytes")


def _reason(error: OSError | http.client.HTTPException) -> str:
    reason = getattr(error, "reason", error)
    return str(reason) or type(error).__name__


def _opener(*, secure: bool) -> urllib.request.OpenerDirector:
    """Return an opener for the web alone; ``build_opener`` would add other schemes."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(secure=secure),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a mirror to where an origin could be too, and never from an encrypted connection to a plain one."""

    max_redirections = 5

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def redirect_request(  # noqa: PLR0917 - the base class's
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Check the new address; raises ``UsageError``."""
        check_address(newurl)
        if self._secure and not newurl.startswith("https:"):
            raise UsageError(f"{req.full_url}: the mirror leads to {newurl}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
