"""Walks formats the way the engine does: depth first, one budget, problems collected."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from freehold.engine.spool import Spool
from freehold.formats.registry import BY_TYPE
from freehold.model.errors import LimitReached, MalformedInput
from freehold.model.interfaces import Child, Emulated, Member
from freehold.model.limits import Budget, Limits
from freehold.model.report import ProblemKind
from freehold.model.view import BytesView, View


@dataclass
class Collector:
    """Stands in for the engine while one artifact is opened."""

    budget: Budget
    spool: Spool = field(default_factory=lambda: Spool(None))
    problems: list[tuple[ProblemKind, str]] = field(default_factory=list)
    facts: dict[str, str | float] = field(default_factory=dict)

    def problem(self, kind: ProblemKind, detail: str) -> None:
        assert isinstance(kind, ProblemKind)
        assert detail
        self.problems.append((kind, detail))

    wants_members: bool = False
    wants_facts: bool = True
    known_passwords: tuple[bytes, ...] = ()

    def passwords(self, rounds: int) -> Iterator[bytes]:
        assert rounds > 0
        return (password for password in self.known_passwords if self.budget.may_try(rounds))

    def member(self, member: Member) -> None:
        raise AssertionError(member)

    def fact(self, key: str, value: str | float) -> None:
        self.facts[key] = value

    def emulate(self, program: View, *, wide: bool) -> Emulated:
        """Run nothing."""
        return Emulated(ProblemKind.UNSUPPORTED, "it was not run")

    @property
    def kinds(self) -> set[ProblemKind]:
        return {kind for kind, _ in self.problems}


@dataclass
class Opened:
    """What came out of one artifact, in order."""

    members: list[tuple[str, bytes]]
    collector: Collector

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.members]

    @property
    def contents(self) -> list[bytes]:
        return [content for _, content in self.members]

    def by_name(self, name: str) -> bytes:
        return dict(self.members)[name]

    @property
    def hashes(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.members}

    @property
    def kinds(self) -> set[ProblemKind]:
        return self.collector.kinds


def produce(child: Child, budget: Budget) -> Iterator[bytes]:
    """Yield a child's content piece by piece and charge the budget for it."""
    if hasattr(child.content, "windows"):
        budget.take_bytes(child.content.size)
        for _, piece in child.content.windows(0):
            yield bytes(piece)
        return
    produced = 0
    for chunk in child.content:
        assert chunk, "a chunk is never empty"
        budget.take_bytes(len(chunk))
        produced += len(chunk)
        if child.consumed is not None:
            budget.check_ratio(child.consumed(), produced)
        yield chunk


def open_one(file_type: str, view: View | bytes, limits: Limits | None = None) -> Opened:
    """Open one artifact fully, holding what comes out."""
    view = BytesView(view) if isinstance(view, bytes) else view
    collector = Collector(Budget(limits or Limits()))
    opened = Opened([], collector)
    try:
        for child in BY_TYPE[file_type].children(view, collector):
            collector.budget.take_artifact(1)
            pieces: list[bytes] = []
            try:
                pieces.extend(produce(child, collector.budget))
            finally:
                opened.members.append((child.name, b"".join(pieces)))
    except LimitReached as error:
        collector.problem(ProblemKind.LIMIT, str(error))
    except MalformedInput as error:
        collector.problem(ProblemKind.MALFORMED, str(error))
    return opened
