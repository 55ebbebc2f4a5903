"""What TUF's client reads metadata through: first what came in ``head``, then the origin."""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from freehold.updates.client.origins import Origin
from freehold.updates.client.refusals import EndlessData, Refusal, SlowServer
from freehold.updates.client.transfer import Absent

BASE = "feed:///"
"""Stands before the path of each file in the addresses that TUF asks for: which origin it is, is not TUF's affair."""

_MOST = 8 << 20
"""Bytes that metadata may have where its length is not signed."""

_NOT_FOUND = 404


class Fetcher(FetcherInterface):
    """Reads files of a feed for TUF.

    Args:
        origin: what is asked for files.
        bundled: files that are here already, by their path; they are verified like all others.
        newest_root: version of the newest root that there is, according to ``head``: later ones are not asked for.
    """

    def __init__(self, origin: Origin, bundled: Mapping[str, bytes] = {}, newest_root: int | None = None) -> None:
        self._origin = origin
        self._bundled = bundled
        self._newest_root = newest_root
        self.refused: Refusal | None = None

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """Give a file of at most ``max_length`` bytes; raises TUF's errors."""
        yield io.BytesIO(b"".join(self._pieces(url.removeprefix(BASE), max_length)))

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._pieces(url.removeprefix(BASE), _MOST)

    def _pieces(self, path: str, limit: int) -> Iterator[bytes]:
        if (bundled := self._bundled.get(path)) is not None:
            if len(bundled) > limit:
                raise DownloadLengthMismatchError(f"{path} in head has more than {limit} bytes")
            return iter((bundled,))
        if self._newest_root is not None and path == f"metadata/{self._newest_root + 1}.root.json":
            raise DownloadHTTPError(f"{path}: head says that there is none", _NOT_FOUND)
        return self._asked(path, limit)

    def _asked(self, path: str, limit: int) -> Iterator[bytes]:
        """Ask the origin, and tell TUF in its own words what went wrong; ``refused`` keeps ours."""
        try:
            yield from self._origin.open(path, limit) or ()
        except Absent as error:
            raise DownloadHTTPError(str(error), error.code) from error
        except Refusal as error:
            self.refused = error
            kind = {SlowServer: SlowRetrievalError, EndlessData: DownloadLengthMismatchError}
            raise kind.get(type(error), DownloadError)(str(error)) from error
