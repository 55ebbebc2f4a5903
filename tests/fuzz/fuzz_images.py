"""Fuzz target for the reader of container images."""

from tests.fuzz.opening import LIMITS

from freehold.engine.images import ImageReader
from freehold.model.view import BytesView


def target(data: bytes) -> None:
    report = ImageReader().examine(BytesView(data), "image", LIMITS)
    assert len(report.nodes) <= LIMITS.artifacts
    assert all(isinstance(value, str | int) for node in report.nodes for value in node.facts.values())
