"""What an examination yields: detections with evidence, problems, and the verdict that follows from them.

Reports cross from an untrusted worker into the process that acts on them, so ``Report.from_wire`` checks every
field's type and length and raises ``MalformedInput`` for anything else.
"""

from enum import StrEnum
from typing import Any, NamedTuple

from freehold.model.errors import MalformedInput

EVIDENCE_BYTES = 64
"""How many matched bytes a detection carries at most."""

SEPARATOR = " ▸ "
"""Stands between the names of a lineage: ``mail.eml ▸ invoice.zip ▸ invoice.doc``."""


class Verdict(StrEnum):
    """The judgement of one file, worst first."""

    INFECTED = "infected"
    SUSPICIOUS = "suspicious"
    PROHIBITED = "prohibited"
    INCOMPLETE = "incomplete"
    CLEAN = "clean"


_FOUND = (Verdict.INFECTED, Verdict.SUSPICIOUS, Verdict.PROHIBITED)
"""The verdicts that a detection may carry, worst first."""

UNWANTED = frozenset({"pua", "heuristic"})
"""Categories of detections that are only potentially unwanted: they neither end an examination nor outrank others."""


class ProblemKind(StrEnum):
    """Why an artifact was not fully examined."""

    ENCRYPTED = "encrypted"
    LIMIT = "limit"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    UNSUPPORTED = "unsupported"
    LOOP = "loop"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    INTERNAL = "internal"


class Detection(NamedTuple):
    """One signature that matched.

    Attributes:
        name: the signature's name.
        artifact: lineage of the artifact that it matched, from the root file's name down.
        offset: where in that artifact the evidence begins, in bytes.
        length: length of the evidence in bytes.
        source: the file that the signature came from, with its line: ``core/webshells.toml:12``.
        category: what it is (``webshell``, ``miner``, ``test`` ...), "" when its language does not say.
        verdict: infected, suspicious or prohibited.
        evidence: the matched bytes, cut at ``EVIDENCE_BYTES``.
        description: one sentence for people, "" when its language does not say.
    """

    name: str
    artifact: str
    offset: int
    length: int
    source: str
    category: str = ""
    verdict: Verdict = Verdict.INFECTED
    evidence: bytes = b""
    description: str = ""


class Problem(NamedTuple):
    """A reason why an artifact was not fully examined; ``detail`` is one sentence for people."""

    kind: ProblemKind
    artifact: str
    detail: str


class Allowed(NamedTuple):
    """A detection that does not count, because an entry of the user's lists allows it.

    Attributes:
        detection: what was found all the same.
        entry: the identifier of the entry.
        why: its reason, author and expiry, for people.
    """

    detection: Detection
    entry: str
    why: str


class Outcome(StrEnum):
    """What became of a file that was to be quarantined."""

    QUARANTINED = "quarantined"
    HELD_BACK = "held-back"
    REFUSED = "refused"


class Action(NamedTuple):
    """What was done with a file because of its report.

    Attributes:
        outcome: in one word.
        detail: one sentence for people: why, and what to do.
        item: the identifier in the quarantine, "" when it is not there.
    """

    outcome: Outcome
    detail: str
    item: str = ""


class Node(NamedTuple):
    """One artifact in the tree that ``explain`` shows.

    Attributes:
        artifact: its lineage.
        depth: layers below the root.
        file_type: as identified.
        size: in bytes.
        facts: what the formats and matchers found out about it; values are str, int, float, bool.
        stages: seconds spent in each stage, by name.
    """

    artifact: str
    depth: int
    file_type: str
    size: int
    facts: dict[str, str | int | float | bool]
    stages: dict[str, float]


class Report:
    """All that is known of one file after its examination.

    Attributes:
        size: of the root, in bytes.
        file_type: of the root.
        detections: in the order found, at most ``Limits.detections``.
        problems: at most ``Limits.problems``.
        sha256: hex digest of the root where some signature asked for it, else "".
        seconds: wall time of the examination.
        artifacts: how many were examined.
        nodes: the tree, in the order visited; only filled when it was asked for.
        known: the file was not opened, as it is unchanged since it was found clean; a worker cannot say so.
        allowed: detections that do not count; never from a worker.
        actions: what was done because of this report; never from a worker.
    """

    __slots__ = (
        "actions",
        "allowed",
        "artifacts",
        "detections",
        "file_type",
        "known",
        "nodes",
        "problems",
        "seconds",
        "sha256",
        "size",
    )

    def __init__(
        self,
        size: int = 0,
        file_type: str = "",
        *,
        detections: list[Detection] | None = None,
        problems: list[Problem] | None = None,
        sha256: str = "",
        seconds: float = 0.0,
        artifacts: int = 1,
        nodes: list[Node] | None = None,
        known: bool = False,
    ) -> None:
        self.size = size
        self.file_type = file_type
        self.detections = [] if detections is None else detections
        self.problems = [] if problems is None else problems
        self.sha256 = sha256
        self.seconds = seconds
        self.artifacts = artifacts
        self.nodes = [] if nodes is None else nodes
        self.known = known
        self.allowed: list[Allowed] = []
        self.actions: list[Action] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Report) and all(getattr(self, x) == getattr(other, x) for x in self.__slots__)

    def __repr__(self) -> str:
        return f"Report({', '.join(f'{x}={getattr(self, x)!r}' for x in self.__slots__)})"

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def verdict(self) -> Verdict:
        """Detections decide; a problem without a detection is *incomplete*, never clean."""
        found = {d.verdict for d in self.detections}
        for verdict in _FOUND:
            if verdict in found:
                return verdict
        return Verdict.INCOMPLETE if self.problems else Verdict.CLEAN

    def to_wire(self) -> dict[str, Any]:
        """Return the report as plain JSON values, empty fields left out."""
        wire: dict[str, Any] = {"n": self.artifacts, "z": self.size, "t": self.file_type, "s": round(self.seconds, 6)}
        if self.sha256:
            wire["h"] = self.sha256
        if self.detections:
            wire["d"] = [
                [
                    d.name,
                    d.artifact,
                    d.offset,
                    d.length,
                    d.source,
                    d.category,
                    d.verdict.value,
                    d.evidence.hex(),
                    d.description,
                ]
                for d in self.detections
            ]
        if self.problems:
            wire["p"] = [[p.kind.value, p.artifact, p.detail] for p in self.problems]
        if self.nodes:
            wire["a"] = [[n.artifact, n.depth, n.file_type, n.size, n.facts, n.stages] for n in self.nodes]
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> "Report":
        """Rebuild a report from what an untrusted worker sent; raises ``MalformedInput``."""
        try:
            return _report_from_wire(wire)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise MalformedInput(f"a worker sent a malformed report: {error!r}") from error


def _text(value: object) -> str:
    if type(value) is not str or len(value) > 65_536:
        raise TypeError("text expected")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 63:
        raise TypeError("count expected")
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= value < 1e9:  # type: ignore[operator]
        raise TypeError("seconds expected")
    return float(value)  # type: ignore[arg-type]


def _found(value: str) -> Verdict:
    verdict = Verdict(value)
    if verdict not in _FOUND:
        raise ValueError("a detection that found nothing")
    return verdict


def _report_from_wire(wire: object) -> Report:
    if type(wire) is not dict:
        raise TypeError("object expected")
    report = Report(
        size=_count(wire["z"]),
        file_type=_text(wire["t"]),
        sha256=_text(wire.get("h", "")),
        seconds=_seconds(wire["s"]),
        artifacts=_count(wire["n"]),
    )
    for name, artifact, offset, length, source, category, verdict, evidence, description in wire.get("d", ()):
        report.detections.append(
            Detection(
                _text(name),
                _text(artifact),
                _count(offset),
                _count(length),
                _text(source),
                _text(category),
                _found(verdict),
                bytes.fromhex(_text(evidence)),
                _text(description),
            )
        )
    for kind, artifact, detail in wire.get("p", ()):
        report.problems.append(Problem(ProblemKind(kind), _text(artifact), _text(detail)))
    for artifact, depth, file_type, size, facts, stages in wire.get("a", ()):
        checked_facts = {_text(k): v for k, v in facts.items() if type(v) in (str, int, float, bool)}
        checked_stages = {_text(k): _seconds(v) for k, v in stages.items()}
        report.nodes.append(
            Node(_text(artifact), _count(depth), _text(file_type), _count(size), checked_facts, checked_stages)
        )
    return report
