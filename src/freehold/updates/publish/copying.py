"""Copying a repository: to a mirror, into one file for machines without a network, and back.

Whoever copies need not be trusted, and trusts nobody: clients verify everything. What is compared here are hashes, so
that a mirror does not hand on what a broken connection left of a file.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from freehold.model.errors import MalformedInput, TrustError, UsageError
from freehold.updates import durable
from freehold.updates.client.origins import Origin
from freehold.updates.client.transfer import Absent
from freehold.updates.content import heads, plans, releases
from freehold.updates.content.releases import Release
from freehold.updates.content.segments import PACKED_BYTES
from freehold.updates.content.spans import chosen
from freehold.updates.publish.releasing import put_head
from freehold.updates.publish.repository import HEAD
from freehold.updates.tlog import tiles
from freehold.updates.tlog.checkpoints import Checkpoint
from freehold.updates.tlog.proofs import Proof

METADATA_BYTES = 8 << 20
"""Bytes of one file of metadata."""

_MOST_ROOTS = 1024
_MOST_LEAVES = 1 << 20
_TIMESTAMP = "metadata/timestamp.json"
_VERSION = re.compile(rb"[1-9][0-9]{0,8}")

Tell = Callable[[str, float], None]
"""Is told what is being copied, and which share of all is copied, roughly."""


class Wanted(NamedTuple):
    """A file that belongs to a copy.

    Attributes:
        path: below the top of the tree.
        limit: bytes that it may have.
        sha256: of it, "" when nothing says so.
    """

    path: str
    limit: int
    sha256: str = ""


class Extent(NamedTuple):
    """How much is copied.

    Attributes:
        since: a release that all who read the copy have already, so that they need no base; 0 for none.
        inputs: plans and signature files, too, so that releases can be made again from the copy.
        history: everything of earlier releases, too, so that the next one can be made from the copy.
    partial: segments that the origin has not are left out: a bundle may be for those who have a release already.
    """

    since: int = 0
    inputs: bool = False
    history: bool = False
    partial: bool = False


class Copied(NamedTuple):
    """What was copied: the release, and how many files and bytes were new."""

    seq: int
    files: int
    bytes: int


class _Source:
    """A tree at an origin, as its head says it is."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self.packed = self.read(Wanted(HEAD, heads.PACKED_BYTES))
        try:
            self.members = heads.decode(self.packed)
            self.release = releases.parse(self.members[heads.RELEASE])
            self.proof = Proof.parse(self.members[heads.PROOF])
            self.checkpoint = Checkpoint.parse(self.proof.checkpoint.text)
            self.timestamp = self.members[heads.TIMESTAMP]
            self._snapshot = next(data for name, data in self.members.items() if name.endswith(".snapshot.json"))
        except (KeyError, StopIteration) as error:
            raise MalformedInput(f"{origin.name}: the head lacks a part: {error or 'the snapshot'}") from error
        except MalformedInput as error:
            raise MalformedInput(f"{origin.name}: the head is damaged: {error}") from error

    @property
    def name(self) -> str:
        """Where it is."""
        return self._origin.name

    def read(self, wanted: Wanted) -> bytes:
        """Return a file; raises ``Refusal``, or ``TrustError`` when it is damaged."""
        data = b"".join(self._origin.open(wanted.path, wanted.limit) or ())
        if wanted.sha256 and hashlib.sha256(data).hexdigest() != wanted.sha256:
            raise TrustError(f"{self._origin.name}: {wanted.path} is damaged there")
        return data

    def inline(self) -> dict[str, bytes]:
        """Return the files that the head brings."""
        named = {f"metadata/{name}": data for name, data in self.members.items() if name.endswith(".json")}
        del named[f"metadata/{heads.RELEASE}"]
        return named

    def metadata(self) -> Iterator[tuple[str, bytes]]:
        """Yield files of metadata that clients need beside those of the head: all roots, and top-level targets."""
        version = self.members.get("root-version", b"")
        if not _VERSION.fullmatch(version) or int(version) > _MOST_ROOTS:
            raise MalformedInput(f"{self.name}: the head does not say how many roots there are")
        targets = _signed(self._snapshot)["meta"]["targets.json"]["version"]
        names = [f"{number}.root.json" for number in range(1, int(version) + 1)] + [f"{int(targets)}.targets.json"]
        for name in names:
            yield f"metadata/{name}", self.read(Wanted(f"metadata/{name}", METADATA_BYTES))


def mirror(origin: Origin, folder: Path, extent: Extent, tell: Tell) -> Copied:
    """Bring a copy of a tree up to date; what is there and right is not fetched again.

    Raises:
        Refusal: the origin does not answer, or not as it should.
        TrustError: a file is damaged there, or what is there is older than the copy.
        UsageError: the folder is something else, or cannot be written.
    """
    source = _opened(origin)
    _check_newer(source, folder)
    files = size = 0
    try:
        for path, data in _files(source, extent, tell, lambda wanted: _have(folder, wanted)):
            durable.write(folder / path, data)
            files += 1
            size += len(data)
        durable.write(folder / "log" / tiles.CHECKPOINT, source.proof.checkpoint.encode())
        durable.write(folder / _TIMESTAMP, source.timestamp)
        put_head(folder, source.packed)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
    return Copied(source.release.seq, files, size)


def export(origin: Origin, file: Path, extent: Extent, tell: Tell) -> Copied:
    """Write a copy of a tree into one file: the same tree gives the same file.

    Raises:
        Refusal: the origin does not answer, or not as it should.
        TrustError: a file is damaged there.
        UsageError: the file cannot be written.
    """
    source = _opened(origin)
    files = size = 0
    with _replaced(file) as out, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        last = {
            f"log/{tiles.CHECKPOINT}": source.proof.checkpoint.encode(),
            _TIMESTAMP: source.timestamp,
            HEAD: source.packed,
        }
        for path, data in (*_files(source, extent, tell, lambda _wanted: False), *last.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, BytesIO(data))
            files += 1
            size += len(data)
    return Copied(source.release.seq, files, size)


def _opened(origin: Origin) -> _Source:
    try:
        return _Source(origin)
    except Absent as error:
        raise UsageError(f"{origin.name} is no public tree of a repository: there is no 'head'") from error


def _files(source: _Source, extent: Extent, tell: Tell, have: Callable[[Wanted], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield everything immutable that is not there yet."""
    feed = source.release.feed
    try:
        metadata = {**source.inline(), **dict(source.metadata())}
        documents = [data for path, data in metadata.items() if path.endswith((f".{feed}.json", ".targets.json"))]
        if extent.history:
            earlier = dict(_earlier_metadata(source, metadata))
            documents += [data for path, data in earlier.items() if path.endswith(f".{feed}.json")]
            metadata |= earlier
        wanted = [one for document in documents for one in _targets(document)]
        wanted += [*_log(source)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedInput(f"{source.name}: its metadata is damaged ({type(error).__name__}: {error})") from error
    yield from ((path, data) for path, data in metadata.items() if path != _TIMESTAMP)
    wanted = [one for one in dict.fromkeys(wanted) if _belongs(one, source.release, extent)]
    yield from _fetched(source, wanted, have, tell, partial=extent.partial)
    if extent.inputs or extent.history:
        yield from _inputs(source, wanted, have)


def _fetched(
    source: _Source, wanted: list[Wanted], have: Callable[[Wanted], bool], tell: Tell, *, partial: bool
) -> Iterator[tuple[str, bytes]]:
    whole = max(sum(one.limit for one in wanted), 1)
    done = 0
    for one in wanted:
        tell(one.path, done / whole)
        done += one.limit
        if have(one):
            continue
        try:
            yield one.path, source.read(one)
        except Absent:
            if not (partial and one.path.endswith(".seg")):
                raise


def _signed(document: bytes) -> Any:
    return json.loads(document)["signed"]


def _targets(document: bytes) -> Iterator[Wanted]:
    """Yield the files that metadata names."""
    for name, target in _signed(document)["targets"].items():
        folder, _, base = name.rpartition("/")
        sha256, length = target["hashes"]["sha256"], target["length"]
        is_length = type(length) is int and 0 <= length <= PACKED_BYTES
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not is_length:
            raise ValueError(name)
        yield Wanted(f"targets/{folder}/{sha256}.{base}", length, sha256)


def _earlier_metadata(source: _Source, have: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield all versions of all metadata before those in ``have``; some may never have been published."""
    for path in have:
        match = re.fullmatch(r"metadata/([1-9][0-9]{0,8})\.([a-z0-9-]+\.json)", path)
        if match and match[2] != "root.json":
            for version in range(1, int(match[1])):
                earlier = f"metadata/{version}.{match[2]}"
                try:
                    yield earlier, source.read(Wanted(earlier, METADATA_BYTES))
                except Absent:
                    continue


def _log(source: _Source) -> Iterator[Wanted]:
    """Yield the files of the log."""
    size = source.checkpoint.size
    if not 0 < size <= _MOST_LEAVES:
        raise ValueError(f"{size} entries of the log")
    for bundle in range(-(-size // tiles.WIDTH)):
        width = min(tiles.WIDTH, size - bundle * tiles.WIDTH)
        yield Wanted(f"log/{tiles.entries_path(bundle, width)}", tiles.LARGEST_BUNDLE)
    level, count = 0, size
    while count:
        for index in range(-(-count // tiles.WIDTH)):
            width = min(tiles.WIDTH, count - index * tiles.WIDTH)
            yield Wanted(f"log/{tiles.tile_path(level, index, width)}", tiles.LARGEST_TILE)
        level, count = level + 1, count // tiles.WIDTH
    yield Wanted(f"log/proof/{source.release.seq}.tlog-proof", heads.CONTENT_BYTES)


def _belongs(wanted: Wanted, release: Release, extent: Extent) -> bool:
    """Whether a file is needed by those for whom the copy is."""
    if not extent.since or extent.history or not wanted.path.endswith(".seg"):
        return True
    parts = chosen(release, extent.since)
    nearer = [part for part in release.segments if parts and part.start >= parts[-1].start]
    needed = {release.target(part).rpartition("/")[2] for part in (*parts, *nearer)}
    return wanted.path.partition(".")[2] in needed


def _inputs(source: _Source, wanted: list[Wanted], have: Callable[[Wanted], bool]) -> Iterator[tuple[str, bytes]]:
    """Yield plans and signature files of the releases that are copied."""
    seen: set[str] = set()
    for one in wanted:
        if not one.path.endswith(".release.json"):
            continue
        release = releases.parse(source.read(one))
        path = f"inputs/{release.inputs}"
        plan = source.read(Wanted(path, plans.PLAN_BYTES, release.inputs))
        yield path, plan
        for file in plans.parse(plan, release).sources:
            need = Wanted(f"inputs/{file.sha256}", file.bytes, file.sha256)
            if file.sha256 not in seen and not have(need):
                seen.add(file.sha256)
                yield need.path, source.read(need)


def _have(folder: Path, wanted: Wanted) -> bool:
    """Whether a file is there already, and is what its name says."""
    path = folder / wanted.path
    if not wanted.sha256 or not path.is_file() or path.stat().st_size > wanted.limit:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _check_newer(source: _Source, folder: Path) -> None:
    """Raise ``TrustError`` when the copy is newer than what it would be replaced by."""
    path = folder / HEAD
    if folder.is_dir() and any(folder.iterdir()) and not path.is_file() and not (folder / "metadata").is_dir():
        raise UsageError(f"{folder} is not a copy of a repository; choose an empty folder")
    if path.is_file():
        members = heads.decode(path.read_bytes())
        here = releases.parse(members[heads.RELEASE]).seq
        size = Checkpoint.parse(Proof.parse(members[heads.PROOF]).checkpoint.text).size
        if (source.release.seq, source.checkpoint.size) < (here, size):
            raise TrustError(
                f"{source.name} has release {source.release.seq}, the copy in {folder} has {here}: it is not replaced"
            )


@contextmanager
def _replaced(file: Path) -> Iterator[Any]:
    """Give a new file to write into, and put it in its place when all went well; raises ``UsageError``."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as out:
            aside = Path(out.name)
            try:
                yield out
                out.flush()
                aside.chmod(0o644)
                aside.rename(file)
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(f"{error.filename or file}: {error.strerror}") from error
