"""From what a person writes to a signature: its own text, or its name in source files."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from freehold.model.errors import UsageError
from freehold.model.signature import IgnoredSignature, Rejected, Signature, YaraSource
from freehold.signatures.registry import BY_SUFFIX, LINE_LANGUAGES
from freehold.signatures.sources import signature_files

UNOFFICIAL = ".UNOFFICIAL"
"""What ClamAV appends to the names of signatures from outside of its signed containers."""

_LINE_SUFFIXES = frozenset(suffix for language in LINE_LANGUAGES for suffix in language.suffixes)
_PACK = re.compile(r"^\s*\[\[\s*(?:rule|hash)\s*\]\]", re.MULTILINE)
_YARA = re.compile(r"\brule\s+\w+[^{}]*\{.*\bcondition\s*:", re.DOTALL)
_DIGEST = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})")
_ICON = re.compile(r"[0-9a-fA-F]{124}")
_SHOWN = re.compile(r"([HRMXY])[0-9a-fA-F]{0,3}:[^:]{3,}(?::[^:]{3,})?(?::\d+-\d*)?\Z")
_CERTIFICATE = re.compile(r"[^;]*;[01];[0-9a-fA-F]{40};(?:[0-9a-fA-F]{40})?;[0-9a-fA-F]+;")
_SIZE = re.compile(r"\d+|\*")
_OLD_BODY = re.compile(r"[^=]+=[0-9a-fA-F?*{}()|!\[\]-]{4,}")


@dataclass(frozen=True, slots=True)
class Found:
    """A signature with the text that it can be compiled from.

    Attributes:
        signature: what the language's parser made of it.
        suffix: of files in its language.
        text: a whole source file with the signature in it, and in languages with a signature to a line nothing else.
    """

    signature: Signature | Rejected
    suffix: str
    text: bytes

    @property
    def name(self) -> str:
        """The signature's name; "" for a rejected one and for a YARA source."""
        if isinstance(self.signature, Rejected | YaraSource):
            return ""
        if isinstance(self.signature, IgnoredSignature):
            return self.signature.name
        return self.signature.about.name


def by_text(text: str) -> list[Found]:
    """Return the signatures that a text is, told by its form; empty when it has the form of none.

    Where more than one language has this form, the first in which it can be read counts. So digests are taken for
    those of whole files, never for allowed content, and for imports of programs only in a file that says so.
    """
    text = text.strip()
    best: list[Found] = []
    for suffix in _candidates(text):
        found = list(_parsed(text.encode("utf-8", "surrogateescape"), suffix, f"argument{suffix}"))
        if found and not any(isinstance(one.signature, Rejected) for one in found):
            return found
        best = best or found
    return best


def in_file(path: Path) -> list[Found]:
    """Return all signatures of one source file; raises ``UsageError``."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    return list(_parsed(text, path.suffix.lower(), path.name))


def by_name(name: str, sources: Iterable[Path]) -> list[Found]:
    """Return all signatures of this name in files, folders and ClamAV's containers.

    Raises:
        UsageError: a source is missing or of no known language.
        FreeholdError: a container is damaged, or signed by nobody who counts.
    """
    names = {name, name.removesuffix(UNOFFICIAL)}
    needle = name.removesuffix(UNOFFICIAL).encode("utf-8", "surrogateescape")
    with TemporaryDirectory(prefix="freehold-find-") as scratch:
        return [
            found
            for path, label in signature_files(list(sources), Path(scratch))
            for found in _named(path, label, needle)
            if found.name in names
        ]


def source_texts(found: Iterable[Found]) -> list[tuple[str, bytes]]:
    """Return (suffix, text) of source files that hold these signatures; lines of one language stand in one file."""
    texts: dict[str, dict[bytes, None]] = {}
    for one in found:
        texts.setdefault(one.suffix, {})[one.text] = None
    return [
        (suffix, text)
        for suffix, parts in texts.items()
        for text in ([b"".join(parts)] if suffix in _LINE_SUFFIXES else parts)
    ]


def _candidates(text: str) -> Iterator[str]:
    """Yield the suffixes of the languages that a text may be in, the likeliest first."""
    if _PACK.search(text):
        yield ".toml"
        return
    if _YARA.search(text):
        yield ".yar"
        return
    first = text.partition("\n")[0]
    if found := _SHOWN.match(first):
        yield ".wdb" if found[1] in "MXY" else ".pdb"
    elif _CERTIFICATE.match(first):
        yield ".crb"
    elif first.count(";") >= 3:
        is_password = "Target:" not in first and first.split(";")[2] in {"0", "1"}
        yield ".pwdb" if is_password else ".ldb"
    else:
        yield from _colon_candidates(first.split(":"))
    if _OLD_BODY.fullmatch(first):
        yield ".db"


def _colon_candidates(fields: list[str]) -> Iterator[str]:
    count = len(fields)
    if 3 <= count <= 5 and _DIGEST.fullmatch(fields[0]):
        yield ".hdb"
    elif 3 <= count <= 5 and _SIZE.fullmatch(fields[0]) and _DIGEST.fullmatch(fields[1]):
        yield ".mdb"
    elif count == 4 and _ICON.fullmatch(fields[3]):
        yield ".idb"
    elif 10 <= count <= 12:
        yield ".cdb"
    elif 4 <= count <= 6:
        yield ".ndb"
    elif count == 2 and _DIGEST.fullmatch(fields[1]):
        yield ".ign2"


def _parsed(text: bytes, suffix: str, label: str) -> Iterator[Found]:
    by_lines = suffix in _LINE_SUFFIXES
    lines = text.split(b"\n") if by_lines else []
    for signature in BY_SUFFIX[suffix].parse(text, label):
        alone = lines[_line(signature) - 1] + b"\n" if by_lines else text
        yield Found(signature, suffix, alone)


def _line(signature: Signature | Rejected) -> int:
    if isinstance(signature, Rejected):
        return signature.line
    source = signature.source if isinstance(signature, IgnoredSignature | YaraSource) else signature.about.source
    return int(source.rpartition(":")[2])


def _named(path: Path, label: str, needle: bytes) -> Iterator[Found]:
    """Yield signatures of one file that may have the name; only lines with the name in them are parsed."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            if suffix not in _LINE_SUFFIXES:
                text = file.read()
                if needle in text:
                    yield from _parsed(text, suffix, label)
                return
            for number, line in enumerate(file):
                if needle in line:
                    yield from _parsed(b"\n" * number + line, suffix, label)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
