"""What another product was told not to look at, as a draft for Freehold's configuration.

Read are the settings of Kaspersky Endpoint Security for Linux, as ``kesl-control --get-settings 1 --file FILE`` writes
them (support.kaspersky.com, KES4Linux 11.2: 197965 and 201432): sections ``[ExcludedFromScanScope.item_0000]``, and the
masks and names that are excluded everywhere. Every exclusion is a place that an attacker may use, so a draft is a text
for a person, with a warning at each line that needs one; nothing reads it by itself.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from freehold.model.errors import UsageError
from freehold.responses.wording import printable
from freehold.service.lists.holes import hole

LARGEST = 1 << 20
"""Bytes of one file of settings."""

_MOST = 10_000
_SCOPE = re.compile(r"\[ExcludedFromScanScope(?:\.item_\d+)?\]", re.IGNORECASE)
_SECTION = re.compile(r"\[[^\]]*\]")
_SETTING = re.compile(r"(\w+)(?:\.item_\d+)?\s*=\s*(.*)")


class Exclusion(NamedTuple):
    """One pattern for ``exclude`` in ``[scan]``.

    Attributes:
        pattern: in gitignore syntax; "" where Freehold has nothing like it.
        said: how the other product puts it.
        warning: why somebody should think twice, "" when nothing is known against it.
    """

    pattern: str
    said: str
    warning: str


def is_settings(head: bytes) -> bool:
    """Whether a file begins like settings, or has a scope of exclusion near its beginning."""
    return re.search(rb"^\[(?:ExcludedFromScanScope|ScanScope)\b", head, re.MULTILINE | re.IGNORECASE) is not None


def read(path: Path) -> list[Exclusion]:
    """Return the exclusions of a file; raises ``UsageError`` when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > LARGEST:
        raise UsageError(f"{path}: settings of more than {LARGEST} bytes are not read")
    text = content.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")  # no path has it
    return list(_exclusions(text))[:_MOST]


def draft(found: Iterable[tuple[str, list[Exclusion]]]) -> Iterator[str]:
    """Yield the lines of a draft: a table of Freehold's configuration, what is doubtful in comments.

    Args:
        found: the exclusions, by the file that they come from.
    """
    yield "# A DRAFT. Nothing of it counts until somebody has read it and copied what is needed into freehold.toml."
    yield "# Every exclusion is a place where malware is not looked for. Freehold may not need one that another product"
    yield "# needed; for a single false alarm, 'freehold list add allow' is narrower: it has a reason and an end."
    yield "# Patterns are relative to the folder that is scanned: these are for 'freehold scan /'."
    yield ""
    yield "[scan]"
    yield "exclude = ["
    for name, exclusions in found:
        yield f"  # from {printable(name)}"
        for item in exclusions:
            yield from _item_lines(item)
    yield "]"


def _item_lines(item: Exclusion) -> Iterator[str]:
    if item.warning:
        yield f"  # WARNING: {printable(item.warning)}"
    if not item.pattern:
        yield f"  # left out: {printable(item.said)}"
        return
    yield f"  {'# ' * bool(item.warning)}{json.dumps(item.pattern, ensure_ascii=True)},  # {printable(item.said)}"


def _exclusions(text: str) -> Iterator[Exclusion]:
    is_scope = False
    settings: list[tuple[str, str]] = []
    for line in (*text.splitlines(), "[]"):
        line = line.strip()  # noqa: PLW2901 - spaces around do not count in these files
        if _SECTION.fullmatch(line):
            yield from _scope(settings) if is_scope else _general(settings)
            is_scope, settings = bool(_SCOPE.fullmatch(line)), []
        elif found := _SETTING.fullmatch(line):
            settings.append((found[1].casefold(), _unquoted(found[2])))


def _scope(settings: list[tuple[str, str]]) -> Iterator[Exclusion]:
    first = dict(reversed(settings))
    path = first.get("path", "")
    masks = [value for key, value in settings if key == "areamask"] or ["*"]
    if first.get("usescanarea", "yes").casefold() != "yes":
        yield Exclusion("", f"{path}: was switched off", "")
        return
    if not path.startswith("/"):
        yield Exclusion("", f"{path}: is no path on this machine", "")
        return
    folder = re.sub(r"/+", "/", path).rstrip("/")
    for mask in masks:
        said = f"{path} ({mask})"
        if mask == "*":
            warning = hole(f"{folder}/") or ("" if Path(folder or "/").is_dir() else hole(folder))
            yield Exclusion(folder or "/", said, warning if folder else "this is everything")
        else:
            yield Exclusion(f"{folder}/**/{mask}", said, hole(f"{folder}/") or _by_name(mask))


def _general(settings: list[tuple[str, str]]) -> Iterator[Exclusion]:
    uses = {key: value.casefold() == "yes" for key, value in settings if key.startswith("use")}
    for key, value in settings:
        if key == "excludemasks":
            warning = _by_name(value) if uses.get("useexcludemasks") else "it was switched off"
            yield Exclusion(value, f"every file called {value}", warning)
        elif key == "excludethreats":
            yield Exclusion("", f"{value}: a name of that product's detections means nothing here", "")
        elif key == "excludedmountpoint":
            yield Exclusion(value if value.startswith("/") else "", f"mount point {value}", hole(f"{value}/"))


def _by_name(mask: str) -> str:
    return f"whoever calls a file {mask} escapes the scan"


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1].strip() if len(value) > 1 and value[0] == value[-1] == '"' else value
