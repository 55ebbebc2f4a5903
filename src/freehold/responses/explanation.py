"""The long answer about one file: what is inside it, what matched where, and what took how long."""

from collections.abc import Iterator
from typing import Any

from freehold.model.report import SEPARATOR, Detection, Node, Report
from freehold.responses.report_jsonl import file_object
from freehold.responses.wording import count_text, hex_lines, printable, printable_path, seconds_text, size_text

_DEEPEST_DRAWN = 64
_FACTS_IN_ROW = 80
"""Letters of facts that stand beside their artifact; more of them get a line each below it."""


def explanation_object(path: bytes, report: Report) -> dict[str, Any]:
    """Return what the jsonl report says of a file, and its artifacts with facts and times besides."""
    artifacts = [
        {
            "artifact": node.artifact,
            "depth": node.depth,
            "type": node.file_type,
            "size": node.size,
            "facts": node.facts,
            "stages": node.stages,
        }
        for node in report.nodes
    ]
    return file_object(path, report) | {"artifacts": artifacts}


def explanation_lines(path: bytes, report: Report) -> Iterator[str]:
    """Yield the explanation of one file for people, line by line."""
    yield printable_path(path)
    yield f"  verdict   {report.verdict.upper()}"
    yield f"  type      {printable(report.file_type) or 'unknown'}"
    yield f"  size      {_exact_size(report.size)}"
    if report.sha256:
        yield f"  sha256    {printable(report.sha256)}"
    yield f"  examined  {count_text(report.artifacts, 'artifact')} in {seconds_text(report.seconds)}"
    if report.nodes:
        yield from ("", "What is inside")
        yield from _tree_lines(report.nodes)
    yield from ("", f"What matched: {count_text(len(report.detections), 'signature')}")
    for detection in report.detections:
        yield from _detection_lines(detection)
    if report.problems:
        yield from ("", "What could not be examined")
        yield from (f"  {p.kind}: {printable(p.detail)} (in {printable(p.artifact)})" for p in report.problems)
    yield from _time_lines(report.nodes)


def _exact_size(size: int) -> str:
    return count_text(size, "byte") + (f" ({size_text(size)})" if size >= 1000 else "")


def _tree_lines(nodes: list[Node]) -> Iterator[str]:
    stems = _stems(nodes)
    names = [stem + printable(node.artifact.rpartition(SEPARATOR)[2]) for stem, node in zip(stems, nodes, strict=True)]
    width = min(max(map(len, names)), 60)
    for name, node in zip(names, nodes, strict=True):
        facts = [f"{printable(key)}={printable(str(value))}" for key, value in node.facts.items()]
        together = "  ".join(facts) if sum(map(len, facts)) <= _FACTS_IN_ROW else ""
        row = f"  {name:<{width}}  {printable(node.file_type) or '?':<10} {size_text(node.size):>9}  {together}"
        yield row.rstrip()
        if not together:
            yield from (f"  {'':<{width}}    {fact}" for fact in facts)


def _stems(nodes: list[Node]) -> list[str]:
    """Return the lines that are drawn in front of each name; nodes stand in the order visited, parents first."""
    stems: list[str] = []
    open_below = [False] * (_DEEPEST_DRAWN + 1)  # by depth: does a later sibling follow?
    for node in reversed(nodes):
        depth = min(node.depth, _DEEPEST_DRAWN)
        open_below[depth + 1 :] = [False] * (_DEEPEST_DRAWN - depth)
        stem = "".join("│  " if open_below[level] else "   " for level in range(1, depth))
        stems.append(stem + ("├─ " if open_below[depth] else "└─ ") if depth else "")
        open_below[depth] = True
    stems.reverse()
    return stems


def _detection_lines(detection: Detection) -> Iterator[str]:
    category = f", {printable(detection.category)}" if detection.category else ""
    yield f"  {printable(detection.name)}  ({detection.verdict}{category})"
    if detection.description:
        yield f"    {printable(detection.description)}"
    yield f"    in {printable(detection.artifact)}"
    yield f"    {count_text(detection.length, 'byte')} at offset {detection.offset:,}"
    yield f"    signature from {printable(detection.source)}"
    yield from (f"      {line}" for line in hex_lines(detection.evidence, detection.offset))


def _time_lines(nodes: list[Node]) -> Iterator[str]:
    stages: dict[str, float] = {}
    for node in nodes:
        for stage, seconds in node.stages.items():
            stages[stage] = stages.get(stage, 0.0) + seconds
    whole = sum(stages.values())
    if not whole:
        return
    yield from ("", "Where the time went")
    for stage, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        yield f"  {printable(stage):<12} {seconds * 1000:>10.3f} ms  {100 * seconds / whole:>3.0f} %"
