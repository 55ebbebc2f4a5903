"""A publisher for tests, which also does what no honest one does: forges, forks, forgets, goes back."""

import functools
import os
import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from freehold.updates import durable
from freehold.updates.content import heads, releases, segments
from freehold.updates.content.entries import Entry
from freehold.updates.content.leaves import leaf_of
from freehold.updates.content.releases import Part, Release
from freehold.updates.content.segments import Segment
from freehold.updates.content.spans import composed, starts
from freehold.updates.content.states import State
from freehold.updates.tlog import cosignatures
from freehold.updates.tlog.keys import Kind, SigningKey
from freehold.updates.tlog.proofs import Proof
from freehold.updates.tlog.writing import Log

FEED = "core"
ROLES = ("root", "timestamp", "snapshot", "targets", FEED)


class Publisher:
    """A feed in a folder, with one key for each role, a log, and witnesses."""

    def __init__(self, tree: Path, *, witnesses: int = 3, quorum: int = 2, now: int | None = None) -> None:
        self.tree = tree
        self.now = now or int(time.time())
        self.signers = {role: CryptoSigner.generate_ed25519() for role in ROLES}
        self.log_key = SigningKey.generate("log.example/core", Kind.NOTE)
        self.log = Log(tree / "log", self.log_key)
        names = [f"w{number}" for number in range(1, witnesses + 1)]
        self.witnesses = {name: SigningKey.generate(f"{name}.example", Kind.COSIGNATURE) for name in names}
        self.cosigners: Sequence[str] = names
        self.quorum = quorum
        self.states: dict[int, State] = {0: State()}
        self.steps: dict[int, Segment] = {}
        self.bases: dict[int, int] = {}
        self.seq = self.snapshot = self.timestamp = self.root = self.targets = self.feed = 0
        self.feed_targets: dict[str, TargetFile] = {}
        self.members: dict[str, bytes] = {}
        self.mirrors = ""
        self.tilt = Segment((), frozenset())
        self.publish_root()
        self.publish_targets()

    # -- what an honest publisher does ---------------------------------------------------------------------------

    def release(self, texts: dict[str, list[str]], **wish: object) -> Release:
        """Publish a release with exactly these signatures: lines, or whole files, by language."""
        seq = self.seq = self.seq + 1
        entries = [Entry(language, text.encode()) for language, lines in texts.items() for text in lines]
        self.states[seq] = State(entries)
        self.steps[seq] = self.states[seq - 1].step_to(self.states[seq])
        base = 1 if not wish.pop("epoch", False) else seq
        self.bases[seq] = max(self.bases.get(seq - 1, 1), base)
        release = self.described(**wish)
        self.feed_targets |= {releases.release_target(FEED): self.write_target("release.json", release.to_bytes())}
        self.publish_feed(release)
        return release

    def described(self, **wish: object) -> Release:
        """Make the segments of the newest release, and say what they are."""
        seq, base_seq = self.seq, self.bases[self.seq]
        parts = []
        epoch = len({self.bases[one] for one in range(1, seq + 1)})
        base = segments.encode(Segment(list(self.states[base_seq]), frozenset()))
        self.feed_targets = {
            f"{FEED}/base-{epoch}.seg": self.write_target(f"base-{epoch}.seg", segments.pack(base)),
        }
        for start in starts(seq):
            steps = [self.steps[one] for one in range(start + 1, seq + 1)]
            content = segments.encode(functools.reduce(composed, [*steps, self.tilt]))
            parts.append(Part(start, segments.digest(content), len(content)))
            name = f"seg-{start}-{seq}.seg"
            self.feed_targets[f"{FEED}/{name}"] = self.write_target(name, segments.pack(content))
        values = {
            "feed": FEED,
            "seq": seq,
            "epoch": epoch,
            "state": self.states[seq].root().hex(),
            "counts": self.states[seq].counts(),
            "engine": (1, 1),
            "published": self.now,
            "rings": ((1000, 1),),
            "urgent": True,
            "reverts": (),
            "inputs": "0" * 64,
            "base": Part(base_seq, segments.digest(base), len(base)),
            "segments": tuple(parts),
        }
        return Release(**values | wish)

    def publish_root(self) -> None:
        """Publish a new version of the root of trust."""
        self.root += 1
        root = Root(version=self.root, expires=self.expires(365), consistent_snapshot=True)
        for role in ROLES[:-1]:
            root.add_key(self.signers[role].public_key, role)
        root.unrecognized_fields["freehold"] = {"feed": FEED, "demo": True}
        self.write_metadata(f"{self.root}.root", root, "root")

    def publish_targets(self) -> None:
        """Publish the policy and the mirrors, and who may sign releases."""
        self.targets += 1
        key = self.signers[FEED].public_key
        role = DelegatedRole(FEED, [key.keyid], 1, terminating=True, paths=[f"{FEED}/*"])
        targets = Targets(self.targets, expires=self.expires(180))
        targets.delegations = Delegations({key.keyid: key}, {FEED: role})
        targets.targets = {
            "policy/core.tlog-policy": self.write_target("core.tlog-policy", self.policy().encode(), "policy"),
            "policy/core.mirrors": self.write_target("core.mirrors", self.mirrors.encode(), "policy"),
        }
        self.write_metadata(f"{self.targets}.targets", targets, "targets")

    def publish_feed(self, release: Release | None = None) -> None:
        """Sign what the feed's role names, and all above it."""
        self.feed += 1
        targets = Targets(self.feed, expires=self.expires(14), targets=dict(self.feed_targets))
        self.members[f"{self.feed}.{FEED}.json"] = self.write_metadata(f"{self.feed}.{FEED}", targets, FEED)
        if release is not None:
            self.members["release.json"] = release.to_bytes()
        self.publish_snapshot()

    def publish_snapshot(self) -> None:
        """Sign a snapshot, log it, have it witnessed, and sign a timestamp."""
        self.snapshot += 1
        files = {f"{self.targets}.targets": "targets", f"{self.feed}.{FEED}": FEED}
        meta = {}
        for file, role in files.items():
            data = (self.tree / f"metadata/{file}.json").read_bytes()
            version = int(file.partition(".")[0])
            meta[f"{role}.json"] = MetaFile(version, len(data), {"sha256": sha256(data).hexdigest()})
        signed = Snapshot(self.snapshot, expires=self.expires(7), meta=meta)
        self.snapshot_data = self.write_metadata(f"{self.snapshot}.snapshot", signed, "snapshot")
        self.append(self.leaf())
        self.publish_head()

    def leaf(self) -> bytes:
        root = (self.tree / f"metadata/{self.root}.root.json").read_bytes()
        return leaf_of(FEED, (self.root, root), (self.snapshot, self.snapshot_data)).to_bytes()

    def append(self, *leaves: bytes) -> None:
        self.log.append(leaves)
        self.log.publish(self.log.head())
        self.index = self.log.size() - 1

    def publish_head(self) -> None:
        """Sign a timestamp, get cosignatures, and write ``head``."""
        self.timestamp += 1
        meta = MetaFile(self.snapshot, len(self.snapshot_data), {"sha256": sha256(self.snapshot_data).hexdigest()})
        timestamp = Timestamp(self.timestamp, expires=self.expires(2), snapshot_meta=meta)
        members = {
            "timestamp.json": self.write_metadata("timestamp", timestamp, "timestamp"),
            f"{self.snapshot}.snapshot.json": self.snapshot_data,
            f"{self.feed}.{FEED}.json": self.members[f"{self.feed}.{FEED}.json"],
            "root-version": str(self.root).encode(),
            "release.json": self.members["release.json"],
            "release.tlog-proof": self.proof(),
            "log-tail": b"".join(self.log.leaves()[-32:]),
        }
        self.write_head(heads.encode(members))

    def proof(self) -> bytes:
        note = self.log.head()
        witnessed = [cosignatures.cosign(note.text, self.witnesses[name], self.now) for name in self.cosigners]
        return Proof(self.index, tuple(self.log.inclusion(self.index)), note.signed(*witnessed)).encode()

    # -- what it is made of --------------------------------------------------------------------------------------

    def policy(self) -> str:
        lines = [f"log {self.log_key.verifier}"]
        lines += [f"witness {name} {key.verifier}" for name, key in self.witnesses.items()]
        if not self.witnesses:
            return "\n".join([*lines, "quorum none", ""])
        return "\n".join([*lines, f"group q {self.quorum} {' '.join(self.witnesses)}", "quorum q", ""])

    def expires(self, days: int) -> datetime:
        return datetime.fromtimestamp(self.now, UTC).replace(microsecond=0) + timedelta(days=days)

    def write_target(self, name: str, data: bytes, folder: str = FEED) -> TargetFile:
        target = TargetFile.from_data(f"{folder}/{name}", data, ["sha256"])
        durable.write(self.tree / "targets" / folder / f"{target.hashes['sha256']}.{name}", data)
        return target

    def write_metadata(self, name: str, signed: object, role: str) -> bytes:
        metadata = Metadata(signed)
        metadata.sign(self.signers[role])
        data = metadata.to_bytes(JSONSerializer(compact=True))
        durable.write(self.tree / f"metadata/{name}.json", data)
        return data

    def write_head(self, head: bytes) -> None:
        """Put a head in place, with the time that is signed in it: clients ask whether there is a newer one."""
        durable.write(self.tree / "head", head)
        os.utime(self.tree / "head", (self.now, self.now))

    @property
    def root_sha256(self) -> str:
        return sha256((self.tree / "metadata/1.root.json").read_bytes()).hexdigest()

    def copy(self, place: Path) -> Path:
        """Copy the tree as it is now, as a mirror does."""
        return Path(shutil.copytree(self.tree, place, dirs_exist_ok=True))

    def segment(self, start: int) -> Path:
        """Return the file of the newest release's segment from ``start``, or of its base (0)."""
        pattern = f"*.seg-{start}-{self.seq}.seg" if start else "*.base-*.seg"
        (found,) = (self.tree / "targets" / FEED).glob(pattern)
        return found
