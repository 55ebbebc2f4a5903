"""The ceremony: which keys may do what, how many of them it takes, which log and witnesses count; and changes to that.

Root and top-level targets are made here, unsigned. The holders of the keys sign them (``signing``), each at home.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuf.api.metadata import DelegatedRole, Delegations, Key, Metadata, Role, Root, Targets

from freehold.model.errors import UsageError
from freehold.updates import durable
from freehold.updates.publish import keys
from freehold.updates.publish.building import stage_feed
from freehold.updates.publish.keys import PublicKey
from freehold.updates.publish.repository import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Repository,
    Settings,
)
from freehold.updates.tlog import notes
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.notes import Note
from freehold.updates.tlog.policies import NO_QUORUM, Policy
from freehold.updates.tlog.tiles import CHECKPOINT
from freehold.updates.tlog.writing import PENDING

THRESHOLDS = {ROOT: 3, TARGETS: 3, SNAPSHOT: 2, TIMESTAMP: 1}
"""Signatures that a role needs, at least and by default; ``FEED_THRESHOLD`` for the feed's role."""

FEED_THRESHOLD = 2

DEMO_HOLDERS = ("alice", "bob", "carol", "dave", "erin")
DEMO_BUILDERS = ("north", "south", "west")

_MOST_MIRRORS = 100


@dataclass(frozen=True, slots=True)
class Holders:
    """Who may sign for a role.

    Attributes:
        keys: of those people or machines.
        threshold: how many of them must sign.
    """

    keys: Sequence[PublicKey]
    threshold: int


@dataclass(frozen=True, slots=True)
class Log:
    """The public log and who watches it.

    Attributes:
        name: origin of the log: a name that no other log has, by custom a URL without scheme.
        url: where its files are; may be empty, clients know the mirrors.
        witnesses: lines ``NAME VKEY [URL]``.
        quorum: how many of the witnesses must have seen a head before clients believe it.
    """

    name: str
    url: str = ""
    witnesses: Sequence[str] = ()
    quorum: int = 0


def holders_of(
    feed: str, given: Mapping[str, Sequence[PublicKey]], thresholds: Mapping[str, int]
) -> dict[str, Holders]:
    """Return who may sign for each role.

    Whoever may sign for root may sign for targets, and whoever may sign for the feed for snapshot and timestamp, unless
    others are named.

    Raises:
        UsageError: a role has fewer keys than it needs, or a key twice, or there is no such role.
    """
    roles = (ROOT, TARGETS, feed, SNAPSHOT, TIMESTAMP)
    if unknown := sorted({*given, *thresholds} - set(roles)):
        raise UsageError(f"there is no role '{unknown[0]}'; the roles are {', '.join(roles)}")
    like = {TARGETS: ROOT, SNAPSHOT: feed, TIMESTAMP: feed}
    found = {}
    for role in roles:
        named = given.get(role) or given.get(like.get(role, role), ())
        threshold = thresholds.get(role, THRESHOLDS.get(role, FEED_THRESHOLD))
        if len({one.key.keyid for one in named}) < len(named):
            raise UsageError(f"a key of {role} is named twice")
        if not 1 <= threshold <= len(named):
            raise UsageError(
                f"{role} needs {threshold} signatures and has {len(named)} keys; name more with --key {role}=FILE, or "
                f"ask for fewer with --threshold {role}=N"
            )
        found[role] = Holders(named, threshold)
    return found


def found_repository(
    folder: Path,
    settings: Settings,
    holders: Mapping[str, Holders],
    log: Log,
    *,
    mirrors: Sequence[str],
    time: datetime,
) -> Repository:
    """Make a repository, with the log's key, and stage root, policy, mirrors and top-level targets.

    Raises:
        UsageError: the folder is not empty, or what is asked for makes no sense.
        MalformedInput: a name or key cannot be one.
    """
    key = SigningKey.generate(log.name, Kind.NOTE)
    policy = policy_text(key, log)
    Policy.parse(policy)
    repository = Repository.create(folder, settings)
    keys.write_secret(repository.log_key, f"{key.secret()}\n".encode())
    _stage_root(repository, holders, 1, time)
    _stage_targets(repository, holders[settings.feed], 1, time, {"tlog-policy": policy, "mirrors": _mirrors(mirrors)})
    return repository


def policy_text(key: SigningKey, log: Log) -> bytes:
    """Return the policy that clients get: one log, a number of the witnesses."""
    lines = [f"log {key.verifier} {log.url}".rstrip()]
    names = []
    for line in log.witnesses:
        words = line.split()
        if len(words) not in {2, 3}:
            raise UsageError(f"a witness is 'NAME KEY' or 'NAME KEY URL', not '{line}'")
        lines.append(f"witness {line}")
        names.append(words[0])
    if not 0 <= log.quorum <= len(names):
        raise UsageError(f"a quorum of {log.quorum} is asked for, of {len(names)} witnesses")
    if log.quorum:
        lines.append(f"group quorum-of-witnesses {log.quorum} {' '.join(names)}")
    lines.append(f"quorum {'quorum-of-witnesses' if log.quorum else NO_QUORUM}")
    return "".join(f"{line}\n" for line in lines).encode()


def demo_keys(folder: Path, feed: str) -> dict[str, list[PublicKey]]:
    """Make all keys of a demonstration in one folder, unencrypted."""
    people = [keys.generate(folder / f"{name}.pem", name) for name in DEMO_HOLDERS]
    machines = [keys.generate(folder / f"{name}.pem", name) for name in DEMO_BUILDERS]
    return {ROOT: people, feed: machines}


def described(repository: Repository) -> list[str]:
    """Say in lines for people what the newest top-level targets decide: whoever signs them should have read it."""
    signed = repository.targets().signed
    lines = [f"targets {signed.version}, until {signed.expires:%Y-%m-%d}:"]
    if signed.delegations is not None:
        for name, role in (signed.delegations.roles or {}).items():
            who = ", ".join(keys.holder(keyid, signed) for keyid in role.keyids)
            lines.append(f"  {name}: releases are signed by {role.threshold} of {who}")
    for name, target in sorted(signed.targets.items()):
        text = repository.read_target(name, target).decode("utf-8", "replace")
        lines += [f"  {name}: {line}" for line in text.splitlines() or ["nothing"]]
    return lines


@dataclass(frozen=True, slots=True)
class Rotation:
    """A change of who may sign for a role.

    Attributes:
        role: whose keys change.
        add: new keys.
        remove: ids, beginnings of ids or holders' names of old ones.
        threshold: None to keep it.
    """

    role: str
    add: Sequence[PublicKey] = ()
    remove: Sequence[str] = ()
    threshold: int | None = None


def rotate(repository: Repository, rotation: Rotation, time: datetime) -> None:
    """Stage metadata in which other keys may sign for a role, and new ones of all that those keys have signed.

    Raises:
        UsageError: there is no such role or key, or too few keys are left.
    """
    role = rotation.role
    if role not in repository.roles:
        raise UsageError(f"there is no role '{role}'; the roles are {', '.join(repository.roles)}")
    if role == repository.feed:
        targets = repository.targets()
        delegations = targets.signed.delegations
        if delegations is None or delegations.roles is None:
            raise UsageError("the top-level targets delegate to nobody")
        _change(delegations.roles[role], delegations.keys, rotation, [], targets.signed)
        _stage_again(repository, TARGETS, targets, time)
    else:
        root = repository.root()
        others = [other for name, other in root.signed.roles.items() if name != role]
        _change(root.signed.roles[role], root.signed.keys, rotation, others, root.signed)
        _stage_again(repository, ROOT, root, time)
        if role == TARGETS:
            _stage_again(repository, TARGETS, repository.targets(), time)
    if role != ROOT and repository.published(repository.feed) is not None:
        renew_feed(repository, time)


def renew(repository: Repository, roles: Iterable[str], time: datetime) -> None:
    """Stage metadata that says the same and counts longer.

    Raises:
        UsageError: a role is none whose metadata people renew.
    """
    for role in roles:
        if role in {ROOT, TARGETS}:
            _stage_again(repository, role, repository.newest(role), time)
        elif role not in {repository.feed, SNAPSHOT}:
            raise UsageError(f"{ROOT}, {TARGETS}, {repository.feed} and {SNAPSHOT} can be renewed; not '{role}'")
    if repository.published(repository.feed) is not None and set(roles) - {ROOT}:
        renew_feed(repository, time)


def renew_feed(repository: Repository, time: datetime) -> None:
    """Stage metadata of the feed's role with the published release, unless a new release is staged."""
    if repository.staged_metadata(repository.feed) is None:
        published = repository.newest(repository.feed)
        stage_feed(repository, published.signed.targets, time)  # type: ignore[union-attr]


def set_policy(
    repository: Repository, time: datetime, *, log: Log | None = None, mirrors: Sequence[str] | None = None
) -> None:
    """Stage another policy or another list of mirrors; raises ``UsageError``."""
    targets = repository.targets()
    if log is not None:
        text = policy_text(_log_key(repository), log)
        Policy.parse(text)
        _put(repository, targets, "tlog-policy", text)
    if mirrors is not None:
        _put(repository, targets, "mirrors", _mirrors(mirrors))
    _stage_again(repository, TARGETS, targets, time)
    if repository.published(repository.feed) is not None:
        renew_feed(repository, time)


def new_log_key(repository: Repository, time: datetime) -> SigningKey:
    """Make another key for the log, which signs the same history, and stage a policy that names it.

    The log goes on: whoever has seen it sees the same tree under the new key. Witnesses must be told the key, too.

    Raises:
        UsageError: nothing is logged yet.
    """
    heads = [path for name in (CHECKPOINT, PENDING) if (path := repository.log_folder / name).is_file()]
    if not heads:
        raise UsageError("nothing is logged yet, so no key of a log can have been lost")
    signed = {path: Note.parse(path.read_bytes()) for path in heads}
    key = SigningKey.generate(Checkpoint.parse(signed[heads[0]].text).origin, Kind.NOTE)
    if repository.log_key.exists():
        old = repository.log_key.with_name(f"log.{int(time.timestamp())}.old.skey")
        repository.log_key.rename(old)
    keys.write_secret(repository.log_key, f"{key.secret()}\n".encode())
    for path, note in signed.items():
        durable.write(path, note.signed(notes.sign(note.text, key)).encode())
    targets = repository.targets()
    name = f"policy/{repository.feed}.tlog-policy"
    lines = repository.read_target(name, targets.signed.targets[name]).decode().splitlines()
    others = [line for line in lines if not line.startswith("log ")]
    text = "".join(f"{line}\n" for line in (f"log {key.verifier}", *others)).encode()
    Policy.parse(text)
    _put(repository, targets, "tlog-policy", text)
    _stage_again(repository, TARGETS, targets, time)
    renew_feed(repository, time)
    return key


def log_name(repository: Repository) -> str:
    """Return the origin of the log; raises ``UsageError`` where its key is not."""
    return _log_key(repository).verifier.name


def _log_key(repository: Repository) -> SigningKey:
    try:
        return SigningKey.parse(repository.log_key.read_text("ascii").strip())
    except OSError as error:
        raise UsageError(f"{repository.log_key}: {error.strerror}; who has the log's key decides about it") from error


def _put(repository: Repository, targets: Metadata[Targets], kind: str, data: bytes) -> None:
    name = f"policy/{repository.feed}.{kind}"
    targets.signed.targets[name] = repository.stage_target(name, data)


def _mirrors(addresses: Sequence[str]) -> bytes:
    if len(addresses) > _MOST_MIRRORS or any(not address.isprintable() or " " in address for address in addresses):
        raise UsageError(f"at most {_MOST_MIRRORS} mirrors, each an address without spaces")
    return "".join(f"{address}\n" for address in addresses).encode()


def _stage_root(repository: Repository, holders: Mapping[str, Holders], version: int, time: datetime) -> None:
    roles = {
        role: Role(sorted(one.key.keyid for one in given.keys), given.threshold)
        for role, given in holders.items()
        if role != repository.feed
    }
    known = {one.key.keyid: one.key for role in roles for one in holders[role].keys}
    signed = Root(
        version=version,
        expires=_expires(repository, ROOT, time),
        keys=dict(sorted(known.items())),
        roles=roles,
        consistent_snapshot=True,
        unrecognized_fields={
            keys.ABOUT: {
                "feed": repository.feed,
                "demo": repository.settings.demo,
                keys.HOLDERS: _names(*(holders[role] for role in roles)),
            }
        },
    )
    repository.stage(ROOT, Metadata(signed))


def _names(*holders: Holders) -> dict[str, str]:
    return dict(sorted((one.key.keyid, one.holder) for given in holders for one in given.keys))


def _stage_targets(
    repository: Repository, holders: Holders, version: int, time: datetime, policy: Mapping[str, bytes]
) -> None:
    feed = repository.feed
    known = {one.key.keyid: one.key for one in holders.keys}
    role = DelegatedRole(feed, sorted(known), holders.threshold, terminating=True, paths=[f"{feed}/*"])
    targets = Metadata(
        Targets(
            version=version,
            expires=_expires(repository, TARGETS, time),
            delegations=Delegations(dict(sorted(known.items())), {feed: role}),
            unrecognized_fields={keys.ABOUT: {keys.HOLDERS: _names(holders)}},
        )
    )
    for kind, data in policy.items():
        _put(repository, targets, kind, data)
    repository.stage(TARGETS, targets)


def _stage_again(
    repository: Repository, role: str, metadata: Metadata[Root] | Metadata[Targets] | object, time: datetime
) -> None:
    """Stage a next version of metadata, without signatures."""
    assert isinstance(metadata, Metadata)  # noqa: S101 - for the type checker
    published = repository.published(role)
    metadata.signed.version = published.signed.version + 1 if published else 1
    metadata.signed.expires = _expires(repository, role, time)
    metadata.signatures.clear()
    repository.stage_anew(role, metadata)


def _change(
    role: Role, known: dict[str, Key], rotation: Rotation, others: Sequence[Role], delegator: Root | Targets
) -> None:
    names = delegator.unrecognized_fields.setdefault(keys.ABOUT, {}).setdefault(keys.HOLDERS, {})
    for name in rotation.remove:
        found = [one for one in role.keyids if name in {keys.holder(one, delegator), one} or _begins(one, name)]
        if len(found) != 1:
            raise UsageError(f"'{name}' is {len(found)} keys of {rotation.role}, not one")
        role.keyids.remove(found[0])
        if not any(found[0] in other.keyids for other in others):
            del known[found[0]]
            names.pop(found[0], None)
    for one in rotation.add:
        if one.key.keyid in role.keyids:
            raise UsageError(f"the key of {one.holder} is one of {rotation.role} already")
        role.keyids.append(one.key.keyid)
        known[one.key.keyid] = one.key
        names[one.key.keyid] = one.holder
    role.keyids.sort()
    role.threshold = rotation.threshold or role.threshold
    if not 1 <= role.threshold <= len(role.keyids):
        raise UsageError(f"{rotation.role} would need {role.threshold} of {len(role.keyids)} keys")


def _begins(keyid: str, name: str) -> bool:
    return len(name) >= 8 and keyid.startswith(name)


def _expires(repository: Repository, role: str, time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0) + timedelta(days=repository.settings.lifetime(role))
