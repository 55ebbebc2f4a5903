"""Fuzz target: copying a tree that somebody means harm with ends with an explained error, or well, with safe names.

An input's first byte chooses a file of a small tree, the rest replaces it; files whose names are their hashes get new
ones where the head names them, so that damage gets to what is behind. An input that chooses the head is its members.
"""

import atexit
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backports import zstd

from freehold.model.errors import FreeholdError
from freehold.updates.client.origins import checked
from freehold.updates.client.transfer import Absent
from freehold.updates.publish import copying

_SEEDS = Path(__file__).parent / "seeds" / "update_mirror"
_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-mirror-"))
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)


def _tree() -> dict[str, bytes]:
    """Read the tree of the seed ``1tree``: path, length and content of each file."""
    files, rest = {}, (_SEEDS / "tree").read_bytes()[1:]
    while rest:
        name, _, rest = rest.partition(b"\n")
        path, _, length = name.decode().partition(" ")
        files[path], rest = rest[: int(length)], rest[int(length) :]
    return files


_TREE = _tree()
_NAMES = sorted(_TREE)


class Tree:
    """An origin in memory."""

    name = "tree"
    remote = True

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    def open(self, path: str, limit: int, *, since: str = "") -> Iterator[bytes]:
        if checked(path) not in self._files:
            raise Absent(path, 404)
        yield self._files[path][: limit + 1]


def target(data: bytes) -> None:
    if not data:
        return
    name = _NAMES[data[0] % len(_NAMES)]
    content = zstd.compress(data[1:]) if name == "head" else data[1:]
    bundle = _FOLDER / "bundle"
    try:
        extent = copying.Extent(inputs=True, history=bool(len(data) % 2))
        copying.export(Tree(_TREE | {name: content}), bundle, extent, lambda _path, _share: None)
    except FreeholdError:
        assert not any(_FOLDER.iterdir())
    else:
        with tarfile.open(bundle) as tar:
            assert all(checked(path) for path in tar.getnames())
        bundle.unlink()
