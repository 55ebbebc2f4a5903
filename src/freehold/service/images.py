"""Container images: an OCI image layout (folder or tar) and what ``docker save`` writes, layer by layer.

This side takes nothing apart: a worker that runs ``engine.images`` says what a document names and where a member lies,
and every answer is checked here. Each layer is hashed, compared with its digest, copied into a file without a name
and examined like any other file; what is examined is what was hashed, so a clean layer can be remembered by its digest.
"""

import hashlib
import importlib
import os
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from freehold.model.errors import UsageError
from freehold.model.report import SEPARATOR, Detection, Node, Problem, ProblemKind, Report
from freehold.service.entry import IMAGE, Entry, Finished
from freehold.service.pool import Pool

MOST_LAYERS = 1_000
_NESTED_INDEXES = 4
_CHUNK = 1 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_UNKNOWN = "it is not known whether the finished image shows it"
_OPAQUE = ".wh..wh..opq"
_REMOVED = ".wh."

Ask = Callable[[int, int], Report]
"""Has the first so many bytes of an open file read by a worker."""


def load_reader(bundles: Sequence[Path]) -> Callable[[int], Any]:
    """Get the reader of images; called in the zygote only, which may load parsers (see ``sandbox.host``)."""
    reader: Callable[[int], Any] = importlib.import_module("freehold.engine.images").load(bundles)
    return reader


def asking(pool: Pool) -> Ask:
    """Return what asks the workers of a pool that was opened with ``load_reader`` and ``tree``."""

    def ask(fd: int, size: int) -> Report:
        (finished,) = pool.scan([Entry(b"image", os.dup(fd), size)])
        return finished.report

    return ask


class Layer(NamedTuple):
    """One layer of an image.

    Attributes:
        label: what reports call it.
        number: 1 is the lowest.
        digest: that it should have; "" where nothing says so.
        copy: copies it into a new file without a name; returns that and its SHA-256.
    """

    label: bytes
    number: int
    digest: str
    copy: Callable[[], tuple[int, str]]


class Image:
    """The layers of all images in a layout or archive.

    Args:
        name: of the folder or file.
        ask: has documents read by a worker.

    Raises:
        UsageError: it is not an image.
    """

    def __init__(self, name: str, ask: Ask) -> None:
        self._name = name
        try:
            self._source = _Folder(name) if os.path.isdir(name) else _Archive(name, ask)  # noqa: PTH112 - text
            self.images = _images(self._source, ask, name)
        except OSError as error:
            raise UsageError(f"{IMAGE}{name}: {error.strerror}") from error

    def entries(self) -> Iterator[tuple[Layer, Entry]]:
        """Yield the layers, lowest first, each to be examined; one that is used twice comes once."""
        seen = set()
        for layer in (layer for image in self.images for layer in image):
            key = layer.digest or layer.label
            if key not in seen:
                seen.add(key)
                yield layer, _entry(layer)

    def where_seen(self, layer: Layer, detection: Detection, ask: Ask) -> str:
        """Say whether a finding is visible in the finished image, or which layer hides it."""
        image = next(image for image in self.images if layer in image)
        try:
            names = {above.number: _names(above, ask) for above in image if above.number >= layer.number}
        except OSError:
            return _UNKNOWN
        own = names.pop(layer.number)
        path = next((_clean(part) for part in detection.artifact.split(SEPARATOR)[1:] if _clean(part) in own), None)
        if path is None:
            return _UNKNOWN
        for number, above in sorted(names.items()):
            how = _hides(above, path)
            if how:
                return f"not visible in the finished image: layer {number} {how} {path}"
        return "visible in the finished image"


def _entry(layer: Layer) -> Entry:
    try:
        fd, digest = layer.copy()
    except OSError as error:
        problem = Problem(ProblemKind.UNREADABLE, os.fsdecode(layer.label), error.strerror or str(error))
        return Entry(layer.label, None, problem=problem)
    entry = Entry(layer.label, fd, os.fstat(fd).st_size)
    if layer.digest and digest != layer.digest:
        entry.problem = Problem(
            ProblemKind.MALFORMED, os.fsdecode(layer.label), f"its content has the digest {digest}, not its own"
        )
    return entry


class _Folder:
    """An OCI image layout in a folder."""

    def __init__(self, name: str) -> None:
        self._fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def open(self, name: str) -> tuple[int, int, int]:
        """Open a file below, no link on the way; returns descriptor, offset and size."""
        folder = os.dup(self._fd)
        try:
            *folders, last = name.split("/")
            for part in folders:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                os.close(folder)
                folder = below
            fd = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        finally:
            os.close(folder)
        return fd, 0, os.fstat(fd).st_size


class _Archive:
    """An image in an uncompressed tar archive."""

    def __init__(self, name: str, ask: Ask) -> None:
        self._fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self._size = os.fstat(self._fd).st_size
        report = ask(self._fd, self._size)
        _refuse_problems(report, name)
        self._members = {_clean(node.artifact): node for node in report.nodes}

    def open(self, name: str) -> tuple[int, int, int]:
        """As ``_Folder.open``; links lead to other members."""
        node = self._members.get(_clean(name))
        for _ in range(8):
            link = node.facts.get("link") if node else None
            if node is None or not isinstance(link, str):
                break
            target = posixpath.join(posixpath.dirname(_clean(node.artifact)), link)
            node = self._members.get(_clean(posixpath.normpath(target))) or self._members.get(_clean(link))
        offset, size = (node.facts.get(key) for key in ("offset", "size")) if node else (None, None)
        if not isinstance(offset, int) or not isinstance(size, int) or not 0 <= offset <= offset + size <= self._size:
            raise FileNotFoundError(2, f"{name} is missing in it")
        return os.dup(self._fd), offset, size


_Source = _Folder | _Archive


def _images(source: _Source, ask: Ask, name: str) -> list[list[Layer]]:
    """Return the layers of each image."""
    try:
        found = list(_from_index(source, ask, name, "index.json", _NESTED_INDEXES))
    except FileNotFoundError:
        found = list(_from_docker(source, ask, name))
    if sum(map(len, found)) > MOST_LAYERS:
        raise UsageError(f"{IMAGE}{name}: it has more than {MOST_LAYERS} layers")
    return found


def _from_index(source: _Source, ask: Ask, name: str, document: str, depth: int) -> Iterator[list[Layer]]:
    nodes = _document(source, ask, name, document)
    for node in nodes:
        if node.facts.get("kind") == "manifest" and depth:
            yield from _from_index(source, ask, name, _blob(node.artifact, name), depth - 1)
    layers = [node for node in nodes if node.facts.get("kind") == "layer"]
    if layers:
        yield [
            _layer(source, _label(name, number, len(layers)), number, _blob(node.artifact, name), node.artifact)
            for number, node in enumerate(layers, 1)
        ]


def _from_docker(source: _Source, ask: Ask, name: str) -> Iterator[list[Layer]]:
    nodes = _document(source, ask, name, "manifest.json")
    for image in sorted({int(node.facts.get("image", -1)) for node in nodes}):
        own = [node for node in nodes if node.facts.get("image") == image]
        layers = [node.artifact for node in own if node.facts.get("kind") == "layer"]
        config = next(node.artifact for node in own if node.facts.get("kind") == "config")
        digests = [node.artifact for node in _document(source, ask, name, config)]
        if len(digests) != len(layers) or not all(map(_DIGEST.fullmatch, digests)):
            raise UsageError(f"{IMAGE}{name}: {config} does not name as many layers as manifest.json")
        yield [
            _layer(source, _label(name, number, len(layers)), number, layer, digest)
            for number, (layer, digest) in enumerate(zip(layers, digests, strict=True), 1)
        ]


def _document(source: _Source, ask: Ask, name: str, document: str) -> list[Node]:
    fd, offset, size = source.open(document)
    try:
        copy, _ = _copied(fd, offset, size)
    finally:
        os.close(fd)
    try:
        report = ask(copy, size)
    finally:
        os.close(copy)
    _refuse_problems(report, f"{name}: {document}")
    return report.nodes


def _refuse_problems(report: Report, name: str) -> None:
    for problem in report.problems:
        raise UsageError(f"{IMAGE}{name}: {problem.detail}; to scan it like any other file, leave out {IMAGE}")


def _blob(digest: str, name: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise UsageError(f"{IMAGE}{name}: '{digest[:80]}' is not a digest that Freehold can verify (sha256)")
    return "blobs/sha256/" + digest.removeprefix("sha256:")


def _layer(source: _Source, label: str, number: int, member: str, digest: str) -> Layer:
    def copy() -> tuple[int, str]:
        fd, offset, size = source.open(member)
        try:
            return _copied(fd, offset, size)
        finally:
            os.close(fd)

    return Layer(os.fsencode(f"{label}, {digest}"), number, digest, copy)


def _label(name: str, number: int, count: int) -> str:
    return f"{IMAGE}{name}: layer {number} of {count}"


def _copied(fd: int, offset: int, size: int) -> tuple[int, str]:
    """Copy a part of a file into a file without a name; returns that and the digest of what was copied."""
    state = hashlib.sha256()
    with tempfile.TemporaryFile(prefix="freehold-", buffering=0) as file:
        end = offset + size
        while offset < end and (chunk := os.pread(fd, min(_CHUNK, end - offset), offset)):
            state.update(chunk)
            file.write(chunk)
            offset += len(chunk)
        return os.dup(file.fileno()), f"sha256:{state.hexdigest()}"


def _names(layer: Layer, ask: Ask) -> set[str]:
    """Return the names in a layer; raises ``OSError`` when it cannot be read to its end."""
    fd, _ = layer.copy()
    try:
        report = ask(fd, os.fstat(fd).st_size)
    finally:
        os.close(fd)
    if report.problems:
        raise OSError(report.problems[0].detail)
    return {_clean(node.artifact) for node in report.nodes}


def _hides(names: set[str], path: str) -> str:
    """Say what a layer does to a path of a layer below: it may replace it, or remove it or a folder above it."""
    if path in names:
        return "replaces"
    part = path
    while part:
        folder, _, base = part.rpartition("/")
        if posixpath.join(folder, _REMOVED + base) in names or posixpath.join(folder, _OPAQUE) in names:
            return "removes"
        part = folder
    return ""


def _clean(name: str) -> str:
    return name.removeprefix("./").strip("/")


def judged(item: Finished, image: Image, layer: Layer, ask: Ask) -> None:
    """Add to each finding in a layer whether the finished image shows it."""
    item.report.detections[:] = [
        found._replace(description=f"{found.description} ({image.where_seen(layer, found, ask)})".strip())
        for found in item.report.detections
    ]
