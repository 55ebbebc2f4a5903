"""Signature files, and where they lie: named one by one, in folders, in ClamAV's containers."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from freehold.model.errors import UsageError
from freehold.signatures.clamav.container import CLAMAV, SUFFIXES, Keys, open_container
from freehold.signatures.registry import BY_SUFFIX


def source_files(sources: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Yield (path, name for people) of every signature file and container, in a fixed order; raises ``UsageError``."""
    for source in sources:
        if source.is_dir():
            for folder, folders, names in os.walk(source):
                folders.sort()
                for name in sorted(names):
                    path = Path(folder, name)
                    if _is_known(path) and path.is_file():
                        yield path, str(path.relative_to(source.parent))
        elif not source.is_file():
            raise UsageError(f"{source}: no such file or folder")
        elif _is_known(source):
            yield source, source.name
        else:
            known = " ".join(sorted({*BY_SUFFIX, *SUFFIXES}))
            raise UsageError(f"{source}: signature files end in one of {known}")


def signature_files(sources: Sequence[Path], scratch: Path, keys: Keys = CLAMAV) -> Iterator[tuple[Path, str]]:
    """Yield what ``source_files`` does, with the members of containers in place of these.

    Args:
        sources: files and folders.
        scratch: an empty folder in which members are laid down; it must outlive the use of their paths.
        keys: whose signatures on containers count.

    Raises:
        UsageError: a source is missing or of no known kind.
        TrustError: a container's signatures are not right, or it has none.
        MalformedInput: a container is damaged.
    """
    for number, (path, label) in enumerate(source_files(sources)):
        if path.suffix.lower() not in SUFFIXES:
            yield path, label
            continue
        folder = scratch / str(number)
        folder.mkdir()
        for member in open_container(path, keys).members():
            laid_down = folder / member.name
            if laid_down.suffix.lower() in BY_SUFFIX:
                laid_down.write_bytes(member.data)
                yield laid_down, f"{label}/{member.name}"


def _is_known(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in BY_SUFFIX or suffix in SUFFIXES
