"""The courier: a process that tells others about finished jobs, signed as Standard Webhooks 1.0 has it.

python -I -m freehold.frontends.http.courier < lines

Its first line has the key, each further one what to tell whom; it answers each with what became of it. It follows no
redirection, reads nothing but the status, and uses no proxy.
"""

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from freehold import __version__

_DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds before each further try."""

_PATIENCE = 10.0
"""Seconds that a host may need for each step."""

_AT_ONCE = 8
_WAITING = 2000
"""What is told at once, and what waits for another try; further ones are given up."""

_GONE = 410
"""The status by which a host says that it wants to hear nothing more."""


class Courier:
    """Tells, and tries again.

    Args:
        key: of the signatures.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._crew = ThreadPoolExecutor(_AT_ONCE)
        self._speaking = threading.Lock()
        self._waiting: set[threading.Timer] = set()
        self._ending = False

    def tell(self, order: dict[str, str], tries: int = 0) -> None:
        """Tell one host, when there is a hand free."""
        self._crew.submit(self._tell, order, tries)

    def end(self) -> None:
        """Finish what has been begun; what waits for another try is tried now, once more."""
        self._ending = True
        for timer in list(self._waiting):
            timer.cancel()
            timer.function(*timer.args)
        self._crew.shutdown()

    def _tell(self, order: dict[str, str], tries: int) -> None:
        try:
            status = post(order["url"], order["body"].encode("ascii"), order["id"], self._key)
            detail = f"status {status}"
            told, final = 200 <= status < 300, status == _GONE
        except (OSError, http.client.HTTPException, ValueError) as error:
            detail, told, final = str(error) or type(error).__name__, False, False
        final = final or self._ending or tries >= len(_DELAYS) or len(self._waiting) >= _WAITING
        if told or final:
            self._say(order["id"], detail, told=told)
        else:
            self._try_again(order, tries)

    def _try_again(self, order: dict[str, str], tries: int) -> None:
        def again() -> None:
            self._waiting.discard(timer)
            self.tell(order, tries + 1)

        timer = threading.Timer(_DELAYS[tries], again)
        timer.daemon = True
        self._waiting.add(timer)
        timer.start()

    def _say(self, identity: str, detail: str, *, told: bool) -> None:
        with self._speaking:
            print(json.dumps({"id": identity, "told": told, "detail": detail[:200]}), flush=True)


def signature(key: bytes, identity: str, moment: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``: HMAC-SHA-256 of identity, time and body."""
    signed = b"%s.%d.%s" % (identity.encode("ascii"), moment, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def post(url: str, body: bytes, identity: str, key: bytes) -> int:
    """Post a body, and return the status; raises ``OSError``, ``HTTPException`` and ``ValueError``."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=_PATIENCE, context=ssl.create_default_context())
        if secure
        else http.client.HTTPConnection(host, parts.port, timeout=_PATIENCE)
    )
    moment = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Freehold/{__version__}",
        "webhook-id": identity,
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(key, identity, moment, body),
    }
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def main() -> None:
    """Take orders until standard input ends."""
    key = base64.b64decode(json.loads(sys.stdin.readline())["key"])
    courier = Courier(key)
    for line in sys.stdin:
        courier.tell(json.loads(line))
    courier.end()


if __name__ == "__main__":
    main()
