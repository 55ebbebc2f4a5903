"""``freehold audit --draft-exclusions``: what the products found were told not to look at, as a draft."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from freehold.frontends.cli import scan_output
from freehold.model.errors import UsageError
from freehold.service.audit import places
from freehold.service.audit.exclusions import draft, is_settings, read
from freehold.service.audit.rooted import resolve

_KNOWN = ("/var/opt/kaspersky/kesl/common/kesl.ini",)
_HEAD = 1 << 16


def write(name: str, targets: Sequence[str]) -> None:
    """Write a draft for the files of settings among and in the targets; raises ``UsageError`` when there is none."""
    found = [(said, read(path)) for said, path in _files(targets)]
    if not any(exclusions for _, exclusions in found):
        raise UsageError(
            "--draft-exclusions: no exclusion is known from files here. Export the settings first, with "
            "'kesl-control --get-settings 1 --file settings.ini', and name settings.ini as a target"
        )
    if os.path.lexists(name):
        raise UsageError(f"--draft-exclusions: {name} is there already, and nothing is overwritten")
    with scan_output.output(name) as stream:
        stream.writelines(f"{line}\n" for line in draft(found))
    count = sum(bool(item.pattern) for _, exclusions in found for item in exclusions)
    print(f"freehold: a draft of {count:,} exclusions in {name}; read it before you use any of it", file=sys.stderr)


def _files(targets: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for target in targets:
        path = Path(target)
        if path.is_dir() and places.is_system(path):
            for known in _KNOWN:
                real = resolve(os.path.realpath(path).rstrip("/"), known)
                if real and Path(real).is_file():
                    yield f"{known} of {target}", Path(real)
        elif path.is_file() and _begins_like_settings(path):
            yield target, path


def _begins_like_settings(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return is_settings(file.read(_HEAD))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
