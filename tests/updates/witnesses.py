"""Witnesses that serve over HTTP, in threads of the test; the publisher's log may be made after them."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path

from freehold.frontends.listening import tcp_listener
from freehold.frontends.witness import Server
from freehold.service.log import Log
from freehold.updates.tlog.keys import Kind, SigningKey, VerifierKey
from freehold.updates.tlog.witness import Answer, Witness


class Cosigner:
    """A witness.

    Attributes:
        key: with which it signs.
        line: of a policy, as ``freehold repo init --witness`` wants it.
        logs: keys of logs that may ask; to be filled before the first of them does.
        up: whether it answers.
    """

    def __init__(self, folder: Path, name: str, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._witness: Witness | None = None
        self._mutex = threading.Lock()
        self.key = SigningKey.generate(f"witness.example/{name}", Kind.COSIGNATURE)
        self.name = name
        self.line = ""
        self.logs: list[VerifierKey] = []
        self.up = True

    def add_checkpoint(self, body: bytes) -> Answer:
        return self._opened().add_checkpoint(body) if self.up else Answer(503, b"closed\n")

    def checkpoint(self, origin_hash: str) -> Answer:
        return self._opened().checkpoint(origin_hash) if self.up else Answer(503, b"closed\n")

    @contextmanager
    def serving(self) -> Iterator["Cosigner"]:
        with tcp_listener("127.0.0.1", 0) as listener:
            host, port = listener.getsockname()
            self.line = f"{self.name} {self.key.verifier} http://{host}:{port}"
            server = Server(listener, self, Log(StringIO()))  # type: ignore[arg-type]
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
                server.server_close()
                if self._witness:
                    self._witness.close()

    def _opened(self) -> Witness:
        with self._mutex:
            if self._witness is None:
                self._witness = Witness(self._folder, [self.key], self.logs, self._clock)
            return self._witness


@contextmanager
def witnesses(folder: Path, count: int, clock: Callable[[], float] = time.time) -> Iterator[Sequence[Cosigner]]:
    """Let so many witnesses serve."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(Cosigner(folder / f"w{number}", f"w{number}", clock).serving())
            for number in range(1, count + 1)
        ]


def log_key(repository: Path) -> VerifierKey:
    """Return the key of a repository's log."""
    return SigningKey.parse((repository / "keys" / "log.skey").read_text().strip()).verifier
