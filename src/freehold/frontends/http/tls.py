"""Certificates of HTTPS, read anew when their files have changed: they are renewed while the service runs."""

import os
import ssl
from pathlib import Path
from typing import NoReturn

from freehold.model.errors import UsageError
from freehold.service.log import Log


class Certificates:
    """What encrypted connections need.

    Args:
        certificate: with those above it, in PEM.
        key: in a file of its own; None when it is in the same one.
        client_ca: authorities one of which must have signed the certificate of a client; None when none is asked for.

    Raises:
        UsageError: they cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._seen = self._state()
        self._context = self._load()

    def context(self, log: Log) -> ssl.SSLContext:
        """Return what a new connection needs; what cannot be used is noted, and the old certificates stay."""
        seen = self._state()
        if seen != self._seen:
            self._seen = seen
            try:
                self._context = self._load()
                log.note("certificates loaded")
            except UsageError as error:
                log.warning("certificates refused: the old ones stay in use", reason=str(error))
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._certificate, self._key, password=_no_password)
            if self._client_ca:
                context.load_verify_locations(self._client_ca)
                context.verify_mode = ssl.CERT_REQUIRED
        except (OSError, ValueError) as error:  # SSLError is one
            raise UsageError(f"the certificates for HTTPS cannot be used: {error}") from error
        return context

    def _state(self) -> list[tuple[int, int]]:
        found = []
        for path in (self._certificate, self._key, self._client_ca):
            try:
                status = os.stat(path) if path else None  # noqa: PTH116 - cheaper, for each connection
            except OSError:
                status = None
            found.append((status.st_mtime_ns, status.st_ino) if status else (0, 0))
        return found


def _no_password() -> NoReturn:
    raise ValueError("the key is encrypted, and nobody is there to be asked for its password")
