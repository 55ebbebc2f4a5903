"""Policies (C2SP tlog-policy): which logs are believed, and which witnesses must have seen what they say."""

from dataclasses import dataclass

from freehold.model.errors import MalformedInput, TrustError
from freehold.updates.tlog import cosignatures
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, VerifierKey
from freehold.updates.tlog.notes import Note

LARGEST = 256 << 10
"""Bytes that a policy may have."""

MOST_NAMES = 256
"""Logs, witnesses and groups that a policy may define, each."""

NO_QUORUM = "none"

_LOG_KINDS = {Kind.NOTE, Kind.COSIGNATURE_ML_DSA_44}
_WITNESS_KINDS = {Kind.COSIGNATURE, Kind.COSIGNATURE_ML_DSA_44}
_FORBIDDEN = bytes(set(range(0x20)) - {0x09, 0x0A} | {0x7F})


class NotWitnessed(TrustError):
    """Too few of the witnesses that the policy asks for have seen a checkpoint."""


@dataclass(frozen=True, slots=True)
class Party:
    """A log, or a witness.

    Attributes:
        name: of a log its origin; of a witness what the policy calls it.
        key: with which it signs.
        url: where it can be asked; "" when the policy does not say.
    """

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses or groups of which ``threshold`` must have cosigned."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that satisfies a policy.

    Attributes:
        checkpoint: what the log says.
        times: when each witness of the policy that has cosigned did so, in seconds since 1970.
    """

    checkpoint: Checkpoint
    times: dict[str, int]

    @property
    def time(self) -> int | None:
        """A time that has certainly been reached unless half of the witnesses lie: the lower median; None without."""
        times = sorted(self.times.values())
        return times[(len(times) - 1) // 2] if times else None


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom to believe.

    Attributes:
        logs: each is believed, about itself.
        witnesses: by their names.
        groups: by their names; each has only members that stand before it.
        quorum: name of the witness or group that must have seen a checkpoint, or ``NO_QUORUM``.
    """

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    groups: dict[str, Group]
    quorum: str

    @classmethod
    def parse(cls, data: bytes) -> "Policy":
        """Read a policy file; raises ``MalformedInput``, which says in which line."""
        return _Reader().read(data)

    def verify(self, note: Note) -> Seen:
        """Check the signatures of a checkpoint.

        Raises:
            MalformedInput: the note is no checkpoint.
            NotWitnessed: too few witnesses have cosigned.
            TrustError: no log of the policy has signed it, or a signature is wrong.
        """
        checkpoint = Checkpoint.parse(note.text)
        signed = [cosignatures.has_signed(note, log.key) for log in self.logs if log.key.name == checkpoint.origin]
        if not any(signed):
            raise TrustError(f"the checkpoint of {checkpoint.origin[:80]!r} is not signed by a log of the policy")
        times = {}
        for name, witness in self.witnesses.items():
            time = cosignatures.time_of(note, witness.key)
            if time is not None:
                times[name] = time
        if not self._is_satisfied(set(times)):
            raise NotWitnessed(self._missing(set(times)))
        return Seen(checkpoint, times)

    def _is_satisfied(self, seen: set[str]) -> bool:
        by = set(seen)
        for group in self.groups.values():  # members stand before their group
            if sum(member in by for member in group.members) >= group.threshold:
                by.add(group.name)
        return self.quorum == NO_QUORUM or self.quorum in by

    def _missing(self, seen: set[str]) -> str:
        have = ", ".join(sorted(seen)) or "none"
        wanted = self.quorum
        if group := self.groups.get(self.quorum):
            wanted = f"{group.threshold} of {', '.join(group.members)}"
        return f"the checkpoint has too few witnesses: the policy wants {wanted}; it has {have}"


class _Reader:
    """Reads the lines of a policy, one after the other."""

    def __init__(self) -> None:
        self._logs: list[Party] = []
        self._witnesses: dict[str, Party] = {}
        self._groups: dict[str, Group] = {}
        self._free: set[str] = set()  # names that no group has as a member yet
        self._quorum: str | None = None

    def read(self, data: bytes) -> Policy:
        if len(data) > LARGEST:
            raise MalformedInput(f"a policy of more than {LARGEST >> 10} KiB")
        if data.translate(None, _FORBIDDEN) != data:
            raise MalformedInput("a policy has no control characters but tabs and newlines")
        for number, line in enumerate(data.split(b"\n"), 1):
            words = [word.decode("utf-8", "backslashreplace") for word in line.replace(b"\t", b" ").split(b" ") if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                self._take(words)
            except MalformedInput as error:
                raise MalformedInput(f"line {number} of the policy: {error}") from error
        if self._quorum is None:
            raise MalformedInput("the policy has no quorum; a policy without witnesses says so: quorum none")
        return Policy(tuple(self._logs), self._witnesses, self._groups, self._quorum)

    def _take(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *url] if len(url) <= 1:
                self._log(vkey, *url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._witness(name, vkey, *url)
            case ["group", name, threshold, *members] if members:
                self._group(name, threshold, members)
            case ["quorum", name]:
                self._set_quorum(name)
            case _:
                raise MalformedInput(
                    "expected 'log KEY [URL]', 'witness NAME KEY [URL]', 'group NAME all|any|NUMBER MEMBER ...' "
                    "or 'quorum NAME'"
                )

    def _log(self, vkey: str, url: str = "") -> None:
        key = _key(vkey, _LOG_KINDS)
        if any(log.key.public == key.public for log in self._logs):
            raise MalformedInput(f"the key of {key.name} is that of another log")
        if len(self._logs) == MOST_NAMES:
            raise MalformedInput(f"more than {MOST_NAMES} logs")
        self._logs.append(Party(key.name, key, url))

    def _witness(self, name: str, vkey: str, url: str = "") -> None:
        key = _key(vkey, _WITNESS_KINDS)
        if any(witness.key.public == key.public for witness in self._witnesses.values()):
            raise MalformedInput(f"the key of {name} is that of another witness")
        self._define(name, len(self._witnesses))
        self._witnesses[name] = Party(name, key, url)

    def _group(self, name: str, threshold: str, members: list[str]) -> None:
        if unknown := [member for member in members if member not in self._witnesses and member not in self._groups]:
            raise MalformedInput(f"'{unknown[0]}' is not defined before")
        if len(set(members)) < len(members) or not set(members) <= self._free:
            raise MalformedInput("a name can be a member of one group only, once")
        count = {"any": 1, "all": len(members)}.get(threshold)
        if count is None:
            count = int(threshold) if threshold.isascii() and threshold.isdigit() and len(threshold) < 5 else 0
        if not 1 <= count <= len(members):
            raise MalformedInput(f"'{threshold}' is not 'all', 'any', or a number from 1 to {len(members)}")
        self._define(name, len(self._groups))
        self._free -= set(members)
        self._groups[name] = Group(name, count, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None:
            raise MalformedInput("a second quorum")
        if name != NO_QUORUM and name not in self._witnesses and name not in self._groups:
            raise MalformedInput(f"'{name}' is not defined before")
        self._quorum = name

    def _define(self, name: str, count: int) -> None:
        if name == NO_QUORUM or name in self._witnesses or name in self._groups:
            raise MalformedInput(f"'{name}' is defined already")
        if count == MOST_NAMES:
            raise MalformedInput(f"more than {MOST_NAMES} of a kind")
        self._free.add(name)


def _key(vkey: str, kinds: set[Kind]) -> VerifierKey:
    key = VerifierKey.parse(vkey)
    if key.kind not in kinds:
        raise MalformedInput(f"the key of {key.name} is of type {key.kind:#04x}, which does not fit")
    return key
