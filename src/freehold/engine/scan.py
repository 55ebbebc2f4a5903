"""The examination of one root artifact and of everything inside it.

The way: identify, match, unpack, and again for each child, depth first on one explicit stack under one budget. A
parent's format is suspended while its child is examined, so memory is bounded by the depth, and a detection can stop
everything.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ParamSpec, TypeVar

from freehold.engine.identify import has_zip_at_end, identify
from freehold.engine.loops import contains_itself, pages_above
from freehold.engine.spool import Spool
from freehold.formats.registry import BY_TYPE
from freehold.model.artifact import Artifact
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Emulated, Emulator, Format, Matcher, Member, MemberMatcher
from freehold.model.limits import Budget, Limits
from freehold.model.report import UNWANTED, Detection, Node, Problem, ProblemKind, Report, Verdict
from freehold.model.view import BytesView, ContentChanged, FileView, View, at_once

_T = TypeVar("_T")
_P = ParamSpec("_P")

_BRANCH_LIMITS = frozenset(
    {"depth", "ratio", "decoder_memory", "whole_bytes", "occurrences", "regex_bytes", "regex_steps"}
)
"""Limits that end one branch of the tree; any other one ends the examination of the root."""


class Engine:
    """Examines files with a fixed set of matchers.

    Args:
        matchers: in the order in which they are asked.
        spool_fd: an open, unlinked file for decoded content that is too large for memory; None keeps all in memory.
        passwords: returns what may open encrypted content (``engine.passwords.Password``); asked when there is some.
        emulator: runs packed programs; None where nothing can.
    """

    def __init__(
        self,
        matchers: Sequence[Matcher],
        spool_fd: int | None = None,
        passwords: Callable[[], Iterable[tuple[str | None, bytes]]] = tuple,
        emulator: Emulator | None = None,
    ) -> None:
        self._emulator = emulator
        self._matchers = matchers
        self._member_matchers = [matcher for matcher in matchers if isinstance(matcher, MemberMatcher)]
        self._passwords = passwords
        self._spool = Spool(spool_fd)

    def examine(
        self, view: View, name: str, limits: Limits, *, all_matches: bool = False, tree: bool = False
    ) -> Report:
        """Examine one file and return its report; nothing that the content does makes this raise.

        Args:
            view: the content.
            name: what reports call the root.
            limits: what it may cost.
            all_matches: go on after a detection that means *infected*.
            tree: keep a node for each artifact, for ``explain``.
        """
        budget = Budget(limits, view.size)
        examination = _Examination(self._matchers, self._spool, budget, all_matches=all_matches, tree=tree)
        examination.member_matchers = self._member_matchers
        examination.passwords = self._passwords
        examination.emulator = self._emulator
        return examination.run(view, name)


class _Stop(Exception):
    """The verdict stands, or the budget of the root is used up."""


class _Layer:
    """An opened artifact on the stack, with those of its children that are still to come."""

    __slots__ = ("artifact", "children", "mark", "node")

    def __init__(self, artifact: Artifact, children: Iterator[Child], mark: int, node: Node | None) -> None:
        self.artifact = artifact
        self.children = children
        self.mark = mark
        self.node = node


class _Examination:
    def __init__(
        self, matchers: Sequence[Matcher], spool: Spool, budget: Budget, *, all_matches: bool, tree: bool
    ) -> None:
        self.matchers = matchers
        self.member_matchers: Sequence[MemberMatcher] = ()
        self.passwords: Callable[[], Iterable[tuple[str | None, bytes]]] = tuple
        self.spool = spool
        self.emulator: Emulator | None = None
        self.limits = budget.limits
        self.budget = budget
        self.all_matches = all_matches
        self.tree = tree
        self.report = Report()
        self.stack: list[_Layer] = []
        self.problems = 0

    def run(self, view: View, name: str) -> Report:
        started = time.perf_counter()
        root = Artifact(name, view)
        try:
            self._guard(root, self._examine_root, root)
            while self.stack:
                self._step(self.stack[-1])
        except _Stop:
            pass
        finally:
            self.stack.clear()
            self.spool.release(0)
        report = self.report
        report.detections = _ranked(report.detections, all_matches=self.all_matches)
        if self.problems > len(report.problems):
            more = f"{self.problems - len(report.problems)} more problems were not kept"
            report.problems.append(Problem(ProblemKind.LIMIT, name, more))
        report.size = view.size
        report.file_type = root.file_type
        report.sha256 = root.digests.get("sha256", "")
        report.artifacts = self.budget.artifacts
        report.seconds = time.perf_counter() - started
        return report

    def _examine_root(self, root: Artifact) -> None:
        self.budget.take_artifact(0)
        self._visit(root, self.spool.mark)

    def _step(self, layer: _Layer) -> None:
        """Examine the children of a layer up to one that is opened itself, or leave the layer when it has no more."""
        height = len(self.stack)
        while (child := self._next(layer)) is not None:
            artifact = Artifact(child.name, _NOTHING, parent=layer.artifact, depth=layer.artifact.depth + 1)
            self._guard(artifact, self._examine_child, artifact, child)
            if len(self.stack) > height:
                return
        self.stack.pop()
        self.spool.release(layer.mark)

    def _next(self, layer: _Layer) -> Child | None:
        if layer.node is None:
            return self._guard(layer.artifact, next, layer.children, None)
        before = time.perf_counter()
        child = self._guard(layer.artifact, next, layer.children, None)
        _spend(layer.node, "unpack", before)
        return child

    def _examine_child(self, artifact: Artifact, child: Child) -> None:
        artifact.memory = child.memory
        content = child.content
        mark = self.spool.mark
        stop = None
        if isinstance(content, BytesView | FileView):
            self.budget.take_artifact(artifact.depth, content.size)
            artifact.view = at_once(content)
        else:
            self.budget.take_artifact(artifact.depth)
            stop = self._decode(artifact, content, child.consumed)
        if self.member_matchers and artifact.parent is not None and artifact.parent.file_type in _ATTACHED:
            self.match_member(artifact.parent, Member(artifact.name, artifact.view.size, artifact.view.size))
        self._visit(artifact, mark)
        if stop is not None:
            raise stop

    def _decode(
        self, artifact: Artifact, chunks: Iterable[bytes], consumed: Callable[[], int] | None
    ) -> LimitReached | None:
        """Collect what a decoder produces; what came out before damage or a limit is examined all the same."""
        self.spool.begin()
        stop = self._guard(artifact, self._collect, chunks, consumed)
        artifact.view = self._guard(artifact, self.spool.finish) or _NOTHING
        return stop

    def _collect(self, chunks: Iterable[bytes], consumed: Callable[[], int] | None) -> LimitReached | None:
        produced = 0
        try:
            for chunk in chunks:
                produced += len(chunk)
                self.spool.write(chunk)
                self.budget.take_bytes(len(chunk))
                if consumed is not None:
                    self.budget.check_ratio(consumed(), produced)
        except LimitReached as limit:
            return limit
        return None

    def _visit(self, artifact: Artifact, mark: int) -> None:
        """Identify an artifact, compare it with the signatures, and push it when something can open it."""
        node = self._identify(artifact)
        self._compare(artifact, node)
        formats = _formats_for(artifact)
        if formats and contains_itself(artifact):
            self.problem(artifact, ProblemKind.LOOP, "contains itself, so it was opened only once")
            formats = []
        elif artifact.file_type == "html" and pages_above(artifact) >= self.limits.pages:
            self.problem(artifact, ProblemKind.LIMIT, str(LimitReached("pages", self.limits.pages)))
            formats = []
        before_all = len(self.stack)
        self._push(artifact, formats, mark, node)
        for file_type in artifact.other_types:
            self._visit_as(artifact, file_type, mark)
        if len(self.stack) == before_all:
            self.spool.release(mark)

    def _identify(self, artifact: Artifact) -> Node | None:
        if not self.tree:
            artifact.file_type = identify(artifact.view)
            return None
        before = time.perf_counter()
        artifact.file_type = identify(artifact.view)
        node = Node(artifact.lineage, artifact.depth, artifact.file_type, artifact.view.size, artifact.facts, {})
        self.report.nodes.append(node)
        _spend(node, "identify", before)
        return node

    def _visit_as(self, artifact: Artifact, file_type: str, mark: int) -> None:
        """Examine an artifact once more, as the type that a signature takes it for."""
        again = artifact.taken_for(file_type)
        self.budget.take_artifact(again.depth)
        self._compare(again, None)
        self._push(again, [BY_TYPE[file_type]] if file_type in BY_TYPE else [], mark, None)

    def _push(self, artifact: Artifact, formats: Sequence[Format], mark: int, node: Node | None) -> None:
        """Put the readings of an artifact on the stack, the first one on top; the lowest frees its content."""
        for format_ in reversed(formats):
            within = artifact.taken_for("zip") if format_.name == "zip" else artifact
            lowest = not self.stack or self.stack[-1].artifact.view is not artifact.view
            children = format_.children(artifact.view, _Unpacking(self, within))
            self.stack.append(_Layer(within, children, mark if lowest else self.spool.mark, node))

    def _compare(self, artifact: Artifact, node: Node | None) -> None:
        for matcher in self.matchers:
            if node is None:
                self._guard(artifact, self._match, matcher, artifact)
                continue
            before = time.perf_counter()
            self._guard(artifact, self._match, matcher, artifact)
            _spend(node, matcher.name, before)

    def _match(self, matcher: Matcher, artifact: Artifact) -> None:
        for detection in matcher.match(artifact, self.budget):
            if not artifact.retyped or detection not in self.report.detections:
                self._found(detection)

    def match_member(self, container: Artifact, member: Member) -> None:
        for matcher in self.member_matchers:
            for detection in matcher.match_member(container, member, self.budget):
                if detection not in self.report.detections:
                    self._found(detection)

    def _found(self, detection: Detection) -> None:
        if len(self.report.detections) >= self.limits.detections:
            raise _Stop
        self.report.detections.append(detection)
        if detection.verdict is Verdict.INFECTED and not self.all_matches:
            raise _Stop

    def problem(self, artifact: Artifact, kind: ProblemKind, detail: str) -> None:
        self.problems += 1
        if len(self.report.problems) < self.limits.problems:
            self.report.problems.append(Problem(kind, artifact.lineage, detail))

    def _guard(self, artifact: Artifact, action: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T | None:
        """Do something with hostile content; what goes wrong becomes a problem, and the rest goes on."""
        try:
            return action(*args, **kwargs)
        except _Stop:
            raise
        except LimitReached as error:
            self.problem(artifact, ProblemKind.LIMIT, str(error))
            if error.limit not in _BRANCH_LIMITS:
                raise _Stop from error
        except MalformedInput as error:
            self.problem(artifact, ProblemKind.MALFORMED, str(error))
        except ContentChanged as error:
            self.problem(artifact, ProblemKind.CHANGED, str(error))
        except MemoryError:
            self.problem(
                artifact, ProblemKind.LIMIT, f"needs more memory than worker_memory = {self.limits.worker_memory}"
            )
        except OSError as error:
            self.problem(artifact, ProblemKind.UNREADABLE, error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - the one net: a hostile file must cost no more than itself
            self.problem(artifact, ProblemKind.INTERNAL, f"{type(error).__name__}: {error}")
        return None


class _Unpacking:
    """What the format of one artifact may use of the engine (``model.interfaces.Unpacking``)."""

    __slots__ = ("_artifact", "_examination", "budget", "spool")

    def __init__(self, examination: _Examination, artifact: Artifact) -> None:
        self._examination = examination
        self._artifact = artifact
        self.budget = examination.budget
        self.spool = examination.spool

    def problem(self, kind: ProblemKind, detail: str) -> None:
        self._examination.problem(self._artifact, kind, detail)

    def fact(self, key: str, value: str | float) -> None:
        self._artifact.facts[key] = value

    @property
    def wants_facts(self) -> bool:
        return self._examination.tree

    def passwords(self, rounds: int) -> Iterator[bytes]:
        from freehold.engine.passwords import candidates  # few files are encrypted

        for password in candidates(self._artifact, self._examination.passwords(), self.budget):
            if not self.budget.may_try(max(rounds, _LEAST_ROUNDS)):
                return
            yield password

    @property
    def wants_members(self) -> bool:
        return bool(self._examination.member_matchers)

    def member(self, member: Member) -> None:
        self._examination.match_member(self._artifact, member)

    def emulate(self, program: View, *, wide: bool) -> Emulated | None:
        if self._artifact.memory:
            return None
        if self._examination.emulator is None:
            return Emulated(ProblemKind.UNSUPPORTED, "nothing here can run it to unpack it")
        return self._examination.emulator(program, self.spool, self.budget, wide=wide)


def _ranked(detections: list[Detection], *, all_matches: bool) -> list[Detection]:
    """Put what is only potentially unwanted last, or leave it out where something worse was found and is enough."""
    unwanted = [detection for detection in detections if detection.category in UNWANTED]
    if not unwanted:
        return detections
    others = [detection for detection in detections if detection.category not in UNWANTED]
    infected = any(detection.verdict is Verdict.INFECTED for detection in others)
    return others if infected and not all_matches else others + unwanted


_NOTHING = BytesView(b"")


def _formats_for(artifact: Artifact) -> list[Format]:
    """The readings that an artifact has: the format of its type, a ZIP or a DMG that ends it, UDF beside ISO 9660."""
    known = BY_TYPE.get(artifact.file_type)
    formats = [] if known is None else [known]
    size = artifact.view.size
    if size > 98 and artifact.file_type not in _NEVER_ZIP and has_zip_at_end(artifact.view):
        formats.append(BY_TYPE["zip"])
    if size > 512 and artifact.view.read(size - 512, 8) == b"koly\0\0\0\4":
        formats.append(BY_TYPE["dmg"])
    if artifact.file_type == "iso" and b"BEA01\1" in artifact.view.read(34_816, 32_768):
        formats.append(BY_TYPE["udf"])
    return formats


_LEAST_ROUNDS = 1_000
"""What the try of a password counts at least: one that hashes nothing takes time, too."""

_ATTACHED = frozenset({"mail"})
"""Types that say of their members nothing but the names, so that what is known of these is their content."""

_NEVER_ZIP = frozenset({"ole2", "tnef", "zip", "gzip", "bzip2", "xz", "lzma", "zstd", "tar", "ar"})
"""Types whose own format accounts for trailing bytes."""


def _spend(node: Node, stage: str, since: float) -> None:
    node.stages[stage] = node.stages.get(stage, 0.0) + time.perf_counter() - since
