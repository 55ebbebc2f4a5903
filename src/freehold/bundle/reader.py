"""A compiled database, opened: nothing is parsed but the manifest, the rest is mapped and verified as it is used."""

import hashlib
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freehold.bundle.abouts import decode_about
from freehold.bundle.hashes import HashTable
from freehold.bundle.layout import (
    DIGEST_BYTES,
    FORMAT,
    INVERTED,
    MANIFEST,
    SMALL,
    WeakAtom,
    canonical,
    machine,
    segment_digest,
)
from freehold.bundle.mapped import Mapped, give_back, map_file, read_file
from freehold.bundle.records import Records
from freehold.model.about import About, HashedPart
from freehold.model.errors import TrustError
from freehold.model.filetype import Target
from freehold.model.rights import Right, right_of

if TYPE_CHECKING:  # takes long to load, and not every database has logical signatures
    from freehold.bundle.members import MemberSignature
    from freehold.bundle.programs import ProgramRecord
    from freehold.model.icon import IconMetrics
    from freehold.model.logical import BodyMatch
    from freehold.model.pki.trust import Rule

_MANIFEST_BYTES = 16 << 20


class Root:
    """The needles that are looked for in one group of file types.

    Attributes:
        target: the group; ``Target.ANY`` is everything.
    """

    __slots__ = ("_segment", "_starts", "_starts_column", "_uses", "_uses_column", "target")

    def __init__(self, segment: "Segment", target: Target) -> None:
        prefix = f"root.{target.name.lower()}"
        self.target = target
        self._segment = segment
        self._starts = segment.file(f"{prefix}.starts")
        self._uses = segment.file(f"{prefix}.uses")
        self._starts_column = self._starts.data.cast("I")
        self._uses_column = self._uses.data.cast("I")

    def database(self) -> bytes:
        """Return the serialised Hyperscan database, verified."""
        return self._segment.native(f"root.{self.target.name.lower()}.hs")

    def uses(self, needle: int) -> list[tuple[int, int]]:
        """Return the (rule, pattern) pairs that a needle stands for."""
        self._starts.touch(needle * 4, needle * 4 + 8)
        first, last = self._starts_column[needle], self._starts_column[needle + 1]
        self._uses.touch(first * 8, last * 8)
        pairs = self._uses_column[first * 2 : last * 2]
        return list(zip(pairs[::2], pairs[1::2], strict=True))


class LogicalRoot:
    """The atoms that call for logical signatures (programs) in one group of file types.

    Attributes:
        target: the group; ``Target.ANY`` is everything.
        always: programs that no atom calls for, by the container that they ask for ("" when they do not).
    """

    __slots__ = (
        "_macros",
        "_native",
        "_pictures",
        "_segment",
        "_starts",
        "_starts_column",
        "_users",
        "_users_column",
        "always",
        "target",
    )

    def __init__(self, segment: "Segment", target: Target) -> None:
        prefix = f"logical.{target.name.lower()}"
        self.target = target
        self._segment = segment
        self._native = f"{prefix}.hs"
        self._pictures = f"{prefix}.pictures"
        self._macros = f"{prefix}.macros"
        self._starts = segment.file(f"{prefix}.starts")
        self._users = segment.file(f"{prefix}.users")
        self._starts_column = self._starts.data.cast("I")
        self._users_column = self._users.data.cast("I")
        self.always: dict[str, list[int]] = json.loads(bytes(segment.file(f"{prefix}.always").data))

    @property
    def atoms(self) -> int:
        """How many atoms there are."""
        return len(self._starts_column) - 1

    @property
    def weakest(self) -> list[WeakAtom]:
        """The atoms that occur most often in clean files, the worst first."""
        name = f"logical.{self.target.name.lower()}.weakest"
        rows = json.loads(bytes(self._segment.file(name).data)) if self._segment.has(name) else []
        return [WeakAtom(*row) for row in rows]

    def database(self) -> bytes:
        """Return the serialised Hyperscan database, verified; empty when there is no atom."""
        return self._segment.native(self._native) if self._segment.has(self._native) else b""

    @property
    def size(self) -> int:
        """Bytes of the database."""
        return self._segment.native_size(self._native)

    @property
    def has_pictures(self) -> bool:
        """Whether hashes of pictures call for some programs."""
        return self._segment.has(self._pictures)

    def pictures(self) -> dict[str, list[int]]:
        """Return the subsignatures that hashes of pictures stand for, by the hash in hexadecimal."""
        known: dict[str, list[int]] = json.loads(bytes(self._segment.file(self._pictures).data))
        return known

    def macros(self) -> "dict[str, list[BodyMatch]]":
        """Return the bodies of macro groups, by the groups' numbers; raises ``TrustError`` when they cannot be read."""
        from freehold.bundle.programs import decode_body_matches

        if not self._segment.has(self._macros):
            return {}
        groups = json.loads(bytes(self._segment.file(self._macros).data))
        return {group: decode_body_matches(members) for group, members in groups.items()}

    def users(self, atom: int) -> list[int]:
        """Return the bodies that an atom stands for (``bundle.programs.body_number``)."""
        self._starts.touch(atom * 4, atom * 4 + 8)
        first, last = self._starts_column[atom], self._starts_column[atom + 1]
        self._users.touch(first * 4, last * 4)
        return self._users_column[first:last].tolist()


class Segment:
    """An immutable part of a bundle.

    Attributes:
        name: of its folder.
        tables: hash tables by the part that is hashed and by algorithm.
        roots: what there is for Hyperscan.
        logical_roots: the atoms of logical signatures.
        overlap: bytes by which two windows of a large file must overlap so that no match is missed.
        text_ends: whether some logical signature for texts counts an offset from a text's end.
        counts: signatures by language.
        targets: pattern signatures by target.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any], right: Right) -> None:
        self._whole_manifest = manifest
        self._right = right
        self.name: str = manifest["name"]
        self.overlap: int = manifest["overlap"]
        self.text_ends: bool = manifest["text_ends"]
        self.counts: dict[str, int] = manifest["counts"]
        self.targets: dict[str, int] = manifest["targets"]
        self._folder = folder
        self._manifest: dict[str, Any] = manifest["files"]
        self._files = {name: self._open(name) for name in self._manifest if not name.endswith(_NO_COLUMN)}
        self._natives = {
            name: map_file(folder / name, size) for name, (size, _) in self._manifest.items() if _is_native(name)
        }
        self._sources: list[str] = json.loads(bytes(self.file("sources.json").data))
        self._abouts = self.records("abouts")
        self._rules = self.records("rules")
        self._programs = self.records("programs")
        self.tables = {
            (HashedPart(part), algorithm): self._table(part, algorithm) for part, algorithm in manifest["hashes"]
        }
        self.roots = tuple(Root(self, Target[name.upper()]) for name in manifest["roots"])
        self.logical_roots = tuple(LogicalRoot(self, Target[name.upper()]) for name in manifest["logical"])

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(int(entry[0]) for entry in self._manifest.values())

    @property
    def digest(self) -> str:
        """What identifies what it does: its content, and its right."""
        return segment_digest(self._whole_manifest, self._right)

    @property
    def has_yara(self) -> bool:
        """Whether there are YARA rules."""
        return self.has("yara.compiled")

    @property
    def has_members(self) -> bool:
        """Whether there are signatures over what containers say of their members."""
        return self.has("members.json")

    def members(self) -> "list[MemberSignature]":
        """Return these signatures."""
        from freehold.bundle.members import MemberSignature

        records = json.loads(bytes(self.file("members.json").data)) if self.has_members else []
        return [MemberSignature.from_record(record) for record in records]

    def passwords(self) -> list[tuple[str | None, bytes]]:
        """Return passwords to try, each with ClamAV's name for the container that it is meant for, None for any."""
        records = json.loads(bytes(self.file("passwords.json").data)) if self.has("passwords.json") else []
        return [(container, bytes.fromhex(password)) for container, password in records]

    def has(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self._manifest

    def file(self, name: str) -> Mapped:
        """Return one file of this segment."""
        return self._files[name]

    def records(self, name: str) -> Records:
        """Return the records that lie in ``name.index`` and ``name.blob``."""
        return Records(self.file(f"{name}.index"), self.file(f"{name}.blob"))

    def native(self, name: str) -> bytes:
        """Read a file that a native library will take apart; all of it is verified first."""
        data = bytes(self._natives[name])
        give_back(self._natives[name])
        _check(self._folder / name, data, self._manifest[name][1])
        return data if name.startswith("logical.") else data.translate(INVERTED)

    def native_size(self, name: str) -> int:
        """Return the size of such a file in bytes, 0 when there is none."""
        return len(self._natives.get(name, b""))

    def about(self, number: int) -> About:
        """Return what to say of a signature."""
        return decode_about(self._abouts[number], self._sources)

    def rule(self, number: int) -> Any:
        """Return a rule as the compiler wrote it."""
        return json.loads(self._rules[number])

    def program(self, number: int, target: Target) -> "ProgramRecord":
        """Return a logical signature, which looks at this target."""
        from freehold.bundle.programs import ProgramRecord

        return ProgramRecord(json.loads(self._programs[number]), target)

    @property
    def has_icons(self) -> bool:
        """Whether there are icons that logical signatures may ask for."""
        return self.has("icons.records")

    def icons(self) -> "Iterator[tuple[tuple[str, str], IconMetrics]]":
        """Yield icons, each with its two groups; raises ``TrustError`` when they cannot be read."""
        from freehold.model.icon import DIGITS, read_metrics

        if not self.has_icons:
            return
        try:
            first, second = json.loads(bytes(self.file("icons.groups").data))
            records = self.file("icons.records")
            for digits, one, other in struct.iter_unpack(f"<{DIGITS // 2}sHH", records.bytes(0, len(records.data))):
                yield (first[one], second[other]), read_metrics(digits.hex())
        except (LookupError, ValueError, struct.error) as error:
            raise TrustError(f"the database holds an icon that this Freehold cannot read ({error!r})") from error

    @property
    def has_addresses(self) -> bool:
        """Whether there are rules over what links in mails show."""
        return self.has("addresses.json")

    def addresses(self) -> list[tuple[str, str, str]]:
        """Return kind, text and place of each rule over what links in mails show."""
        if not self.has_addresses:
            return []
        return [(kind, text, place) for kind, text, place in json.loads(bytes(self.file("addresses.json").data))]

    @property
    def has_certificates(self) -> bool:
        """Whether there are rules over certificates, or programs that catalogues list."""
        return self.has("certificates.json")

    def certificates(self) -> "list[tuple[int, Rule]]":
        """Return rules over certificates with the numbers of their about-records; raises ``TrustError``."""
        return self._trust()[0]

    def listed_programs(self) -> list[tuple[str, bytes]]:
        """Return algorithm and digest of programs that catalogues list; raises ``TrustError``."""
        return self._trust()[1]

    def _trust(self) -> "tuple[list[tuple[int, Rule]], list[tuple[str, bytes]]]":
        if not self.has_certificates:
            return [], []
        from freehold.bundle.trust import from_json

        return from_json(json.loads(bytes(self.file("certificates.json").data)))

    @property
    def has_indicators(self) -> bool:
        """Whether there are indicators of prohibited products."""
        return self.has("indicators.json")

    def indicators(self) -> list[tuple[str, str, int]]:
        """Return by what prohibited products are recognised: kind, value, number of the about-record."""
        return [(kind, value, about) for kind, value, about in json.loads(bytes(self.file("indicators.json").data))]

    @property
    def retracted(self) -> list[str]:
        """Places that signatures of older segments come from which are not reported any more."""
        places: list[str] = json.loads(bytes(self.file("retracted.json").data)) if self.has("retracted.json") else []
        return places

    @property
    def ignored(self) -> list[str]:
        """Names of signatures that its ignore lists name, whatever segment they are in."""
        names: list[str] = json.loads(bytes(self.file("ignored.json").data)) if self.has("ignored.json") else []
        return names

    def yara_lines(self) -> dict[str, dict[str, int]]:
        """Return the line of each YARA rule, by namespace (the source's name) and rule."""
        lines: dict[str, dict[str, int]] = json.loads(bytes(self.file("yara.json").data))
        return lines

    def verify(self) -> None:
        """Verify every byte; raises ``TrustError``."""
        for name, (size, digest) in self._manifest.items():
            path = self._folder / name
            data: bytes | memoryview = map_file(path, size) if size else read_file(path, 0)
            _check(path, data, digest)

    def _open(self, name: str) -> Mapped:
        size, digest = self._manifest[name]
        path = self._folder / name
        if size > SMALL and f"{name}.sums" in self._manifest:
            sums_size, sums_digest = self._manifest[f"{name}.sums"]
            sums = read_file(self._folder / f"{name}.sums", sums_size)
            _check(self._folder / f"{name}.sums", sums, sums_digest)
            return Mapped(str(path), map_file(path, size), sums)
        data = read_file(path, size)
        _check(path, data, digest)
        return Mapped(str(path), memoryview(data), None)

    def _table(self, part: str, algorithm: str) -> HashTable:
        if algorithm not in DIGEST_BYTES:
            raise ValueError(algorithm)
        columns = ("sizes", "fence", "starts", "digests", "abouts")
        return HashTable(algorithm, {column: self.file(f"hash.{part}.{algorithm}.{column}") for column in columns})


class Bundle:
    """A compiled database.

    Attributes:
        path: its directory.
        segments: oldest first.
        manifest: as it stands on disk, checked.
        right: how far its word counts.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self.right = right_of(path)
        self.segments = tuple(Segment(path / segment["name"], segment, self.right) for segment in manifest["segments"])

    @classmethod
    def open(cls, path: Path) -> "Bundle":
        """Map the bundle in a directory; raises ``TrustError`` when it is damaged, truncated, foreign or newer."""
        while True:
            text = _manifest_text(path / MANIFEST)
            try:
                return cls(path, _manifest(path / MANIFEST, text))
            except TrustError:
                if text == _manifest_text(path / MANIFEST):
                    raise  # otherwise the bundle was replaced in this moment
            except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
                raise TrustError(f"{path} does not fit together ({error}); build it again") from error

    def verify(self) -> None:
        """Verify every byte of every file; raises ``TrustError``."""
        for segment in self.segments:
            segment.verify()


_NO_COLUMN = (".hs", ".compiled", ".sums")


def _is_native(name: str) -> bool:
    return name.endswith((".hs", ".compiled"))


def _check(path: Path, data: bytes | memoryview, digest: str) -> None:
    if hashlib.sha256(data).hexdigest() != digest:
        raise TrustError(f"{path} is damaged; build or fetch the database again")


def _manifest_text(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MANIFEST_BYTES + 1)
    except OSError as error:
        raise TrustError(f"{path.parent} is not a compiled database: {error.strerror}") from error


def _manifest(path: Path, text: bytes) -> dict[str, Any]:
    """Check and return the manifest."""
    try:
        manifest = json.loads(text) if len(text) <= _MANIFEST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise TrustError(f"{path} is damaged: {error}") from error
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise TrustError(f"{path} is not the manifest of a compiled database")
    if manifest["format"] != FORMAT:
        raise TrustError(
            f"{path.parent} has layout {manifest['format']}, this Freehold reads {FORMAT}; build the database again"
        )
    checksum = manifest.pop("checksum", None)
    if hashlib.sha256(canonical(manifest)).hexdigest() != checksum:
        raise TrustError(f"{path} is damaged; build or fetch the database again")
    if manifest.get("machine") != machine():
        raise TrustError(f"{path.parent} was compiled for another CPU ({manifest.get('machine')}); rebuild it here")
    _check_names(path, manifest)
    return manifest


def _check_names(path: Path, manifest: dict[str, Any]) -> None:
    """Refuse names that lead out of the directory, and sizes that are none."""
    try:
        names = [segment["name"] for segment in manifest["segments"]]
        sizes: list[object] = []
        for segment in manifest["segments"]:
            names.extend(segment["files"])
            sizes.extend(size for size, _ in segment["files"].values())
        sound = all(re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name, re.ASCII) for name in names)
        sound = sound and all(isinstance(size, int) and size >= 0 for size in sizes)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise TrustError(f"{path} does not fit together ({error}); build or fetch the database again") from error
    if not sound:
        raise TrustError(f"{path} names files that a database cannot have")
