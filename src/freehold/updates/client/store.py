"""The folder of a feed that is followed: who is believed, where it comes from, and what was seen of it so far.

::

    pinned … (trust/)     TUF's metadata, see ``trust``
    follow.json           what the user has chosen
    state.json            what was seen: nothing older is taken, whatever else is lost
    secret                random bytes that never leave: they choose the ring and the hour
    bases/ generations/   signatures, see ``contents`` and ``generations``
    bundle                leads to the compiled database that scans use
    evidence/             both sides of a split view

Every file is replaced in one step and is on the disk before the next one is written; ``state.json`` comes last.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.model.rights import FOLLOWED, Right
from freehold.updates import durable
from freehold.updates.client.refusals import Busy, NoRoom
from freehold.updates.tlog.merkle import CompactRange

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
RINGS = ("auto", "early", "late")

_STATE = "state.json"
_SECRET = "secret"  # noqa: S105 - a file's name
_SECRET_BYTES = 32
_TEXTS = {"checkpoint", "refused"}
_MOST_ORIGINS = 64
_MOST_BAD = 1024
_STATE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user has chosen.

    Attributes:
        feed: what the publisher calls it.
        root_sha256: of the root of trust that was chosen, in hexadecimal digits.
        origins: addresses and paths where it comes from.
        peers: addresses of neighbours that are asked for large files first.
        ring: when new releases are taken: ``auto``, ``early`` or ``late``.
        may: how far its word counts here (``model.rights``).
        demo: whether its keys protect nothing, as its root says itself.
    """

    feed: str
    root_sha256: str
    origins: tuple[str, ...]
    peers: tuple[str, ...] = ()
    ring: str = "auto"
    may: Right = Right.DETECT
    demo: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """What was seen of a feed.

    Attributes:
        seq: the newest release that was verified.
        log: the log as it was then.
        checkpoint: what log and witnesses signed of it.
        best_time: seconds since 1970 that have certainly passed, as witnesses say.
        since: what to ask mirrors for changes since: a time out of the head, in seconds since 1970; 0 for none.
        heard: time at which a head was last verified, in seconds since 1970.
        bad: releases that are not used here: they did harm, or their publisher takes them back.
        failures: attempts in a row that failed.
        not_before: time of the next attempt that a timer may make, in seconds since 1970.
        checked: time of the last attempt that succeeded.
        refused: what the last attempt was refused for, "" when it succeeded.
    """

    seq: int = 0
    log: CompactRange = field(default_factory=CompactRange)
    checkpoint: str = ""
    best_time: int = 0
    since: int = 0
    heard: int = 0
    bad: tuple[int, ...] = ()
    failures: int = 0
    not_before: int = 0
    checked: int = 0
    refused: str = ""

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        record = {name.name: getattr(self, name.name) for name in fields(self)}
        record["log"] = {"size": self.log.size, "hashes": [one.hex() for one in self.log.hashes]}
        return json.dumps(record, indent=1).encode()

    @classmethod
    def parse(cls, data: bytes) -> "State":
        """Read the file's content; raises ``MalformedInput``."""
        try:
            record = _record(data, cls)
            log, bad = record.pop("log"), record.pop("bad")
            checked = {name: (_text if name in _TEXTS else _number)(value) for name, value in record.items()}
            tree = CompactRange(_number(log["size"]), tuple(bytes.fromhex(one) for one in log["hashes"]))
            return cls(log=tree, bad=tuple(sorted(map(_number, bad)))[-_MOST_BAD:], **checked)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise MalformedInput(f"this is no state of a feed: {type(error).__name__} {error}") from error


class Store:
    """The folder of one feed.

    Args:
        folder: its place; its name is what the user calls the feed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self.trust = folder / "trust"
        self.evidence = folder / "evidence"

    @property
    def exists(self) -> bool:
        """Whether a feed is followed here."""
        return (self.folder / FOLLOWED).is_file()

    def adopt(self, settings: Settings, root: bytes) -> None:
        """Begin to follow a feed; raises ``UsageError`` for what cannot be its root of trust."""
        from freehold.updates.client.trust import pin

        with _disk(self.folder):
            pin(self.trust, root)
            durable.write(self.folder / _SECRET, secrets.token_bytes(_SECRET_BYTES), mode=0o600)
            self.choose(settings)

    def choose(self, settings: Settings) -> None:
        """Keep what the user has chosen."""
        with _disk(self.folder):
            durable.write(self.folder / FOLLOWED, json.dumps(asdict(settings), indent=1).encode())

    def settings(self) -> Settings:
        """Return what the user has chosen; raises ``TrustError`` when that is damaged."""
        path = self.folder / FOLLOWED
        try:
            return parse_settings(path.read_bytes())
        except (OSError, MalformedInput) as error:
            raise TrustError(f"{path} is damaged ({error}); adopt the feed again") from error

    def state(self) -> State:
        """Return what was seen; raises ``TrustError`` when that is damaged, as nothing then forbids a step back."""
        path = self.folder / _STATE
        try:
            with path.open("rb") as file:
                return State.parse(file.read(_STATE_BYTES))
        except FileNotFoundError:
            return State()
        except (OSError, MalformedInput) as error:
            raise TrustError(
                f"{path} is damaged ({error}); put it back from a backup, or remove the feed and adopt it again"
            ) from error

    def remember(self, state: State) -> None:
        """Keep what was seen; raises ``NoRoom``."""
        with _disk(self.folder):
            durable.write(self.folder / _STATE, state.to_bytes())

    def secret(self) -> bytes:
        """Return the random bytes that choose ring and hour; raises ``TrustError``."""
        try:
            secret = (self.folder / _SECRET).read_bytes()
        except OSError as error:
            raise TrustError(f"{self.folder / _SECRET}: {error.strerror}; adopt the feed again") from error
        if len(secret) != _SECRET_BYTES:
            raise TrustError(f"{self.folder / _SECRET} is damaged; adopt the feed again")
        return secret

    def keep_evidence(self, name: str, content: bytes) -> Path:
        """Keep what proves misconduct; returns where."""
        with _disk(self.evidence):
            durable.write(self.evidence / name, content)
        return self.evidence / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from updating this feed; raises ``Busy``."""
        with _disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise Busy(f"another process is updating {self.name} at this moment; try again later") from error
        try:
            for leftover in (*self.folder.glob(".new-*"), *self.trust.glob("tmp*"), *self.trust.glob(".new-*")):
                leftover.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    def remove(self) -> None:
        """Stop following the feed, and remove all that belongs to it."""
        with _disk(self.folder):
            aside = self.folder.with_name(f".removed-{self.name}")
            shutil.rmtree(aside, ignore_errors=True)
            self.folder.rename(aside)
            shutil.rmtree(aside)


def stores(root: Path) -> list[Store]:
    """Return the feeds that are followed below a folder, in order of their names."""
    found = [Store(path.parent) for path in sorted(root.glob(f"*/{FOLLOWED}"))]
    return [store for store in found if NAME.fullmatch(store.name)]


def store(root: Path, name: str) -> Store:
    """Return a feed that is followed; raises ``UsageError`` when there is none of this name."""
    if NAME.fullmatch(name) and (one := Store(root / name)).exists:
        return one
    known = ", ".join(each.name for each in stores(root))
    raise UsageError(f"no feed '{name}' is followed" + (f"; there is: {known}" if known else ""))


def parse_settings(data: bytes) -> Settings:
    """Read ``follow.json``; raises ``MalformedInput``."""
    try:
        record = _record(data, Settings)
        origins, peers = (tuple(map(_text, record.pop(name)[:_MOST_ORIGINS])) for name in ("origins", "peers"))
        demo, may = record.pop("demo") is True, Right(record.pop("may"))
        texts = {name: _text(value) for name, value in record.items()}
        settings = Settings(origins=origins, peers=peers, may=may, demo=demo, **texts)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MalformedInput(f"these are no settings of a feed: {type(error).__name__} {error}") from error
    if settings.ring not in RINGS:
        raise MalformedInput(f"there is no ring {settings.ring:.40}")
    return settings


def _record(data: bytes, kind: type[Any]) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(data)
    if set(record) != {one.name for one in fields(kind)}:
        raise ValueError("it has other fields than it should")
    return record


def _number(value: Any) -> Any:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError(f"{value!r:.40} is no number")
    return value


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


@contextmanager
def _disk(place: Path) -> Iterator[None]:
    """Say what is wrong with the disk in the words of a refusal."""
    try:
        yield
    except OSError as error:
        raise NoRoom(f"{error.filename or place}: {error.strerror}") from error
