"""The compiler: from signature files to a bundle. The same input gives the same bytes."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from freehold.bundle.publish import replaced
from freehold.bundle.writer import SegmentWriter, write_manifest
from freehold.model.errors import MalformedInput, UsageError
from freehold.model.interfaces import SignatureLanguage
from freehold.model.signature import HashSignature, PatternSignature, Rejected, Signature, YaraSource
from freehold.signatures.patterns import Patterns
from freehold.signatures.registry import BY_SUFFIX

SEGMENT = "base"


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What became of the sources.

    Attributes:
        counts: signatures that were compiled, by language.
        targets: pattern signatures, by target.
        rejected: what could not be honoured, in the order of the sources.
    """

    counts: dict[str, int]
    targets: dict[str, int]
    rejected: tuple[Rejected, ...]


def build(
    sources: Sequence[Path],
    destination: Path,
    *,
    strict: bool = False,
    progress: Callable[[str], None] | None = None,
) -> BuildResult:
    """Compile signature files, and folders of them, into a bundle at ``destination``.

    Args:
        sources: files whose language is known by their suffix, and folders; in a folder, files of other kinds are
            passed over.
        destination: a directory; a bundle that is there is replaced in one step.
        strict: refuse to build when any signature is rejected.
        progress: is told in a few words what is being done.

    Raises:
        UsageError: a source is missing or of no known language, or ``destination`` cannot be written.
        MalformedInput: ``strict`` is set and something was rejected.
    """
    report = progress or (lambda _: None)
    files = list(source_files(sources))
    with replaced(destination) as folder:
        compilation = _Compilation(SegmentWriter(folder / SEGMENT))
        for path, label in files:
            report(f"reading {label}")
            compilation.read(path, label, BY_SUFFIX[path.suffix.lower()])
        if strict and compilation.rejected:
            first = compilation.rejected[0]
            raise MalformedInput(f"{first.source}:{first.line}: {first.reason} ({len(compilation.rejected)} rejected)")
        return compilation.finish(folder, report)


def source_files(sources: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield (path, name for people) of every signature file, in a fixed order; raises ``UsageError``."""
    for source in sources:
        if source.is_dir():
            for folder, folders, names in os.walk(source):
                folders.sort()
                for name in sorted(names):
                    path = Path(folder, name)
                    if path.suffix.lower() in BY_SUFFIX and path.is_file():
                        yield path, str(path.relative_to(source.parent))
        elif not source.is_file():
            raise UsageError(f"{source}: no such file or folder")
        elif source.suffix.lower() in BY_SUFFIX:
            yield source, source.name
        else:
            known = " ".join(sorted(BY_SUFFIX))
            raise UsageError(f"{source}: signature files end in one of {known}")


class _Compilation:
    """One run of the compiler, into one segment."""

    def __init__(self, segment: SegmentWriter) -> None:
        self._segment = segment
        self._patterns = Patterns(segment)
        self._yara_sources: list[YaraSource] = []
        self._counts: dict[str, int] = {}
        self.rejected: list[Rejected] = []

    def read(self, path: Path, label: str, language: SignatureLanguage) -> None:
        """Take all signatures of one file."""
        try:
            text = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        count = 0
        for signature in language.parse(text, label):
            if isinstance(signature, Rejected):
                self.rejected.append(signature)
            else:
                count += self._take(signature)
        self._counts[language.name] = self._counts.get(language.name, 0) + count

    def finish(self, folder: Path, progress: Callable[[str], None]) -> BuildResult:
        """Write everything that could not be written before all sources were read."""
        self._patterns.write(progress)
        if self._yara_sources:
            progress("compiling YARA rules")
            self._compile_yara()
        progress("writing")
        counts, targets = self._counts, self._patterns.targets
        write_manifest(folder, [self._segment.finish(counts, targets, self._patterns.overlap)])
        return BuildResult(counts, targets, tuple(self.rejected))

    def _take(self, signature: Signature) -> int:
        """Take one signature and return how many it counts for."""
        if isinstance(signature, HashSignature):
            self._segment.hash(signature)
        elif isinstance(signature, PatternSignature):
            try:
                self._patterns.add(signature)
            except MalformedInput as error:
                source, _, line = signature.about.source.rpartition(":")
                self.rejected.append(Rejected(source, int(line), f"{signature.about.name}: {error}"))
                return 0
        elif isinstance(signature, YaraSource):
            self._yara_sources.append(signature)
            return 0
        else:
            raise NotImplementedError(type(signature).__name__)
        return 1

    def _compile_yara(self) -> None:
        from freehold.signatures.yararules import YaraRules

        rules = YaraRules()
        for source in self._yara_sources:
            self.rejected.extend(rules.add(source))
        self._segment.yara(rules.compile(), rules.lines)
        self._counts["yara"] = rules.count
