"""A witness (C2SP tlog-witness): it signs the head of a log only if that continues the head that it signed before.

What it signed last is on the disk before anybody is told of it. So whatever kills it, and whenever: it never signs
two heads of which none continues the other.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from freehold.model.errors import FreeholdError, MalformedInput, TrustError
from freehold.updates import durable
from freehold.updates.locks import exclusive
from freehold.updates.tlog import cosignatures, merkle, notes
from freehold.updates.tlog import text as forms
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import SigningKey, VerifierKey
from freehold.updates.tlog.notes import Note

LARGEST_REQUEST = notes.LARGEST + 8192

_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What a log asks: sign this head.

    Attributes:
        old_size: of the tree that the witness has signed last, as far as the log knows; 0 for none.
        proof: that the new tree begins with the old one.
        checkpoint: the new head, signed by the log.
    """

    old_size: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    @classmethod
    def parse(cls, data: bytes) -> "Request":
        """Read the body of ``add-checkpoint``; raises ``MalformedInput``."""
        if len(data) > LARGEST_REQUEST:
            raise MalformedInput(f"a request of more than {LARGEST_REQUEST >> 10} KiB")
        head, gap, note = data.partition(b"\n\n")
        old, *proof = head.split(b"\n", merkle.LONGEST_PROOF + 1)
        if not gap or not old.startswith(b"old ") or len(proof) > merkle.LONGEST_PROOF:
            raise MalformedInput("a request is 'old SIZE', at most 63 hashes, an empty line, and a checkpoint")
        hashes = tuple(forms.base64(line, merkle.HASH_SIZE) for line in proof)
        return cls(forms.number(old.removeprefix(b"old ")), hashes, Note.parse(note))

    def encode(self) -> bytes:
        """Return the body of ``add-checkpoint``."""
        lines = [b"old %d" % self.old_size, *map(forms.write_base64, self.proof)]
        return b"\n".join(lines) + b"\n\n" + self.checkpoint.encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the witness answers, in HTTP's words.

    Attributes:
        status: 200 with signature lines, 409 with the size that it knows, or a refusal with its reason.
        body: text.
        content_type: of the body.
    """

    status: int
    body: bytes
    content_type: str = _PLAIN


class _Refusal(Exception):
    """Ends a decision early, with the answer."""

    def __init__(self, status: int, reason: str, content_type: str = _PLAIN) -> None:
        super().__init__(reason)
        self.answer = Answer(status, f"{reason}\n".encode(), content_type)


class Witness:
    """Decides, and remembers. Threads may share one; processes may not share a folder."""

    def __init__(
        self,
        folder: Path,
        keys: Sequence[SigningKey],
        logs: Sequence[VerifierKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take up the memory in ``folder``, or begin one.

        Args:
            folder: where the last head of each log is kept. It must never be restored from a backup.
            keys: each of them cosigns.
            logs: keys that are trusted; the name of each is the origin of its log.
            clock: seconds since 1970.

        Raises:
            TrustError: what is remembered is damaged.
            UsageError: another process uses the folder, or it cannot be written.
        """
        self._folder = folder
        self._keys = keys
        self._logs: dict[str, list[VerifierKey]] = {}
        for key in logs:
            self._logs.setdefault(key.name, []).append(key)
        self._clock = clock
        self._mutex = threading.Lock()
        self._lock = ExitStack()
        self._lock.enter_context(exclusive(folder, f"another witness uses {folder} at this moment"))
        for origin in self._logs:
            self._remembered(origin)

    def close(self) -> None:
        """Let another process use the folder."""
        self._lock.close()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Decide about a request; never raises."""
        try:
            request, checkpoint = self._admit(body)
            with self._mutex:
                return self._decide(request, checkpoint)
        except _Refusal as refusal:
            return refusal.answer
        except (FreeholdError, OSError) as error:
            return Answer(500, f"this witness cannot sign: {error}\n".encode())

    def checkpoint(self, origin_hash: str) -> Answer:
        """Return the last head of a log, named by the SHA-256 of its origin, with this witness's cosignatures."""
        known = {sha256(origin.encode()).hexdigest(): origin for origin in self._logs}
        note = self._remembered(known[origin_hash]) if origin_hash in known else None
        return Answer(200, note.encode()) if note else Answer(404, b"no such log, or nothing of it was cosigned yet\n")

    def _admit(self, body: bytes) -> tuple[Request, Checkpoint]:
        """Check what can be checked without memory."""
        try:
            request = Request.parse(body)
            checkpoint = Checkpoint.parse(request.checkpoint.text)
        except MalformedInput as error:
            raise _Refusal(400, str(error)) from error
        if checkpoint.origin not in self._logs:
            raise _Refusal(404, "this witness does not know the log")
        try:
            signed = [cosignatures.has_signed(request.checkpoint, key) for key in self._logs[checkpoint.origin]]
        except TrustError as error:
            raise _Refusal(403, str(error)) from error
        if not any(signed):
            raise _Refusal(403, "the checkpoint is not signed by a key of the log that this witness trusts")
        if request.old_size > checkpoint.size:
            raise _Refusal(400, "the old size is above that of the checkpoint")
        return request, checkpoint

    def _decide(self, request: Request, new: Checkpoint) -> Answer:
        stored = self._remembered(new.origin)
        known = Checkpoint.parse(stored.text) if stored else Checkpoint(new.origin, 0, merkle.EMPTY_ROOT)
        if request.old_size != known.size:
            raise _Refusal(409, str(known.size), "text/x.tlog.size")
        _check_consistency(known, new, request.proof)
        now = int(self._clock())
        if stored and any((self._time(stored, key) or 0) > now for key in self._keys):
            raise TrustError("its clock is behind the time of its last cosignature; set the clock right")
        signatures = [cosignatures.cosign(request.checkpoint.text, key, now) for key in self._keys]
        of_log = [one for key in self._logs[new.origin] for one in request.checkpoint.by(key)]
        self._remember(new.origin, Note(request.checkpoint.text, ()).signed(*of_log, *signatures))
        return Answer(200, b"".join(signature.line() for signature in signatures))

    @staticmethod
    def _time(note: Note, key: SigningKey) -> int | None:
        return cosignatures.time_of(note, key.verifier)

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"

    def _remembered(self, origin: str) -> Note | None:
        """Return the last head of a log with the signatures below it; raises ``TrustError``."""
        path = self._path(origin)
        try:
            note = Note.parse(path.read_bytes())
            times = [self._time(note, key) for key in self._keys]  # a key that was added later has not signed yet
            is_sound = Checkpoint.parse(note.text).origin == origin and times.count(None) < len(times)
        except FileNotFoundError:
            return None
        except FreeholdError:
            is_sound = False
        if not is_sound:
            raise TrustError(f"{path} is damaged: this witness may sign nothing more about {origin} with this key")
        return note

    def _remember(self, origin: str, note: Note) -> None:
        durable.write(self._path(origin), note.encode())


def _check_consistency(old: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> None:
    if new.size == 0 and new.root != merkle.EMPTY_ROOT:
        raise _Refusal(422, "an empty tree has the hash of the empty string as its root")
    if old.size == 0:
        if proof:
            raise _Refusal(422, "the empty tree needs no proof")
        return
    try:
        merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)
    except merkle.ProofFailed as error:
        raise _Refusal(422, str(error)) from error
