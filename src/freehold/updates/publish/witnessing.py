"""Asking witnesses to cosign the head of the log: over HTTP (C2SP tlog-witness), or by files that people carry."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from freehold.model.errors import FreeholdError, MalformedInput
from freehold.updates import durable
from freehold.updates.tlog import cosignatures, merkle, notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import Party, Policy
from freehold.updates.tlog.witness import Request

SECONDS = 30
"""How long a witness may take to answer."""

_ANSWER_BYTES = 64 << 10
_CONFLICT = 409
_AGENT = "Freehold"

Tell = Callable[[str], None]


class Witnesses:
    """Those of a policy, with what each has seen last as far as is known here."""

    def __init__(self, policy: Policy, memory: Path) -> None:
        """``memory``: a file; losing it costs a request."""
        self._witnesses = policy.witnesses
        self._memory = memory

    def cosigned(self, note: Note, leaves: Sequence[bytes], tell: Tell) -> Note:
        """Ask all witnesses that have an address; ``tell`` hears of those that do not answer as they should.

        Returns the note with the cosignatures that were got, each checked.
        """
        sizes = self._sizes()
        for name, witness in self._witnesses.items():
            if not witness.url:
                continue
            try:
                note = _asked(witness, note, leaves, sizes.get(name, 0))
                sizes[name] = Checkpoint.parse(note.text).size
            except (FreeholdError, OSError, http.client.HTTPException) as error:
                tell(f"the witness {name} has not cosigned: {error}")
        self._remember(sizes)
        return note

    def taken(self, note: Note, answers: bytes) -> Note:
        """Return the note with the cosignatures of an answer, of any of the witnesses, and remember who has signed.

        Raises:
            MalformedInput: it is no answer.
            TrustError: none of them is of a witness of the policy, or one is wrong.
        """
        signed = _with(note, answers, self._witnesses.values())
        size = Checkpoint.parse(note.text).size
        cosigners = {name: size for name, one in self._witnesses.items() if cosignatures.time_of(signed, one.key)}
        self._remember(self._sizes() | cosigners)
        return signed

    def request(self, note: Note, leaves: Sequence[bytes], name: str) -> bytes:
        """Return the request for a witness that is asked by a file."""
        old = self._sizes().get(name, 0)
        old = old if old <= len(leaves) else 0
        return Request(old, tuple(merkle.consistency_proof(old, leaves)), note).encode()

    @property
    def by_files(self) -> list[str]:
        """Names of those that have no address."""
        return [name for name, witness in self._witnesses.items() if not witness.url]

    def _remember(self, sizes: dict[str, int]) -> None:
        durable.write(self._memory, json.dumps(sizes, sort_keys=True).encode())

    def _sizes(self) -> dict[str, int]:
        try:
            return {str(name): int(size) for name, size in json.loads(self._memory.read_bytes()).items()}
        except (OSError, ValueError, AttributeError):
            return {}


def _asked(witness: Party, note: Note, leaves: Sequence[bytes], old: int) -> Note:
    """Ask one witness, once more with the size that it says it knows; raises ``FreeholdError``."""
    for _ in range(2):
        old = old if old <= len(leaves) else 0
        body = Request(old, tuple(merkle.consistency_proof(old, leaves)), note).encode()
        status, answer = _post(witness.url.rstrip("/") + "/add-checkpoint", body)
        if status == http.client.OK:
            return _with(note, answer, [witness])
        if status != _CONFLICT or not answer.strip().isdigit():
            break
        old = int(answer[:20])
        if old > len(leaves):
            raise FreeholdError(f"it has seen {old} entries of this log, which has {len(leaves)}: the log was cut off")
    raise FreeholdError(f"it answers {status}: {answer[:200].decode('utf-8', 'replace').strip()}")


def _with(note: Note, answer: bytes, witnesses: Iterable[Party]) -> Note:
    candidate = note.signed(*notes.parse_lines(answer))
    good = [signature for party in witnesses for signature in _newest(candidate, party)]
    new = [signature for signature in good if signature not in note.signatures]
    if not new:
        raise MalformedInput("there is no new cosignature of a witness of the policy in its answer")
    others = [one for one in note.signatures if not any(one.name == sig.name and one.id == sig.id for sig in new)]
    return Note(note.text, tuple(others)).signed(*new)


def _newest(note: Note, party: Party) -> list[notes.Signature]:
    """Return the newest cosignature of a witness; raises ``TrustError`` when one is wrong."""
    latest = cosignatures.time_of(note, party.key)
    return [
        one
        for one in note.by(party.key)
        if latest is not None and cosignatures.time_of(Note(note.text, (one,)), party.key) == latest
    ][:1]


def _post(url: str, body: bytes) -> tuple[int, bytes]:
    if not url.startswith(("https://", "http://")):
        raise FreeholdError(f"{url}: the address of a witness begins with https:// or http://")
    request = urllib.request.Request(url, data=body, headers={"User-Agent": _AGENT, "Content-Type": "text/plain"})  # noqa: S310 - checked
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=SECONDS) as response:
            return response.status, response.read(_ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(_ANSWER_BYTES)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A witness answers itself."""

    def redirect_request(self, *_: object) -> None:
        """Follow nobody."""
