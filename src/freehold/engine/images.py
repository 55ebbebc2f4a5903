"""Reading the structure of a container image, in a worker: what its documents name, and which names its layers hold.

The host asks for one piece after the other and gets nodes with facts, which it checks: a document of an OCI image
layout (index, manifest, configuration) or of ``docker save``, or a tar archive, packed or not, with its members.
Sources: OCI image specification 1.1; Moby image specification 1.2.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from freehold.engine.identify import identify
from freehold.formats.registry import BY_TYPE
from freehold.formats.tar import BLOCK, parse_header, pax_records
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Member
from freehold.model.limits import MIB, Budget, Limits
from freehold.model.report import Node, Problem, ProblemKind, Report
from freehold.model.view import BytesView, FileView, View

_DOCUMENT = 4 * MIB
_NAME = 4096
_STEP = 1 << 20
_LINK = (ord("1"), ord("2"))


def load(_bundles: Sequence[Path]) -> Callable[[int], "ImageReader"]:
    """Return what makes a reader; see ``sandbox.host.Load``."""
    return lambda _spool: ImageReader()


class ImageReader:
    """Examines nothing: reports structure."""

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        """Return a report whose nodes are what the content names; see ``sandbox.host.Examiner``."""
        del all_matches, tree
        report = Report(view.size)
        budget = Budget(limits)
        try:
            for artifact, facts in _parts(view, budget):
                budget.take_artifact(0)
                report.nodes.append(Node(artifact[:_NAME], 0, "", 0, facts, {}))
        except LimitReached as error:
            report.problems.append(Problem(ProblemKind.LIMIT, name, str(error)))
        except (MalformedInput, ValueError, LookupError, TypeError, AttributeError, RecursionError, OSError) as error:
            report.problems.append(Problem(ProblemKind.MALFORMED, name, f"not a container image: {error}"))
        return report


_Part = tuple[str, dict[str, str | int | float | bool]]


def _parts(view: View, budget: Budget) -> Iterator[_Part]:
    if view.read(0, 1) in {b"{", b"["}:
        yield from _document(json.loads(view.read(0, _DOCUMENT)))
        return
    kind = identify(view)
    if kind == "tar":
        yield from _members(_Stream(_windows(view)), budget, where=True)
    elif kind in BY_TYPE:
        for child in BY_TYPE[kind].children(view, _Unpacking(budget)):
            chunks = _windows(child.content) if isinstance(child.content, BytesView | FileView) else child.content
            yield from _members(_Stream(_counted(iter(chunks), budget)), budget, where=False)
    else:
        raise MalformedInput(f"{kind} is neither a document nor an archive of an image")


def _document(value: Any) -> Iterator[_Part]:
    """Yield what a document refers to, in its order."""
    if isinstance(value, list):  # manifest.json of docker save
        for image, entry in enumerate(value):
            yield str(entry["Config"]), {"kind": "config", "image": image}
            for name in entry["Layers"]:
                yield str(name), {"kind": "layer", "image": image}
    elif "manifests" in value:
        for entry in value["manifests"]:
            yield str(entry["digest"]), {"kind": "manifest", "media": str(entry.get("mediaType", ""))}
    elif "layers" in value:
        for entry in value["layers"]:
            yield str(entry["digest"]), {"kind": "layer", "media": str(entry.get("mediaType", ""))}
    elif "rootfs" in value:
        for digest in value["rootfs"]["diff_ids"]:
            yield str(digest), {"kind": "content"}
    else:
        raise MalformedInput("the document names neither manifests nor layers")


def _members(stream: "_Stream", budget: Budget, *, where: bool) -> Iterator[_Part]:
    """Yield the members of a tar archive; ``where`` they lie only if that is a place in the file."""
    long_name = b""
    while len(block := stream.read(BLOCK)) == BLOCK:
        budget.tick()
        header = parse_header(block)
        if header is None:
            if block.strip(b"\0"):
                raise MalformedInput(f"no tar header at byte {stream.position - BLOCK}")
            continue
        padded = -(-header.size // BLOCK) * BLOCK
        if header.kind in b"xL":
            data = stream.read(min(padded, _DOCUMENT))[: header.size]
            stream.skip(padded - min(padded, _DOCUMENT))
            long_name = data.rstrip(b"\0") if header.kind == ord("L") else pax_records(data).get(b"path", long_name)
            continue
        facts: dict[str, str | int | float | bool] = {}
        if where:
            facts = {"offset": stream.position, "size": header.size}
        if header.kind in _LINK:
            facts["link"] = block[157:257].split(b"\0")[0].decode("utf-8", "replace")
        yield (long_name or header.name).decode("utf-8", "surrogateescape"), facts
        long_name = b""
        stream.skip(padded)


class _Stream:
    """Reads and skips what comes in chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.position = 0

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        self.position += len(taken)
        return taken

    def skip(self, size: int) -> None:
        while size > 0 and (taken := len(self.read(min(size, _STEP)))):
            size -= taken


def _windows(view: View) -> Iterator[bytes]:
    for offset in range(0, view.size, _STEP):
        yield view.read(offset, _STEP)


def _counted(chunks: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    for chunk in chunks:
        budget.take_bytes(len(chunk))
        yield chunk


class _Unpacking:
    """What a decoder may use (``model.interfaces.Unpacking``): damage ends the reading."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    @property
    def spool(self) -> Any:
        raise MalformedInput("a layer is packed in a way that images do not use")

    def problem(self, kind: ProblemKind, detail: str) -> None:
        raise MalformedInput(f"{kind}: {detail}")

    def fact(self, key: str, value: str | float) -> None:
        """Keep nothing."""

    def passwords(self, rounds: int) -> Iterator[bytes]:
        """Layers are not encrypted."""
        del rounds
        return iter(())

    wants_facts = False
    wants_members = False

    def member(self, member: Member) -> None:
        """Listen to nothing."""

    def emulate(self, program: View, *, wide: bool) -> None:
        """Run nothing: layers are no programs."""
