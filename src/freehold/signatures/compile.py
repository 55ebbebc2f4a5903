"""The compiler: from signature files to a bundle. The same input gives the same bytes."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from freehold.bundle.layout import MOST_SUBSIGNATURES, WeakAtom
from freehold.bundle.overlay import share_segments
from freehold.bundle.publish import replaced
from freehold.bundle.reader import Bundle
from freehold.bundle.writer import SegmentWriter, write_manifest
from freehold.model.about import About, HashedPart
from freehold.model.errors import MalformedInput, UsageError
from freehold.model.filetype import Target
from freehold.model.interfaces import SignatureLanguage
from freehold.model.pki.trust import Rule
from freehold.model.policy import IndicatorKind, Strength
from freehold.model.report import Verdict
from freehold.model.signature import (
    AddressRule,
    AllowedContent,
    CertificateRule,
    HashSignature,
    IconSignature,
    IgnoredSignature,
    PatternSignature,
    PolicyPack,
    Rejected,
    SecurityCatalogue,
    Signature,
    YaraSource,
)
from freehold.signatures.atoms import Atom, worth
from freehold.signatures.catalogues import listed
from freehold.signatures.clamav.container import CLAMAV, Keys
from freehold.signatures.linewise import PIECE, Compiled, Ignored, Piece, compile_piece, hash_entry, pieces
from freehold.signatures.logical import IconGroups, LogicalSignatures, compile_atoms
from freehold.signatures.patterns import Patterns
from freehold.signatures.registry import BY_SUFFIX, LINE_LANGUAGES
from freehold.signatures.sources import signature_files

SEGMENT = "base"

_PROVES = {Strength.STRONG: Verdict.PROHIBITED, Strength.WEAK: Verdict.SUSPICIOUS}

Progress = Callable[[str, float], None]
"""Is told in a few words what is being done, and which share of all work has been done, roughly."""

_READ, _ATOMS = 0.75, 0.95
"""Shares of the work that are done when all lines have been read, and when all atoms have been compiled."""

_WEAKEST = 10
"""So many of the weakest atoms of a target are kept for who wants to know."""

_SMALL = 2 * PIECE
"""Bytes of signature files that one process compiles sooner than others would have been started."""

_AHEAD = 8
"""Pieces that are compiled ahead of the one that is written."""

_IGNORE_LISTS = frozenset({".ign", ".ign2"})
_ICONS = ".idb"
_READ_FIRST = _IGNORE_LISTS | {_ICONS}
_UNWANTED = frozenset({".hdu", ".hsu", ".ldu", ".mdu", ".msu", ".ndu"})
_BY_LINES = frozenset(suffix for language in LINE_LANGUAGES for suffix in language.suffixes) - _READ_FIRST


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What became of the sources.

    Attributes:
        counts: signatures that were compiled, by language.
        targets: pattern signatures, by target.
        rejected: what could not be honoured, in the order of the sources.
        ignored: signatures that ignore lists name.
    """

    counts: dict[str, int]
    targets: dict[str, int]
    rejected: tuple[Rejected, ...]
    ignored: int = 0


def build(
    sources: Sequence[Path],
    destination: Path,
    *,
    strict: bool = False,
    unwanted: bool = False,
    weak: bool = False,
    jobs: int | None = None,
    progress: Progress | None = None,
    base: Path | None = None,
    retracted: Sequence[str] = (),
    keys: Keys = CLAMAV,
) -> BuildResult:
    """Compile signature files, folders of them and ClamAV's containers into a bundle at ``destination``.

    Args:
        sources: files whose language is known by their suffix, and folders; in a folder, files of other kinds are
            passed over.
        destination: a directory; a bundle that is there is replaced in one step.
        strict: refuse to build when any signature is rejected.
        unwanted: take ClamAV's files for potentially unwanted programs, too.
        weak: take indicators of prohibited products that prove nothing by themselves, too, as *suspicious*.
        jobs: processes to use; None for one on each processor. The result does not depend on it.
        progress: is told how far it is.
        base: a compiled database to build on: its segments are shared, and only the sources are compiled. What they
            allow or ignore (by name) counts for its signatures too.
        retracted: places of signatures in ``base`` that are not reported any more, as detections name them: a file, or
            a file with a line.
        keys: whose signatures on containers count.

    Raises:
        TrustError: a container is not signed, or not rightly; or ``base`` is damaged.
        UsageError: a source is missing or of no known language, or ``destination`` cannot be written.
        MalformedInput: ``strict`` is set and something was rejected.
    """
    below = None if base is None else Bundle.open(base)
    with TemporaryDirectory(prefix="freehold-") as scratch, replaced(destination) as folder:
        found = signature_files(sources, Path(scratch), keys)
        files = [_Source(path, label, path.suffix.lower()) for path, label in found]
        shared = [] if below is None else share_segments(below, folder)
        name = f"overlay-{len(shared)}" if shared else SEGMENT
        compilation = _Compilation(SegmentWriter(folder / name), progress or _silent, weak=weak)
        compilation.read(files, unwanted=unwanted, jobs=jobs)
        if strict and compilation.rejected:
            first = compilation.rejected[0]
            raise MalformedInput(f"{first.source}:{first.line}: {first.reason} ({len(compilation.rejected)} rejected)")
        if retracted:
            compilation.retract(retracted)
        segment, result = compilation.finish()
        write_manifest(folder, [*shared, segment])
        return result


def _silent(_text: str, _share: float) -> None:
    """Tell nobody."""


class _Source(NamedTuple):
    path: Path
    label: str
    suffix: str

    @property
    def language(self) -> SignatureLanguage:
        return BY_SUFFIX[self.suffix]

    def parse(self) -> Iterator[Signature | Rejected]:
        return self.language.parse(self.read(), self.label)

    def read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}") from error


class _Compilation:
    """One run of the compiler, into one segment."""

    def __init__(self, segment: SegmentWriter, progress: Progress, *, weak: bool) -> None:
        self._segment = segment
        self._progress = progress
        self._patterns = Patterns(segment)
        self._logical = LogicalSignatures()
        self._roots: list[tuple[Target, list[Atom], bytes]] = []
        self._yara_sources: list[YaraSource] = []
        self._indicators: list[tuple[str, str, int]] = []
        self._rules: list[tuple[int, Rule]] = []
        self._catalogues: list[tuple[_Source, SecurityCatalogue]] = []
        self._addresses: list[tuple[str, str, str]] = []
        self._weak = weak
        self._counts: dict[str, int] = {}
        self._targets: dict[str, int] = {}
        self._ignored = 0
        self._cut_abouts = 0
        self._bytes = 0
        self._bytes_done = 0
        self.rejected: list[Rejected] = []

    def read(self, files: Sequence[_Source], *, unwanted: bool, jobs: int | None) -> None:
        """Take all signatures of these files.

        Files with a signature to a line come last: their about-records are numbered before anything of them is read.
        """
        ignored = _ignored(s for source in files if source.suffix in _IGNORE_LISTS for s in self._ignore_list(source))
        groups = self._read_icons([source for source in files if source.suffix == _ICONS], ignored)
        by_lines: list[_Source] = []
        for source in files:
            if source.suffix in _UNWANTED and not unwanted:
                self.rejected.append(Rejected(source.label, 1, "it is for potentially unwanted programs only"))
            elif source.suffix in _BY_LINES:
                by_lines.append(source)
            elif source.suffix not in _READ_FIRST:
                self._read_whole(source)
        self._read_catalogues()
        self._cut_abouts = self._segment.abouts
        self._bytes = sum(source.path.stat().st_size for source in by_lines)
        if ignored.names:
            self._segment.ignored(ignored.names)
        with _executor(1 if self._bytes <= _SMALL else jobs or os.cpu_count() or 1) as executor:
            self._read_lines(by_lines, ignored, groups, executor)
            self._compile_atoms(executor)

    def retract(self, places: Sequence[str]) -> None:
        """Have signatures that come from these places not reported, in the segments below this one."""
        self._segment.retracted(places)

    def finish(self) -> tuple[dict[str, Any], BuildResult]:
        """Write everything that could not be written before all sources were read; returns the manifest's part, too."""
        self._patterns.write(lambda text: self._progress(text, _ATOMS))
        for target, atoms, database in self._roots:
            users = self._logical.users.get(target, {})
            always, pictures = self._logical.always.get(target, {}), self._logical.pictures.get(target, {})
            self._segment.logical_root(target, database, [users[atom] for atom in atoms], always, pictures)
            self._segment.macros(target, self._logical.macros.get(target, {}))
            self._segment.weakest(target, _weakest(users))
        if self._yara_sources:
            self._progress("compiling YARA rules", _ATOMS)
            self._compile_yara()
        if self._indicators:
            self._segment.indicators(self._indicators)
        if self._addresses:
            self._segment.addresses(self._addresses)
        self._progress("writing", _ATOMS)
        counts = self._counts
        targets = {
            name: self._targets.get(name, 0) + self._patterns.targets.get(name, 0)
            for name in sorted(self._targets.keys() | self._patterns.targets.keys())
        }
        self._segment.text_ends = self._logical.text_ends
        segment = self._segment.finish(counts, targets, self._patterns.overlap)
        return segment, BuildResult(counts, targets, tuple(self.rejected), self._ignored)

    def _ignore_list(self, source: _Source) -> Iterator[IgnoredSignature]:
        for signature in source.parse():
            if isinstance(signature, IgnoredSignature):
                self._count(source, 1)
                yield signature
            elif isinstance(signature, Rejected):
                self.rejected.append(signature)

    def _read_icons(self, sources: Sequence[_Source], ignored: Ignored) -> IconGroups:
        """Take all icons, and return their groups: logical signatures can ask for no others."""
        icons: list[IconSignature] = []
        for source in sources:
            before = len(icons)
            text = source.read()
            lines = [line.rstrip(b"\r") for line in text.split(b"\n")]
            for signature in source.language.parse(text, source.label):
                if isinstance(signature, Rejected):
                    self.rejected.append(signature)
                elif isinstance(signature, IconSignature):
                    number = int(signature.about.source.rpartition(":")[2])
                    if ignored.covers(signature.about.name, lines[number - 1]):
                        self._ignored += 1
                    else:
                        icons.append(signature)
            self._count(source, len(icons) - before)
        if icons:
            self._segment.icons([(icon.groups, icon.metrics) for icon in icons])
        return frozenset(icon.groups[0] for icon in icons), frozenset(icon.groups[1] for icon in icons)

    def _read_whole(self, source: _Source) -> None:
        self._progress(f"reading {source.label}", 0.0)
        for signature in source.parse():
            if isinstance(signature, Rejected):
                self.rejected.append(signature)
            elif isinstance(signature, YaraSource):
                self._yara_sources.append(signature)
            elif isinstance(signature, PatternSignature):
                self._pattern(source, signature)
            elif isinstance(signature, PolicyPack):
                self._policy(source, signature)
            elif isinstance(signature, CertificateRule):
                self._rules.append((self._segment.about(signature.about), signature.rule))
                self._count(source, 1)
            elif isinstance(signature, AddressRule):
                self._addresses.append((signature.kind, signature.text, signature.about.source))
                self._count(source, 1)
            elif isinstance(signature, SecurityCatalogue):
                self._catalogues.append((source, signature))
            elif isinstance(signature, HashSignature):
                about = self._segment.about(signature.about)
                self._segment.hashes(signature.part, signature.algorithm, hash_entry(signature, about))
                self._count(source, 1)
            else:
                raise NotImplementedError(type(signature).__name__)

    def _read_catalogues(self) -> None:
        """Take what catalogues list; it takes all rules to know whose catalogues count."""
        programs: set[tuple[str, bytes]] = set()
        rules = [rule for _, rule in self._rules]
        for source, catalogue in self._catalogues:
            try:
                files = listed(catalogue.content, rules, time.time())
            except MalformedInput as error:
                self.rejected.append(Rejected(source.label, 1, str(error)))
                continue
            about = self._segment.about(catalogue.about)
            programs.update((file.algorithm, file.digest) for file in files if file.program)
            for file in files:
                if not file.program:
                    allowed = AllowedContent(catalogue.about, file.algorithm, file.digest, None)
                    self._segment.hashes(HashedPart.ALLOWED, file.algorithm, hash_entry(allowed, about))
            self._count(source, len(files))
        if self._rules or programs:
            self._segment.certificates(self._rules, programs)

    def _policy(self, source: _Source, pack: PolicyPack) -> None:
        for product in pack.products:
            for indicator in product.indicators:
                verdict = _PROVES[indicator.strength]
                if verdict is not Verdict.PROHIBITED and not self._weak:
                    continue
                about = About(
                    product.identifier,
                    f"{pack.source}:{indicator.line}",
                    product.presence.value,
                    verdict,
                    indicator.words(product),
                )
                if indicator.kind is IndicatorKind.SHA256:
                    digest = HashSignature(about, "sha256", bytes.fromhex(indicator.value), None)
                    entry = hash_entry(digest, self._segment.about(about))
                    self._segment.hashes(digest.part, digest.algorithm, entry)
                else:
                    self._indicators.append((indicator.kind.value, indicator.value, self._segment.about(about)))
            self._count(source, 1)

    def _pattern(self, source: _Source, signature: PatternSignature) -> None:
        try:
            self._patterns.add(signature)
        except MalformedInput as error:
            label, _, line = signature.about.source.rpartition(":")
            self.rejected.append(Rejected(label, int(line), f"{signature.about.name}: {error}"))
        else:
            self._count(source, 1)

    def _read_lines(self, files: Sequence[_Source], ignored: Ignored, groups: IconGroups, executor: Executor) -> None:
        cut = ((source, piece) for source in files for piece in self._pieces(source))
        for (source, piece), compiled in _in_order(executor, cut, ignored, groups):
            self._progress(f"reading {source.label}, line {piece.line:,}", _READ * self._bytes_done / self._bytes)
            self._take(source, compiled)
            self._bytes_done += piece.length

    def _pieces(self, source: _Source) -> Iterator[Piece]:
        about = self._cut_abouts
        for piece in pieces(source.path, source.label, self._segment.source(source.label), about):
            self._cut_abouts = piece.about + piece.lines
            yield piece
        self._count(source, 0)

    def _take(self, source: _Source, compiled: Compiled) -> None:
        self._segment.encoded_abouts(compiled.abouts, compiled.about_lengths)
        for (part, algorithm), entries in compiled.hashes.items():
            self._segment.hashes(part, algorithm, entries)
        self._segment.members(compiled.members)
        self._segment.passwords(compiled.passwords)
        self._logical.extend(compiled.calls, self._segment.programs(compiled.programs))
        for target, count in compiled.targets.items():
            self._targets[target] = self._targets.get(target, 0) + count
        self._count(source, compiled.signatures)
        self._ignored += compiled.ignored
        self.rejected += compiled.rejected

    def _compile_atoms(self, executor: Executor) -> None:
        logical = self._logical
        targets = logical.targets
        atoms = {target: sorted(logical.users.get(target, ())) for target in targets}
        self._progress("compiling atoms", _READ)
        for number, (target, database) in enumerate(
            zip(targets, executor.map(compile_atoms, atoms.values()), strict=True), 1
        ):
            self._progress("compiling atoms", _READ + (_ATOMS - _READ) * number / len(targets))
            self._roots.append((target, atoms[target], database))

    def _count(self, source: _Source, number: int) -> None:
        name = source.language.name
        self._counts[name] = self._counts.get(name, 0) + number

    def _compile_yara(self) -> None:
        from freehold.signatures.yararules import YaraRules

        rules = YaraRules()
        for source in self._yara_sources:
            self.rejected.extend(rules.add(source))
        self._segment.yara(rules.compile(), rules.lines)
        self._counts["yara"] = rules.count


def _weakest(users: Mapping[Atom, Sequence[int]]) -> list[WeakAtom]:
    """Return the atoms that are worth least; only such as are short, or known to be common, come into question."""
    rated = sorted((worth(atom), atom) for atom in users)[:_WEAKEST]
    return [
        WeakAtom(
            round(bits, 1),
            atom.value.decode("latin-1") if atom.expression else atom.value.hex(),
            len(users[atom]),
            users[atom][0] // MOST_SUBSIGNATURES,
        )
        for bits, atom in rated
    ]


def _ignored(signatures: Iterable[IgnoredSignature]) -> Ignored:
    names: set[str] = set()
    lines: dict[str, frozenset[bytes]] = {}
    for signature in signatures:
        if signature.md5 is None:
            names.add(signature.name)
        else:
            lines[signature.name] = lines.get(signature.name, frozenset()) | {signature.md5}
    return Ignored(frozenset(names), lines)


class _Here(Executor):
    """Does at once, in this process, what it is given."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


@contextmanager
def _executor(jobs: int) -> Iterator[Executor]:
    if jobs == 1:
        yield _Here()
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as executor:
        yield executor


def _in_order(
    executor: Executor, cut: Iterable[tuple[_Source, Piece]], ignored: Ignored, groups: IconGroups
) -> Iterator[tuple[tuple[_Source, Piece], Compiled]]:
    """Compile pieces and yield them in their order, few at a time so that they do not pile up."""
    pending: deque[tuple[tuple[_Source, Piece], Future[Compiled]]] = deque()
    for source, piece in cut:
        pending.append(((source, piece), executor.submit(compile_piece, piece, ignored, groups)))
        if len(pending) > _AHEAD:
            first, future = pending.popleft()
            yield first, future.result()
    for first, future in pending:
        yield first, future.result()
