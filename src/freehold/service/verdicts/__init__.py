"""The memory of verdicts: which files were found clean, so that an unchanged file is not opened again.

``memory`` is what a scan talks to; ``table`` is the file behind it; ``generation`` says what a verdict depends on
besides the file; ``filesystems`` says where a file's status identifies its content. What may be remembered, and why,
stands in docs/decisions/0017-memory-of-verdicts.md.

Nothing here opens a file that is examined, and nothing here can make a verdict worse or better than an examination
did: only complete, clean examinations are remembered, and whatever does not fit together is forgotten.
"""

from collections.abc import Sequence
from pathlib import Path

from freehold.model.limits import Limits
from freehold.service.private import cache_directory
from freehold.service.verdicts import generation
from freehold.service.verdicts.memory import Memory

__all__ = ["Memory", "open_memory"]


def open_memory(bundles: Sequence[Path], limits: Limits, *, lists: bool = False, ignore: bool = False) -> Memory | None:
    """Return this user's memory for a scan; None where there is no folder that only this user can write.

    Args:
        bundles: the compiled bundles of the scan.
        limits: of the scan.
        lists: whether known files are wanted one by one.
        ignore: look nothing up, but remember.
    """
    folder = cache_directory()
    if folder is None:
        return None
    return Memory(folder, lambda: generation.current(bundles, limits), lists=lists, ignore=ignore)
